"""Face regions, written for every EXIF orientation, are read back at the same place by ExifTool and
Exiv2 where they are installed, and by readers written here after what Immich and digiKam document.

What a reader finds is painted onto a picture that lies as the stored one does, Pillow turns that
upright by its orientation, and what is painted there is compared with the face."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from lxml import etree
from PIL import Image, ImageOps

from phototag.exporting.words import words_of
from phototag.metadata.merge import merge
from phototag.records import Box, Face, Person, Photo, Tag

UPRIGHT_WH = (3000, 2000)
FACES = {
    "Anna": Box(0.1, 0.05, 0.3, 0.4),
    "Ben O'Brien": Box(0.62, 0.5, 0.7, 0.64),
    "Çiğdem 犬": Box(0.0, 0.8, 0.15, 1.0),
}
MWG = "{http://www.metadataworkinggroup.com/schemas/regions/}"
AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
DIMENSIONS = "{http://ns.adobe.com/xap/1.0/sType/Dimensions#}"
MP_REGION = "{http://ns.microsoft.com/photo/1.2/t/Region#}"
TIFF = "{http://ns.adobe.com/tiff/1.0/}"


def photo(orientation):
    return Photo(
        photo_id=1,
        path="/photos/a.jpg",
        size_bytes=1,
        width=UPRIGHT_WH[0],
        height=UPRIGHT_WH[1],
        content_hash=None,
        taken_at=None,
        taken_from=None,
        latitude=None,
        longitude=None,
        camera=None,
        missing_since=None,
        everyone_smiling=None,
        faces=tuple(
            Face(box, 0.99, number=number, person=Person(number, name), person_source="word")
            for number, (name, box) in enumerate(FACES.items(), 1)
        ),
        orientation=orientation,
    )


@pytest.fixture(params=range(1, 9), ids=lambda number: f"orientation {number}")
def sidecar(request, tmp_path):
    words = words_of(photo(request.param), {}, with_faces=True)
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(merge(None, words, now="2026-01-01T00:00:00Z").data)
    return path, request.param


def check(found, orientation, stored_wh):
    """`found`: name -> edges in pixels of the stored picture."""
    assert found.keys() == FACES.keys()
    for name, edges in found.items():
        stored = Image.new("L", stored_wh)
        stored.paste(255, tuple(map(round, edges)))
        stored.getexif()[0x0112] = orientation
        upright = ImageOps.exif_transpose(stored)
        assert upright.size == UPRIGHT_WH
        left, top, right, bottom = upright.getbbox()
        width, height = UPRIGHT_WH
        assert Box(left / width, top / height, right / width, bottom / height).iou(FACES[name]) >= 0.99


def centred(x, y, width, height, stored_wh):
    edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return tuple(edge * stored_wh[i % 2] for i, edge in enumerate(edges))


def from_corner(x, y, width, height, stored_wh):
    return tuple(edge * stored_wh[i % 2] for i, edge in enumerate((x, y, x + width, y + height)))


@pytest.mark.skipif(not shutil.which("exiftool"), reason="needs exiftool (Debian: libimage-exiftool-perl)")
def test_exiftool(sidecar):
    path, orientation = sidecar
    printed = subprocess.run(["exiftool", "-json", "-struct", "-n", path], capture_output=True, check=True)
    (said,) = json.loads(printed.stdout)
    assert said["Orientation"] == orientation
    size = said["RegionInfo"]["AppliedToDimensions"]
    stored_wh = size["W"], size["H"]
    areas = {one["Name"]: one["Area"] for one in said["RegionInfo"]["RegionList"]}
    check(
        {name: centred(*(area[key] for key in "XYWH"), stored_wh) for name, area in areas.items()},
        orientation,
        stored_wh,
    )
    rectangles = {one["PersonDisplayName"]: one["Rectangle"] for one in said["RegionInfoMP"]["Regions"]}
    check(
        {name: from_corner(*map(float, text.split(",")), stored_wh) for name, text in rectangles.items()},
        orientation,
        stored_wh,
    )
    assert set(said["PersonInImage"]) == FACES.keys()


@pytest.mark.skipif(not shutil.which("exiv2"), reason="needs exiv2 (Debian: exiv2)")
def test_exiv2(sidecar):
    path, orientation = sidecar
    printed = subprocess.run(["exiv2", "-PXkv", path], capture_output=True, check=True, text=True)
    said = dict(re.findall(r"^(\S+) *(.*)$", printed.stdout, re.M))
    assert said["Xmp.tiff.Orientation"] == str(orientation)
    size = "Xmp.mwg-rs.Regions/mwg-rs:AppliedToDimensions/stDim:"
    stored_wh = int(said[size + "w"]), int(said[size + "h"])
    found, rectangles = {}, {}
    for number in range(1, len(FACES) + 1):
        region = f"Xmp.mwg-rs.Regions/mwg-rs:RegionList[{number}]/mwg-rs:"
        area = [float(said[f"{region}Area/stArea:{key}"]) for key in "xywh"]
        found[said[region + "Name"]] = centred(*area, stored_wh)
        region = f"Xmp.MP.RegionInfo/MPRI:Regions[{number}]/MPReg:"
        rectangle = map(float, said[region + "Rectangle"].split(","))
        rectangles[said[region + "PersonDisplayName"]] = from_corner(*rectangle, stored_wh)
    check(found, orientation, stored_wh)
    check(rectangles, orientation, stored_wh)


def test_as_immich_documents_it(sidecar):
    """Faces are the areas of mwg-rs regions with a name, told by their middle, on a picture of
    AppliedToDimensions, which is turned as tiff:Orientation says."""
    path, orientation = sidecar
    root = etree.parse(path).getroot()
    size = root.find(f".//{MWG}AppliedToDimensions")
    stored_wh = int(size.get(DIMENSIONS + "w")), int(size.get(DIMENSIONS + "h"))
    found = {}
    for area in root.iter(MWG + "Area"):
        assert area.get(AREA + "unit") == "normalized"
        numbers = [float(area.get(AREA + key)) for key in "xywh"]
        found[area.getparent().findtext(MWG + "Name")] = centred(*numbers, stored_wh)
    assert root.findtext(f".//{TIFF}Orientation") == str(orientation)
    check(found, orientation, stored_wh)


def test_as_digikam_documents_it(sidecar):
    """Faces are Microsoft's rectangles and the mwg-rs areas, fractions of the picture before it is
    turned: of the file's own width and height, whatever the sidecar says of them."""
    path, orientation = sidecar
    root = etree.parse(path).getroot()
    stored_wh = UPRIGHT_WH if orientation < 5 else UPRIGHT_WH[::-1]
    found = {
        one.getparent().findtext(MP_REGION + "PersonDisplayName"): from_corner(
            *map(float, one.text.split(",")), stored_wh
        )
        for one in root.iter(MP_REGION + "Rectangle")
    }
    check(found, orientation, stored_wh)


def test_a_guess_is_no_name():
    """Nor is a face that nobody has named a region."""
    faces = (
        Face(
            Box(0, 0, 0.2, 0.2), 0.9, person=Person(1, "Anna"), person_source="group", is_person_certain=False
        ),
        Face(Box(0.5, 0, 0.7, 0.2), 0.9),
    )
    words = words_of(replace(photo(1), faces=faces), {}, with_faces=True)
    assert words.faces == ()


def test_words_are_what_a_question_finds():
    objects = (
        Tag("dog", 0.7, Box(0, 0, 1, 1)),
        Tag("dog", 0.6, Box(0, 0, 0.5, 1)),
        Tag("cat", 0.6, Box(0, 0, 1, 1)),
    )
    known = replace(photo(1), objects=objects, kinds=(Tag("beach", 0.9),), user_labels=("grandma", "beach"))
    thresholds = {"cat": 0.65}
    words = words_of(replace(known, everyone_smiling=True), thresholds)
    assert [keyword.levels for keyword in words.keywords] == [
        ("thing", "beach"),
        ("thing", "dog"),
        ("label", "grandma"),
        ("smiling", "everyone"),
    ]
    assert words.faces is None
    strict = words_of(known, thresholds, min_score=0.8)
    assert [keyword.flat for keyword in strict.keywords] == ["beach", "grandma"]
