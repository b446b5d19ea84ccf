"""The examples of docs/python.md are true."""

import doctest
import os
import shutil

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "python.md"


@pytest.fixture
def folder_of_the_page(own_copy, tmp_path, monkeypatch):
    """A working folder with sample_photos and a catalog that knows them, as after the page's first lines."""
    folder, catalog = own_copy
    from phototag import Library

    folder.rename(tmp_path / "sample_photos")
    with Library.open(catalog) as library:
        library.relocate(folder, tmp_path / "sample_photos")
    shutil.move(catalog, tmp_path / "photos.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_examples_are_true(folder_of_the_page):
    failed, tried = doctest.testfile(os.fspath(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried > 20 and not failed
