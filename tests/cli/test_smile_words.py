"""A person says whether everyone smiles; query, tags, show, JSON, highlights and why all obey."""

import json

import pytest
from click.testing import CliRunner

from phototag.cli import main
from phototag.smiling import ANYONE, EVERYONE


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def ask(own_copy):
    """Runs a command on the test's own catalog."""
    return lambda *arguments, code=0: run(*arguments, "--db", own_copy[1], code=code)


def found(ask, *terms):
    return {line.rpartition("/")[2] for line in ask("query", *terms).stdout.splitlines()}


def chosen(ask):
    answer = json.loads(ask("highlights", "smiles", "--year", 2016, "--dry-run", "--json").stdout)
    return {member["source"].rpartition("/")[2] for member in answer["members"]}


def test_who_smiles_though_the_person_says_no(own_copy, ask):
    photo = own_copy[0] / "2016" / "astronaut.jpg"
    assert "astronaut.jpg" in found(ask, "smiling:all") and "astronaut.jpg" in chosen(ask)
    before = {row["label"] for row in json.loads(ask("tags", "--json").stdout)}
    ask("tag", photo, "-Everyone Smiling")
    for asked in (found(ask, "smiling:all"), chosen(ask), found(ask, "smiling:unknown")):
        assert "astronaut.jpg" not in asked
    assert "astronaut.jpg" in found(ask, "^smiling:all", "smiling:any"), "she still smiles a little"
    assert {row["label"] for row in json.loads(ask("tags", "--json").stdout)} == before
    shown = ask("show", photo).stdout
    assert "everyone smiling: no (you say: not everyone smiles)" in shown and "your own words" not in shown
    told = json.loads(ask("show", photo, "--json").stdout)
    assert told["everyone_smiling"] is False and told["smile_words"] == {EVERYONE: False}
    assert told["user_labels"] == []
    (line,) = ask("query", "path:astronaut", "--json").stdout.splitlines()
    assert json.loads(line)["everyone_smiling"] is False
    why = ask("why", photo, "--theme", "smiles", "--year", 2016).stdout
    assert "left out: not everyone smiles" in why and "you say" in why
    told = json.loads(ask("why", photo, "--theme", "smiles", "--year", 2016, "--json").stdout)
    assert told["reason"] == "not_smiling" and told["smile_words"] == {EVERYONE: False}
    ask("scan", own_copy[0])
    assert "astronaut.jpg" not in found(ask, "smiling:all"), "a scan does not undo it"


def test_who_does_not_smile_though_the_person_says_yes(own_copy, ask):
    photo = own_copy[0] / "2016" / "booth-one-serious.jpg"
    assert "booth-one-serious.jpg" not in found(ask, "smiling:all") | chosen(ask)
    ask("tag", photo, "+everyone smiling")
    assert "booth-one-serious.jpg" in found(ask, "smiling:all") & found(ask, "smiling:any") & chosen(ask)
    assert "everyone smiling: yes (you say: everyone smiles)" in ask("show", photo).stdout
    assert json.loads(ask("show", photo, "--json").stdout)["everyone_smiling"] is True
    why = json.loads(ask("why", photo, "--theme", "smiles", "--year", 2016, "--json").stdout)
    assert why["kept"] and why["smile_words"] == {EVERYONE: True}


def test_the_newer_word_takes_away_what_it_contradicts(own_copy, ask):
    photo = own_copy[0] / "2016" / "astronaut.jpg"
    ask("tag", photo, "-anyone smiling")
    assert "astronaut.jpg" in found(ask, "smiling:none")
    assert "astronaut.jpg" not in found(ask, "smiling:any")
    told = json.loads(ask("tag", photo, "+everyone smiling", "--json").stdout)
    assert told["smile_words"] == {EVERYONE: True}
    assert "astronaut.jpg" in found(ask, "smiling:all")
    told = json.loads(ask("tag", photo, "-anyone smiling", "--json").stdout)
    assert told["smile_words"] == {ANYONE: False}
    wrong = ask("tag", photo, "+everyone smiling", "-anyone smiling", code=2)
    assert "contradict each other" in wrong.stderr


def test_no_one_is_there_and_the_person_says_that_everyone_smiles(own_copy, ask):
    photo = own_copy[0] / "2016" / "rocket.jpg"
    assert "rocket.jpg" in found(ask, "smiling:unknown")
    ask("tag", photo, "+everyone smiling")
    assert "rocket.jpg" in found(ask, "smiling:all") - found(ask, "smiling:unknown")


def test_why_names_the_face_the_rule_and_the_numbers(own_copy, ask):
    photo = own_copy[0] / "2016" / "booth-one-serious.jpg"
    why = ask("why", photo, "--theme", "smiles", "--year", 2016).stdout
    assert "face 1: does not smile (0.0" in why and "face 2: smiles (0.99" in why
    blurred = own_copy[0] / "2016" / "burst-2.jpg"
    why = ask("why", blurred, "--theme", "smiles", "--year", 2016).stdout
    assert "face 1: does not count: it is not sharp (sharpness 0." in why and "needed 0.250" in why
    assert "does not count: it is not sharp" in ask("show", blurred).stdout
    (face,) = json.loads(ask("why", blurred, "--year", 2016, "--json").stdout)["judged_faces"]
    assert face["failed_rule"] == "sharp" and face["value"] < face["threshold"] == 0.25


def test_what_is_no_option_is_no_label(own_copy, ask):
    photo = own_copy[0] / "2015" / "cat.jpg"
    assert "--jsno" in ask("tag", photo, "+Chelsea", "--jsno", code=2).stderr
    assert json.loads(ask("show", photo, "--json").stdout)["user_labels"] == [], "nothing was stored"
