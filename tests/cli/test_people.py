"""Whose face it is, from the command line: asked for once, stored in the catalog alone, and gone again."""

import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing

import numpy as np
import pytest
from click.testing import CliRunner

from phototag import Library, scan
from phototag.cli import main
from phototag.errors import UsageError
from phototag.scanning import ScanOptions
from tests.cli.test_schemas import check
from tests.conftest import SAMPLES


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def rows(catalog, statement):
    with closing(sqlite3.connect(catalog)) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture(scope="module")
def with_people(tmp_path_factory):
    """(folder, catalog, what the first scan said): sample photos scanned with --people."""
    base = tmp_path_factory.mktemp("people")
    shutil.copytree(SAMPLES, base / "photos")
    said = run("scan", base / "photos", "--people", "--tagger", "smiles", "--db", base / "catalog.db")
    return base / "photos", base / "catalog.db", said


@pytest.fixture
def own_people(with_people, tmp_path):
    """The same, but the test's own."""
    folder, catalog, _ = with_people
    shutil.copytree(folder, tmp_path / "photos")
    with closing(sqlite3.connect(catalog)) as old, closing(sqlite3.connect(tmp_path / "catalog.db")) as new:
        old.backup(new)
    (tmp_path / "catalog.db").chmod(0o600)
    with Library.open(tmp_path / "catalog.db") as library:
        library.relocate(folder, tmp_path / "photos")
    return tmp_path / "photos", tmp_path / "catalog.db"


def test_a_scan_learns_whose_face_it_is_only_if_asked(scanned):
    assert rows(scanned[1], "SELECT count(*) FROM embeddings") == [(0,)]
    assert json.loads(run("status", "--db", scanned[1], "--json").stdout)["taggers"].keys() == {
        "faces", "sharpness", "smiles", "objects", "kinds"
    }  # fmt: skip


def test_the_first_use_says_what_is_stored_and_where(with_people):
    _, catalog, said = with_people
    assert str(catalog) in said.stderr and "128 numbers" in said.stderr
    assert "phototag people --forget" in said.stderr
    numbers = rows(catalog, "SELECT numbers FROM embeddings")
    assert len(numbers) == 14 and {len(one) for (one,) in numbers} == {256}
    lengths = [np.linalg.norm(np.frombuffer(one, "<f2").astype(float)) for (one,) in numbers]
    assert np.allclose(lengths, 1, atol=0.01)


def test_later_scans_go_on_with_it_and_say_nothing(own_people):
    folder, catalog = own_people
    shutil.copy(folder / "2016/astronaut.jpg", folder / "once more.jpg")
    os.truncate(folder / "once more.jpg", os.path.getsize(folder / "once more.jpg") - 2)  # other bytes
    said = run("scan", folder, "--tagger", "faces", "--db", catalog)
    assert "128 numbers" not in said.stderr
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(15,)]
    (folder / "once more.jpg").rename(folder / "moved.jpg")
    run("scan", folder, "--tagger", "faces", "--db", catalog)
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(15,)]


def test_without_people_this_time(own_people):
    folder, catalog = own_people
    shutil.copy(SAMPLES / "2016/astronaut.jpg", folder / "b.jpg")
    os.truncate(folder / "b.jpg", os.path.getsize(folder / "b.jpg") - 2)
    run("scan", folder, "--no-people", "--tagger", "faces", "--db", catalog)
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(14,)]
    with pytest.raises(UsageError, match="one of the two"):
        ScanOptions(taggers=("identity",), people=False)


def test_a_dry_run_asks_for_nothing(own_copy):
    folder, catalog = own_copy
    with Library.open(catalog) as library:
        assert scan(library, [folder], ScanOptions(people=True, dry_run=True)).to_do == 15
        assert not library.looks_for_people()


def test_embeddings_are_private(with_people):
    folder, catalog, _ = with_people
    for file in catalog.parent.glob("catalog.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    printed = run("query", "--json", "--db", catalog).stdout
    printed += run("show", folder / "2016/booth-two.jpg", "--json", "--db", catalog).stdout
    printed += run("query", "--csv", "--db", catalog).stdout + run("tags", "--json", "--db", catalog).stdout
    for form in ("--json", "--csv", "--coco", "--geojson"):
        printed += run("export", form, "--db", catalog).stdout
    assert "identity" not in printed and "embedding" not in printed


def test_photos_that_are_forgotten_take_their_embeddings_along(own_people):
    folder, catalog = own_people
    run("forget", folder / "2016", "--yes", "--db", catalog)
    (left,) = rows(catalog, "SELECT count(*) FROM embeddings")[0]
    assert 0 < left < 14
    assert rows(catalog, "PRAGMA foreign_key_check") == []


def test_evaluate_people(tmp_path):
    """Three persons of the sample photos, five times each at several sizes; links are followed."""
    from PIL import Image

    from phototag.records import Frame
    from phototag.taggers import table

    find = table.load("faces", "cpu", {})
    for person, name in (("Eileen_Collins", "2016/astronaut"), ("Grace_Hopper", "2015/portrait-serious")):
        image = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
        ((face, *_),) = find([Frame(1, np.asarray(image), *image.size)])
        tight = image.crop(face.box.pixels(*image.size))
        tight.resize((100, 100)).save(tmp_path / f"{person}_0001.png")
        image.resize((250, 250)).save(tmp_path / f"{person}_0002.jpg")
    (tmp_path / "Eileen_Collins_0003.jpg").symlink_to(SAMPLES / "2016/burst-1.jpg")
    Image.new("RGB", (100, 100)).save(tmp_path / "Nobody_0001.png")
    (tmp_path / "broken_0001.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("left alone")
    found = json.loads(run("evaluate", "people", tmp_path, "--json").stdout)
    check("evaluate-people", found)
    assert (found["pictures"], found["persons"], found["undetected"], found["unreadable"]) == (7, 4, 1, 1)
    assert (found["groups"], found["pair_precision"], found["pair_recall"]) == (2, 1, 1)
    (tmp_path / "empty").mkdir()
    assert "Person_Name_0001.jpg" in run("evaluate", "people", tmp_path / "empty", code=2).stderr


# -- groups and names


def people(catalog):
    return {group["number"]: group for group in json.loads(run("people", "--json", "--db", catalog).stdout)}


def names(catalog, *terms):
    return sorted(os.path.basename(path) for path in run("query", *terms, "--db", catalog).stdout.split())


EILEEN = ["astronaut.jpg", "booth-one-serious.jpg", "booth-smiling.jpg", "booth-two.jpg"]
EILEEN += ["burst-1.jpg", "burst-2.jpg", "burst-3.jpg"]
BARACK = ["booth-one-serious.jpg", "booth-smiling.jpg", "booth-two.jpg", "portrait-grey.jpg"]
BARACK += ["portrait-turned.jpg"]
GRACE = ["booth-one-serious.jpg", "portrait-serious.jpg"]


@pytest.fixture
def named(own_people):
    folder, catalog = own_people
    for number, name in ((1, "Eileen"), (2, "Barack"), (3, "Grace Hopper")):
        said = json.loads(run("name", number, name, "--db", catalog, "--json").stdout)
        check("name", said)
    return folder, catalog


def assert_all_named(catalog):
    assert names(catalog, "person:Eileen") == sorted(EILEEN)
    assert names(catalog, "person:Barack") == sorted(BARACK)
    assert names(catalog, "person:grace hopper") == sorted(GRACE)
    twice = "SELECT photo_id FROM photo_persons WHERE faces > 1"
    assert rows(catalog, twice) == [], "nobody is twice in a photo"


def test_the_sample_photos_are_three_persons_named_by_one_command_each(own_people):
    _folder, catalog = own_people
    found = people(catalog)
    check("people", list(found.values()))
    assert [(one["faces"], one["photos"], one["name"]) for one in found.values()] == [
        (7, 7, None), (5, 5, None), (2, 2, None)
    ]  # fmt: skip
    assert names(catalog, "person:any") == []
    for number, name in ((1, "Eileen"), (2, "Barack"), (3, "Grace Hopper")):
        run("name", number, name, "--db", catalog)
    assert_all_named(catalog)
    assert names(catalog, "person:Eileen", "person:Barack") == sorted({*EILEEN} & {*BARACK})
    smiling = names(catalog, "smiling:Eileen")
    assert {*EILEEN} - {"burst-2.jpg"} <= {*smiling}, "burst-2 is too blurred to tell"
    assert names(catalog, "smiling:grace hopper") == []
    assert names(catalog, "person:unknown") == []


def test_a_naming_is_undone(own_people):
    folder, catalog = own_people
    run("name", 1, "Eileen", "--db", catalog)
    assert "group 1: Eileen" in run("undo", "--db", catalog).stdout
    assert people(catalog)[1]["name"] is None and names(catalog, "person:any") == []
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert people(catalog)[1]["name"] is None


def test_a_group_that_gets_another_name_keeps_its_number(named):
    _, catalog = named
    before = people(catalog)
    run("name", 1, "Collins", "--db", catalog)
    after = people(catalog)
    assert after.keys() == before.keys()
    assert after[1] != before[1]
    assert all(after[number] == before[number] for number in before if number != 1)
    run("undo", "--db", catalog)
    assert people(catalog) == before


def test_names_outlive_other_nets_a_rename_with_a_caption_and_a_move(named, monkeypatch, tmp_path):
    from dataclasses import replace

    from PIL import Image

    from phototag.taggers import table

    folder, catalog = named
    # other weights: every net answers anew, and finds other boxes
    faces = table.SPECS["faces"]
    monkeypatch.setitem(table.SPECS, "faces", replace(faces, options={"min_face": 0.1}))
    monkeypatch.setitem(table.SPECS, "identity", replace(table.SPECS["identity"], version=99))
    before = rows(catalog, "SELECT count(*) FROM face_words")
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert_all_named(catalog)
    assert {group["name"] for group in people(catalog).values()} == {"Eileen", "Barack", "Grace Hopper"}
    # renamed, and written into by another program
    old = folder / "2016/astronaut.jpg"
    picture, target = old.read_bytes(), folder / "2016/launch day.jpg"
    comment = b"\xff\xfe\x00\x0ea caption!!!"
    target.write_bytes(picture[:2] + comment + picture[2:])
    Image.open(target).load()
    old.unlink()
    # the whole library moved
    folder.rename(tmp_path / "moved")
    with Library.open(catalog) as library:
        library.relocate(folder, tmp_path / "moved")
    run("scan", tmp_path / "moved", "--tagger", "smiles", "--db", catalog)
    found = run("query", "person:Eileen", "--db", catalog).stdout
    assert "launch day.jpg" in found and len(found.splitlines()) == 7
    assert rows(catalog, "SELECT count(*) FROM face_words") == before


def test_new_photos_of_a_named_person_get_the_name_by_likeness(named):
    from PIL import Image

    folder, catalog = named
    image = Image.open(folder / "2016/astronaut.jpg").convert("RGB")
    image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((400, 400)).save(folder / "new.png")
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert "new.png" in names(catalog, "person:Eileen")
    assert rows(catalog, "SELECT count(*) FROM face_words") == [(14,)], "a name by likeness is no word"
    shown = json.loads(run("show", folder / "new.png", "--json", "--db", catalog).stdout)
    assert [one["source"] for one in shown["persons"]] == ["group"]
    number = shown["faces"][0]["number"]
    run("name", f"{folder / 'new.png'}#{number}", "--not", "Eileen", "--db", catalog)
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert "new.png" not in names(catalog, "person:Eileen")
    run("name", f"{folder / 'new.png'}#{number}", "Eve", "--db", catalog)
    assert names(catalog, "person:Eve") == ["new.png"]
    assert {group["name"] for group in people(catalog).values()} >= {"Eve", "Eileen"}


def test_one_face_named_names_its_group_and_two_in_a_photo_are_two(own_people):
    folder, catalog = own_people
    run("name", f"{folder / '2016/astronaut.jpg'}#1", "Eileen", "--db", catalog)
    assert names(catalog, "person:Eileen") == sorted(EILEEN)
    said = run("name", 2, "Eileen", "--db", catalog)
    assert said.stderr.count("left out") == 3, "in three photos she is somebody else"
    run("undo", "--db", catalog)
    assert people(catalog)[2]["name"] is None
    wrong = run("people", "merge", 1, 2, "--db", catalog, code=2)
    assert "two faces of one photo" in wrong.stderr


def test_a_group_is_split_and_merged_again_and_stays_so(own_people):
    _folder, catalog = own_people
    parts = json.loads(run("people", "split", 1, "--json", "--db", catalog).stdout)
    check("people-split", parts)
    assert len(parts) >= 2 and sum(part["faces"] for part in parts) == 7
    with Library.open(catalog) as library:
        library.group_people()
    numbers = [part["number"] for part in parts]
    assert [people(catalog)[number]["faces"] for number in numbers] == [part["faces"] for part in parts]
    merged = json.loads(run("people", "merge", *numbers, "--json", "--db", catalog).stdout)
    check("people-merge", merged)
    assert merged["faces"] == 7
    with Library.open(catalog) as library:
        library.group_people()
    assert people(catalog)[merged["number"]]["faces"] == 7
    run("undo", "--db", catalog)
    run("undo", "--db", catalog)
    assert people(catalog)[1]["faces"] == 7


def test_two_groups_are_kept_apart_by_groupings_merges_and_splits_until_undone(own_people):
    _folder, catalog = own_people
    numbers = [
        part["number"] for part in json.loads(run("people", "split", 1, "--json", "--db", catalog).stdout)
    ]

    def suggested():
        pairs = json.loads(run("people", "--suggest", "--json", "--db", catalog).stdout)
        return [{pair["one"]["number"], pair["other"]["number"]} for pair in pairs]

    before = suggested()
    if {*numbers[:2]} not in before:
        pytest.skip("the parts are not likely to be one person")
    apart = json.loads(run("people", "apart", *numbers[:2], "--json", "--db", catalog).stdout)
    check("people-apart", apart)
    assert {group["number"] for group in apart} == {*numbers[:2]}
    assert suggested() == [pair for pair in before if pair != {*numbers[:2]}]
    with Library.open(catalog) as library:
        library.group_people()
    assert {*numbers[:2]} not in suggested()
    parts = json.loads(run("people", "split", numbers[0], "--json", "--db", catalog).stdout)
    again = [part["number"] for part in parts]  # whom the whole is not, its parts are not
    assert not any({number, numbers[1]} in suggested() for number in again)
    run("people", "merge", *again, "--db", catalog)
    assert {again[0], numbers[1]} not in suggested()
    for _ in range(3):
        run("undo", "--db", catalog)
    assert suggested() == before
    wrong = run("people", "apart", numbers[0], numbers[0], "--db", catalog, code=2)
    assert "phototag people apart 3 7" in wrong.stderr


def test_apart_from_a_named_group_means_that_it_is_not_that_person(named):
    _folder, catalog = named
    assert run("people", "apart", 1, 3, "--db", catalog, code=2).stderr.count("already")
    run("name", 3, "--not", "Grace", "Hopper", "--db", catalog)
    said = run("people", "apart", 3, 1, "--db", catalog).stdout
    assert said == "group 3: not Eileen.\n"


def test_a_named_group_is_split_and_the_part_is_somebody_else(named):
    folder, catalog = named
    parts = json.loads(run("people", "split", 1, "--json", "--db", catalog).stdout)
    first, *others = sorted(parts, key=lambda part: -part["faces"])
    assert first["name"] == "Eileen" and all(part["name"] is None for part in others)
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert len(names(catalog, "person:Eileen")) == first["faces"]


def test_a_denied_group_has_no_name_and_stays_a_group(named):
    _folder, catalog = named
    run("name", 3, "--not", "Grace", "Hopper", "--db", catalog)
    assert people(catalog)[3]["name"] is None and people(catalog)[3]["faces"] == 2
    assert names(catalog, "person:any") == sorted({*EILEEN} | {*BARACK})


def test_suggestions_have_no_two_of_one_photo(own_people):
    _, catalog = own_people
    pairs = json.loads(run("people", "--suggest", "--json", "--db", catalog).stdout)
    check("people", pairs)
    assert pairs == []


def test_the_contact_sheet(named, tmp_path):
    from PIL import Image

    folder, catalog = named
    run("people", "--sheet", tmp_path / "people.png", "--db", catalog)
    sheet = Image.open(tmp_path / "people.png")
    assert sheet.height > 400 and sheet.width > 1000
    assert "is a photo" in run("people", "--sheet", folder / "2015/cat.jpg", "--db", catalog, code=1).stderr


def test_forget_leaves_no_trace(named):
    folder, catalog = named
    (embedding,) = rows(catalog, "SELECT numbers FROM embeddings LIMIT 1")[0]
    backup = catalog.with_name("catalog.db.before-9999")
    shutil.copy(catalog, backup)
    assert embedding in catalog.read_bytes()
    found = json.loads(run("people", "--forget", "--names", "--yes", "--json", "--db", catalog).stdout)
    check("people", found)
    assert (found["embeddings"], found["groups"], found["names"]) == (14, 3, 14)
    assert found["backups"] == [str(backup)]
    left = catalog.read_bytes()
    assert embedding not in left and b"Eileen" not in left and b"Barack" not in left
    wal = catalog.with_name("catalog.db-wal")
    assert not wal.exists() or embedding not in wal.read_bytes()
    assert names(catalog, "person:any") == []
    assert rows(catalog, "PRAGMA foreign_key_check") == []
    assert run("scan", folder, "--tagger", "smiles", "--db", catalog).stdout.count("nothing new") == 1
    assert rows(catalog, "SELECT count(*) FROM embeddings") == [(0,)], "and is looked for no more"


def test_forget_keeps_names_unless_asked(named):
    _, catalog = named
    run("people", "--forget", "--yes", "--db", catalog)
    assert_all_named(catalog)
    assert people(catalog) == {}


def test_smiles_of_eileen(named):
    _, catalog = named
    made = run("highlights", "smiles", "--person", "eileen", "--year", "2016", "--db", catalog, "--json")
    album = json.loads(made.stdout)
    check("highlights", album)
    assert (album["title"], album["name"]) == ("Smiles of Eileen 2016", "smiles-of-eileen-2016")
    kept = [os.path.basename(photo["source"]) for photo in album["members"]]
    assert kept == ["astronaut.jpg", "burst-1.jpg", "booth-one-serious.jpg", "booth-two.jpg"], (
        "where she smiles, whoever is beside her"
    )
    nobody = run("highlights", "smiles", "--person", "Nobody", "--db", catalog, code=2)
    assert "Nobody" in nobody.stderr


def test_a_name_taken_back_is_gone_until_the_faces_likeness_gives_it_again(named):
    folder, catalog = named
    face = f"{folder / '2016/booth-two.jpg'}#1"
    before = names(catalog, "person:Eileen"), names(catalog, "person:Barack")
    run("untag", face, "--db", catalog)
    after = names(catalog, "person:Eileen"), names(catalog, "person:Barack")
    assert sorted(len(now) - len(then) for then, now in zip(before, after, strict=True)) == [-1, 0]
    run("scan", folder, "--tagger", "smiles", "--db", catalog)
    assert_all_named(catalog)


def test_in_a_large_library_new_faces_join_the_groups_that_are_there(own_people, monkeypatch):
    from PIL import Image, ImageOps

    from phototag.library import regroup

    folder, catalog = own_people
    monkeypatch.setattr(regroup, "FEW_FACES", 0)
    monkeypatch.setattr(regroup, "NEW_SHARE", 0.5)
    before = people(catalog)
    ImageOps.mirror(Image.open(folder / "2016/astronaut.jpg")).save(folder / "new.png")
    state = rows(catalog, "SELECT value FROM meta WHERE key = 'people_grouped'")
    found = json.loads(run("scan", folder, "--tagger", "smiles", "--json", "--db", catalog).stdout)
    assert found["people"] == {"faces": 15, "groups": 3, "named": 0}
    after = people(catalog)
    assert [after[number]["faces"] - before[number]["faces"] for number in before] == [1, 0, 0]
    full = [json.loads(text)["faces"] for (text,) in state]
    assert (
        full
        == [14]
        == [
            json.loads(text)["faces"]
            for (text,) in rows(catalog, "SELECT value FROM meta WHERE key = 'people_grouped'")
        ]
    ), "the last full grouping is still that of fourteen"
