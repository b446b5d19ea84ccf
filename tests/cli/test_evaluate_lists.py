"""Lists of what a person saw, and what the program's answers are worth by them."""

import csv
import json
from collections import Counter
from hashlib import sha256

import pytest
from click.testing import CliRunner

from phototag.cli import main
from phototag.cli.evaluate_theme import wilson_interval
from phototag.cli.verdicts import Worth, read_samples
from phototag.query.vocabulary import expand
from tests.cli.test_schemas import check
from tests.conftest import ROOT, SAMPLES

KINDS = ROOT / "tests" / "benchmarks" / "kinds_by_eye.csv"
SMILES = ROOT / "tests" / "benchmarks" / "smiles_by_eye.csv"
FRESH_SMILES = ROOT / "tests" / "benchmarks" / "smiles_by_eye_fresh.csv"


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def digest(name):
    return sha256((SAMPLES / name).read_bytes()).hexdigest()


def write(path, columns, rows):
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([columns, *rows])
    return path


def test_words_of_whole_photos_are_counted_by_sample(tmp_path):
    columns = ("sample", "sha256", "word", "first", "second")
    cat, coffee, rocket = map(digest, ("2015/cat.jpg", "2015/coffee.jpg", "2016/rocket.jpg"))
    rows = [
        ("mine", cat, "cat", "right", "right"),
        ("mine", cat, "animal", "wrong", "wrong"),
        ("mine", coffee, "espresso", "right", "wrong"),
        ("mine", rocket, "rocket", "right", "right"),
        ("other", cat, "", "", ""),
        ("gone", "0" * 64, "cat", "right", ""),
    ]
    seen = write(tmp_path / "list.csv", columns, rows)
    found = json.loads(run("evaluate", "kinds", seen, SAMPLES, "--json").stdout)
    check("evaluate-kinds", found)
    mine = {"photos": 3, "right": 1, "wrong": 1, "doubtful": 1, "unjudged": 1, "missed": 1, "precision": 0.5}
    assert {key: found["mine"][key] for key in mine} == mine
    assert found["mine"]["words"] == {
        "animal": {"wrong": 1},
        "drink": {"unjudged": 1},
        "espresso": {"doubtful": 1},
    }
    assert found["other"]["unjudged"] == 2 and found["other"]["precision"] is None
    assert found["gone"]["photos"] == 0
    told = run("evaluate", "kinds", seen, SAMPLES)
    assert (
        "mine: 3 photos; words: 1 right, 1 wrong, 1 doubtful, 1 nobody judged, precision 0.500" in told.stdout
    )
    assert "gone" not in told.stdout and "1 photo of 4 are not in" in told.stderr
    assert "none of the 4 photos" in run("evaluate", "kinds", seen, tmp_path, code=2).stderr


def test_what_qualifies_for_a_theme_is_counted(scanned, tmp_path):
    columns = ("sample", "sha256", "first", "second")
    rows = [
        ("mine", digest("2016/astronaut.jpg"), "right", "right"),
        ("mine", digest("2016/booth-two.jpg"), "wrong", ""),
        ("mine", digest("2016/booth-one-serious.jpg"), "right", "right"),
        ("mine", digest("2015/portrait-serious.jpg"), "wrong", "wrong"),
    ]
    seen = write(tmp_path / "list.csv", columns, rows)
    found = json.loads(run("evaluate", "theme", "smiles", seen, "--db", scanned[1], "--json").stdout)
    check("evaluate-theme", found)
    assert found == {
        "mine": {
            "photos": 4, "right": 1, "wrong": 1, "doubtful": 0, "unjudged": 0, "missed": 1, "precision": 0.5,
            "strict": 0.5, "strict_low": 0.0945, "strict_high": 0.9055,
        }
    }  # fmt: skip
    told = run("evaluate", "theme", "smiles", seen, "--db", scanned[1]).stdout
    assert "with doubtful ones as not right: 1 of 2, 0.500 (0.095 to 0.905)" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sha256,word\n", "no column first, sample, second"),
        ("sample,sha256,word,first,second\na,b,cat,rihgt,\n", "line 2: 'rihgt' is none of right, wrong"),
        ("sample,sha256,word,first,second\n", "nothing was judged"),
    ],
)
def test_a_list_with_a_mistake_is_refused_with_its_place(tmp_path, text, told):
    seen = tmp_path / "list.csv"
    seen.write_text(text)
    assert told in run("evaluate", "kinds", seen, tmp_path, code=2).stderr


def test_the_list_of_kinds_says_what_the_model_card_says():
    samples = read_samples(KINDS, "word")
    worth = {name: Worth() for name in samples}
    for name, photos in samples.items():
        for judged in photos.values():
            worth[name].add(judged, judged)
    assert {name: len(samples[name]) for name in ("before", "after")} == {"before": 300, "after": 300}
    assert not samples["before"].keys() & samples["after"].keys()
    assert not samples["tuning"].keys() & samples["after"].keys(), "the last sample is to be a fresh one"
    assert (worth["before"].right, worth["before"].wrong, worth["before"].doubtful) == (293, 30, 5)
    assert (worth["after"].right, worth["after"].wrong, worth["after"].doubtful) == (292, 8, 5)
    assert worth["after"].precision >= 0.95 > worth["before"].precision


def test_photos_looked_at_for_smiles_are_of_one_sample_each():
    samples = read_samples(SMILES)
    hashes = [sha for photos in samples.values() for sha in photos]
    assert len(hashes) == len(set(hashes)) == 293


def test_the_fresh_list_of_smiles_says_what_the_model_card_says():
    fresh, known = read_samples(FRESH_SMILES), read_samples(SMILES)
    hashes = [sha for photos in (*fresh.values(), *known.values()) for sha in photos]
    assert len(hashes) == len(set(hashes)), "a fresh photo is one that nobody has judged"
    verdicts = {
        sample: Counter(verdict for judged in photos.values() for verdict in judged.values())
        for sample, photos in fresh.items()
    }
    assert verdicts == {
        "street, first half": {"right": 118, "doubtful": 9},
        "street, second half": {"right": 80, "doubtful": 6},
        "street, second half, former rule": {"right": 76, "doubtful": 13},
    }


@pytest.mark.parametrize(
    ("right", "taken", "interval"), [(80, 86, (0.856, 0.968)), (0, 1, (0.0, 0.793)), (9, 9, (0.701, 1.0))]
)
def test_the_interval_of_a_share_stays_within_0_and_1(right, taken, interval):
    assert wilson_interval(right, taken) == pytest.approx(interval, abs=0.001)


def test_every_word_of_the_sample_photos_fits(scanned):
    """Better no word than a wrong one: what `kinds` says of them is what expected.json says, a broader
    word for it, or what holds it."""
    from phototag import Library
    from phototag.query.terms import Query

    truth = json.loads((SAMPLES / "expected.json").read_text())["photos"]
    fits = {"drink": {"coffee"}, "building": {"pagoda", "temple", "palace"}}
    with Library.open(scanned[1]) as library:
        said = {photo.path: [tag.label for tag in photo.kinds] for photo in library.photos(Query(()))}
    for path, words in said.items():
        expected = set(next(facts["kinds"] for name, facts in truth.items() if path.endswith(name)))
        for word in words:
            narrower = (expand(word) or set()) | {word} | fits.get(word, set())
            assert narrower & expected, (path, word)
    of = {name: next(w for p, w in said.items() if p.endswith(name)) for name in ("cat.jpg", "coffee.jpg")}
    assert "cat" in of["cat.jpg"] and "espresso" in of["coffee.jpg"]
