"""Writes the README's command reference from `--help`: `python -m tests.readme`. A test fails when
it is stale."""

import sys
from pathlib import Path

import click

from phototag.cli import COMMANDS, main

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- reference: made by python -m tests.readme -->", "<!-- end of reference -->"


def reference() -> str:
    """`--help` of every command and of the commands within commands, as one Markdown text."""
    parts = []
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        parts += _of(command, f"phototag {name}")
    return "\n\n".join(parts)


def _of(command: click.Command, path: str) -> list[str]:
    parent = click.Context(main, info_name=path.rsplit(" ", 1)[0], **main.context_settings)
    name = path.rsplit(" ", 1)[1]
    settings = {"terminal_width": 100, "max_content_width": 100, **command.context_settings}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    text = command.get_help(context).rstrip()
    parts = [f"<details><summary><code>{path}</code></summary>\n\n```text\n{text}\n```\n\n</details>"]
    for name, inner in getattr(command, "commands", {}).items():
        parts += _of(inner, f"{path} {name}")
    return parts


def with_reference(text: str) -> str:
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{reference()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    fresh = with_reference(README.read_text())
    if "--check" in sys.argv:
        sys.exit(fresh != README.read_text())
    README.write_text(fresh)
