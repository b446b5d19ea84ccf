"""What other programs wrote about photos, as the commands print it."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from tests.cli.test_schemas import check
from tests.reading.test_written import packet

KEYWORDS = (
    '<d:TagsList xmlns:d="http://www.digikam.org/ns/1.0/"><rdf:Seq><rdf:li>Places/Rome</rdf:li>'
    "<rdf:li>=cmd</rdf:li></rdf:Seq></d:TagsList>"
    '<dc:description xmlns:dc="http://purl.org/dc/elements/1.1/">One line\nand \u202eanother</dc:description>'
)


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.fixture(scope="module")
def rome(tmp_path_factory):
    """(photo, catalog)"""
    base = tmp_path_factory.mktemp("written")
    (base / "photos").mkdir()
    photo, db = base / "photos" / "rome.jpg", base / "catalog.db"
    Image.new("RGB", (120, 80), (90, 120, 90)).save(photo, xmp=packet("", ' xmp:Label="Red"'))
    photo.with_suffix(".xmp").write_bytes(packet(KEYWORDS, ' xmp:Rating="4"'))
    report = json.loads(run("scan", photo.parent, "--tagger", "sharpness", "--json", "--db", db))
    check("scan", report)
    return photo, db


def test_show(rome):
    photo, db = rome
    text = run("show", photo, "--db", db)
    assert "rating: 4 of 5 stars (sidecar)\n" in text
    assert "color label (in the file): Red\n" in text
    assert "keywords (sidecar): Places/Rome, =cmd\n" in text
    assert "description (sidecar): One line\n  and another\n" in text
    check("show", json.loads(run("show", photo, "--json", "--db", db)))


def test_json(rome):
    _, db = rome
    line = json.loads(run("query", "keyword:rome", "--json", "--db", db))
    check("query", line)
    assert (line["rating"], line["color_label"], line["title"]) == (4, "Red", None)
    assert line["keywords"] == [["Places", "Rome"], ["=cmd"]]
    assert line["metadata_from"] == {
        "rating": "sidecar", "color_label": "embedded", "description": "sidecar", "keywords": "sidecar"
    }  # fmt: skip


def test_csv(rome):
    _, db = rome
    (row,) = csv.DictReader(io.StringIO(run("query", "--csv", "--db", db)))
    assert (row["rating"], row["keywords"], row["title"]) == ("4", "Places/Rome, =cmd", "")
    assert row["description"] == "One line\nand another"


def test_an_old_catalog_says_what_was_read(rome):
    photo, db = rome
    photo.with_suffix(".xmp").write_bytes(packet("", ' xmp:Rating="5"'))
    text = run("scan", photo.parent, "--tagger", "sharpness", "--db", db)
    assert "Dates and metadata of 1 known photo were read again." in text
    photo.with_suffix(".xmp").write_bytes(packet(KEYWORDS, ' xmp:Rating="4"'))
    run("scan", photo.parent, "--tagger", "sharpness", "--db", db)
