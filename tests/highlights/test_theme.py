import os

import pytest

from phototag.errors import UsageError
from phototag.highlights import theme

GOOD = """
title = "Grandma"
[qualify]
min_faces = 2
labels = ["person"]
[score]
smile = 2
[count]
maximum = 10
"""


def test_the_shipped_themes_are_those_promised_and_all_parse():
    assert theme.names() == [
        *("on-this-day", "pets", "portraits", "smiles", "through-the-years", "trips", "year")
    ]
    assert theme.load("smiles").qualify.everyone_smiling
    assert "dog" in theme.load("pets").qualify.labels
    assert theme.load("portraits").qualify.max_faces == 2
    assert not theme.load("year").qualify.everyone_smiling
    assert theme.load("on-this-day").terms == ("day:today",)
    assert theme.load("through-the-years").film.align_faces


def test_a_file_of_ones_own_keeps_defaults_for_what_it_does_not_say(tmp_path):
    file = tmp_path / "Grandma's Best.toml"
    file.write_text(GOOD, encoding="utf-8")
    read = theme.read(file)
    assert (read.name, read.title) == ("grandma-s-best", "Grandma")
    assert read.qualify.labels == ("person",) and read.qualify.min_faces == 2
    assert dict(read.weights) == {"smile": 2.0}
    assert read.count.minimum == theme.Count().minimum and read.count.maximum == 10


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("min_faces", "min_facs"), ["'min_facs'", "min_faces", "[qualify]"]),
        (("[score]", "[scores]"), ["'scores'", "at the top"]),
        (("smile = 2", "smiles = 2"), ["'smiles'", "[score]", "group_size"]),
        (("smile = 2", "smile = 0"), ["weight above 0"]),
        (("smile = 2", 'smile = "much"'), ["smile", "a number", "'much'"]),
        (("min_faces = 2", "min_faces = true"), ["min_faces", "whole number"]),
        (("min_faces = 2", "min_faces = 2.5"), ["min_faces", "whole number"]),
        (("maximum = 10", "maximum = 2"), ["minimum 3 is more than maximum 2"]),
        (('labels = ["person"]', 'labels = "person"'), ["labels", "list of words"]),
        (('title = "Grandma"', ""), ["needs a title"]),
        (('title = "Grandma"', "title = 3"), ["title must be text"]),
        (('title = "Grandma"', "title = "), ["not valid TOML"]),
        (("[count]", "count = 3\n[x]"), ["count"]),
        (("maximum = 10", "maximum = 0x" + "f" * 9000), ["maximum", "such a large one"]),
        (("maximum = 10", "maximum = " + "9" * 9000), ["not valid TOML"]),
        (("maximum = 10", "maximum = " + "[" * 9000), ["not valid TOML"]),
        (("maximum = 10", "maximum = nan"), ["maximum"]),
        (("smile = 2", "smile = nan"), ["smile", "a number"]),
        (('title = "Grandma"', 'title = "Grandma"\nterms = "dog"'), ["terms", "list of words"]),
        (('title = "Grandma"', 'title = "Grandma"\nterms = [1]'), ["terms", "list of words"]),
        (("maximum = 10", "maximum = 10\n[film]\nalign_faces = 1"), ["align_faces", "true or false"]),
        (('title = "Grandma"', 'title = "Grand\\nma"'), ["title must be one line"]),
        (('title = "Grandma"', 'title = "Grand\\u001bma"'), ["title must be one line"]),
        (('title = "Grandma"', 'title = "' + "x" * 300 + '"'), ["at most 200"]),
        (("min_faces", "x" * 9000), ["nothing is called 'xxx"]),
        (("[count]", "# " + "x" * 200_000 + "\n[count]"), ["larger than any theme"]),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, change, words):
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(*change), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        theme.read(file)
    assert str(file) in str(caught.value)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_files_that_cannot_be_read_and_names_that_do_not_exist(tmp_path):
    with pytest.raises(UsageError, match="cannot read the theme file"):
        theme.read(tmp_path / "none.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    for name in ("pipe.toml", ".", "nul\0.toml"):
        with pytest.raises(UsageError, match="cannot read the theme file"):
            theme.read(tmp_path / name)
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9t\xe9"')
    with pytest.raises(UsageError, match="not UTF-8"):
        theme.read(tmp_path / "latin.toml")
    with pytest.raises(UsageError, match=r"there are on-this-day, pets, .*, trips, year"):
        theme.load("../smiles")
