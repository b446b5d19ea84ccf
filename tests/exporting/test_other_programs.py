"""Sidecars of ours that ExifTool and Exiv2 have written into: the ledger outlives that."""

import shutil
import subprocess

import pytest
from lxml import etree

from phototag.metadata.ledger import NOTHING_ADDED, read_ledger
from phototag.metadata.merge import Keyword, NamedFace, PhotoWords, merge, remove
from phototag.metadata.packet import qualified
from phototag.metadata.xmp import parse_xmp
from phototag.records import Box

NOW = "2026-01-01T00:00:00+00:00"
WORDS = PhotoWords(
    (Keyword(("thing", "dog"), "dog"), Keyword(("label", "a/b|c"), "a/b|c")),
    6,
    (NamedFace("Anna", Box(0.1, 0.2, 0.3, 0.5)), NamedFace("Ben", Box(0.123456, 0.6, 0.2, 0.7))),
    (4000, 3000),
)
PROGRAMS = {
    "exiftool": (["exiftool", "-q", "-overwrite_original", "-XMP-dc:Subject+=beach", "-XMP-xmp:Rating=4"],),
    "exiv2": (["exiv2", "-M", "set Xmp.dc.subject XmpBag beach", "-M", "set Xmp.xmp.Rating XmpText 4"],),
}


@pytest.fixture(params=PROGRAMS)
def rewritten(request, tmp_path):
    if not shutil.which(request.param):
        pytest.skip(f"needs {request.param}")
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(merge(None, WORDS, now=NOW).data)
    for command in PROGRAMS[request.param]:
        subprocess.run([*command, path], check=True)
    return path.read_bytes()


def words(data):
    subject = etree.fromstring(data).find(".//" + qualified("dc:subject"))
    return [item.text for item in subject.iter(qualified("rdf:li"))]


def test_the_ledger_is_still_there(rewritten):
    assert "beach" in words(rewritten)
    assert read_ledger(parse_xmp(rewritten)) != NOTHING_ADDED


def test_what_is_ours_is_still_known_and_goes(rewritten):
    left = remove(rewritten, now=NOW).data
    assert words(left) == ["beach"]
    root = etree.fromstring(left)
    properties = [child.tag for node in root.iter(qualified("rdf:Description")) for child in node]
    attributes = [key for node in root.iter(qualified("rdf:Description")) for key in node.attrib]
    assert {*properties, *attributes} == {
        qualified("rdf:about"),
        qualified("dc:subject"),
        qualified("xmp:Rating"),
    }
    assert all(len(node) or len(node.attrib) > 1 for node in root.iter(qualified("rdf:Description")))


def test_another_export_changes_only_what_their_words_ask_for(rewritten):
    """The person has a flat word of their own now: fields that would hide it from some readers go."""
    first = merge(rewritten, WORDS, now=NOW)
    assert {change.field for change in first.changes} <= {
        "digiKam:TagsList",
        "lr:hierarchicalSubject",
        "MicrosoftPhoto:LastKeywordXMP",
    }
    assert merge(first.data, WORDS, now="later").changes == ()
