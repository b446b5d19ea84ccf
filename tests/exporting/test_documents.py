"""The documents of export: what is in them, and that each is what its schema says."""

import csv
import io
import json
import os

import pytest

from phototag.exporting.documents import CSV_COLUMNS, coco_pieces, common_folder
from phototag.library import Library
from tests.cli.test_schemas import SCHEMAS, check
from tests.cli.test_schemas import run as run_command


@pytest.fixture
def catalog(own_copy):
    folder, db = own_copy
    with Library.open(db) as library:
        library.correct(folder / "2015/cat.jpg", add=["=Chelsea", "at home"])
    return folder, db


def run(db, *arguments):
    return run_command("export", *arguments, "--db", db)


def test_json(catalog):
    _, db = catalog
    document = json.loads(run(db, "--json"))
    check("export", document)
    assert len(document["photos"]) == 15
    (cat,) = (one for one in document["photos"] if one["path"].endswith("cat.jpg"))
    assert cat["user_labels"] == ["=Chelsea", "at home"] and cat["size_bytes"] == 31101
    assert json.loads(run(db, "--json", "taken:1900"))["photos"] == []


def test_csv(catalog):
    _, db = catalog
    rows = list(csv.DictReader(io.StringIO(run(db, "--csv"))))
    for row in rows:
        check("export-csv", row)
    (cat,) = (row for row in rows if row["path"].endswith("cat.jpg"))
    assert cat["things"].split("; ") == ["cat", "animal"]
    assert cat["user_labels"] == "'=Chelsea; at home", "no formula"
    assert list(CSV_COLUMNS) == list(SCHEMAS["export-csv"]["properties"])


def test_coco(catalog, tmp_path):
    folder, db = catalog
    text = run(db, "--coco", "--faces", "taken:2016")
    document = json.loads(text)
    check("export-coco", document)
    assert document["info"]["folder"] == str(folder / "2016")
    images = {image["id"]: image for image in document["images"]}
    names = {one["id"]: one["name"] for one in document["categories"]}
    assert {"person", "tie", "face"} <= set(names.values())
    for one in document["annotations"]:
        left, top, width, height = one["bbox"]
        image = images[one["image_id"]]
        assert os.path.exists(folder / "2016" / image["file_name"])
        assert left + width <= image["width"] + 0.02 and top + height <= image["height"] + 0.02
    (turned,) = (image for image in images.values() if image["file_name"] == "portrait-turned.jpg")
    assert (turned["width"], turned["height"], turned["exif_orientation"]) == (768, 960, 6)
    assert "face" not in run(db, "--coco", "taken:2016")


def test_coco_is_read_by_a_coco_reader(catalog, tmp_path):
    from faster_coco_eval import COCO

    _, db = catalog
    (tmp_path / "coco.json").write_text(run(db, "--coco"))
    coco = COCO(str(tmp_path / "coco.json"))
    (cat,) = coco.getCatIds(catNms=["cat"])
    (image,) = coco.loadImgs(coco.getImgIds(catIds=[cat]))
    assert image["file_name"] == "2015/cat.jpg"


def test_coco_takes_what_was_asked_for(catalog):
    _, db = catalog
    with Library.open(db) as library:
        photos = list(library.photos("taken:2016", sort="path"))
        few = json.loads("".join(coco_pieces(photos, library.thresholds(), "/", min_score=0.95)))
    assert all(one["score"] >= 0.95 for one in few["annotations"])
    assert few["info"]["folder"] == "/"
    typed = json.loads(run(db, "--coco", "--min-score", "0.95", "taken:2016"))
    assert [one["bbox"] for one in typed["annotations"]] == [one["bbox"] for one in few["annotations"]]


def test_geojson(catalog):
    _, db = catalog
    document = json.loads(run(db, "--geojson"))
    check("export-geojson", document)
    points = {
        os.path.basename(one["properties"]["path"]): one["geometry"]["coordinates"]
        for one in document["features"]
    }
    assert points["astronaut.jpg"] == [-95.09, 29.559]
    assert all(-180 <= longitude <= 180 and -90 <= latitude <= 90 for longitude, latitude in points.values())


def test_the_report_of_sidecars(catalog):
    folder, db = catalog
    check("export-xmp", json.loads(run(db, "--xmp", "--json", "--dry-run")))
    (folder / "2015/cat.jpg.xmp").write_text("no XMP")
    from click.testing import CliRunner

    from phototag.cli import main

    result = CliRunner().invoke(main, ["export", "--xmp", "--json", "--db", str(db)])
    assert result.exit_code == 3
    report = json.loads(result.stdout)
    check("export-xmp", report)
    assert [one["path"] for one in report["failures"]] == [str(folder / "2015/cat.jpg.xmp")]


def test_common_folder():
    assert common_folder(["/a/b/1.jpg", "/a/b/c/2.jpg"]) == "/a/b"
    assert common_folder(["/a/1.jpg", "/ab/2.jpg"]) == "/"
    assert common_folder([]) == "/"
