"""A scan of remote storage from end to end, on a real S3 server."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from phototag import Library, scan
from phototag.cli import main
from phototag.errors import StorageError, UsageError
from phototag.scanning import ScanOptions
from phototag.taggers import table
from phototag.web.thumbnails import Thumbnails, Wanted
from tests import tiny
from tests.conftest import SAMPLES

NAMES = ("2015/cat.jpg", "2015/coffee.jpg", "2016/rocket.jpg", "2016/burst-1.jpg", "2016/burst-2.jpg")
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="%d"/></rdf:RDF></x:xmpmeta>"""


@pytest.fixture
def library(tmp_path):
    known = dict(table.SPECS)
    table.SPECS.clear()
    table.SPECS["colour"] = tiny.SPEC
    with Library.open(tmp_path / "c.db") as library:
        yield library
    table.SPECS.clear()
    table.SPECS.update(known)


@pytest.fixture
def photos(s3_server, s3, bucket):
    """Five photos in s3://museum/photos."""
    for name in NAMES:
        s3.put_object(Bucket=bucket, Key=f"photos/{name}", Body=(SAMPLES / name).read_bytes())
    s3_server.forget()
    return "s3://museum/photos"


def fingerprint_of(library, path):
    photo = library.photo(path)
    return photo and (photo.photo_id, photo.content_hash, photo.missing_since)


def test_each_photo_is_downloaded_once_and_never_again(s3_server, photos, library):
    report = scan(library, [photos])
    assert (report.found, report.tagged, report.failed) == (5, 5, 0)
    assert sorted(s3_server.fetched()) == sorted(f"/museum/photos/{name}" for name in NAMES)
    s3_server.forget()
    report = scan(library, [photos + "/"])
    assert (report.found, report.tagged, report.unchanged) == (5, 0, 5)
    assert (
        s3_server.fetched() == [] and len(s3_server.requests) == 5
    )  # two to look at the root, a list per folder
    assert {path for path in library.paths()} == {f"{photos}/{name}" for name in NAMES}


def test_of_two_changed_objects_only_other_bytes_are_looked_at_again(s3_server, s3, bucket, photos, library):
    scan(library, [photos])
    time.sleep(1.1)  # S3 counts whole seconds
    s3.put_object(Bucket=bucket, Key="photos/2015/cat.jpg", Body=(SAMPLES / "2015/cat.jpg").read_bytes())
    s3.put_object(
        Bucket=bucket, Key="photos/2016/rocket.jpg", Body=(SAMPLES / "2016/astronaut.jpg").read_bytes()
    )
    s3_server.forget()
    report = scan(library, [photos])
    assert (report.tagged, report.unchanged) == (1, 4)
    assert {*s3_server.fetched()} == {"/museum/photos/2016/rocket.jpg"}


def test_removed_and_moved_objects(s3, bucket, photos, library):
    scan(library, [photos])
    moved = fingerprint_of(library, f"{photos}/2015/cat.jpg")
    s3.put_object(Bucket=bucket, Key="photos/2017/puss.jpg", Body=(SAMPLES / "2015/cat.jpg").read_bytes())
    s3.delete_object(Bucket=bucket, Key="photos/2015/cat.jpg")
    s3.delete_object(Bucket=bucket, Key="photos/2016/rocket.jpg")
    report = scan(library, [photos])
    assert (report.moved, report.missing, report.tagged) == (1, 1, 0)
    assert fingerprint_of(library, f"{photos}/2017/puss.jpg") == moved
    assert library.photo(f"{photos}/2016/rocket.jpg").missing_since is not None


def test_files_beside_remote_photos_are_read_and_watched(s3_server, s3, bucket, photos, library):
    s3.put_object(Bucket=bucket, Key="photos/2015/cat.xmp", Body=XMP % 4)
    takeout = {"photoTakenTime": {"timestamp": "1465000000"}, "description": "on the pier"}
    s3.put_object(Bucket=bucket, Key="photos/2015/coffee.jpg.json", Body=json.dumps(takeout))
    scan(library, [photos])
    assert library.photo(f"{photos}/2015/cat.jpg").written.rating == 4
    assert library.photo(f"{photos}/2015/coffee.jpg").written.description == "on the pier"
    time.sleep(1.1)
    s3.put_object(Bucket=bucket, Key="photos/2015/cat.xmp", Body=XMP % 5)
    s3_server.forget()
    report = scan(library, [photos])
    assert (report.metadata_read, report.tagged) == (1, 0)
    assert library.photo(f"{photos}/2015/cat.jpg").written.rating == 5
    of_photos = [part for method, path, part in s3_server.requests if method == "GET" and ".jpg" in path]
    assert of_photos == ["bytes=0-65535"]  # its head alone


def test_a_single_object_can_be_named(photos, library):
    report = scan(library, [f"{photos}/2015/cat.jpg"])
    assert (report.found, report.tagged) == (1, 1)
    assert library.photo(f"{photos}/2015/cat.jpg") is not None


def test_all_tags_are_those_of_a_local_scan(scanned, s3, bucket, tmp_path):
    folder, catalog = scanned
    for path in folder.rglob("*.*"):
        s3.put_object(Bucket=bucket, Key=str(path.relative_to(folder)), Body=path.read_bytes())
    with Library.open(tmp_path / "remote.db") as there, Library.open(catalog) as here:
        report = scan(there, ["s3://museum"])
        assert report.tagged == here.count() > 10
        for path in here.paths():
            ours = here.photo(path)
            theirs = there.photo("s3://museum/" + os.path.relpath(path, folder))
            same = {"path": "", "photo_id": 0}
            if ours.date_is_guessed:  # of the file here, of the object there
                same |= {"taken_at": None}
            assert dataclasses.replace(theirs, **same) == dataclasses.replace(ours, **same)


def test_an_unreadable_object_costs_one_photo_and_is_tried_again(s3_server, photos, library):
    s3_server.refuse = lambda method, path: (403, "AccessDenied") if "cat" in path else None
    report = scan(library, [photos])
    assert (report.tagged, report.unreadable) == (4, 1)
    assert report.failures == [(f"{photos}/2015/cat.jpg", "decode", "access denied")]
    s3_server.forget()
    assert scan(library, [photos]).tagged == 1


def test_a_bucket_that_goes_away_in_the_middle_ends_the_scan_and_leaves_what_was_saved(
    s3_server, photos, library
):
    read = set()

    def refuse(method, path):
        if path.endswith(".jpg"):
            read.add(path)
        return (404, "NoSuchBucket") if len(read) > 3 else None

    s3_server.refuse = refuse
    with pytest.raises(StorageError, match="no bucket s3://museum"):
        scan(library, [photos], ScanOptions(batch_size=1, workers=1))
    s3_server.refuse = lambda method, path: (404, "NoSuchBucket")
    with pytest.raises(StorageError, match="no bucket s3://museum"):
        scan(library, [photos])
    assert library.count("missing") == 0
    done = library.status().photos
    s3_server.forget()
    report = scan(library, [photos])
    assert done == 5 and 0 < report.tagged < 5 and report.failed == 0


def test_a_prefix_that_was_emptied_loses_no_photo(s3, bucket, photos, library):
    scan(library, ["s3://museum"])
    for name in NAMES:
        s3.delete_object(Bucket=bucket, Key=f"photos/{name}")
    report = scan(library, ["s3://museum"])
    assert report.missing == 0 and "Nothing was changed" in report.notes[0]


def test_what_cannot_be_done_with_remote_photos_is_said(s3_server, photos, library, monkeypatch):
    with pytest.raises(UsageError, match="--fast"):
        scan(library, [photos], ScanOptions(fast=True))
    with pytest.raises(StorageError, match="--offline"):
        scan(library, [photos], ScanOptions(offline=True))
    monkeypatch.setenv("PHOTOTAG_OFFLINE", "1")
    with pytest.raises(StorageError, match="PHOTOTAG_OFFLINE"):
        scan(library, [photos])
    assert s3_server.requests == []


def test_questions_ask_nobody(s3_server, photos, library):
    scan(library, [photos])
    s3_server.forget()
    assert library.count() == 5 and library.count("path:2015") == 2
    assert s3_server.requests == []


def test_a_local_scan_asks_no_storage_and_takes_no_photo_of_it_for_moved(
    s3_server, photos, library, tmp_path
):
    scan(library, [photos])
    shutil.copytree(SAMPLES / "2015", tmp_path / "here")
    s3_server.forget()
    report = scan(library, [tmp_path / "here"])
    assert s3_server.requests == [] and report.moved == 0
    assert library.count("missing") == 0


def test_a_root_goes_over_to_a_mount_and_back(s3_server, photos, library, tmp_path):
    scan(library, [photos])
    library.correct(f"{photos}/2015/cat.jpg", add=["grandma's"])
    for name in NAMES:
        (tmp_path / "mnt" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / name, tmp_path / "mnt" / name)
    assert library.relocate(photos, tmp_path / "mnt") == 5
    report = scan(library, [tmp_path / "mnt"])
    assert (report.found, report.tagged, report.missing) == (5, 0, 0)
    assert library.relocate(tmp_path / "mnt", photos) == 5
    report = scan(library, [photos])
    assert (report.found, report.tagged, report.missing) == (5, 0, 0)
    assert library.photo(f"{photos}/2015/cat.jpg").user_labels == ("grandma's",)
    s3_server.forget()
    scan(library, [photos])
    assert s3_server.fetched() == []


def run(*arguments, db):
    return CliRunner().invoke(main, [*map(str, arguments), "--db", str(db)])


def test_no_secret_is_stored_or_shown(photos, library, s3):
    done = run("scan", photos, "--json", db=library.path)
    assert done.exit_code == 0, done.output
    shown = run("show", f"{photos}/2015/cat.jpg", "--json", db=library.path)
    assert json.loads(shown.stdout)["path"] == f"{photos}/2015/cat.jpg"
    library.close()
    stored = b"".join(path.read_bytes() for path in library.path.parent.glob("c.db*"))
    for secret in ("do-not-show", "testing"):
        assert secret.encode() not in stored and secret not in done.output + shown.output


def test_a_mistyped_prefix_makes_no_catalog(s3, bucket, tmp_path):
    done = run("scan", "s3://museum/photso", db=tmp_path / "none.db")
    assert done.exit_code == 1 and "There is nothing at s3://museum/photso" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_interrupted_it_goes_on_where_it_stopped(s3_server, s3, bucket, tmp_path):
    for number in range(60):
        s3.put_object(
            Bucket=bucket,
            Key=f"{number:02}.jpg",
            Body=(SAMPLES / "2016/rocket.jpg").read_bytes() + bytes([number]),
        )
    command = [sys.executable, "-m", "tests.tiny", "scan", "s3://museum", "--db", str(tmp_path / "c.db")]
    s3_server.forget()
    s3_server.refuse = lambda method, path: time.sleep(0.05)
    process = subprocess.Popen([*command, "--batch-size", "4"], stderr=subprocess.PIPE, text=True)
    while len(s3_server.fetched()) < 20:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    before = len(s3_server.fetched())
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert 0 < report["tagged"] < 60 and report["tagged"] + report["unchanged"] == 60
    assert len(s3_server.fetched()) - before == report["tagged"]


# -- what becomes of remote photos afterwards


@pytest.fixture
def museum(s3_server, s3, bucket, scanned, tmp_path):
    """The catalog of a scan with the real taggers, of which the photos are in s3://museum."""
    folder, catalog = scanned
    for path in folder.rglob("*.*"):
        s3.put_object(Bucket=bucket, Key=str(path.relative_to(folder)), Body=path.read_bytes())
    with Library.open(catalog) as library:
        library.status()  # opens and closes: the write-ahead log is folded in before the file is copied
    shutil.copy(catalog, tmp_path / "museum.db")
    with Library.open(tmp_path / "museum.db") as library:
        library.relocate(folder, "s3://museum")
    s3_server.forget()
    return tmp_path / "museum.db"


def test_an_album_holds_copies_whatever_link_is_asked_for(s3_server, museum, tmp_path):
    out = tmp_path / "album"
    done = run("highlights", "smiles", "taken:2016", "--top", "2", "--out", out, "--hardlink", db=museum)
    assert done.exit_code == 0, done.output
    copies = [path for path in out.rglob("*.jpg") if "gallery" not in path.parts]
    originals = {path.read_bytes() for path in SAMPLES.rglob("*.jpg")}
    assert copies and all(not path.is_symlink() and path.read_bytes() in originals for path in copies)
    s3_server.forget()
    again = run("highlights", "smiles", "taken:2016", "--top", "2", "--out", out, "--hardlink", db=museum)
    assert again.exit_code == 0, again.output


def test_an_album_leaves_out_what_is_no_longer_there(s3, museum, tmp_path):
    for name in ("2016/booth-one-serious.jpg", "2016/booth-two.jpg", "2016/astronaut.jpg"):
        s3.delete_object(Bucket="museum", Key=name)
    done = run("highlights", "smiles", "taken:2016", "--top", "2", "--out", tmp_path / "album", db=museum)
    assert done.exit_code == 0 and "left out: it cannot be read" in done.output
    assert not [*(tmp_path / "album").glob("*booth*")]


def test_documents_name_remote_photos(museum):
    coco = json.loads(run("export", "--coco", "path:2016", db=museum).stdout)
    assert coco["info"]["folder"] == "s3://museum/2016"
    assert "astronaut.jpg" in {image["file_name"] for image in coco["images"]}
    shown = run("query", "path:astronaut", db=museum).stdout
    assert "s3://museum/2016/astronaut.jpg" in shown
    assert run("why", "s3://museum/2016/astronaut.jpg", db=museum).exit_code == 0


def test_no_sidecar_is_written_for_remote_photos(s3_server, museum):
    done = run("export", "--xmp", "path:astronaut", db=museum)
    assert done.exit_code == 3 and "remote storage" in done.output
    assert s3_server.requests == []


def test_words_about_remote_photos(museum):
    assert run("tag", "s3://museum/2016/astronaut.jpg", "+space", db=museum).exit_code == 0
    assert run("query", "space", "--count", db=museum).stdout.strip() == "1"
    assert run("undo", db=museum).exit_code == 0
    assert run("query", "space", "--count", db=museum).stdout.strip() == "0"
    assert run("forget", "s3://museum/2016", "--dry-run", db=museum).exit_code == 0


def test_small_pictures_of_remote_photos_are_fetched_once(s3_server, museum, tmp_path):
    with Library.open(museum) as library:
        photo = library.photo("s3://museum/2016/astronaut.jpg")
    thumbnails = Thumbnails(tmp_path / "cache")
    wanted = Wanted(photo.path, photo.content_hash, 320)
    data = thumbnails.wish(wanted).result(30)
    assert data[:4] == b"RIFF" and len(s3_server.fetched()) == 1
    assert thumbnails.find(wanted) == data and len(s3_server.fetched()) == 1


def test_without_a_connection_the_catalog_still_answers(museum, tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_OFFLINE", "1")
    assert run("query", "smiling:all", "--count", db=museum).exit_code == 0
    assert run("show", "s3://museum/2016/astronaut.jpg", db=museum).exit_code == 0
    out = tmp_path / "album"
    done = run("highlights", "smiles", "taken:2016", "--top", "2", "--out", out, db=museum)
    assert done.exit_code == 1 and "PHOTOTAG_OFFLINE" in done.stderr and not out.exists()
