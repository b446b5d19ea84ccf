"""The benchmarks measure what they say, at sizes too small for their figures to mean anything. No
time is asserted."""

import io
import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image, ImageOps

from phototag.library import Library, summaries
from phototag.taggers import table
from tests.benchmarks import Figure, Plan, alternate, catalog, photos, query, store
from tests.benchmarks.__main__ import BENCHMARKS, line_of, main
from tests.benchmarks.answers import answers
from tests.benchmarks.decode import in_full, ours, psnr


@pytest.fixture
def table_of_taggers():
    """As it was: rescan adds a row."""
    before = dict(table.SPECS)
    yield
    table.SPECS.clear()
    table.SPECS.update(before)


def run(capsys, tmp_path, *arguments):
    assert main([*arguments, "--rounds", "1", "--cache", str(tmp_path / "cache")]) == 0
    return capsys.readouterr().out


def test_without_a_name_the_benchmarks_are_listed(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)


def test_an_unknown_name_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["speed"])
    assert stopped.value.code == 2
    assert "no benchmark 'speed'" in capsys.readouterr().err


def test_several_at_once_as_json(capsys, tmp_path, table_of_taggers):
    found = json.loads(run(capsys, tmp_path, "rescan", "store", "--json", "--photos", "12"))
    assert all(set(figure) == {"name", "value", "target", "unit", "met"} for figure in found)
    assert all(figure["target"] is not None for figure in found)
    by_name = {figure["name"]: figure for figure in found}
    assert by_name["rescan, photos decoded"]["value"] == 0
    assert (
        by_name["rescan, scans that wrote any row"] | {"met": True}
        == by_name["rescan, scans that wrote any row"]
    )
    assert any(name.startswith("store, ") for name in by_name)


def test_one_line_per_figure(capsys, tmp_path):
    (line,) = run(capsys, tmp_path, "startup").splitlines()
    assert line.startswith("startup, phototag --help / import click ")
    assert line.split("click")[-1].split()[1] == "<=1.5"


def test_a_missed_target_is_told():
    assert "MISSED" in line_of(Figure("n", 2.0, 1.5, "x"))
    assert "MISSED" not in line_of(Figure("n", 2.0, 1.5, "x", "higher"))
    assert Figure("n", 2.0, 2.0, "x").met


def test_sides_run_in_turns_and_the_first_run_of_each_is_not_measured():
    ran = []
    alternate(lambda: ran.append("a"), lambda: ran.append("b"), rounds=2)
    assert ran == ["a", "b"] * 3


def test_a_generated_photo_is_stored_turned_and_shows_its_picture_upright():
    for orientation in (1, 2, 3, 4, 5, 6, 7, 8):
        shot = photos.Shot(480, 320, orientation, progressive=orientation == 3)
        with Image.open(io.BytesIO(photos.jpeg(shot, 1))) as image:
            assert image.info.get("progressive", 0) == (orientation == 3)
            assert image.size == ((320, 480) if orientation >= 5 else (480, 320))
            upright = np.asarray(ImageOps.exif_transpose(image))
        assert psnr(upright, photos.collage(480, 320, 1)) > 25  # but for the grain and the compression


def test_decoding_is_compared_on_pictures_of_the_same_turn(tmp_path):
    file = tmp_path / "photo.jpg"
    file.write_bytes(photos.jpeg(photos.Shot(1500, 2000, 6), 2))
    assert ours(file).shape == in_full(file).shape == (1333, 1000, 3)
    assert psnr(ours(file), in_full(file)) > 30


def test_generated_libraries_hold_files_that_differ_and_are_made_once(tmp_path):
    folder = photos.tree(tmp_path, 300)
    files = sorted(folder.rglob("*.jpg"))
    assert len(files) == 300 and len({file.read_bytes() for file in files}) == 300
    made = files[0].stat().st_mtime_ns
    assert photos.tree(tmp_path, 300) == folder and files[0].stat().st_mtime_ns == made


def test_store_compares_the_very_same_rows(tmp_path):
    batches = store.prepare(tmp_path, 40)
    store.save(tmp_path, batches)
    store.insert(tmp_path, *store.read_back(tmp_path, len(batches)))
    with (
        closing(sqlite3.connect(tmp_path / "saved.db")) as one,
        closing(sqlite3.connect(tmp_path / "inserted.db")) as other,
    ):
        for table in ("photos", "answers", "tags", "photo_labels", "labels", "taggers", "fingerprints"):
            statement = f"SELECT * FROM {table}"
            rows = one.execute(statement).fetchall()
            assert rows and sorted(rows, key=repr) == sorted(other.execute(statement).fetchall(), key=repr), (
                table
            )


def test_made_up_answers_are_the_same_each_time_and_some_ten_tags_long():
    assert answers(7) == answers(7)
    lengths = [sum(map(len, answers(number).values())) for number in range(300)]
    assert 8 < np.mean(lengths) < 18


SUMMARIES = ("photo_labels", "photos")


def rows(file, tables):
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in tables
        }


@pytest.fixture(scope="module")
def catalog_file(tmp_path_factory):
    return catalog.catalog(tmp_path_factory.mktemp("cache"), 3000)


def test_the_generated_catalog_holds_what_saving_its_answers_would_have_left(tmp_path, catalog_file):
    file = shutil.copy(catalog_file, tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        (path,) = connection.execute("SELECT path FROM photos WHERE id = 4").fetchone()
    made = rows(file, SUMMARIES)
    with Library.open(file) as library:
        assert library.count_jobs(None, catalog.FINGERPRINTS).photos == 3  # those nobody has looked at
        with library._catalog.write() as connection:
            ids = [photo_id for (photo_id,) in connection.exec_driver_sql("SELECT id FROM photos")]
            summaries.forget(connection, ids)
            summaries.compute_again(connection, ids)
        assert library.photo(f"{catalog.ROOT}/{path}").user_labels == ("grandma",)
    assert rows(file, SUMMARIES) == made


@pytest.mark.slow
def test_every_question_has_a_figure(catalog_file):
    found = query.figures(Plan(rounds=1, photos=3000, cache=catalog_file.parent))
    asked = len(query.QUESTIONS) + len(query.SORTED) + len(query.COUNTED)
    assert len({figure.name for figure in found}) == len(found) == asked
    assert all(figure.value > 0 for figure in found)


def test_only_what_was_looked_at_twice_says_how_alike_the_looks_are(tmp_path):
    from tests.benchmarks.verdicts import twice

    by_first = tmp_path / "mouths_by_eye.csv"
    by_first.write_text("sha256,verdict,first,second\na,unclear,open,closed\nb,open,open,open\nc,,,\n")
    assert twice(by_first) == [("open", "closed"), ("open", "open")]
    by_verdict = tmp_path / "faces_by_eye.csv"
    by_verdict.write_text("# for people\nphoto,verdict,second\na,face,\nb,face,no face\n")
    assert twice(by_verdict) == [("face", "no face")]


def test_a_second_look_keeps_the_turn_in_which_most_faces_count():
    from phototag.records import Box, Face
    from tests.benchmarks.turned import Look, second_look, summary, turned

    face = Face(Box(0.1, 0.2, 0.3, 0.5), 0.99)
    pixels = np.zeros((100, 100), np.uint8)
    pixels[20:50, 10:30] = 1
    for quarters in range(4):
        rows, columns = np.nonzero(np.rot90(pixels, quarters))
        edges = (columns.min() / 100, rows.min() / 100, (columns.max() + 1) / 100, (rows.max() + 1) / 100)
        assert turned(face.box, quarters) == pytest.approx(edges)
    nothing = Look((), 0, True)
    looks = [Look((face,), 1, True), nothing, nothing, Look((), 0, False)]
    assert second_look(looks, 1) == 0
    figures = summary([looks], [[nothing] * 4], 0.5)
    assert figures["turned"]["lost"] == 3
    assert figures["turned"]["lost_faces_regained"] == 2  # the last shows no person to the detector
    assert figures["cpu"]["more_time_of_all"] == 0.25
