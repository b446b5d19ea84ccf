"""`phototag browse`: look, ask and correct in a browser."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phototag.cli.output import db_option, open_library, say, write_text
from phototag.errors import PhototagError

if TYPE_CHECKING:
    from phototag.library import Library


@click.command()
@click.argument("terms", nargs=-1)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of the address. Default: one that is free."
)
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
@click.option("--read-only", is_flag=True, help="Let nothing be changed.")
@click.option(
    "--thumbnails",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where small pictures are kept. Default: the user's cache folder.",
)
@db_option
def browse(
    terms: tuple[str, ...],
    port: int,
    no_open: bool,
    read_only: bool,
    thumbnails: Path | None,
    db: str | None,
) -> None:
    """Look, ask and correct in a browser, on this machine.

    Shows the photos that fit TERMS, those of `phototag query`; without any, all. The address that is
    printed holds a key, which is good for one visit; nobody else can look. Nothing leaves this machine,
    and photos are never written. Ctrl-C ends it.

    \b
      phototag browse
      phototag browse smiling:all taken:2016
      phototag browse --no-open --port 8016
    """
    require_server()
    with open_library(db) as library:
        question = " ".join(terms)
        library.ask(terms or None)  # a mistake is told here, before a browser opens
        run(library, port, question, open_browser=not no_open, read_only=read_only, thumbnails=thumbnails)


def require_server() -> None:
    """Raises PhototagError with what to type where the extra is not installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise PhototagError(
            "the browser view needs two more packages. Type: pip install 'phototag[browse]'"
        ) from error


def run(
    library: Library,
    port: int,
    question: str,
    *,
    open_browser: bool,
    read_only: bool = False,
    thumbnails: Path | None = None,
) -> None:
    """Serve until Ctrl-C, which is how it ends well."""
    from platformdirs import user_cache_path

    from phototag.cli.decoders import silence_decoders
    from phototag.web.app import Settings
    from phototag.web.serve import serve

    silence_decoders()
    folder = thumbnails or user_cache_path("phototag", appauthor=False) / "thumbnails"
    try:
        serve(
            library,
            Settings(folder, read_only),
            port=port,
            question=question,
            on_ready=_announce(open_browser=open_browser),
        )
    except KeyboardInterrupt:
        say("\nStopped.")


def _announce(*, open_browser: bool) -> Callable[[str], None]:
    def announce(url: str) -> None:
        write_text(url)
        sys.stdout.flush()
        say("Open this address in a browser on this machine; its key is good for one visit. Ctrl-C ends it.")
        if open_browser and _has_screen():
            import webbrowser

            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    return announce


def _has_screen() -> bool:
    """Whether a browser has where to show itself: without a display, some open in the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
