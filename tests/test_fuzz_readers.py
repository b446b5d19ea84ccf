"""Every reader of foreign bytes against damaged files by the thousand: it answers, or refuses with one
sentence, and nothing else escapes. Pictures have a test of their own: tests/reading/test_fuzz.py."""

import csv
import dataclasses
import io
import json
import random
import shutil
import sqlite3
import struct
import tempfile
import wave
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image, PngImagePlugin

from phototag.cli import verdicts
from phototag.errors import PhototagError
from phototag.exporting.documents import coco_pieces, csv_pieces, geojson_pieces, json_pieces
from phototag.highlights import theme
from phototag.highlights.album import manifest
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.film import soundtrack
from phototag.library import Library
from phototag.metadata import exiftool_json, iptc, merge, picasa, takeout, xmp
from phototag.metadata.resolve import resolve
from phototag.metadata.xmp_fields import read_xmp
from phototag.nets.detector import checkpoint as detector_file
from phototag.nets.detector import data as coco
from phototag.nets.detector import everyday, yolox
from phototag.nets.faceness import candidates
from phototag.nets.faceness import checkpoint as faceness_file
from phototag.nets.faceness import data as crops_of
from phototag.nets.smilenet import checkpoint as smilenet_file
from phototag.nets.smilenet import data as face_files
from phototag.nets.smilenet import label_issues
from phototag.nets.training import Run
from phototag.reading import avif, exif_block
from phototag.reading.embedded import Embedded, find_embedded
from phototag.reading.exif import parse_exif
from phototag.reading.pixel_hash import hash_pixels
from phototag.reading.taken import find_taken
from phototag.reading.unopened import find_unopened
from phototag.records import Box
from phototag.taggers import objects
from phototag.weights import store, thresholds
from tests.conftest import SAMPLES
from tests.hostile import VALUES, distort, mutant
from tests.reading.test_fuzz import seeds as pictures
from tests.reading.test_unopened import UNOPENED

FEW, MANY = 300, 20_000
PACKET = b"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 photoshop:DateCreated="2016-07"><xmp:CreateDate>2016-07-04T12:30:00+02:00</xmp:CreateDate>
 </rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""
IPTC = b"\x1c\x02\x37\0\x0820160704\x1c\x02\x3c\0\x0b123000+0200\x1c\x02\x05\0\x03abc"
FOREIGN = Path(__file__).parent / "metadata" / "foreign"
FOREIGN_PACKETS = [file.read_bytes() for file in sorted(FOREIGN.glob("*.xmp"))]
PICASA = (FOREIGN / ".picasa.ini").read_bytes()
EXIFTOOL = json.loads((FOREIGN / "osxphotos-groups.jpg.json").read_text())
TAKEOUT = {
    "title": "a.jpg",
    "photoTakenTime": {"timestamp": "1467628200", "formatted": "4 Jul 2016"},
    "geoData": {"latitude": 48.1, "longitude": 11.5, "altitude": 0.0},
}


def json_mutant(document, rng):
    """Half of them are still JSON, so that what comes after parsing is tried too."""
    if rng.random() < 0.3:
        return mutant(json.dumps(document).encode(), rng)
    for _ in range(rng.choice((1, 1, 3))):
        document = distort(document, rng)
    try:
        return json.dumps(document).encode()
    except ValueError:  # integers of thousands of digits
        return b'{"a": ' + b"[" * 100_000


def refused(error):
    """The line ends of names within it are made visible where it is printed."""
    return 0 < len(str(error)) < 20_000


def attempt(read, *arguments):
    """Whether the reader took it; what it raises must be one sentence of ours."""
    try:
        read(*arguments)
    except PhototagError as error:
        assert refused(error), repr(str(error))
        return False
    return True


def try_exif(folder, rng, number):
    """Exif, IPTC, XMP and text within pictures, and the date that all of them give."""
    data = mutant(NOTED[number % len(NOTED)], rng)
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP", "TIFF"))
    except Exception:  # Pillow's own; tests/reading/test_fuzz.py is about it
        return False
    embedded = find_embedded(image, data)
    find_taken({}, {}, embedded, str(folder / "a.jpg"), 0.0)
    return embedded != Embedded()


def try_unopened(folder, rng, number):
    """What is read without a decoder, of files that cannot be shown."""
    data = mutant(UNOPENED[number % len(UNOPENED)][1], rng)
    exif, embedded = find_unopened(data)
    said = parse_exif(exif, 0.0, str(folder / "a.jpg"), embedded)
    exif_block.with_known_types(data)
    if data[4:8] == b"ftyp":
        avif.find_crop(data, (64, 48))
        avif.only_picture(data)
    return said.taken_from != "file" and said.camera is not None


def try_dates(folder, rng, number):
    texts = ("2016:07:04 12:30:00", "ca. 1993", "~", "1941/1945", "July 1993 - 4.8.1993", "1990s?")
    tags = {tag: rng.choice((*VALUES, b"\xff", *texts)) for tag in (0x9003, 0x9011, 0x0132)}
    gps = {0x1D: rng.choice(("2016:07:04", *VALUES)), 0x07: rng.choice(((1, 2, 3), (1e400, 0, 0), *VALUES))}
    text = {"Creation Time": rng.choice(("Mon, 04 Jul 2016 12:30:00 +0200", *map(str, VALUES[:7])))}
    found, _ = find_taken(tags, gps, Embedded(text=text), "a.jpg", rng.choice((0.0, 1e300, -1e18, None)))
    return found is not None


def try_xmp(folder, rng, number):
    try:
        packet = rng.choice((PACKET, *FOREIGN_PACKETS))
        said = read_xmp(mutant(packet, rng))
        resolve([("sidecar", said)], (600, 400), rng.randint(1, 8))
    except xmp.NotXmp as error:
        assert refused(error)
        return False
    return True


def try_iptc(folder, rng, number):
    return bool(iptc.read_iptc(iptc.parse_iptc(mutant(IPTC, rng))).dates)


def try_picasa(folder, rng, number):
    try:
        inside = picasa.parse_picasa(mutant(PICASA, rng))
    except picasa.NotPicasa as error:
        assert refused(error)
        return False
    said = picasa.read_picasa(inside, "picasa-ini.jpg")
    return said is not None and bool(said.regions)


def try_exiftool_json(folder, rng, number):
    try:
        exiftool_json.read_exiftool(exiftool_json.parse_exiftool(json_mutant(EXIFTOOL, rng)))
    except exiftool_json.NotExiftool as error:
        assert refused(error)
        return False
    return True


def try_takeout(folder, rng, number):
    try:
        document = takeout.parse_takeout(json_mutant(TAKEOUT, rng))
        takeout.taken_time(document)
        takeout.read_takeout(document)
    except takeout.NotTakeout as error:
        assert refused(error)
        return False
    return True


def try_pixel_hash(folder, rng, number):
    return hash_pixels(mutant(PICTURES[number % len(PICTURES)], rng)) is not None


def try_theme(folder, rng, number):
    file = folder / "theme.toml"
    text = THEMES[number % len(THEMES)]
    if rng.random() < 0.5:
        lines = text.decode().splitlines()
        places = [i for i, line in enumerate(lines) if "=" in line]
        place = rng.choice(places)
        value = rng.choice(
            ("1" * 5000, '"""a\nb"""', "[" * 3000, "nan", "inf", "-1", "{}", "[[1]]", '"\\u0000"')
        )
        lines[place] = f"{lines[place].partition('=')[0]}= {value}"
        file.write_text("\n".join(lines))
    else:
        file.write_bytes(mutant(text, rng))
    return attempt(theme.read, file)


def weights_mutant(data, key, rng):
    """Weights of which the head says something else: its length right, its content not."""
    if rng.random() < 0.3:
        return mutant(data[:4096], rng) + data[4096:]
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    if rng.random() < 0.7:
        stated = distort(json.loads(head["__metadata__"][key]), rng)
        try:
            text = json.dumps(stated)
        except ValueError:
            text = "[" * 100_000
        head["__metadata__"][key] = text
    else:
        head = distort(head, rng)
    try:
        new = json.dumps(head).encode()
    except ValueError:
        new = b"[" * 100_000
    return struct.pack("<Q", len(new)) + new + data[8 + length :]


def try_detector_weights(folder, rng, number):
    file = folder / "own-people-pets.safetensors"
    file.write_bytes(weights_mutant(DETECTOR, "detector", rng))
    attempt(thresholds.read_thresholds, "own-people-pets")
    return attempt(detector_file.read_weights, file)


def try_everyday_weights(folder, rng, number):
    file = folder / "own-everyday.safetensors"
    file.write_bytes(weights_mutant(EVERYDAY if number % 50 == 0 else EVERYDAY_HEAD, "detector", rng))
    attempt(thresholds.read_thresholds, "own-everyday")
    if number % 20 == 0:  # making the net takes a tenth of a second
        attempt(everyday.load, file)
    return attempt(everyday.is_everyday, file)


def try_smilenet_weights(folder, rng, number):
    file = folder / "weights.safetensors"
    seed = SMILENET if number % 4 == 0 else SMILENET_HEAD  # what is damaged is mostly the head
    file.write_bytes(weights_mutant(seed, "calibration", rng))
    return attempt(smilenet_file.load, file)


RECORD = {
    "own-smilenet.safetensors": {
        "sha256": "0" * 64, "name": "smilenet", "from": "runs/a", "on": "2026-01-01",
        "own": True, "in_use": False,
    }
}  # fmt: skip


def try_record(folder, rng, number):
    (folder / "record.json").write_bytes(json_mutant(RECORD, rng))
    return attempt(store.present, "smilenet") and attempt(store.missing, "coco-mobile")


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 4, "height": 3, "split": "val"}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [{"image_id": 1, "category_id": 7, "bbox": [0, 0, 2.5, 2], "iscrowd": 0}],
}


def try_coco(folder, rng, number):
    file = folder / "coco.json"
    (folder / "a.jpg").touch()
    file.write_bytes(json_mutant(COCO, rng))
    return attempt(coco.has_splits, file) and attempt(coco.read_coco, file, folder)


def try_csv(folder, rng, number):
    file, text = folder / "faces.csv", io.StringIO()
    csv.writer(text).writerows([("file", "emotion"), ("a.jpg", "happy"), ("b.jpg", "sad")] * 3)
    file.write_bytes(mutant(text.getvalue().encode(), rng))
    return attempt(face_files.labelled_files, file)


def try_npz(folder, rng, number):
    file = folder / "faces.npz"
    if rng.random() < 0.5:
        file.write_bytes(mutant(NPZ, rng))
    else:
        shapes = ((2, 48, 48), (2, 0, 0), (2, 48), (3, 5, 5), (0, 48, 48), (2, 4, 4, 3))
        kind = rng.choice((np.uint8, np.float64, np.int64, bool))
        votes = np.full(
            rng.choice(((2, 10), (2, 8), (2, 3), (2,), (0, 10))), rng.choice((0, 1, 3, np.nan, -1))
        )
        np.savez(file, images=np.zeros(rng.choice(shapes), kind), votes=votes)
    return attempt(face_files.read_faces, file, 48)


def try_faceness_weights(folder, rng, number):
    file = folder / "faceness.safetensors"
    seed = FACENESS if number % 4 == 0 else FACENESS_HEAD
    file.write_bytes(weights_mutant(seed, "calibration", rng))
    return attempt(faceness_file.load, file)


TABLES = {  # what reads it: its columns and a row
    candidates.read_verdicts: ("photo,left,top,right,bottom,verdict", "a.jpg,1,2,30.5,40,no face"),
    face_files.read_verdicts: ("sha256,verdict", "0" * 64 + ",open mouth"),
    label_issues.read_hashes: ("# what is wrong", "0" * 64 + "  a.jpg"),
    verdicts.read_samples: ("sample,sha256,first,second", "2016," + "0" * 64 + ",right,doubtful"),
}


def try_tables(folder, rng, number):
    read = [*TABLES][number % len(TABLES)]
    columns, row = TABLES[read]
    file = folder / "table.csv"
    text = "\n".join([columns, *[row] * 4, ""])
    if rng.random() < 0.3:
        cells = text.split(",")
        cells[rng.randrange(len(cells))] = str(rng.choice(VALUES))
        text = ",".join(cells)
    data = text.encode("utf-8", "surrogateescape") or b"\n"
    file.write_bytes(mutant(data, rng) if rng.random() < 0.7 else data)
    return attempt(read, file)


def try_crops(folder, rng, number):
    file = folder / "crops.npz"
    if rng.random() < 0.5:
        file.write_bytes(mutant(CROPS, rng))
    else:
        shapes = ((2, SIDE, SIDE, 3), (2, SIDE, SIDE), (2, 0, 0, 3), (3, SIDE, SIDE, 3), (2,), ())
        answers = rng.choice(
            (np.zeros(2, bool), np.zeros(2), np.zeros(3, bool), np.zeros((2, 1)), np.zeros(()))
        )
        kind = rng.choice((np.uint8, np.float64, bool))
        np.savez(
            file,
            crops=np.zeros(rng.choice(shapes), kind),
            scores=np.zeros(2),
            is_face=answers,
            in_peopled=answers,
        )
    return attempt(crops_of.Mined.load, file)


def try_onnx(folder, rng, number):
    file = folder / "yolox.onnx"
    file.write_bytes(mutant(ONNX[: rng.choice((300, 3000, len(ONNX)))], rng))
    return attempt(yolox.read_onnx, file)


def try_coco_weights(folder, rng, number):
    """Weights that a person brings in place of COCO's: an archive of torch."""
    file = folder / "own.pth"
    has_all = number % 20 == 0  # making the net takes a tenth of a second
    file.write_bytes(mutant(WHOLE_ARCHIVE if has_all else ARCHIVE, rng))
    is_taken = attempt(objects.detector, "coco-mobile-320", "cpu", 0.1, file)
    assert has_all or not is_taken, "a net was made of a single tensor"
    return True


def try_checkpoint(folder, rng, number):
    (folder / "checkpoint.pt").write_bytes(mutant(CHECKPOINT, rng))
    net = torch.nn.Linear(1, 1)
    return attempt(Run(folder, PLAN).resume, net, net, torch.optim.AdamW(net.parameters()))


def try_album(folder, rng, number):
    """What stands in an album's folder: its ledger, and what it says of itself."""
    for old in (*folder.glob("*.jpg"), *folder.glob("*.txt")):
        old.unlink()
    (folder / ".phototag").write_bytes(json_mutant(ALBUM_LEDGER, rng))
    (folder / "album.json").write_bytes(json_mutant({"title": "Smiles 2016", "query": "taken:2016"}, rng))
    (folder / "a.jpg").write_bytes(b"somebody's")
    manifest.find_other(folder, "Smiles 2016", "")
    taken = attempt(_fill, folder)
    assert (folder / "a.jpg").read_bytes() == b"somebody's"
    assert not list(folder.glob(".phototag-*")), "half made"
    return taken


def _fill(folder):
    with OutputFolder(folder) as output:
        output.write("new.txt", b"new")


def try_merge(folder, rng, number):
    """Sidecars of others into which we write, and out of which we take away what is ours."""
    packet = mutant(rng.choice((PACKET, *FOREIGN_PACKETS, *OUR_PACKETS)), rng)
    try:
        written = merge.merge(packet, WORDS, now="2026-01-02T03:04:05+00:00").data
        merge.remove(written or packet, now="2026-01-02T03:04:05+00:00")
    except xmp.NotXmp as error:
        assert refused(error)
        return False
    return True


def try_music(folder, rng, number):
    file = folder / "music"
    file.write_bytes(mutant(MUSIC[number % len(MUSIC)], rng))
    return attempt(soundtrack.load, str(file), 1.0)


def try_catalog(folder, rng, number):
    file = folder / "catalog.db"
    for old in folder.glob("catalog.db*"):
        old.unlink()
    if rng.random() < 0.4:
        file.write_bytes(mutant(CATALOG, rng))
    else:
        file.write_bytes(CATALOG)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            _spoil(connection, rng)
            connection.commit()
    taken = attempt(_read_all, file)
    assert taken or not list(folder.glob("*.before-*")), "a refused catalog leaves a copy at every try"
    return taken


def _spoil(connection, rng):
    """Something that SQLite allows and phototag never writes."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    name = rng.choice([name for name in names if not name.startswith("sqlite_")])
    if rng.random() < 0.15:
        connection.execute(f'DROP TABLE "{name}"')
        return
    if rng.random() < 0.15:
        revision = rng.choice(
            (None, "", "0000", "0001", "0002", "0003", "0005", "0008", "9999", "x", 9, "0009 ", "9")
        )
        try:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        except sqlite3.IntegrityError:
            connection.execute("DELETE FROM alembic_version")
        return
    column = rng.choice([row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')])
    value = rng.choice(
        (None, -1, 0, 2**40, 1e308, "", "x", "2016-13-45", "[", '{"a": "b"}', b"\xff\0", "a\x1b[0m")
    )
    try:
        connection.execute(f'UPDATE "{name}" SET "{column}" = ?', (value,))
    except sqlite3.IntegrityError:
        connection.execute(f'DELETE FROM "{name}"')


def _read_all(file):
    with Library.open(file, create=False) as library:
        library.status()
        library.labels()
        found = list(library.photos())
        for photo in found[:2]:
            library.photo(photo.path)
        list(library.lines("smiling:any taken:2016"))
        library.count("cat")
        list(library.failures())
        list(library.jobs(None, {"decode": "d", "colour": "c"}))
        for album in library.albums():
            library.album(album.name)
        for question in QUESTIONS:
            list(library.lines(question))
        library.people()
        library.persons()
        library.suggest_people()
        library.who_is_in(photo.photo_id for photo in found)
        library.changes()
        library.home()
        library.shapes()
        library.positions()
        library.facets()
        list(library.corrected())
        library.folder_stamps(library.roots())
        list(library.metadata_jobs(None))
        thresholds = library.thresholds()
        for pieces in (json_pieces, csv_pieces, geojson_pieces):
            list(pieces(found, thresholds))
        list(coco_pieces(found, thresholds, "/", with_faces=True))
        library.group_people()
        library.undo()
        if found:
            library.correct(found[0].path, add=["holiday"])
            library.tag_faces([(found[0].path, 1)], smiling=True)


# What SQLite allows in any column, and phototag never writes.
ODD = (
    None,
    -1,
    0,
    2**40,
    1e308,
    "",
    "x",
    "2016-13-45",
    "[",
    "[1]",
    "7 1",
    '{"a": "b"}',
    b"\xff\0",
    "a\x1b[0m",
)
# A few of them that were told as an answer, or ended a command with a traceback.
ODD_FEW = (
    ("changes", "steps", "["),
    ("changes", "steps", "[1]"),
    ("persons", "name", b"\xff\0"),
    ("persons", "*", None),
    ("labels", "name", b"\xff\0"),
    ("albums", "theme", b"\xff\0"),
    ("folders", "path", b"\xff\0"),
    ("photos", "rating", b"\xff\0"),
    ("photos", "width", 1e308),
    ("face_group_members", "photo_id", b"\xff\0"),
)


def spoil_column(file, table, column, value):
    """The catalog with this value in a column of every row; `column`: '*' for no rows. Whether that is
    possible."""
    for old in file.parent.glob("catalog.db*"):
        old.unlink()
    file.write_bytes(CATALOG)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        try:
            if column == "*":
                connection.execute(f'DELETE FROM "{table}"')
            else:
                connection.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))
        except (sqlite3.IntegrityError, OverflowError):
            return False
        connection.commit()
    return True


@pytest.mark.parametrize(("table", "column", "value"), ODD_FEW)
def test_an_odd_value_in_a_catalog_is_no_traceback(tmp_path, catalog, table, column, value):
    if spoil_column(tmp_path / "catalog.db", table, column, value):
        attempt(_read_all, tmp_path / "catalog.db")


@pytest.mark.slow
def test_every_odd_value_in_every_column_of_a_catalog(tmp_path, catalog):
    file, tried = tmp_path / "catalog.db", 0
    file.write_bytes(CATALOG)
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = [
            (table, row[1])
            for (table,) in tables
            if not table.startswith("sqlite_")
            for row in connection.execute(f'PRAGMA table_info("{table}")')
        ]
    cases = [(table, "*", None) for table in dict(columns)]
    cases += [(table, column, value) for table, column in columns for value in ODD]
    for table, column, value in cases:
        if spoil_column(file, table, column, value):
            tried += 1
            try:
                attempt(_read_all, file)
            except BaseException as error:
                error.add_note(f"{table}.{column} = {value!r}")
                raise
    assert tried > 1000


SIDECAR = "digikam-faces.jpg.xmp"  # with stars, keywords and regions
FILLED = (
    *("persons", "face_words", "changes", "photo_persons", "embeddings", "face_groups", "face_group_members"),
    *("sidecars", "written", "keywords", "photo_keywords", "regions", "album_photos", "corrections"),
)
QUESTIONS = (
    "person:Anna",
    "person:any or smiling:Anna",
    "rating:3.. keyword:beach",
    "text:day",
    "duplicates",
    "sharp:0.1..",
    "size:1MP..",
)


def noted_pictures():
    """Pictures with XMP, text, and Exif where programs put it that do not find the first."""
    photo, exif, texts = Image.new("RGB", (32, 24), (200, 120, 40)), Image.Exif(), PngImagePlugin.PngInfo()
    exif.get_ifd(0x8769)[0x9003] = "2016:07:04 12:30:00"
    texts.add_text("Creation Time", "Mon, 04 Jul 2016 12:30:00 +0200", zip=True)
    texts.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    raw = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    texts.add_text("Raw profile type exif", f"\nexif\n{len(raw):8}\n{raw.hex()}\n", zip=True)
    for kind, options in (
        ("JPEG", {"exif": exif, "xmp": PACKET}),
        ("PNG", {"pnginfo": texts}),
        ("WEBP", {"exif": exif, "xmp": PACKET}),
        ("TIFF", {"tiffinfo": {700: PACKET, 33723: IPTC}}),
    ):
        data = io.BytesIO()
        photo.save(data, kind, **options)
        yield data.getvalue()
    segment = b"\xff\xe1" + (len(raw) + 2).to_bytes(2, "big") + raw
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(IPTC).to_bytes(4, "big") + IPTC
    notes = b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block
    data = io.BytesIO()
    photo.save(data, "JPEG", exif=exif)
    yield data.getvalue()[:2] + segment + segment + notes + data.getvalue()[2:]


PICTURES, NOTED = list(pictures()), list(noted_pictures())

THEMES = [(Path(theme.__file__).parent / "themes" / f"{name}.toml").read_bytes() for name in theme.names()]


def _npz():
    data = io.BytesIO()
    np.savez(data, images=np.zeros((2, 48, 48), np.uint8), votes=np.eye(10, dtype=np.uint8)[:2] * 5)
    return data.getvalue()


NPZ = _npz()
SHIPPED = Path(store.SHIPPED)


def head_only(data):
    """Weights with all that they state, and a single tensor."""
    (length,) = struct.unpack("<Q", data[:8])
    stated = json.loads(data[8 : 8 + length])["__metadata__"]
    return safetensors.torch.save({"bias": torch.zeros(3)}, stated)


DETECTOR = head_only((SHIPPED / "people-pets.safetensors").read_bytes())
EVERYDAY = (SHIPPED / "everyday.safetensors").read_bytes()
EVERYDAY_HEAD = head_only(EVERYDAY)
SMILENET = (SHIPPED / "smilenet.safetensors").read_bytes()
SMILENET_HEAD = head_only(SMILENET)
FACENESS = (SHIPPED / "faceness.safetensors").read_bytes()
FACENESS_HEAD = head_only(FACENESS)
SIDE = crops_of.STORED_SIDE


def _crops():
    data, some = io.BytesIO(), np.zeros(2, bool)
    np.savez(
        data, crops=np.zeros((2, SIDE, SIDE, 3), np.uint8), scores=np.zeros(2), is_face=some, in_peopled=some
    )
    return data.getvalue()


CROPS = _crops()


@dataclasses.dataclass(frozen=True)
class Plan:
    epochs: int = 1


PLAN = Plan()


def _archive(document):
    data = io.BytesIO()
    torch.save(document, data)
    return data.getvalue()


ARCHIVE = _archive({"backbone.weight": torch.zeros(3)})


def _whole_archive():
    """All names and shapes of a net, with one number for each tensor."""
    with torch.device("meta"):
        tensors = objects.torchvisions("coco-mobile-320").state_dict()
    return _archive({name: torch.zeros((), dtype=t.dtype).expand(t.shape) for name, t in tensors.items()})


WHOLE_ARCHIVE = _whole_archive()


def _checkpoint():
    net = torch.nn.Linear(1, 1)
    states = {"net": net.state_dict(), "averaged": net.state_dict()}
    optimiser = torch.optim.AdamW(net.parameters())
    told = {"plan": {"epochs": 1}, "labels": None, "history": [{"epoch": 1.0}]}
    return _archive({**told, **states, "optimiser": optimiser.state_dict()})


CHECKPOINT = _checkpoint()
ALBUM_LEDGER = {
    "about": "Made by phototag.",
    "files": {
        "1.jpg": {"how": "symlink", "sha256": "0" * 64, "photo": "0" * 64},
        "../2.jpg": {"how": "copy", "sha256": "0" * 64, "photo": "0" * 64},
        "gallery/index.html": {"how": "made", "sha256": "0" * 64},
        "a.jpg": {"how": "copy", "source": "/dev/zero"},
    },
}
WORDS = merge.PhotoWords(
    (merge.Keyword(("thing", "dog"), "dog"), merge.Keyword(("smiling", "everyone"), "everyone smiling")),
    6,
    (merge.NamedFace("Anna", Box(0.1, 0.2, 0.3, 0.4)),),
    (4000, 3000),
)
OUR_PACKETS = [merge.merge(PACKET, WORDS, now="2026-01-02T03:04:05+00:00").data]


def _onnx():
    """A small YOLOX as ONNX, as tests of its reader write it."""
    from tests.nets.detector.test_yolox import write_onnx

    with tempfile.TemporaryDirectory() as folder:
        return write_onnx(yolox.Yolox(80, 4).eval(), Path(folder, "a.onnx")).read_bytes()


ONNX = _onnx()


def _music():
    """A second of a tone as WAV and in what FFmpeg encodes by itself."""
    import av

    tone = (np.sin(np.arange(44_100) / 20) * 9000).astype("<i2")
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    yield data.getvalue()
    for kind, codec in (
        ("flac", "flac"),
        ("mp3", "mp3"),
        ("ipod", "aac"),
        ("ogg", "opus"),
        ("matroska", "flac"),
    ):
        coded = io.BytesIO()
        with av.open(io.BytesIO(data.getvalue())) as source, av.open(coded, "w", format=kind) as target:
            stream = target.add_stream("libopus" if codec == "opus" else codec, rate=48_000)
            resampler = av.AudioResampler(stream.format.name, "stereo", 48_000)
            for frame in source.decode(audio=0):
                for part in resampler.resample(frame):
                    target.mux(stream.encode(part))
            target.mux(stream.encode(None))
        yield coded.getvalue()


MUSIC = list(_music())
CATALOG = b""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """A small catalog as scans make it, with people, what another program wrote, and words of a person."""
    from phototag import scan
    from phototag.records import Member
    from phototag.scanning import ScanOptions
    from phototag.taggers import table
    from tests import tiny

    base = tmp_path_factory.mktemp("seed")
    photos = base / "photos"
    photos.mkdir()
    for name in ("booth-two.jpg", "astronaut.jpg", "rocket.jpg"):
        shutil.copy(SAMPLES / "2016" / name, photos)
    shutil.copy(photos / "rocket.jpg", photos / "twice.jpg")
    (photos / "astronaut.jpg.xmp").write_bytes((FOREIGN / SIDECAR).read_bytes())
    kept = dict(table.SPECS)
    table.SPECS["colour"] = tiny.SPEC
    try:
        with Library.open(base / "catalog.db") as library:
            scan(library, [photos], ScanOptions(taggers=("faces", "smiles", "colour"), people=True))
            photo = next(library.photos())
            library.correct(photo.path, add=["beach"], remove=["cat"])
            booth = str(photos / "booth-two.jpg")
            library.tag_faces([(booth, 1)], person="Anna", smiling=True)
            library.add_face(booth, Box(0.1, 0.1, 0.3, 0.4), person="Ben")
            library.group_people()
            library.save_album("Best", "smiles", [Member(photo.photo_id, 1, "chosen", 0.5)], "taken:2016")
    finally:
        table.SPECS.clear()
        table.SPECS.update(kept)
    with closing(sqlite3.connect(base / "catalog.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for table_name in FILLED:
            assert connection.execute(f"SELECT count(*) FROM {table_name}").fetchone()[0], table_name
    global CATALOG
    CATALOG = (base / "catalog.db").read_bytes()


TARGETS = [
    try_exif, try_unopened, try_dates, try_xmp, try_iptc, try_picasa, try_exiftool_json, try_takeout,
    try_pixel_hash, try_theme, try_detector_weights,
    try_everyday_weights, try_smilenet_weights, try_record, try_coco, try_csv, try_npz, try_catalog,
    try_faceness_weights, try_tables, try_crops, try_onnx, try_coco_weights, try_checkpoint, try_album,
    try_merge, try_music,
]  # fmt: skip


SLOW = (
    try_detector_weights,
    try_everyday_weights,
    try_smilenet_weights,
    try_catalog,
    try_coco_weights,
    try_music,
)  # files of megabytes, databases


def fuzz(target, folder, mutants, seed):
    rng, taken = random.Random(seed), 0
    for number in range(mutants):
        try:
            taken += target(folder, rng, number)
        except BaseException as error:
            error.add_note(f"mutant {number} of {target.__name__}, seed {seed}")
            raise
    return taken


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("target", TARGETS)
def test_some_hundred_mutants(target, tmp_path, monkeypatch, catalog):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path))
    mutants = 30 if target in SLOW else FEW
    assert fuzz(target, tmp_path, mutants, 1) > 0, "no mutant was taken: they are no test"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("target", TARGETS)
def test_twenty_thousand_mutants(target, tmp_path, monkeypatch, catalog):
    monkeypatch.setenv("PHOTOTAG_WEIGHTS", str(tmp_path))
    fuzz(target, tmp_path, MANY, 2)
