"""Keeps the documentation equal to the program.

    python -m tests.readme            writes docs/commands.md from `--help`
    python -m tests.readme --tour     runs the console blocks of README and writes what they print
    python -m tests.readme --check    writes nothing; exit 1 where docs/commands.md is stale

Tests fail where either is stale."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from phototag.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README, REFERENCE = ROOT / "README.md", ROOT / "docs" / "commands.md"
# Pages whose console blocks can be run by anybody, in a minute, without a network.
TOURS = [README, *(ROOT / "docs" / name for name in ("names.md", "people.md"))]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BEGIN, END = "<!-- reference: made by python -m tests.readme -->", "<!-- end of reference -->"
COLUMNS = 100
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
HOME = "/home/ada"  # whose photos the pages show
PROGRESS = re.compile(r"[a-z ]+: [0-9,]+( of [0-9,]+)? (photos|files|bytes)\b")  # where a command takes long


def reference() -> str:
    """`--help` of every command and of the commands within commands, as one Markdown text."""
    context = click.Context(main, info_name="phototag", **main.context_settings)
    commands = [main.get_command(context, name) for name in COMMANDS]
    return "\n\n".join(part for command in commands for part in _of(command, f"phototag {command.name}"))


def _of(command: click.Command, path: str) -> list[str]:
    before, _, name = path.rpartition(" ")
    parent = click.Context(main, info_name=before, **main.context_settings)
    settings = {"terminal_width": COLUMNS, "max_content_width": COLUMNS, **command.context_settings}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    parts = [f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```"]
    for name, inner in getattr(command, "commands", {}).items():
        parts += _of(inner, f"{path} {name}")
    return parts


def with_reference(text: str) -> str:
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{reference()}\n\n{END}{rest.split(END)[1]}"


def with_outputs(page: str, shell: Shell) -> str:
    """The page with every command of its console blocks run again, in order."""

    def again(block: re.Match[str]) -> str:
        lines = []
        for command, _ in commands_and_outputs(block[1]):
            lines += ["$ " + command, *shell.run(command), ""]
        return "```console\n" + "\n".join(lines).rstrip() + "\n```"

    return CONSOLE.sub(again, page)


def commands_and_outputs(block: str) -> list[tuple[str, str]]:
    """What stands behind each `$ `, with the lines that go on after a backslash, and what is shown below."""
    parts = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n?)*)", block, re.M)
    return [(command, output.strip("\n")) for command, output in parts]


class Shell:
    """Runs commands as a reader of the pages would: at a terminal, in a folder with the sample photos,
    without a catalog or a network."""

    def __init__(self, base: Path) -> None:
        self._home = base / "ada"
        self._folder = self._home / "phototag"
        (self._home / "album").mkdir(parents=True)
        shutil.copytree(ROOT / "sample_photos", self._folder / "sample_photos")
        (base / "bin").mkdir()
        program = base / "bin" / "phototag"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phototag "$@"\n')
        program.chmod(0o755)
        self._environment = {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self._home),
            "XDG_DATA_HOME": str(self._home / ".local/share"),
            "PHOTOTAG_OFFLINE": "1",
            "COLUMNS": str(COLUMNS),
            "TERM": "dumb",
        }
        self._environment.pop("PHOTOTAG_DB", None)

    def run(self, command: str) -> list[str]:
        """The lines it shows on a terminal, without those about progress."""
        ours, theirs = pty.openpty()
        running = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while select.select([ours], [], [], 600)[0]:
            try:
                some = os.read(ours, 65536)
            except OSError:  # Linux's way of saying that the other side is closed
                break
            shown += some
        os.close(ours)
        running.wait()
        text = shown.decode().replace("\r\n", "\n").replace(str(self._home), HOME)
        return [
            line.rstrip() for line in text.rstrip().split("\n") if text.strip() and not PROGRESS.match(line)
        ]


def masked(page: str) -> str:
    """What is the same on every machine: without times, and scores to the last digit."""
    return re.sub(r"\d+\.\d+", "#", re.sub(r"\d+%", "#%", page))


if __name__ == "__main__":
    fresh = with_reference(REFERENCE.read_text())
    if "--check" in sys.argv:
        sys.exit(fresh != REFERENCE.read_text())
    REFERENCE.write_text(fresh)
    if "--tour" in sys.argv:
        for path in TOURS:
            with tempfile.TemporaryDirectory() as base:
                path.write_text(with_outputs(path.read_text(), Shell(Path(base))))
