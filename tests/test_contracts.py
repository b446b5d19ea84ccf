"""Who may import whom, and what starting the program costs: held by parsing the imports and by
looking at sys.modules."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "phototag"

# From the ground up: a room may import those before it and itself, never one that comes later.
ROOMS = (
    "version",
    "signals",
    "errors",
    "offline",
    "storage",
    "allocator",
    "stopping",
    "records",
    "inputs",
    "outputs",
    "gazetteer",
    "metadata",
    "faces",
    "smiling",
    "reading",
    "query",
    "weights",
    "people",
    "asking",
    "library",
    "exporting",
    "nets",
    "annotate",
    "taggers",
    "pipeline",
    "engines",
    "scanning",
    "highlights",
    "duplicates",
    "web",
    "cli",
    "__main__",
)
FORBIDDEN = {  # room -> rooms it must not know, though they lie below
    "nets": {"library", "asking"},
    "annotate": {"nets", "library"},
    "taggers": {"library", "asking"},
    "pipeline": {"library", "nets"},
    "highlights": {"nets", "scanning", "pipeline"},
}
HOMES = {  # library -> the only rooms that may import it
    "torch": {"nets", "taggers"},
    "torchvision": {"nets", "taggers"},
    "timm": {"nets", "taggers"},
    "facenet_pytorch": {"nets", "taggers"},
    "safetensors": {"nets", "taggers", "weights"},
    "sqlalchemy": {"library"},
    "alembic": {"library"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "ray": {"engines"},
    "fsspec": {"storage"},
    "s3fs": {"storage"},
    "lxml": {"metadata"},
    "av": {"highlights"},
    "matplotlib": {"nets"},
}


def module_files():
    """Module name -> its file, for the whole package."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ("phototag", *file.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = module_files()


@cache
def imports_of(module):
    """(name, whether at the top of the file) of every import: lazy ones and those of TYPE_CHECKING too."""
    found = []
    tree = ast.parse(MODULES[module].read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in whole]
        else:
            continue
        found += [(name, node in tree.body) for name in names]
    return found


def room_of(module):
    return module.split(".")[1] if "." in module else ""


def ours(module):
    return {name for name, _ in imports_of(module) if name in MODULES and name != module}


def test_no_arrow_points_upwards():
    wrong = []
    for module in MODULES:
        room = room_of(module)
        if not room:  # the package's face offers Library and scan, lazily
            continue
        assert room in ROOMS, f"give {room} its place among the ROOMS"
        for other in map(room_of, ours(module)):
            if not other or ROOMS.index(other) > ROOMS.index(room) or other in FORBIDDEN.get(room, ()):
                wrong.append(f"{module} imports {other or 'phototag'}")
    assert wrong == []


def test_no_circle_between_files():
    graph = {module: ours(module) for module in MODULES}
    done = set()

    def visit(module, path):
        if module in path:
            raise AssertionError(" -> ".join([*path[path.index(module) :], module]))
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, [*path, module])
            done.add(module)

    for module in graph:
        visit(module, [])


def test_each_library_stays_in_its_rooms():
    wrong = [
        f"{module} imports {name}"
        for module in MODULES
        for name, at_top in imports_of(module)
        if (homes := HOMES.get(name.split(".")[0])) is not None
        and room_of(module) not in homes
        and not (room_of(module) == "cli" and not at_top)  # a command may set torch's threads as it runs
    ]
    assert wrong == []


def test_ray_is_known_to_one_file():
    assert {
        module for module in MODULES for name, _ in imports_of(module) if name.split(".")[0] == "ray"
    } == {"phototag.engines.ray"}


def test_the_engine_of_a_cluster_is_loaded_only_when_asked_for(scanned):
    loaded = modules_after("scan", str(scanned[0]), catalog=scanned[1])
    assert not loaded & {"ray", "phototag.engines.ray"}


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


def test_the_list_of_commands_builds_no_records(tmp_path):
    """They are a dozen dataclasses: half as long again as importing click."""
    assert not modules_after("--help", catalog=tmp_path / "c.db") & {
        "phototag.records",
        "phototag.query.terms",
    }


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


def test_commands_print_through_output_alone():
    """So that no name from a file can command a terminal, whichever command prints it."""
    wrong = [
        module
        for module, file in MODULES.items()
        if re.search(r"\bclick\.echo\(", file.read_text())
        and module not in ("phototag.cli.output", "phototag.cli.exits")
    ]
    assert wrong == []


def test_remote_storage_costs_a_local_scan_nothing(scanned):
    loaded = modules_after("scan", str(scanned[0]), catalog=scanned[1])
    assert not loaded & {"fsspec", "s3fs", "aiohttp", "botocore"}
