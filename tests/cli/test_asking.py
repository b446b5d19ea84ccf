"""query, show, tags, tag, status, relocate on the scanned sample photos."""

import csv
import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image

from phototag.cli import main

SMILING_2016 = {"astronaut.jpg", "portrait-turned.jpg", "burst-1.jpg", "burst-3.jpg", "booth-two.jpg"}


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def names(result):
    return {line.rsplit("/", 1)[1] for line in result.stdout.splitlines()}


def test_where_is_everyone_smiling(scanned):
    assert (
        names(run("query", "smiling:all", "taken:2016", "--db", scanned[1])) - {"burst-2.jpg"} == SMILING_2016
    )


def test_json_lines_hold_what_is_promised(scanned):
    lines = run("query", "faces:3", "--json", "--db", scanned[1]).stdout.splitlines()
    assert len(lines) == 1
    photo = json.loads(lines[0])
    assert photo["path"].endswith("booth-one-serious.jpg")
    assert photo["everyone_smiling"] is False
    assert photo["taken_at"] == "2016-09-02T21:15:00"
    assert {"width", "height", "objects"} <= set(photo)
    for face in photo["faces"]:
        assert set(face) == {
            *("number", "box", "score", "added", "labels"),
            *("smile", "smile_word", "emotion", "emotion_scores"),
            *("person", "person_source", "person_certain", "not_persons"),
        }
        assert len(face["emotion_scores"]) == 8 and sum(face["emotion_scores"].values()) == pytest.approx(
            1, abs=0.01
        )


def test_csv_count_limit_sort(scanned):
    rows = list(
        csv.DictReader(io.StringIO(run("query", "--csv", "--sort", "path", "--db", scanned[1]).stdout))
    )
    assert len(rows) == 15 and rows == sorted(rows, key=lambda row: row["path"])
    assert run("query", "taken:2015", "--count", "--db", scanned[1]).stdout.strip() == "6"
    assert len(run("query", "--limit", 4, "--db", scanned[1]).stdout.splitlines()) == 4
    by_smile = run(
        "query", "smiling:all", "--sort", "smile", "--json", "--db", scanned[1]
    ).stdout.splitlines()
    least = [min(face["smile"] for face in json.loads(line)["faces"]) for line in by_smile]
    assert least == sorted(least, reverse=True)


def test_a_mistyped_term_says_what_is_understood(scanned):
    result = run("query", "faces:many", "--db", scanned[1], code=2)
    assert "'many' is no number of faces" in result.stderr
    result = run("query", "smiling:everybody", "--db", scanned[1])  # somebody may be called so
    assert result.stdout == "" and "No face has the name 'everybody'" in result.stderr


def test_show_tells_and_draws(scanned, tmp_path):
    folder, catalog = scanned
    photo = folder / "2016" / "booth-one-serious.jpg"
    before = photo.read_bytes()
    result = run("show", photo, "--db", catalog, "--image", tmp_path / "drawn.jpg")
    assert "everyone smiling: no" in result.stdout and "face 3" in result.stdout
    assert Image.open(tmp_path / "drawn.jpg").size == Image.open(photo).size
    assert photo.read_bytes() == before


def test_show_never_draws_over_a_photo_or_into_nowhere(own_copy):
    folder, catalog = own_copy
    photo = folder / "2015" / "cat.jpg"
    assert "is a photo in the catalog" in run("show", photo, "--image", photo, "--db", catalog, code=1).stderr
    assert (
        "there is no folder"
        in run("show", photo, "--image", folder / "no" / "x.jpg", "--db", catalog, code=1).stderr
    )
    assert "phototag scan" in run("show", folder / "nowhere.jpg", "--db", catalog, code=1).stderr


def test_the_users_own_word_stands(own_copy):
    folder, catalog = own_copy
    photo = folder / "2015" / "cat.jpg"
    run("tag", photo, "+Grandma's cat", "-happiness", "--db", catalog)
    assert names(run("query", "Grandma's cat", "--db", catalog)) == {"cat.jpg"}
    run("scan", folder, "--db", catalog)
    assert names(run("query", "Grandma's cat", "--db", catalog)) == {"cat.jpg"}
    assert "Grandma's cat" in run("show", photo, "--db", catalog).stdout
    assert "no +label and no -label" in run("tag", photo, "cat", "--db", catalog, code=2).stderr


def test_tags_and_status(scanned):
    found = {
        row["label"]: row["photos"] for row in json.loads(run("tags", "--json", "--db", scanned[1]).stdout)
    }
    assert found["happiness"] >= 7
    status = json.loads(run("status", "--json", "--db", scanned[1]).stdout)
    assert status["photos"] == 15
    assert (
        status["taggers"]["smiles"]["done"] == 15
        and "smilenet.safetensors" in status["taggers"]["smiles"]["weights"]
    )


def test_relocate_needs_no_second_look(own_copy):
    folder, catalog = own_copy
    folder.rename(folder.parent / "moved")
    assert "15 photos" in run("relocate", folder, folder.parent / "moved", "--db", catalog).stdout
    found = json.loads(run("scan", folder.parent / "moved", "--db", catalog, "--json").stdout)
    assert (found["tagged"], found["unchanged"]) == (0, 15)
