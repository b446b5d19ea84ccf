import json
from dataclasses import replace

import pytest

from phototag.highlights import captions
from phototag.highlights import theme as themes
from phototag.highlights.album import manifest
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose
from phototag.reading.dates import name_date
from phototag.reading.walk import Walk


def test_names_sort_by_time_and_keep_the_photos_own(make):
    photos = [
        make.photo("IMG_0042.jpg", "2016-05-14 18:30:12"),
        make.photo("Zürich am See.JPEG", None),
        make.photo("noext", "0099-01-02 03:04:05"),
    ]
    assert manifest.file_names(photos) == [
        "2016-05-14_183012_IMG_0042.jpg",
        "undated_Zürich_am_See.JPEG",
        "0099-01-02_030405_noext",
    ]


def test_a_guessed_date_is_no_fact_in_a_name(make):
    guessed = replace(make.photo("a" * 300 + ".jpg", "2016-05-14 18:30:12"), taken_from="file")
    (name,) = manifest.file_names([guessed])
    assert name.startswith("2016-05-14_183012_file-date_aaa") and name_date(name) is None
    (told,) = manifest.file_names([replace(guessed, taken_from="exif")])
    assert len(name) == len(told) and name_date(told).text == "2016-05-14 18:30:12"


@pytest.mark.parametrize(
    ("hostile", "plain"),
    [
        ("-rf.jpg", "-rf.jpg"),
        ("<img src=x onerror=alert(1)>.jpg", "_img_src=x_onerror=alert(1)_.jpg"),
        ("a\"b'c.jpg", "a_b'c.jpg"),
        ("two\nlines\x1b[31m.jpg", "two_lines_[31m.jpg"),
        ("right\u202egnp.jpg", "right_gnp.jpg"),
        ("bytes\udcff.jpg", "bytes_.jpg"),
        ("CON.jpg", "CON.jpg"),
        ("..jpg", "photo.jpg"),
        (".hidden", "hidden"),
        ("dots...jpg", "dots.jpg"),
        ("a" * 300 + ".jpg", "a" * 120 + ".jpg"),
        ("ü" * 300 + ".jpg", "ü" * 60 + ".jpg"),
    ],
)
def test_hostile_names_become_plain_ones(make, hostile, plain, tmp_path):
    (name,) = manifest.file_names([make.photo(hostile)])
    assert name == f"2016-05-14_183012_{plain}"
    (tmp_path / name).write_text("every file system takes it")


def test_equal_names_are_told_apart_by_content_whatever_the_order(make):
    photos = [
        make.photo("/a/IMG_1.jpg"),
        make.photo("/b/IMG_1.jpg"),
        make.photo("/c/img_1.JPG"),
        make.photo("/c/IMG_2.jpg"),
    ]
    names = manifest.file_names(photos)
    assert len({name.casefold() for name in names}) == 4
    assert manifest.file_names(photos[::-1]) == names[::-1]
    assert names[3] == "2016-05-14_183012_IMG_2.jpg" and photos[0].content_hash[:12] in names[0]


def lay_out(pictures, out, photos=None, how="symlink"):
    choice = choose(photos or pictures.photos, themes.load("smiles"), measure_appearance)
    with OutputFolder(out) as folder:
        manifest.lay_out(folder, choice, "Smiles 2016", "taken:2016", how)
    assert all(str(pictures.folder) not in (out / name).read_text() for name in (".phototag", "album.json"))
    return choice


def test_the_manifest_is_the_same_bytes_again_and_in_any_order_of_scanning(pictures, tmp_path):
    lay_out(pictures, tmp_path / "one")
    first = (tmp_path / "one" / "album.json").read_bytes()
    lay_out(pictures, tmp_path / "one")
    renumbered = [replace(photo, photo_id=number) for number, photo in enumerate(reversed(pictures.photos))]
    lay_out(pictures, tmp_path / "two", renumbered, "copy")
    assert (
        (tmp_path / "one" / "album.json").read_bytes()
        == first
        == (tmp_path / "two" / "album.json").read_bytes()
    )


def test_the_manifest_says_what_was_chosen_and_why(pictures, tmp_path):
    choice = lay_out(pictures, tmp_path / "album")
    manifest = json.loads((tmp_path / "album" / "album.json").read_text())
    assert next(iter(manifest.items())) == ("maker", "phototag")
    assert manifest["considered"] == len(pictures.photos) == sum(manifest["counts"].values())
    assert [member["position"] for member in manifest["members"]] == list(range(1, len(choice.kept) + 1))
    assert [member["taken_at"] for member in manifest["members"]] == sorted(
        member["taken_at"] for member in manifest["members"]
    )
    burst = next(member for member in manifest["members"] if member["reason"] == "best_of_burst")
    assert burst["file"] == "2016-05-14_183013_burst_1.jpg" and burst["numbers"]["shots"] == 3
    assert (
        manifest["theme"]["qualify"]["everyone_smiling"] is True
        and manifest["theme"]["weights"]["smile"] == 3.0
    )
    for member in manifest["members"]:
        assert (tmp_path / "album" / member["file"]).read_bytes()


def test_a_scan_does_not_look_into_an_album(pictures, tmp_path):
    lay_out(pictures, tmp_path / "photos" / "album", how="copy")
    assert list(Walk([tmp_path / "photos"])) == []


def test_captions(make):
    from datetime import date

    photo = make.photo("a.jpg", "2016-05-04 08:03:00", latitude=48.137, longitude=-11.575)
    assert (
        captions.moment_of(photo) == "4 May 2016, 08:03"
        and captions.moment_of(make.photo("b.jpg", None)) == "undated"
    )
    for precision, words in (("day", "4 May 2016"), ("month", "May 2016"), ("year", "2016")):
        assert captions.moment_of(replace(photo, taken_precision=precision)) == words
    assert captions.day_of(replace(photo, taken_from="file")) == "4 May 2016 (file date)"
    assert captions.moment_of(replace(photo, taken_from="file")) == "4 May 2016, 08:03 (file date)"
    assert captions.place(photo) == "48.14° N, 11.57° W" and captions.place(make.photo("b.jpg")) is None
    later = make.photo("c.jpg", "2016-12-24 18:00:00")
    assert captions.span([later, photo]) == "4 May to 24 December 2016"
    assert (
        captions.span([photo, make.photo("d.jpg", "2018-01-01 00:00:00")]) == "4 May 2016 to 1 January 2018"
    )
    assert captions.span([photo]) == "4 May 2016" and captions.span([]) == ""
    for first, last, words in (
        ((2016, 1, 1), (2016, 12, 31), "2016"),
        ((2014, 1, 1), (2016, 12, 31), "2014 to 2016"),
        ((2016, 2, 1), (2016, 2, 29), "February 2016"),
        ((2016, 6, 1), (2016, 8, 31), "June to August 2016"),
        ((2015, 12, 1), (2016, 1, 31), "December 2015 to January 2016"),
        ((2016, 5, 14), (2016, 5, 14), "14 May 2016"),
        ((2016, 5, 14), (2016, 6, 2), "14 May to 2 June 2016"),
        ((2015, 12, 24), (2016, 1, 6), "24 December 2015 to 6 January 2016"),
    ):
        assert captions.period(date(*first), date(*last), []) == words
    assert captions.period(None, None, [photo, make.photo("d.jpg", "2018-01-01 00:00:00")]) == "2016 to 2018"
    downloaded = make.photo("e.jpg", "2025-01-01 00:00:00", taken_from="file")
    assert (
        captions.period(None, None, [photo, downloaded]) == "2016"
        and captions.period(None, None, [downloaded]) == "2025"
    )
    assert (
        captions.period(None, None, []) == "" and captions.period(date(2016, 1, 1), None, [photo]) == "2016"
    )
