"""Everything the commands print: tables for people, paths for pipes, JSON for scripts. stdout is
data, stderr is talk."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from phototag.errors import CatalogError
from phototag.storage.address import is_remote

if TYPE_CHECKING:
    from phototag.library import Library

db_option = click.option(
    "--db",
    type=click.Path(dir_okay=False),
    help="Catalog: a file, or the URL of a PostgreSQL database. Default: one per user, or $PHOTOTAG_DB.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")

# Keys of click's Context.meta, which a command shares with those around it.
QUIET, VERBOSE = "phototag.quiet", "phototag.verbose"


def add_common_options(command: click.Command) -> None:
    """Gives a command, and the commands within it, the options that every command has."""
    taken = {name for param in command.params for name in param.opts}
    # `tag PHOTO -vacation` takes a label away: where unknown options are words, none is one letter long.
    letters = not command.context_settings.get("ignore_unknown_options")
    for letter, long, key, help_text in (
        ("-q", "--quiet", QUIET, "Say nothing but errors on stderr."),
        ("-v", "--verbose", VERBOSE, "Say more on stderr: the catalog in use, and the time taken."),
    ):
        if long not in taken:
            names = [letter, long] if letters and letter not in taken else [long]
            command.params.append(_meta_flag(names, key, help_text))
    if "--traceback" not in taken:
        command.params.append(click.Option(["--traceback"], is_flag=True, expose_value=False, hidden=True))
    for inner in getattr(command, "commands", {}).values():
        add_common_options(inner)


def _meta_flag(names: list[str], key: str, help_text: str) -> click.Option:
    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[key] = True
        if ctx.meta.get(QUIET) and ctx.meta.get(VERBOSE):
            raise click.UsageError("--quiet and --verbose exclude each other; give one of them")

    return click.Option(names, is_flag=True, expose_value=False, callback=remember, help=help_text)


def open_library(db: str | None, *, create: bool = False) -> Library:
    """The catalog that a command works on. Only a scan makes one; a mistyped --db is an error elsewhere."""
    from phototag.library import Library

    progress = _Progress("deciding again who smiles")
    library = Library.open(db, create=create, on_message=say, on_progress=progress)
    say_more(f"catalog: {library.name}")
    return library


def is_known_photo(path: str) -> bool:
    """Whether the file is a photo of the catalog that commands use without --db; for those that have no
    use for a catalog otherwise."""
    from phototag.library import Library

    try:
        with Library.open(create=False) as library:
            return library.is_photo(path)
    except CatalogError:  # there is none, or none that can be asked
        return False


class _Progress:
    """Says on stderr how far something is that takes long, every few seconds."""

    def __init__(self, what: str, seconds: float = 2.0) -> None:
        self._what, self._seconds, self._last = what, seconds, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            say(f"{self._what}: {done:,} of {total:,} photos")


def refuse_together(*given: tuple[str, object]) -> None:
    """Refuses options that contradict each other: `refuse_together(("--json", as_json), ("--csv",
    as_csv))`."""
    names = [name for name, value in given if value]
    if len(names) > 1:
        raise click.UsageError(f"{names[0]} and {names[1]} exclude each other; give one of them")


def refuse_without(needed: str, *given: tuple[str, object]) -> None:
    """Refuses options that mean nothing without another one, which was not given."""
    if name := next((name for name, value in given if value), None):
        raise click.UsageError(f"{name} needs {needed}")


def printable(text: str) -> str:
    """The text with control characters, direction marks and undecodable bytes made visible, so that
    no file name can garble or command a terminal."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose line ends are ours."""
    return "\n".join(map(printable, text.split("\n")))


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    # joiner inside emoji
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character != "\u200d":
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character


def say(text: str = "") -> None:
    """Print a message to stderr; nothing with --quiet."""
    if not is_quiet():
        warn(text)


def say_more(text: str) -> None:
    """Print a message to stderr with --verbose."""
    if _flag(VERBOSE):
        warn(text)


def warn(text: str) -> None:
    """Print to stderr what --quiet does not silence: errors, and what was left out."""
    click.echo(printable_lines(text), err=True)


def is_quiet() -> bool:
    """Whether --quiet was given."""
    return _flag(QUIET)


def _flag(key: str) -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(key))


def wants_color() -> bool:
    """https://no-color.org; a dumb terminal shows escape sequences as they are."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shown_path(path: str) -> str:
    """A file's name as a person would type it: relative where it lies in the working folder or below."""
    if is_remote(path):
        return printable(path)
    relative = os.path.relpath(path)
    return printable(path if relative.startswith("..") else relative)


def draws_bars() -> bool:
    """Whether a progress bar may redraw its line: a person sits at a terminal that can."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not is_quiet()


def write_text(text: object) -> None:
    """Data for a person: lines whose names can command no terminal."""
    click.echo(printable_lines(str(text)))


def write_path(path: str, end: str = "\n") -> None:
    """Data: raw bytes into a pipe, so that every file name survives; made visible on a terminal."""
    if sys.stdout.isatty():
        click.echo(printable(path))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + end.encode())


def write_json(value: Any, indent: int | None = None) -> None:
    """ASCII with escapes: undecodable bytes of names travel as lone surrogates, which Python's and
    most other readers keep."""
    click.echo(json.dumps(value, indent=indent, allow_nan=False))


def write_pieces(pieces: Iterable[str]) -> None:
    """Data, piece by piece, as bytes: file names that cannot be decoded survive."""
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(piece.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


def write_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: frozenset[int] = frozenset(),
    *,
    key: int = -1,
) -> None:
    """Columns as wide as their cells. On a terminal that is too narrow the column `key`, which says what
    a row is about, stays readable longest: a file's name in the last one, where not said otherwise.
    Cells must be printable."""
    cells = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(header))]
    if sys.stdout.isatty():
        widths = _narrow(widths, cells, shutil.get_terminal_size((120, 24)).columns, key % len(header))
    last = len(header) - 1
    for number, row in enumerate(cells):
        parts = []
        for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
            if not width:
                continue
            shown = _cut_start(cell, width) if i == last == key % len(header) else _cut_end(cell, width)
            gap = " " * (width - _width(shown))
            parts.append(gap + shown if i in right else shown + gap)
        line = "  ".join(parts).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


NARROWEST = 6  # columns of a cell that is cut: five characters and an ellipsis still tell something


def _narrow(widths: list[int], cells: Sequence[Sequence[str]], room: int, key: int) -> list[int]:
    """The columns' widths on a terminal of `room` columns: folders of the column `key` go first, then
    ends of the widest others, then whole columns (width 0): the first ones where the key stands last,
    else the last ones."""
    widths = list(widths)

    def excess() -> int:
        return sum(widths) + 2 * (sum(1 for width in widths if width) - 1) - room

    others = [i for i in range(len(widths)) if i != key]
    if key < others[-1]:
        others.reverse()
    names = max(_width(row[key].rpartition("/")[2]) for row in cells)
    widths[key] -= max(0, min(excess(), widths[key] - (names + 2)))  # 2: an ellipsis and a slash
    while excess() > 0:
        widest = max(others, key=widths.__getitem__)
        if widths[widest] > NARROWEST:
            widths[widest] -= min(excess(), widths[widest] - NARROWEST)
        elif shown := [i for i in others if widths[i]]:
            widths[shown[0]] = 0
        else:
            widths[key] = room
    return widths


def _cut_end(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    while _width(text) > room - 1:
        text = text[:-1]
    return text + "…"


def _cut_start(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    while _width(text) > room - 1:
        text = text[1:]
    return "…" + text


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 photo`, `2 photos`, `12,345 photos`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(size_bytes: int) -> str:
    value, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def smile_word(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "-"}[value]
