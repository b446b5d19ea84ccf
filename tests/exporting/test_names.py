"""A name said of a face, from `phototag tag` into a sidecar, into another program and back."""

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from lxml import etree
from PIL import Image, ImageOps

from phototag import Library, scan
from phototag.cli import main
from phototag.metadata.packet import qualified
from phototag.records import Box

TURNED = "2016/portrait-turned.jpg"


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def catalog(own_copy):
    """(folder, catalog): of a photo that is stored turned by a quarter, the face is Anna's."""
    folder, db = own_copy
    run("tag", f"{folder / TURNED}#1", "Anna", "--db", db)
    return folder, db


def names(path):
    return [name.text for name in etree.parse(path).getroot().iter(qualified("mwg-rs:Name"))]


def face_of(db, path):
    with Library.open(db) as library:
        return library.photo(path).faces[0]


def test_only_named_faces_and_only_when_asked(catalog):
    folder, db = catalog
    run("export", "--xmp", "--db", db)
    assert names(folder / f"{TURNED}.xmp") == []
    run("export", "--xmp", "--faces", "--db", db)
    assert names(folder / f"{TURNED}.xmp") == ["Anna"]
    assert names(folder / "2016/booth-two.jpg.xmp") == [], "nobody has said who they are"
    assert "0 changed, 15 as they should be" in run("export", "--xmp", "--faces", "--db", db)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="needs exiftool (Debian: libimage-exiftool-perl)")
def test_the_face_is_where_another_program_looks_for_it(catalog):
    folder, db = catalog
    run("export", "--xmp", "--faces", "--db", db)
    command = ["exiftool", "-json", "-struct", "-n", folder / f"{TURNED}.xmp"]
    (said,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    size, (region,) = said["RegionInfo"]["AppliedToDimensions"], said["RegionInfo"]["RegionList"]
    with Image.open(folder / TURNED) as image:
        stored_wh, exif = image.size, image.getexif()
    assert (size["W"], size["H"]) == stored_wh and said["Orientation"] == exif[0x0112] == 6
    x, y, width, height = (region["Area"][key] for key in "XYWH")
    painted = Image.new("L", stored_wh)
    edges = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    painted.paste(255, tuple(round(edge * stored_wh[i % 2]) for i, edge in enumerate(edges)))
    painted.getexif()[0x0112] = 6
    upright = ImageOps.exif_transpose(painted)
    found = [edge / upright.size[i % 2] for i, edge in enumerate(upright.getbbox())]
    assert Box(*found).iou(face_of(db, folder / TURNED).box) >= 0.99


def test_a_name_taken_back_does_not_come_back_from_the_sidecar(catalog):
    folder, db = catalog
    run("export", "--xmp", "--faces", "--db", db)
    run("undo", "--db", db)
    with Library.open(db) as library:
        scan(library, [folder])
    assert face_of(db, folder / TURNED).person is None
    run("export", "--xmp", "--faces", "--db", db)
    assert names(folder / f"{TURNED}.xmp") == []


def test_another_catalog_does_not_take_our_export_for_somebodys_word(catalog, tmp_path):
    folder, db = catalog
    run("export", "--xmp", "--faces", "--db", db)
    moved = folder / TURNED
    theirs = moved.with_name(moved.name + ".xmp")
    theirs.write_bytes(
        theirs.read_bytes().replace(b">Anna<", b">Anna Smith<")
    )  # as a person would, in digiKam
    with Library.open(db) as library:
        scan(library, [folder])
    assert face_of(db, moved).person.name == "Anna", "the user's own word goes first"
    run("undo", "--db", db)
    assert face_of(db, moved).person.name == "Anna Smith"
    run("export", "--xmp", "--faces", "--db", db)
    assert names(theirs) == ["Anna Smith"], "no second region over theirs"


def test_documents_tell_names_and_no_embeddings(catalog):
    _, db = catalog
    (photo,) = json.loads(run("export", "--json", "person:Anna", "--db", db))["photos"]
    assert [face["person"] for face in photo["faces"]] == ["Anna"]
    coco = json.loads(run("export", "--coco", "--faces", "person:Anna", "--db", db))
    assert [one["attributes"]["person"] for one in coco["annotations"] if "attributes" in one] == ["Anna"]
    assert "Anna" not in run("export", "--coco", "person:Anna", "--db", db), "names only when asked"
    assert ",Anna," in run("export", "--csv", "person:Anna", "--db", db)


def test_keywords_inside_a_photo_stay_as_they_are_told_whatever_is_exported_and_scanned(catalog):
    """They are written into the sidecar too, and are still the photo's own."""
    folder, db = catalog
    path = folder / "2015/cat.jpg"
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><lr:hierarchicalSubject>'
        "<rdf:Bag><rdf:li>Pets|Chelsea</rdf:li></rdf:Bag></lr:hierarchicalSubject></rdf:Description>"
        "</rdf:RDF></x:xmpmeta>"
    )
    with Image.open(path) as image:
        image.save(path, xmp=packet.encode(), exif=image.info["exif"])
    for _ in range(2):
        with Library.open(db) as library:
            scan(library, [folder])
            written = library.photo(path).written
        assert (written.keywords, written.sources["keywords"]) == (("Pets|Chelsea",), "embedded")
        run("export", "--xmp", "--db", db)
        paths = etree.parse(f"{path}.xmp").getroot().find(".//" + qualified("lr:hierarchicalSubject"))
        assert "Pets|Chelsea" in [item.text for item in paths.iter(qualified("rdf:li"))]
    assert "0 changed" in run("export", "--xmp", "--db", db)
