"""The same picture more than once: as the very same file, or in another size, format or light."""

import json
import random
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from PIL import Image, ImageEnhance
from skimage import data

from phototag.cli import main
from phototag.duplicates import find_same, find_similar, group_hashes
from phototag.library import Library

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "duplicates.schema.json"


@pytest.fixture
def phototag(tmp_path, monkeypatch):
    monkeypatch.setenv("PHOTOTAG_DB", str(tmp_path / "catalog.db"))

    def run(*arguments, code=0):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def folder(tmp_path, phototag):
    folder = tmp_path / "photos"
    (folder / "copies").mkdir(parents=True)
    cat, coffee = Image.fromarray(data.chelsea()), Image.fromarray(data.coffee())
    cat.save(folder / "cat.png")
    shutil.copy(folder / "cat.png", folder / "copies" / "cat again.png")
    cat.resize((225, 150)).save(folder / "small cat.jpg", quality=60)
    ImageEnhance.Brightness(cat).enhance(1.15).save(folder / "bright cat.webp")
    coffee.save(folder / "coffee.jpg")
    Image.fromarray(data.astronaut()).save(folder / "astronaut.jpg")
    phototag("scan", folder, "--tagger", "sharpness")
    return folder


def names(groups):
    return [[photo["path"].rpartition("/")[2] for photo in group["photos"]] for group in groups]


def test_the_same_file_and_the_same_picture_are_grouped(phototag, folder):
    same = json.loads(phototag("duplicates", "--json").stdout)
    assert names(same) == [["cat.png", "cat again.png"]]
    assert same[0]["spare_bytes"] == (folder / "cat.png").stat().st_size
    similar = json.loads(phototag("duplicates", "--similar", "--json").stdout)
    assert [group[:2] for group in names(similar)] == [["cat.png", "cat again.png"]]
    assert set(names(similar)[0][2:]) == {"bright cat.webp", "small cat.jpg"}
    assert names(similar)[0][-1] == "small cat.jpg"
    assert names(json.loads(phototag("duplicates", "type:png", "--similar", "--json").stdout)) == names(same)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for printed in (same, similar, []):
        Draft202012Validator(schema).validate(printed)
    lines = phototag("duplicates").stdout.splitlines()
    assert [line.rpartition("/")[2] for line in lines] == ["cat.png", "cat again.png"]
    assert phototag("duplicates", "path:coffee").stdout == ""


def test_what_was_measured_is_kept_for_as_long_as_the_bytes_are_the_same(phototag, folder):
    told = []
    with Library.open() as library:
        assert len(find_same(library)) == 1
        find_similar(library, on_progress=lambda done, total: told.append(total))
        assert told == [6]
        find_similar(library, on_progress=lambda done, total: told.append(total))
        assert told == [6]
    Image.fromarray(data.rocket()).save(folder / "coffee.jpg")
    phototag("scan", folder, "--tagger", "sharpness")
    with Library.open() as library:
        find_similar(library, on_progress=lambda done, total: told.append(total))
        assert told == [6, 1]


def test_a_photo_that_is_gone_or_unreadable_is_in_no_group(phototag, folder):
    (folder / "copies" / "cat again.png").unlink()
    (folder / "small cat.jpg").write_bytes(b"no picture")
    with Library.open() as library:
        (group,) = find_similar(library, "path:cat")
        assert [photo.path.rpartition("/")[2] for photo in group] == ["cat.png", "bright cat.webp"]


def test_hashes_are_grouped_as_by_comparing_all_with_all():
    chance = random.Random(3)
    hashes = {}
    for number in range(0, 600, 3):
        base = chance.getrandbits(64)
        for offset in range(3):
            flips = sum(1 << bit for bit in chance.sample(range(64), chance.randrange(7)))
            hashes[number + offset] = base ^ flips
    groups = {}
    for photo_id, found in hashes.items():
        first = next((one for one in groups if (hashes[one] ^ found).bit_count() <= 4), photo_id)
        groups.setdefault(first, []).append(photo_id)
    expected = sorted(ids for ids in groups.values() if len(ids) > 1)
    assert sorted(group_hashes(hashes)) == expected and len(expected) > 50


def test_a_chain_of_small_changes_is_no_group():
    chain = {number: (1 << 3 * number) - 1 for number in range(6)}  # each three bits from the next
    assert group_hashes(chain) == [[0, 1], [2, 3], [4, 5]]
