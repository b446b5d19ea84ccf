"""`phototag scan` as people meet it: twice, interrupted, killed, over bad files, over moved ones."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main
from phototag.reading.formats import is_installed
from tests.bad_files import make_bad_files

ROOT = Path(__file__).parent.parent.parent


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def tiny(*arguments, db, **options):
    """The real command line with the tiny tagger, as a process of its own."""
    environment = {**os.environ, "PHOTOTAG_DB": str(db)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tiny", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def pictures(folder, count, side=24):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(folder / f"{i:04}.png")


def content(db):
    """All that a catalog says, without ids and times."""
    with sqlite3.connect(db) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(
            "SELECT p.path, p.content_hash, p.width, g.name, f.fingerprint, a.error, l.name, "
            "round(t.score, 6) FROM photos p "
            "LEFT JOIN answers a ON a.photo_id = p.id LEFT JOIN taggers g ON g.id = a.tagger_id "
            "LEFT JOIN fingerprints f ON f.id = a.fingerprint_id LEFT JOIN tags t ON t.answer_id = a.id "
            "LEFT JOIN labels l ON l.id = t.label_id ORDER BY 1, 4, 7"
        ).fetchall()


def test_the_second_scan_decodes_nothing_and_says_so(own_copy):
    folder, catalog = own_copy
    result = run("scan", folder, "--db", catalog)
    assert "no photo had to be decoded" in result.stdout
    assert "phototag query smiling:all" in result.stdout
    found = json.loads(run("scan", folder, "--db", catalog, "--json").stdout)
    assert (found["found"], found["tagged"], found["unchanged"], found["failed"]) == (15, 0, 15, 0)
    assert {"moved", "missing", "skipped", "seconds", "taggers"} <= set(found)


def test_moved_and_renamed_photos_are_not_looked_at_again(own_copy):
    folder, catalog = own_copy
    (folder / "elsewhere").mkdir()
    for number, photo in enumerate(sorted((folder / "2016").iterdir())):
        photo.rename(folder / "elsewhere" / f"renamed {number}{photo.suffix}")
    before = json.loads(run("query", "smiling:all", "--count", "--db", catalog).stdout)
    found = json.loads(run("scan", folder, "--db", catalog, "--json").stdout)
    assert (found["tagged"], found["moved"], found["missing"]) == (0, 8, 0)
    assert json.loads(run("query", "smiling:all", "--count", "--db", catalog).stdout) == before


def test_a_dry_run_tells_and_does_nothing(own_copy):
    folder, catalog = own_copy
    shutil.copy(folder / "2015" / "cat.jpg", folder / "again.jpg")
    Image.new("RGB", (50, 50), "red").save(folder / "new.png")
    result = run("scan", folder, "--db", catalog, "--dry-run")
    assert "Nothing was done" in result.stdout
    assert json.loads(run("query", "--count", "--db", catalog).stdout) == 15


def test_a_vanished_photo_is_kept_as_missing_and_an_empty_root_changes_nothing(own_copy):
    folder, catalog = own_copy
    (folder / "2015" / "cat.jpg").unlink()
    assert json.loads(run("scan", folder, "--db", catalog, "--json").stdout)["missing"] == 1
    assert run("query", "missing", "--count", "--db", catalog).stdout.strip() == "1"
    shutil.rmtree(folder)
    folder.mkdir()
    found = json.loads(run("scan", folder, "--db", catalog, "--json").stdout)
    assert found["missing"] == 0 and found["notes"]
    assert run("query", "missing", "--count", "--db", catalog).stdout.strip() == "1"


def test_fast_lists_only_folders_whose_time_has_changed(tmp_path):
    folder, db = tmp_path / "photos", tmp_path / "c.db"
    pictures(folder / "2016", 3)
    pictures(folder / "2017", 2)

    def scan(*arguments):
        for year in ("", "2016", "2017"):
            if os.stat(folder / year).st_mtime > time.time() - 60:
                os.utime(folder / year, (10**9 + len(os.listdir(folder / year)),) * 2)
        with tiny("scan", folder, *arguments, db=db) as process:
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return json.loads(out) if "--json" in arguments else out

    assert scan("--json")["tagged"] == 5
    found = scan("--fast", "--json")
    assert (found["found"], found["unchanged"], found["unlisted"]) == (5, 5, 3)
    shutil.copy(folder / "2017/0000.png", folder / "2017/copy.png")
    Image.new("RGB", (30, 30), "red").save(folder / "2016/0001.png")
    found = scan("--fast", "--json")
    assert (found["found"], found["tagged"], found["unchanged"], found["unlisted"]) == (6, 0, 6, 2), (
        "the copy is known"
    )
    assert "3 folders unchanged, not listed again" in scan("--fast")
    found = scan("--json")
    assert (found["found"], found["tagged"], found["unlisted"]) == (6, 1, 0), "edited in place"
    assert "edited in place" in run("scan", "--help").stdout


def test_bad_files_cost_one_reason_each_and_exit_3(tmp_path):
    folder = tmp_path / "photos"
    pictures(folder / "good", 5)
    make_bad_files(folder / "bad")
    with tiny("scan", folder, "--json", db=tmp_path / "c.db") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    found = json.loads(out)
    assert found["failed"] > 20
    assert found["tagged"] + found["unreadable"] == found["found"]
    with tiny("query", "path:good", "--count", db=tmp_path / "c.db") as process:
        assert process.communicate()[0].strip() == "5"
    with sqlite3.connect(tmp_path / "c.db") as connection:
        (answers,) = connection.execute("SELECT count(*) FROM answers WHERE error IS NOT NULL").fetchone()
        lines = connection.execute("SELECT error FROM answers WHERE error IS NOT NULL").fetchall()
    assert answers == len(lines) and all(line and "\n" not in line for (line,) in lines)
    with tiny("scan", folder, db=tmp_path / "c.db") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 3 and "could not be read" in out and "phototag query failed" in out


def kill_and_resume(tmp_path, moments):
    folder = tmp_path / "photos"
    pictures(folder, 120)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with tiny("scan", folder, "--batch-size", 4, db=tmp_path / "whole.db") as process:
        process.communicate(timeout=120)
    began = time.monotonic()
    with tiny("scan", folder, "--batch-size", 4, db=tmp_path / "timed.db") as process:
        process.communicate(timeout=120)
    length = time.monotonic() - began
    rng = random.Random(7)
    killed = 0
    for moment in range(moments):
        db = tmp_path / f"{moment}.db"
        process = tiny("scan", folder, "--batch-size", 4, db=db)
        time.sleep(length * rng.uniform(0.2, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        with tiny("scan", folder, "--batch-size", 4, db=db) as process:
            _, err = process.communicate(timeout=120)
        assert process.returncode == 3, err
        assert content(db) == content(tmp_path / "whole.db")
    assert killed


def test_kill_9_and_scan_again_equals_an_uninterrupted_scan(tmp_path):
    kill_and_resume(tmp_path, 2)


@pytest.mark.slow
def test_kill_9_at_twenty_moments(tmp_path):
    kill_and_resume(tmp_path, 20)


def test_ctrl_c_saves_the_batch_and_exits_130(tmp_path):
    folder = tmp_path / "photos"
    pictures(folder, 60, side=700)
    process = tiny("scan", folder, "--batch-size", 2, db=tmp_path / "c.db")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # until the first batch is in
        time.sleep(0.05)
        if (tmp_path / "c.db").exists():
            try:
                with sqlite3.connect(tmp_path / "c.db") as connection:
                    if connection.execute("SELECT count(*) FROM answers").fetchone()[0]:
                        break
            except sqlite3.OperationalError:
                continue
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "go on with the same command" in err
    saved = {row[0] for row in content(tmp_path / "c.db") if row[3]}
    assert 0 < len(saved) < 60
    with tiny("scan", folder, "--json", db=tmp_path / "c.db") as process:
        found = json.loads(process.communicate(timeout=60)[0])
    assert found["tagged"] == 60 - len(saved)


def test_a_scan_that_was_stopped_early_does_not_say_that_nothing_is_there(own_copy):
    from phototag import Library, scan
    from phototag.cli.scan import summary

    folder, catalog = own_copy
    with Library.open(catalog) as library:
        report = scan(library, [folder], should_stop=always)
        said = summary(report, library, (folder,))
    assert report.interrupted and said.startswith("Stopped before") and "No photos" not in said


def always():
    return True


def test_a_log_file_hears_every_ten_seconds_how_far_it_is(capsys, monkeypatch):
    from phototag.cli.scan import _Lines

    times = iter([0.0, 1.0, 11.0, 12.0, 22.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    lines = _Lines()
    lines.show("find", 100, None)
    lines.show("find", 1200, None)
    lines.show("tag", 0, 40_000)
    lines.show("tag", 20, 40_000)
    assert capsys.readouterr().err.splitlines() == [
        "looking for photos: 1,200 photos",
        "looking at photos: 20 of 40,000 photos, 2.0/s, 5 h 33 min left",
    ]


def test_verbose_names_every_photo_that_was_looked_at(tmp_path):
    pictures(tmp_path / "photos", 2)
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    with tiny("scan", "-v", tmp_path / "photos", db=tmp_path / "c.db") as process:
        _, err = process.communicate(timeout=60)
    named = [line.rsplit("/", 1)[1] for line in err.splitlines() if "/photos/" in line]
    assert named == ["0000.png", "0001.png", "bad.png: not a picture, or one too damaged to recognise"]
    with tiny("scan", "-q", tmp_path / "photos", db=tmp_path / "c.db") as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (3, "")


def test_what_was_left_out_is_said_by_ending(tmp_path):
    folder = tmp_path / "photos"
    pictures(folder, 1)
    for name in ("a.mp4", "b.mp4", "c.psd", "none", "evil.\x1b[31m"):
        (folder / name).touch()
    (folder / "real.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    Image.new("RGB", (9, 9)).save(folder / "called.heic", "JPEG")
    with tiny("scan", folder, db=tmp_path / "c.db") as process:
        out, _ = process.communicate(timeout=60)
    assert "\x1b" not in out and "2 .mp4, 1 without ending, 1 .\\x1b[31m, 1 .psd" in out, out
    if not is_installed("heic"):
        assert (
            process.returncode == 0
            and "1 HEIC photo not read: one more package is needed. Type: pip install 'phototag[heic]'" in out
        )
        with tiny("scan", folder, "--json", db=tmp_path / "c.db") as process:
            found = json.loads(process.communicate(timeout=60)[0])
        assert found["needs_extra"] == {"heic": 1} and found["found"] == 2
        assert found["other_endings"]["mp4"] == 2


def test_two_scans_at_once_on_one_catalog_both_finish(tmp_path):
    pictures(tmp_path / "a", 60)
    pictures(tmp_path / "b", 60, side=25)
    both = [tiny("scan", tmp_path / name, "--batch-size", 2, db=tmp_path / "c.db") for name in "ab"]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert len({row[0:2] for row in content(tmp_path / "c.db") if row[3]}) == 120


def test_hostile_names_survive_and_cannot_garble_the_terminal(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    names = [
        b"new\nline.png",
        b"\x1b[31mred.png",
        b"caf\xe9.png",
        b"'; DROP TABLE photos;--.png",
        b"<img onerror=x>.png",
        "日本.png".encode(),
    ]
    for i, name in enumerate(names):
        Image.new("RGB", (16 + i, 16), "red").save(tmp_path / "one.png")
        os.rename(tmp_path / "one.png", os.fsencode(folder) + b"/" + name)
    with tiny("scan", folder, db=tmp_path / "c.db") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "\x1b" not in out + err
    process = tiny("query", "-0", db=tmp_path / "c.db")
    raw = process.stdout.buffer.read()
    process.communicate()
    assert sorted(path.rsplit(b"/", 1)[1] for path in raw.split(b"\0")[:-1]) == sorted(names)
    with tiny("query", "--json", db=tmp_path / "c.db") as process:
        lines = process.communicate()[0].splitlines()
    assert sorted(os.fsencode(json.loads(line)["path"].rsplit("/", 1)[1]) for line in lines) == sorted(names)


def test_mistakes_are_a_sentence_and_the_right_exit_code(tmp_path):
    assert "no file or folder" in run("scan", tmp_path / "nowhere", "--db", tmp_path / "c.db", code=1).stderr
    assert not (tmp_path / "c.db").exists()
    pictures(tmp_path / "p", 1)
    assert (
        "there is no tagger 'nose'"
        in run("scan", tmp_path / "p", "--tagger", "nose", "--db", tmp_path / "c.db", code=2).stderr
    )
    result = run("scan", tmp_path / "p", "--device", "toaster", "--db", tmp_path / "c.db", code=2)
    assert "'toaster' is not understood" in result.stderr
    (tmp_path / "text.db").write_text("this is no catalog, only text. " * 100)
    assert "text.db" in run("scan", tmp_path / "p", "--db", tmp_path / "text.db", code=1).stderr
    assert run("scan", code=2).exit_code == 2


def test_no_photos_is_not_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "No photos found" in run("scan", tmp_path / "empty", "--db", tmp_path / "c.db").stdout


def test_one_tagger_brings_what_it_needs(tmp_path):
    shutil.copy(ROOT / "sample_photos/2016/astronaut.jpg", tmp_path)
    found = json.loads(
        run("scan", tmp_path, "--tagger", "sharpness", "--db", tmp_path / "c.db", "--json").stdout
    )
    assert set(found["taggers"]) == {"faces", "sharpness"}
    assert found["taggers"]["sharpness"]["tagged"] == 1
    found = json.loads(
        run("scan", tmp_path, "--tagger", "smiles", "--db", tmp_path / "c.db", "--json").stdout
    )
    assert found["taggers"]["faces"]["tagged"] == 0 and found["taggers"]["smiles"]["tagged"] == 1
