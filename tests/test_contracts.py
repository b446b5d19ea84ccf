"""Who may import whom, and what starting the program costs: held by parsing the imports and by
looking at sys.modules."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "phototag"
NETS = {"taggers", "nets"}
HOMES = {  # heavy library -> the only places that may import it
    "torch": NETS,
    "torchvision": NETS,
    "timm": NETS,
    "facenet_pytorch": NETS,
    "sqlalchemy": {"library"},
    "alembic": {"library"},
    "click": {"cli"},
}


def imports():
    for file in sorted(PACKAGE.rglob("*.py")):
        part = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                yield file, part, name, node in tree.body


def test_heavy_libraries_stay_in_their_places():
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file, part, name, at_top in imports()
        if (home := HOMES.get(name.split(".")[0])) is not None
        and part not in home
        and not (part == "cli" and not at_top)  # a command may reach for torch.set_num_threads once it runs
    ]
    assert wrong == []


def test_nets_know_no_library_and_the_library_no_nets():
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file, part, name, _ in imports()
        if (part in NETS and name.startswith(("phototag.library", "phototag.cli", "phototag.scanning")))
        or (part == "library" and name.startswith(tuple(f"phototag.{net}" for net in (*NETS, "cli"))))
        or (part not in ("cli", "__main__") and name.startswith("phototag.cli"))
    ]
    assert wrong == []


def modules_after(*arguments, catalog):
    """The modules that a command leaves imported."""
    code = (
        "import sys\nfrom phototag.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('MODULES', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={"PHOTOTAG_DB": str(catalog), "PHOTOTAG_OFFLINE": "1", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("MODULES", 1)[1].split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("scan", "--help"), ("query", "--help"), ("train", "--help")]
)
def test_help_loads_nothing_heavy(arguments, tmp_path):
    loaded = modules_after(*arguments, catalog=tmp_path / "c.db")
    assert not loaded & {"torch", "sqlalchemy", "numpy", "PIL", "alembic", "tqdm"}


@pytest.mark.parametrize("arguments", [("query", "smiling:all"), ("tags",), ("show", "nowhere.jpg")])
def test_asking_loads_no_torch_and_no_alembic(arguments, scanned):
    loaded = modules_after(*arguments, catalog=scanned[1])
    assert "sqlalchemy" in loaded
    assert not loaded & {"torch", "timm", "alembic", "numpy"}


def test_status_and_a_dry_run_load_no_torch(scanned):
    assert "torch" not in modules_after("status", catalog=scanned[1])
    assert "torch" not in modules_after("scan", "--dry-run", str(scanned[0]), catalog=scanned[1])


def test_a_scan_with_nothing_new_loads_no_torch(scanned):
    assert "torch" not in modules_after("scan", str(scanned[0]), catalog=scanned[1])


def test_the_listed_help_of_each_command_is_its_own(monkeypatch):
    import importlib

    from phototag.cli import COMMANDS

    for name, (module, line) in COMMANDS.items():
        command = getattr(importlib.import_module(module), name)
        assert command.help.strip().splitlines()[0] == line, name
        assert "phototag " + name in command.help or hasattr(command, "commands"), (
            f"{name} --help shows no example"
        )
