"""The command line: one command per file, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from phototag.cli import exits
from phototag.cli.output import add_common_options, say_more, wants_color
from phototag.version import __version__

TRACEBACK = "PHOTOTAG_TRACEBACK"  # set to anything, as --traceback

# name -> (module, the first line of its help), so that `phototag --help` imports none of them. A
# test holds the lines equal.
COMMANDS = {
    "scan": ("phototag.cli.scan", "Look at every photo in PATHS and remember what is in them."),
    "query": ("phototag.cli.query", "Find photos by what is in them."),
    "show": ("phototag.cli.show", "Show everything known of one photo."),
    "browse": ("phototag.cli.browse", "Look, ask and correct in a browser, on this machine."),
    "demo": ("phototag.cli.demo", "Try it: the sample photos in a browser, with a throw-away catalog."),
    "highlights": ("phototag.cli.highlights", "Choose the best photos by a theme; make an album and a film."),
    "why": ("phototag.cli.why", "Explain why a photo is in an album, or is not."),
    "albums": ("phototag.cli.albums", "List the albums that highlights has made."),
    "tags": ("phototag.cli.tags", "List the labels of the catalog with their numbers of photos."),
    "tag": ("phototag.cli.tag", "Say what is in photos, and who; no scan overrides it."),
    "untag": ("phototag.cli.untag", "Take back what you said of photos and faces."),
    "undo": ("phototag.cli.undo", "Undo the last change that you made with a word of yours."),
    "duplicates": ("phototag.cli.duplicates", "List photos that are there more than once, in groups."),
    "export": ("phototag.cli.export", "Hand what phototag knows to other programs."),
    "people": ("phototag.cli.people", "Show who is in your photos: groups of faces, to be named."),
    "name": ("phototag.cli.name", "Say whose a group of faces is, or one face."),
    "status": ("phototag.cli.status", "Show catalog statistics and the weights in use."),
    "relocate": ("phototag.cli.relocate", "Tell the catalog that a folder of photos has moved."),
    "forget": ("phototag.cli.forget", "Remove from the catalog what it knows of photos."),
    "merge": ("phototag.cli.merge", "Take over what another catalog knows of the same photos."),
    "copy": ("phototag.cli.copy", "Copy the catalog into an empty file, or into PostgreSQL and back."),
    "weights": ("phototag.cli.weights", "List, fetch, import, choose and verify the nets' weights."),
    "train": ("phototag.cli.train", "Train the nets on labelled pictures."),
    "explain": ("phototag.cli.explain", "Draw what a net has learned and what it sees."),
    "evaluate": ("phototag.cli.evaluate", "Measure the nets on labelled pictures."),
}


class LazyGroup(click.Group):
    """Imports a command when it is asked for, and turns errors into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(COMMANDS[name][0]), name)
        add_common_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        began = time.monotonic()
        answer = super().invoke(ctx)
        say_more(f"time taken: {time.monotonic() - began:.1f} s")
        return answer

    def main(  # type: ignore[override]  # click has an overload for each mode
        self, args: Sequence[str] | None = None, standalone_mode: bool = True, **more: Any
    ) -> Any:
        command = partial(super().main, args, standalone_mode=False, **more)
        if not standalone_mode:
            return command()
        words = sys.argv[1:] if args is None else args
        sys.exit(exits.run(command, show_traceback="--traceback" in words or bool(os.environ.get(TRACEBACK))))


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="phototag")
@click.option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    help="Print where in the program an error happened. Also $PHOTOTAG_TRACEBACK.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Recognises things, faces and smiles in your photos, on your own machine, and finds the photo
    you ask for.

    \b
      phototag scan ~/Photos            look at every photo; run it again after adding some
      phototag query smiling:all        where is everyone smiling?
      phototag query dog taken:2016     every dog of 2016
      phototag show PHOTO               all that is known of one photo

    Nothing leaves this machine, and photos are never written to.
    """
    if not wants_color():
        ctx.color = False


add_common_options(main)
