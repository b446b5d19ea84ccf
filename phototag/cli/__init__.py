"""The command line: one command per file, imported only when it is called. Owns exit codes and how
errors are told."""

from __future__ import annotations

import importlib
import os
import sys

import click

from phototag.cli.signals import unwinding
from phototag.errors import EXIT_FATAL, EXIT_INTERRUPTED, PhototagError
from phototag.version import __version__

# name -> (module, the first line of its help), so that `phototag --help` imports none of them. A
# test holds the lines equal.
COMMANDS = {
    "scan": ("phototag.cli.scan", "Look at every photo in PATHS and remember what is in them."),
    "query": ("phototag.cli.query", "Find photos by what is in them."),
    "show": ("phototag.cli.show", "Tell everything known of one photo."),
    "highlights": ("phototag.cli.highlights", "Choose the best photos by a theme; make an album and a film."),
    "why": ("phototag.cli.why", "Explain why a photo is in an album, or is not."),
    "albums": ("phototag.cli.albums", "List the albums that highlights has made."),
    "tags": ("phototag.cli.tags", "List the labels of the catalog with their numbers of photos."),
    "tag": ("phototag.cli.tag", "Say yourself what is in a photo, or is not."),
    "status": ("phototag.cli.status", "Tell how far the catalog is, and which weights are in use."),
    "relocate": ("phototag.cli.relocate", "Tell the catalog that a folder of photos has moved."),
    "weights": ("phototag.cli.weights", "List, fetch, import and verify the detectors' weights."),
    "train": ("phototag.cli.train", "Train the nets on labelled pictures."),
    "evaluate": ("phototag.cli.evaluate", "Measure the nets on labelled pictures."),
}


class LazyGroup(click.Group):
    """Imports a command when it is asked for, and turns errors into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return getattr(importlib.import_module(COMMANDS[name][0]), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context):
        try:
            with unwinding():
                return super().invoke(ctx)
        except PhototagError as error:
            click.echo(f"phototag: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("\nphototag: stopped.", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:  # the reader (head, less) has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_FATAL)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="phototag")
def main() -> None:
    """Recognises things, faces and smiles in your photos, on your own machine, and finds the photo
    you ask for.

    \b
      phototag scan ~/Photos            look at every photo; run it again after adding some
      phototag query smiling:all        where is everyone smiling?
      phototag query dog taken:2016     every dog of 2016
      phototag show PHOTO               all that is known of one photo

    Nothing leaves this machine, and photos are never written to.
    """
