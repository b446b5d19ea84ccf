"""Every source of a date, alone and against the one it must lose to."""

import itertools
import json
import os
import time as clock
from datetime import UTC, datetime

import pytest

from phototag.metadata.beside import Reader, index_names, sidecar_names
from phototag.metadata.iptc import read_iptc
from phototag.metadata.xmp_fields import read_xmp
from phototag.reading.embedded import Embedded
from phototag.reading.taken import find_taken

ORIGINAL, DIGITIZED, MODIFIED = 0x9003, 0x9004, 0x0132
PACKET = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:DateCreated="%s"/>
</rdf:RDF></x:xmpmeta>"""
MTIME = 1_700_000_000


def taken(tmp_path, name="DSC01234.jpg", mtime=MTIME, exif=None, gps=None, **embedded):
    beside = Reader().read(str(tmp_path), name, sidecar_names(name, index_names(os.listdir(tmp_path))))
    moment, source = find_taken(
        exif or {}, gps or {}, Embedded(**embedded), str(tmp_path / name), mtime, beside
    )
    return (moment.text[:10] if moment else None), source


# Most trustworthy first; each states another year.
SAID = [
    ("exif", {"exif": {ORIGINAL: "2001:05:04 10:00:00"}}, "2001-05-04"),
    ("xmp", {"xmp": read_xmp(PACKET % b"2002-05-04T10:00:00")}, "2002-05-04"),
    ("iptc", {"iptc": read_iptc({(2, 55): [b"20030504"], (2, 60): [b"100000+0200"]})}, "2003-05-04"),
    ("text", {"text": {"Creation Time": "Tue, 04 May 2004 10:00:00 +0200"}}, "2004-05-04"),
    ("text", {"further_exif": [{ORIGINAL: "2005:05:04 10:00:00"}]}, "2005-05-04"),
    ("digitized", {"exif": {DIGITIZED: "2006:05:04 10:00:00"}}, "2006-05-04"),
    (
        "digitized",
        {
            "xmp": read_xmp(
                PACKET.replace(b"photoshop:DateCreated", b"exif:DateTimeDigitized")
                .replace(b"ns.adobe.com/photoshop", b"ns.adobe.com/exif")
                .replace(b"xmlns:photoshop", b"xmlns:exif")
                % b"2009-05-04T10:00:00"
            )
        },
        "2009-05-04",
    ),
    ("digitized", {"iptc": read_iptc({(2, 62): [b"20100504"], (2, 63): [b"100000+0200"]})}, "2010-05-04"),
    ("gps", {"gps": {0x1D: "2007:05:04", 7: (10.0, 0.0, 0.0)}}, "2007-05-04"),
    ("modified", {"exif": {MODIFIED: "2008:05:04 10:00:00"}}, "2008-05-04"),
]


@pytest.mark.parametrize(("source", "said", "day"), SAID)
def test_each_source_is_heard_and_named(tmp_path, source, said, day):
    assert taken(tmp_path, **said) == (day, source)


@pytest.mark.parametrize("first", range(len(SAID)))
def test_the_more_trustworthy_one_wins(tmp_path, first):
    together = {}
    for _, said, _ in reversed(SAID[first:]):
        together |= {
            key: (together.get(key, {}) | value) if key == "exif" else value for key, value in said.items()
        }
    assert taken(tmp_path, **together) == (SAID[first][2], SAID[first][0])


def say(folder, source, year, *, partial):
    """What `taken` needs so that this source states a day of the year, or only its month."""
    day = f"{year}:05:00 00:00:00" if partial else f"{year}:05:04 10:00:00"
    iso = f"{year}-05" if partial else f"{year}-05-04"
    if source == "sidecar":
        (folder / "DSC01234.xmp").write_bytes(PACKET % iso.encode())
    elif source == "takeout":
        seconds = int(datetime(year, 5, 4, 10, tzinfo=UTC).timestamp())
        (folder / "DSC01234.jpg.json").write_text(json.dumps({"photoTakenTime": {"timestamp": seconds}}))
    return {
        "exif": {"exif": {ORIGINAL: day}},
        "xmp": {"xmp": read_xmp(PACKET % iso.encode())},
        "iptc": {"iptc": read_iptc({(2, 55): [f"{year}05{'00' if partial else '04'}".encode()]})},
        "text": {"further_exif": [{ORIGINAL: day}]},
        "digitized": {"exif": {DIGITIZED: day}},
        "gps": {"gps": {0x1D: f"{year}:05:04", 7: (10.0, 0.0, 0.0)}},
        "modified": {"exif": {MODIFIED: day}},
    }.get(source, {})


SOURCES = ("exif", "xmp", "iptc", "text", "sidecar", "takeout", "digitized", "gps", "name", "modified")


@pytest.mark.parametrize(("better", "worse"), [*itertools.combinations(SOURCES, 2)])
@pytest.mark.parametrize("partial", [False, True])
def test_of_any_two_sources_the_more_trustworthy_is_heard_however_little_it_says(
    tmp_path, better, worse, partial
):
    if partial and better in ("takeout", "gps", "name"):
        pytest.skip("it is never partial")
    first = say(tmp_path, better, 2003, partial=partial)
    second = say(tmp_path, worse, 2004, partial=False)
    if better == "name" or worse == "name":
        name = f"IMG_{2003 if better == 'name' else 2004}0504_100000.jpg"
        for beside in list(tmp_path.iterdir()):  # of the photo of this name
            beside.rename(tmp_path / beside.name.replace("DSC01234.jpg", name).replace("DSC01234", name[:-4]))
    else:
        name = "DSC01234.jpg"
    together = {
        key: first.get(key, {}) | second.get(key, {}) for key in first.keys() & second.keys() & {"exif"}
    }
    said = {**second, **first, **together}
    assert taken(tmp_path, name, **said) == ("2003-05" if partial else "2003-05-04", better)


def test_a_partial_original_beats_a_complete_date_of_the_scan(tmp_path):
    said = {
        ORIGINAL: "1993:07:00 00:00:00",
        DIGITIZED: "2021:02:03 04:05:06",
        MODIFIED: "2022:02:03 04:05:06",
    }
    assert taken(tmp_path, exif=said) == ("1993-07", "exif")


def test_an_original_that_is_none_loses_to_the_next(tmp_path):
    said = {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2021:02:03 04:05:06"}
    assert taken(tmp_path, exif=said) == ("2021-02-03", "digitized")


def test_a_clock_never_set_loses_to_gps(tmp_path):
    said = {"exif": {ORIGINAL: "2008:01:01 00:01:02"}, "gps": {0x1D: "2016:05:04", 7: (10.0, 0.0, 0.0)}}
    assert taken(tmp_path, **said) == ("2016-05-04", "gps")
    assert taken(tmp_path, exif=said["exif"]) == ("2008-01-01", "exif")


@pytest.mark.parametrize(
    ("day", "time", "known"),
    [
        ("2016:05:04", (23.0, 20.0, 30.0), "2016-05-05 01:20:30"),  # in Berlin it is the next day
        ("2016:05:04", (10.0, 20.0, float("nan")), "2016-05-04 12:20:00"),
        ("2016:05:04 10:20:30", (10.0, 20.0, 30.0), "2016-05-04 12:20:30"),
        ("2016:05:04", (float("nan"), 20.0, 30.0), "2016-05-04"),
        ("2016:05:04", (10.0, 20.0), "2016-05-04"),
        ("2016:06:30", (23.0, 59.0, 60.0), "2016-07-01 01:59:59"),  # a leap second
        ("2016-05-04", (24.0, 0.0, 0.0), "2016-05-04"),
        ("2016:05:00", (10.0, 20.0, 30.0), None),
        ("1980:01:06", (0.0, 0.0, 10.0), None),  # no fix yet
    ],
)
def test_what_satellites_say(monkeypatch, day, time, known):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.tzset()
    try:
        moment, source = find_taken({}, {0x1D: day, 7: time}, Embedded(), "a.jpg", None)
    finally:
        monkeypatch.undo()
        clock.tzset()
    assert (moment and moment.text, source) == (known, "gps" if known else None)


@pytest.mark.parametrize(
    "key",
    ["Creation Time", "creation time", "CreationTime", "EXIF:DateTimeOriginal", "photoshop:DateCreated"],
)
def test_keys_of_text_in_any_spelling(tmp_path, key):
    assert taken(tmp_path, text={key: "1993-07"}) == ("1993-07", "text")


@pytest.mark.parametrize("name", ["DSC01234.jpg.xmp", "DSC01234.xmp", "DSC01234.XMP"])
def test_a_sidecar_beside_the_photo(tmp_path, name):
    (tmp_path / name).write_bytes(PACKET % b"1993-07")
    assert taken(tmp_path) == ("1993-07", "sidecar")
    assert taken(tmp_path, exif={DIGITIZED: "2021:02:03 04:05:06"}) == ("1993-07", "sidecar")
    assert taken(tmp_path, name="OTHER.jpg") == ("2023-11-14", "file")


@pytest.mark.parametrize(
    ("photo", "beside"),
    [
        ("DSC01234.JPG", "dsc01234.jpg.xmp"),
        ("dsc01234.jpg", "DSC01234.XMP"),
        ("Zoe\u0308.jpg", "Zo\u00eb.jpg.xmp"),  # the photo was on a Mac, the sidecar was not
        ("Zo\u00eb.jpg", "Zoe\u0308.xmp"),
    ],
)
def test_a_sidecar_whose_name_differs_as_disks_differ(tmp_path, photo, beside):
    (tmp_path / beside).write_bytes(PACKET % b"1993-07")
    assert taken(tmp_path, name=photo) == ("1993-07", "sidecar")


def test_of_sidecars_that_differ_in_case_alone_each_belongs_to_its_photo(tmp_path):
    if (tmp_path / "a").mkdir() or (tmp_path / "A").exists():
        pytest.skip("a disk that knows no case")
    for number, name in enumerate(("img_1.jpg", "IMG_1.JPG", "img_1.JPG")):
        (tmp_path / f"{name}.xmp").write_bytes(PACKET % f"199{number}-07".encode())
    names = index_names(os.listdir(tmp_path))
    for name in ("img_1.jpg", "IMG_1.JPG", "img_1.JPG"):
        assert sidecar_names(name, names) == [f"{name}.xmp"]


@pytest.mark.parametrize("data", [b"", b"no xml", b"<!DOCTYPE a><a/>", b"\xff" * 100])
def test_a_damaged_sidecar_costs_nothing_else(tmp_path, data):
    (tmp_path / "DSC01234.xmp").write_bytes(data)
    assert taken(tmp_path) == ("2023-11-14", "file")


def test_takeouts_json(tmp_path):
    (tmp_path / "DSC01234.jpg.json").write_text(json.dumps({"photoTakenTime": {"timestamp": "1482580812"}}))
    assert taken(tmp_path) == ("2016-12-24", "takeout")
    (tmp_path / "DSC01234.jpg.json").write_text("{")
    assert taken(tmp_path) == ("2023-11-14", "file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_beside_the_photo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "DSC01234.xmp")
    assert taken(tmp_path) == ("2023-11-14", "file")


def test_names_and_file_times(tmp_path):
    assert taken(tmp_path, name="IMG-20161224-WA0014.jpg") == ("2016-12-24", "name")
    assert taken(tmp_path, name="IMG-20161224-WA0014.jpg", exif={MODIFIED: "2023:01:01 10:00:00"}) == (
        "2016-12-24",
        "name",
    )
    assert taken(tmp_path) == ("2023-11-14", "file")
    assert taken(tmp_path, mtime=0) == (None, None)
    assert taken(tmp_path, mtime=None) == (None, None)


@pytest.mark.parametrize("value", [None, 7, b"\xff\xfe", "x" * 10_000, ("2016:05:04",), float("nan")])
def test_values_of_any_kind_break_nothing(tmp_path, value):
    for number in (ORIGINAL, DIGITIZED, MODIFIED):
        assert taken(tmp_path, exif={number: value}) == ("2023-11-14", "file")
    assert taken(tmp_path, gps={0x1D: value, 7: value}) == ("2023-11-14", "file")
