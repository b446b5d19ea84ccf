"""Dates from the file to the question: kept as far as they are known, found where they surely lie."""

import os

import pytest
from PIL import Image

from phototag import Library, scan
from phototag.highlights import verdict
from phototag.scanning import ScanOptions

FILE_TIME = 1_700_000_000  # 2023-11-14


@pytest.fixture
def dated(tmp_path):
    """A function: name -> Exif date and offset (or None) -> an open library that has scanned such photos."""

    def make(photos):
        folder = tmp_path / "photos"
        folder.mkdir()
        for shade, (name, stated) in enumerate(photos.items()):
            said = Image.Exif()
            date, offset = stated if isinstance(stated, tuple) else (stated, None)
            if date:
                said.get_ifd(0x8769)[0x9003] = date
            if offset:
                said.get_ifd(0x8769)[0x9011] = offset
            Image.new("RGB", (64, 48), (shade, 120, 90)).save(folder / name, exif=said.tobytes())
            os.utime(folder / name, (FILE_TIME, FILE_TIME))
        scan(library, [folder], ScanOptions(taggers=("sharpness",)))
        return library

    with Library.open(tmp_path / "catalog.db") as library:
        yield make


def names(library, question):
    return [os.path.basename(path) for path in library.paths(question)]


def test_a_period_holds_what_surely_lies_in_it(dated):
    library = dated(
        {
            "year.jpg": "1993",
            "january.jpg": "1993:01:00 00:00:00",
            "july.jpg": "1993:07:00 00:00:00",
            "day.jpg": "1993:07:04",
            "second.jpg": "1993:07:31 23:59:59",
            "next.jpg": "1994:01:01 00:00:00",
        }
    )
    whole = ["january.jpg", "year.jpg", "day.jpg", "july.jpg", "second.jpg"]
    assert names(library, "taken:1993") == whole
    assert names(library, "taken:1993-01") == ["january.jpg"]
    assert names(library, "taken:1993-07") == ["day.jpg", "july.jpg", "second.jpg"]
    assert names(library, "taken:1993-07-04") == ["day.jpg"]
    assert names(library, "taken:1993-07-31") == ["second.jpg"]
    assert names(library, "taken:1993-01..1993-12") == whole
    assert names(library, "taken:1993-02..") == ["day.jpg", "july.jpg", "second.jpg", "next.jpg"]
    assert names(library, "taken:..1993-07") == ["january.jpg", "day.jpg", "july.jpg", "second.jpg"]
    assert names(library, "^taken:1993-07") == ["january.jpg", "year.jpg", "next.jpg"]
    assert [photo.taken_text for photo in library.photos("taken:..1993-07-04")] == ["1993-01", "1993-07-04"]


def test_photos_are_sorted_by_instant(dated):
    library = dated(
        {
            "later.jpg": ("2016:05:04 12:30:00", "-04:00"),
            "first.jpg": ("2016:05:04 18:00:00", "+02:00"),
            "last.jpg": ("2016:05:04 13:30:00", "-04:00"),
        }
    )
    assert names(library, "taken:2016") == ["first.jpg", "later.jpg", "last.jpg"]
    photos = list(library.photos("taken:2016-05-04"))
    assert [photo.taken_at.hour for photo in photos] == [18, 12, 13]
    assert [photo.utc_offset for photo in photos] == ["+02:00", "-04:00", "-04:00"]
    assert sorted(reversed(photos), key=verdict.order) == photos, "so are albums and films"


def test_a_date_that_is_only_the_files_is_marked_and_a_name_is_better(dated):
    library = dated({"DSC01234.jpg": None, "IMG-20161224-WA0014.jpg": None})
    found = {os.path.basename(photo.path): photo for photo in library.photos()}
    guessed, named = found["DSC01234.jpg"], found["IMG-20161224-WA0014.jpg"]
    assert guessed.date_is_guessed and guessed.taken_from == "file" and guessed.taken_at.year == 2023
    assert not named.date_is_guessed and (named.taken_from, named.taken_text) == ("name", "2016-12-24")


def test_a_stated_date_stays_when_the_files_changes(dated, tmp_path):
    library = dated({"a.jpg": "1993:07:00 00:00:00", "b.jpg": None})
    for name in ("a.jpg", "b.jpg"):
        os.utime(tmp_path / "photos" / name, (FILE_TIME + 40_000_000, FILE_TIME + 40_000_000))
    scan(library, [tmp_path / "photos"], ScanOptions(taggers=("sharpness",)))
    assert [(photo.taken_text or "")[:7] for photo in library.photos()] == ["1993-07", "2025-02"]
