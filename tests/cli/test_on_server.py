"""Whatever is typed, a catalog on a server answers as one in a file does: the sample photos, looked at by the
real taggers, in both."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from phototag.cli import main
from phototag.cli.query import HELP
from phototag.library import Library
from tests.benchmarks.query import QUESTIONS
from tests.conftest import ROOT, SAMPLES

pytestmark = pytest.mark.slow
FILE, SERVER = "file", "server"
# What differs between any two catalogs: where they are, how large, and when something was said.
PARTS = (
    (re.compile(r"postgresql\+psycopg://\S*?(?=[\"'\s,.]*(\s|$))"), "CATALOG"),
    (re.compile(r"20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\d+(\.\d+)? [kM]B"), "SIZE"),
    (re.compile(r'(?<="seconds": )[\d.]+'), "0"),
    (re.compile(r'(?<="size_bytes": )\d+(?=, "photos")'), "0"),
)


class Twins:
    """Two catalogs of the same photos; each command is typed for both."""

    def __init__(self, folder, addresses):
        self.folder = folder
        self.addresses = addresses

    def run(self, *arguments):
        """What both print and how they end, which has to be the same."""
        said = {}
        for where, address in self.addresses.items():
            words = [str(word) for word in arguments if word != ""]
            done = CliRunner().invoke(main, [*words, "--db", address])
            if not isinstance(done.exception, SystemExit | None):
                raise done.exception
            printed = [text.replace(address, "CATALOG") for text in (done.stdout, done.stderr)]
            said[where] = done.exit_code, *map(masked, printed)
        assert said[SERVER] == said[FILE], arguments
        return said[FILE]

    def read(self, *arguments):
        """What both print, and that they do."""
        code, printed, complaint = self.run(*arguments)
        assert code == 0 and printed, (arguments, complaint)
        return printed


def masked(text):
    for pattern, name in PARTS:
        text = pattern.sub(name, text)
    return text


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """(folder, catalog): the sample photos, and whose face is whose."""
    base = tmp_path_factory.mktemp("looked")
    folder = base / "photos"
    shutil.copytree(SAMPLES, folder)
    (folder / "2015" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    shutil.copy(folder / "2015" / "cat.jpg", folder / "Ça va 2.JPG")
    arguments = ["scan", folder, "--people", "--db", base / "catalog.db"]
    assert CliRunner().invoke(main, [*map(str, arguments)]).exit_code == 3
    return folder, base / "catalog.db"


@pytest.fixture
def twins(looked_at, databases, tmp_path):
    folder, catalog = looked_at
    addresses = {FILE: os.fspath(tmp_path / "file.db"), SERVER: databases.address(tmp_path / "server.db")}
    with Library.open(catalog) as library:
        for address in addresses.values():
            library.copy_to(address, with_embeddings=True)
    yield Twins(folder, addresses)
    databases.remove(tmp_path / "server.db")


# As `phototag query --help` lists them, and README and docs besides.
ASKED = [
    *(line for line in re.findall(r"^    (\S.*?)(?:  |$)", HELP, re.M) if not line.startswith("phototag")),
    *QUESTIONS,
    "",
    "taken:2016 or taken:2015",
    "(dog or cat) ^taken:2016",
    "CAT",
    "path:ça",
    "path:Ça",
    "path:photos/2016",
    "camera:pixel",
    "camera:canon or person:any",
    "text:first",
    "rating:none",
    "type:jpeg",
    "size:..100kB",
    "size:0.1MP..",
    "near:41.9,12.5,2000km",
    "place:Rome",
    "sharp:0.2..",
    "day:06-01..12-31",
    "taken:2016-summer",
    "faces-any:1..",
    "keyword:beach",
    "duplicates",
    "person:unknown",
    "smiling:none faces:1..",
]


def test_every_question_has_the_same_answers(twins):
    fitting = {}
    for text in dict.fromkeys(ASKED):
        code, printed, complaint = twins.run("query", text, "--json")
        if code == 0:
            fitting[text] = len(printed.splitlines())
            twins.run("query", text)
            assert twins.run("query", text, "--count")[1].split() == [str(fitting[text])]
        assert code in (0, 2), complaint
    assert fitting[""] == 17
    assert sum(number > 0 for number in fitting.values()) > 30
    for sort in ("taken", "path", "smile", "relevance"):
        for text in ("", "animal", "smiling:any", "faces:..9", "path:jpg"):
            for more in ((), ("--reverse",), ("--limit", 3), ("--limit", 3, "--reverse")):
                twins.read("query", text, "--sort", sort, *more)
    twins.read("query", "", "--csv")
    twins.read("query", "cat", "-0")


def test_every_command_that_reads_prints_the_same(twins):
    photo = twins.folder / "2016" / "booth-one-serious.jpg"
    for command in (
        ["tags"],
        ["status"],
        ["people"],
        ["duplicates"],
        ["show", photo],
        ["why", photo, "--theme", "smiles", "--year", 2016],
        ["highlights", "smiles", "--year", 2016, "--dry-run"],
        ["forget", "--missing", "--dry-run"],
    ):
        twins.run(*command)
        json.loads(twins.read(*command, "--json"))
    for form in ("--json", "--csv", "--coco", "--geojson"):
        twins.read("export", form)
    twins.read("export", "--xmp", "--faces", "--dry-run")
    twins.read("duplicates", "--similar", "--json")


def test_all_that_a_person_says_is_kept_and_taken_back_alike(twins):
    photos = twins.folder
    for command in (
        ["tag", photos / "2015/cat.jpg", "+Chelsea", "+Ünal", "-dog"],
        ["tag", photos / "2016/booth-two.jpg#1", "Eileen"],
        ["tag", photos / "2016/booth-two.jpg#2", "Åsa", "--smiling"],
        ["tag", photos / "2016/booth-one-serious.jpg#1", "--not-smiling"],
        ["tag", photos / "2016/booth-one-serious.jpg#1", "--not-a-face"],
        ["tag", "--where", "path:2016", "+holiday"],
        ["untag", photos / "2015/cat.jpg", "+Chelsea"],
        ["name", 1, "Zoë"],
        ["people"],
        ["people", "merge", 1, 2],
        ["people", "split", 1],
        ["people", "apart", 1, 2],
        ["undo", "--list"],
        ["undo"],
        ["undo"],
        ["highlights", "smiles", "--year", 2016],
        ["albums"],
        ["albums", "show", "smiles-2016"],
        ["albums", "delete", "smiles-2016"],
        ["relocate", photos, "/elsewhere"],
        ["relocate", "/elsewhere", photos],
        ["forget", "--people"],
        ["status"],
    ):
        twins.run(*command)
        for question in ("", "Chelsea", "holiday", "smiling:Åsa", "person:any", "smiling:none", "person:Zoë"):
            twins.run("query", question, "--json")
        twins.run("tags")


def test_a_scan_into_a_server_finds_what_one_into_a_file_does(databases, tmp_path):
    """By the program with a tiny tagger, as processes of their own; again after files have gone and moved."""
    shutil.copytree(SAMPLES, tmp_path / "photos")
    addresses = {FILE: os.fspath(tmp_path / "f.db"), SERVER: databases.address(tmp_path / "s.db")}

    def scan():
        said = []
        for address in addresses.values():
            command = [sys.executable, "-m", "tests.tiny", "scan", os.fspath(tmp_path / "photos"), "--json"]
            environment = os.environ | {"PHOTOTAG_DB": address}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            said.append(masked(done.stdout.replace(address, "CATALOG")))
        assert said[0] == said[1]
        for question in ("", "red:0.2", "^blue:0.5", "missing", "taken:2016", "path:booth"):
            Twins(tmp_path / "photos", addresses).run("query", question, "--json")

    scan()
    (tmp_path / "photos" / "2016" / "astronaut.jpg").unlink()
    (tmp_path / "photos" / "2015").rename(tmp_path / "photos" / "Ä 2015")
    scan()
    scan()
    databases.remove(tmp_path / "s.db")
