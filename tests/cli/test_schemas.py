"""Every JSON that the program prints is what docs/schemas says, and says nothing that they do not."""

import json
import re
import shutil

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError
from PIL import Image
from referencing import Registry, Resource

from phototag.cli import COMMANDS, main
from tests.conftest import ROOT

SCHEMAS = {
    path.name.removesuffix(".schema.json"): json.loads(path.read_text())
    for path in sorted((ROOT / "docs" / "schemas").glob("*.schema.json"))
}
# What needs labelled pictures: its own tests call `check`.
ELSEWHERE = {
    "evaluate-faces",
    "evaluate-smilenet",
    "evaluate-framing",
    "evaluate-labels",
    "evaluate-objects",
    "evaluate-people",
    "evaluate-kinds",
    "evaluate-theme",
}


def strict(schema, extended=False):
    """The schema, with which keys that it does not name are errors: readers must bear them, we must not
    print them. Objects that other schemas add to (`$comment`) are closed by those."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        key: {name: strict(value) for name, value in inner.items()}
        if key in ("properties", "$defs")
        else [strict(item, extended=True) for item in inner]
        if key == "anyOf"
        else strict(inner)
        for key, inner in schema.items()
    }
    names_keys = "properties" in schema or "$ref" in schema
    if names_keys and not extended and "$comment" not in schema:
        closed["unevaluatedProperties"] = False
    return closed


REGISTRY = Registry().with_resources(
    (schema["$id"], Resource.from_contents(strict(schema))) for schema in SCHEMAS.values()
)


def check(name, value):
    """Raises where the value is not what the schema says."""
    Draft202012Validator(strict(SCHEMAS[name]), registry=REGISTRY).validate(value)


def run(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one_and_has_a_version(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert re.fullmatch(rf"urn:phototag:schema:{name}:\d+", SCHEMAS[name]["$id"])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def json_commands(group=main, path=()):
    """`query`, `albums show` ...: every command that has --json."""
    context = main.make_context("phototag", [], resilient_parsing=True)
    for name in COMMANDS if group is main else group.commands:
        command = group.get_command(context, name)
        if any("--json" in param.opts for param in command.params):
            yield "-".join([*path, name])
        if hasattr(command, "commands"):
            yield from json_commands(command, (*path, name))


def test_every_command_with_json_has_a_schema():
    assert set(json_commands()) <= SCHEMAS.keys()


@pytest.fixture(scope="module")
def catalog(scanned, tmp_path_factory):
    """(folder, catalog, the album's folder): the sample photos with labels of the user's own and an album."""
    base = tmp_path_factory.mktemp("schemas")
    shutil.copytree(scanned[0], base / "photos")
    db = base / "catalog.db"
    shutil.copy(scanned[1], db)
    with Image.open(scanned[0] / "2015" / "cat.jpg") as image:  # one photo is to be looked at anew
        image.save(base / "photos" / "2015" / "cat.jpg", exif=image.info.get("exif", b""), quality=85)
    run("relocate", scanned[0], base / "photos", "--db", db)
    scan = json.loads(run("scan", base / "photos", "--json", "--db", db))
    check("scan", scan)
    (base / "photos" / "2015" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    result = CliRunner().invoke(main, ["scan", str(base / "photos"), "--json", "--db", str(db)])
    assert result.exit_code == 3
    check("scan", json.loads(result.stdout))
    check(
        "tag",
        json.loads(run("tag", base / "photos/2015/cat.jpg", "+Chelsea", "-animal", "--json", "--db", db)),
    )
    album = json.loads(run("highlights", "smiles", "--out", base / "album", "--json", "--db", db))
    check("highlights", album)
    return base / "photos", db, base / "album"


def test_query_show_and_tags(catalog):
    _, db, _ = catalog
    lines = [json.loads(line) for line in run("query", "--json", "--db", db).splitlines()]
    assert len(lines) == 16
    for line in lines:
        check("query", line)
        check("show", json.loads(run("show", line["path"], "--json", "--db", db)))
    check("tags", json.loads(run("tags", "--json", "--db", db)))


def test_why_and_albums(catalog):
    folder, db, album = catalog
    for photo in ("2016/astronaut.jpg", "2016/booth-one-serious.jpg", "2016/burst-3.jpg", "2015/cat.jpg"):
        check("why", json.loads(run("why", folder / photo, "--year", 2016, "--json", "--db", db)))
    check("highlights", json.loads(run("highlights", "smiles", "--dry-run", "--json", "--db", db)))
    check("album", json.loads((album / "album.json").read_text()))
    check("albums-show", json.loads(run("albums", "show", album_name(db), "--json", "--db", db)))
    check("albums", json.loads(run("albums", "--json", "--db", db)))
    copy = db.with_name("copy.db")
    shutil.copy(db, copy)
    check("albums-delete", json.loads(run("albums", "delete", album_name(db), "--json", "--db", copy)))


def album_name(db):
    return run("albums", "--db", db).splitlines()[1].split()[0]


def test_status_weights_and_relocate(catalog):
    folder, db, _ = catalog
    check("status", json.loads(run("status", "--json", "--db", db)))
    check("weights-list", json.loads(run("weights", "list", "--json")))
    check("weights-verify", json.loads(run("weights", "verify", "--json")))
    check("forget", json.loads(run("forget", "--missing", "--dry-run", "--json", "--db", db)))
    check("relocate", json.loads(run("relocate", folder, folder, "--json", "--db", db)))


def test_copy(catalog, tmp_path):
    _, db, _ = catalog
    check("copy", json.loads(run("copy", "--to", tmp_path / "copy.db", "--json", "--db", db)))


def test_a_key_that_no_schema_names_is_found(catalog):
    folder, db, _ = catalog
    photo = folder / "2016/astronaut.jpg"
    for name, arguments in {
        "show": ["show", photo],
        "why": ["why", photo],
        "highlights": ["highlights", "smiles", "--dry-run"],
        "status": ["status"],
    }.items():
        value = json.loads(run(*arguments, "--json", "--db", db))
        for part in [value, *value.get("faces", []), *value.get("members", [])]:
            part["mood"] = 1
            with pytest.raises(ValidationError, match="mood"):
                check(name, value)
            del part["mood"]
        check(name, value)
