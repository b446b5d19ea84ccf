"""Sidecars of a catalog's photos, from Python and from the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import etree
from PIL import Image

from phototag.cli import main
from phototag.exporting.sidecars import SidecarOptions, export_sidecars
from phototag.library import Library
from phototag.reading.walk import Walk
from phototag.records import Box, Exif, Outcome, PhotoFacts, Tag

FINGERPRINTS = {"decode": "1", "objects": "1"}
FOREIGN = Path(__file__).parent.parent / "metadata" / "foreign"
NAMES = ("2016/a.jpg", "2016/b.jpg", "c.jpg")


@pytest.fixture
def catalog(tmp_path):
    """(folder, catalog): three photos with a dog each; c is grandma's."""
    folder = tmp_path / "photos"
    (folder / "2016").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / name)
    db = tmp_path / "catalog.db"
    with Library.open(db) as library:
        walk = Walk([folder])
        library.reconcile(walk.roots, walk, hash_file=lambda file: file.path, stamps=walk.stamps)
        for job in library.jobs(None, FINGERPRINTS):
            said = Outcome(job.photo_id, "objects", (Tag("dog", 0.9, Box(0, 0, 1, 1)),))
            facts = PhotoFacts(job.photo_id, job.file.path, 30, 40, Exif(orientation=6))
            library.save([facts], [said], FINGERPRINTS)
        library.correct(folder / "c.jpg", add=["grandma"])
    return folder, db


def run(*arguments, code=0):
    result = CliRunner().invoke(main, ["export", *map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def sidecars(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix.lower() == ".xmp"
    )


def contents(folder):
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }


def test_written_once_and_taken_away(catalog):
    folder, db = catalog
    before = contents(folder)
    assert "3 photos; sidecars: 3 created, 0 changed, 0 as they should be." in run("--xmp", "--db", db).stdout
    assert sidecars(folder) == ["2016/a.jpg.xmp", "2016/b.jpg.xmp", "c.jpg.xmp"]
    assert b"phototag|label|grandma" in (folder / "c.jpg.xmp").read_bytes()
    written = contents(folder)
    assert "0 created, 0 changed, 3 as they should be" in run("--xmp", "--db", db).stdout
    assert contents(folder) == written, "not even touched"
    assert "3 deleted" in run("--xmp", "--remove", "--db", db).stdout
    assert contents(folder) == before


def test_only_the_photos_asked_for(catalog):
    folder, db = catalog
    assert "1 photo; sidecars: 1 created" in run("--xmp", "grandma", "--db", db).stdout
    assert sidecars(folder) == ["c.jpg.xmp"]


def test_a_dry_run_tells_field_by_field_and_writes_nothing(catalog):
    folder, db = catalog
    before = contents(folder.parent)
    said = run("--xmp", "--dry-run", "grandma", "--db", db)
    assert "  dc:subject: - -> dog, grandma\n" in said.stdout
    assert "  lr:hierarchicalSubject: - -> phototag|thing|dog, phototag|label|grandma\n" in said.stdout
    assert "1 would be created" in said.stdout and "dry run" in said.stderr
    assert contents(folder) == {path: seen for path, seen in before.items() if folder in path.parents}


def test_a_word_taken_back_is_taken_out(catalog):
    folder, db = catalog
    run("--xmp", "--db", db)
    with Library.open(db) as library:
        library.correct(folder / "c.jpg", remove=["dog"])
    said = run("--xmp", "--dry-run", "--db", db).stdout
    assert "dc:subject: dog, grandma -> grandma" in said and "a.jpg" not in said
    assert "0 created, 1 changed, 2 as they should be" in run("--xmp", "--db", db).stdout


def test_the_rights_and_everything_foreign_stay(catalog):
    folder, db = catalog
    path = folder / "c.jpg.xmp"
    shutil.copy(FOREIGN / "by-hand.jpg.xmp", path)
    path.chmod(0o604)
    original = path.read_bytes()
    run("--xmp", "--db", db)
    assert path.stat().st_mode & 0o777 == 0o604 and b"kept by hand" in path.read_bytes()
    run("--xmp", "--remove", "--db", db)
    assert etree.tostring(etree.parse(path), method="c14n") == etree.tostring(
        etree.fromstring(original).getroottree(), method="c14n"
    )


def test_one_that_does_not_parse_is_left_alone_and_reported(catalog):
    folder, db = catalog
    (folder / "c.jpg.xmp").write_bytes(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    before = (folder / "c.jpg.xmp").read_bytes()
    said = run("--xmp", "--db", db, code=3)
    assert "2 created" in said.stdout and "1 left alone" in said.stdout
    assert "c.jpg.xmp: it is no XMP that can be added to, and was left alone" in said.stderr
    assert (folder / "c.jpg.xmp").read_bytes() == before


def test_styles(catalog):
    folder, db = catalog
    (folder / "c.CR2").write_bytes(b"raw")
    said = run("--xmp", "--sidecar-style", "stem", "--db", db, code=3)
    assert sidecars(folder) == ["2016/a.xmp", "2016/b.xmp"]
    assert "c.xmp would belong to c.CR2 too; use --sidecar-style ext" in said.stderr
    run("--xmp", "--db", db)
    assert sidecars(folder) == ["2016/a.xmp", "2016/b.xmp", "c.jpg.xmp"], "those that are there are used"
    run("--xmp", "--remove", "--db", db)
    assert sidecars(folder) == []


def test_a_photo_has_its_words_in_one_sidecar(catalog):
    folder, db = catalog
    run("--xmp", "--db", db)
    shutil.copy(FOREIGN / "one-line.jpg.xmp", folder / "c.xmp")
    said = run("--xmp", "--db", db).stdout
    assert "0 created, 1 changed, 1 deleted, 2 as they should be" in said
    assert not (folder / "c.jpg.xmp").exists() and b"grandma" in (folder / "c.xmp").read_bytes()
    (folder / "c.jpg.xmp").write_text("of another program, and no XMP")
    assert "3 as they should be" in run("--xmp", "--db", db).stdout


def test_a_word_that_nobody_knows_is_refused_before_anything_is_written(catalog):
    folder, db = catalog
    assert "qwertz" in run("--xmp", "qwertz", "--db", db, code=2).stderr
    assert "qwertz" in run("--csv", "qwertz", "--db", db).stderr
    assert sidecars(folder) == []


def test_a_sidecar_that_lightroom_made_for_a_raw_is_not_used(catalog):
    folder, db = catalog
    theirs = folder / "c.xmp"
    theirs.write_bytes(
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        b'photoshop:SidecarForExtension="CR3"/></rdf:RDF></x:xmpmeta>'
    )
    before = theirs.read_bytes()
    run("--xmp", "--db", db)
    assert theirs.read_bytes() == before and (folder / "c.jpg.xmp").exists()


def test_into_another_folder(catalog, tmp_path):
    folder, db = catalog
    before = contents(folder)
    run("--xmp", "--sidecar-dir", tmp_path / "side", "--db", db)
    assert sidecars(tmp_path / "side") == ["2016/a.jpg.xmp", "2016/b.jpg.xmp", "c.jpg.xmp"]
    assert contents(folder) == before
    assert "3 as they should be" in run("--xmp", "--sidecar-dir", tmp_path / "side", "--db", db).stdout
    run("--xmp", "--remove", "--sidecar-dir", tmp_path / "side", "--db", db)
    assert sidecars(tmp_path / "side") == []
    assert "not a folder" in run("--xmp", "--sidecar-dir", db, "--db", db, code=2).stderr.replace(
        "is a file", "not a folder"
    )


def test_no_step_below_the_folder_of_sidecars_is_a_link(catalog, tmp_path):
    _, db = catalog
    side, elsewhere = tmp_path / "side", tmp_path / "elsewhere"
    elsewhere.mkdir()
    side.mkdir()
    (side / "2016").symlink_to(elsewhere)
    for options in ((), ("--remove",)):
        said = run("--xmp", "--sidecar-dir", side, *options, "--db", db, code=3)
        assert "2016 is a symbolic link, and nothing is written through one" in said.stderr
        assert "2 left alone" in said.stdout
    assert list(elsewhere.iterdir()) == []
    (tmp_path / "linked").symlink_to(elsewhere)  # the folder itself is where a person says
    assert "3 created" in run("--xmp", "--sidecar-dir", tmp_path / "linked", "--db", db).stdout


def test_a_photo_that_is_gone_gets_none(catalog):
    folder, db = catalog
    (folder / "c.jpg").unlink()
    said = run("--xmp", "--db", db, code=3)
    assert "c.jpg: the photo is not there; scan its folder again" in said.stderr
    assert "c.jpg.xmp" not in sidecars(folder)


def test_nothing_is_written_into_a_library_of_apples(tmp_path):
    folder = tmp_path / "Family.photoslibrary" / "originals"
    folder.mkdir(parents=True)
    Image.new("RGB", (40, 30)).save(folder / "a.jpg")
    db = tmp_path / "catalog.db"
    with Library.open(db) as library:
        walk = Walk([tmp_path])
        library.reconcile(walk.roots, walk, hash_file=lambda file: file.path, stamps=walk.stamps)
        library.correct(folder / "a.jpg", add=["grandma"])
    assert "use --sidecar-dir" in run("--xmp", "--db", db, code=3).stderr
    assert sidecars(tmp_path) == []
    run("--xmp", "--sidecar-dir", tmp_path / "side", "--db", db)
    assert sidecars(tmp_path) == ["side/Family.photoslibrary/originals/a.jpg.xmp"]


def test_without_lxml_the_extra_is_named(catalog):
    _, db = catalog
    program = "import sys; sys.modules['lxml'] = None; from phototag.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "export", "--xmp", "--db", db], capture_output=True, text=True
    )
    assert done.returncode == 1 and "pip install 'phototag[xmp]'" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_reported(catalog):
    folder, db = catalog
    folder.chmod(0o555)
    try:
        assert "cannot be written" in run("--xmp", "--db", db, code=3).stderr
    finally:
        folder.chmod(0o755)


def test_from_python(catalog):
    folder, db = catalog
    seen, steps = [], []
    with Library.open(db) as library:
        report = export_sidecars(
            library,
            "grandma",
            SidecarOptions(dry_run=True),
            on_change=seen.append,
            on_progress=lambda done, total: steps.append((done, total)),
        )
        assert (report.photos, report.created, report.failures) == (1, 1, [])
        assert [change.sidecar for change in seen] == [str(folder / "c.jpg.xmp")]
        assert steps == [(1, 1)] and sidecars(folder) == []
        report = export_sidecars(library, should_stop=lambda: True)
        assert report.interrupted and report.photos == 0


def test_what_contradicts_itself_is_refused(catalog):
    _, db = catalog
    assert "--xmp" in run("--db", db, code=2).stderr
    assert "--remove needs --xmp" in run("--json", "--remove", "--db", db, code=2).stderr
    assert "--faces needs --xmp or --coco" in run("--csv", "--faces", "--db", db, code=2).stderr
    assert "exclude each other" in run("--csv", "--coco", "--db", db, code=2).stderr
    assert "exclude each other" in run("--xmp", "--geojson", "--db", db, code=2).stderr
    assert "exclude each other" in run("--xmp", "--remove", "--faces", "--db", db, code=2).stderr
    run("--xmp", "--min-score", "2", "--db", db, code=2)
    run("--xmp", "taken:soon", "--db", db, code=2)


def test_min_score(catalog):
    _, db = catalog
    said = run("--xmp", "--dry-run", "--min-score", "0.95", "--db", db).stdout
    assert "dc:subject: - -> grandma" in said and "dog" not in said


def test_ctrl_c_leaves_whole_sidecars_and_the_next_export_goes_on(catalog):
    folder, db = catalog
    for number in range(400):
        name = folder / "2016" / f"{number}.jpg"
        Image.new("RGB", (40, 30), (number % 256, number // 256, 1)).save(name)
    with Library.open(db) as library:
        walk = Walk([folder])
        library.reconcile(walk.roots, walk, hash_file=lambda file: file.path, stamps=walk.stamps)
        for job in library.jobs(None, FINGERPRINTS):
            said = Outcome(job.photo_id, "objects", (Tag("dog", 0.9, Box(0, 0, 1, 1)),))
            library.save([PhotoFacts(job.photo_id, job.file.path, 40, 30)], [said], FINGERPRINTS)
    process = subprocess.Popen(
        [sys.executable, "-m", "phototag", "export", "--xmp", "--db", db],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and len(sidecars(folder)) < 20:
        pass
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 130 and "Stopped" in told
    written = len(sidecars(folder))
    assert 20 <= written < 403
    assert [path for path in folder.rglob(".phototag*")] == []
    done = json.loads(run("--xmp", "--json", "--db", db).stdout)
    assert done["unchanged"] == written and done["created"] == 403 - written
