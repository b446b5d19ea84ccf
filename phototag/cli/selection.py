"""What `highlights`, `why` and `albums` share: which photos are asked for, the choice among them,
and how they are listed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from phototag.cli.output import count, draws_bars, open_library, say, shown_path, write_path, write_table
from phototag.errors import UsageError
from phototag.records import Photo

if TYPE_CHECKING:
    from phototag.highlights.choose import LookAgain
    from phototag.highlights.theme import Theme
    from phototag.highlights.verdict import Choice


Command = TypeVar("Command", bound=Callable[..., Any])


class DateType(click.ParamType[tuple[date, date]]):
    """2016, 2016-06 or 2016-06-24: the first and the last day of it."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[date, date]:
        from phototag.query.dates import last_day, read_period

        try:
            return read_period(value)[0], last_day(value)
        except ValueError as error:
            self.fail(f"{error}; type 2016, 2016-06 or 2016-06-24", param, ctx)


def choosing_options(command: Command) -> Command:
    """What highlights and why must be told alike, so that why explains the very same choice."""
    for option in reversed(
        [
            click.option("--year", type=click.IntRange(1, 9998), metavar="YEAR", help="Photos of this year."),
            click.option(
                "--from",
                "since",
                type=DateType(),
                metavar="DATE",
                help="From this day on: 2016, 2016-06 or 2016-06-24.",
            ),
            click.option(
                "--to", "until", type=DateType(), metavar="DATE", help="Up to this day, and all of it."
            ),
            click.option(
                "--where", multiple=True, metavar="TERMS", help="Only photos that fit, as in phototag query."
            ),
            click.option(
                "--top", type=click.IntRange(1, 10_000), metavar="N", help="At most this many photos."
            ),
            click.option(
                "--guessed-dates",
                is_flag=True,
                help="In an album of a period, also photos whose only date is their file's.",
            ),
            click.option(
                "--min-faces",
                type=click.IntRange(1, 1000),
                metavar="N",
                help="At least this many people in each.",
            ),
            click.option(
                "--person",
                "persons",
                multiple=True,
                metavar="NAME",
                help="Photos of this person, whose smiles count then; may be repeated: all of them.",
            ),
        ]
    ):
        command = option(command)
    return command


def load_theme(name: str) -> Theme:
    """A theme that ships, by its name, or a person's own, by its file."""
    from phototag.highlights import theme

    return theme.read(Path(name)) if name.endswith(".toml") or os.path.dirname(name) else theme.load(name)


@dataclass(frozen=True)
class SelectionOptions:
    """What `choosing_options` ask for, as it was typed. `since` and `until`: the first and the last
    day of the date given."""

    year: int | None
    since: tuple[date, date] | None
    until: tuple[date, date] | None
    where: tuple[str, ...]
    top: int | None
    guessed_dates: bool
    min_faces: int | None
    persons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """Which photos to choose from, and how many. `first` and `last`: days, both included."""

    theme: Theme
    terms: tuple[str, ...]
    first: date | None
    last: date | None
    top: int | None
    guessed_dates: bool

    @classmethod
    def of(cls, theme: Theme, terms: Sequence[str], options: SelectionOptions) -> Selection:
        """Raises UsageError for options that contradict each other."""
        from phototag.query.parse import group, split

        if options.year and (options.since or options.until):
            raise UsageError("say either --year, or --from and --to")
        first, last = options.since and options.since[0], options.until and options.until[1]
        if options.year:
            first, last = date(options.year, 1, 1), date(options.year, 12, 31)
        if first and last and last < first:
            raise UsageError(f"--from {first} is after --to {last}")
        asked = [
            *theme.terms,
            *group(terms),
            *(term for line in options.where for term in group(split(line))),
        ]
        if first or last:
            asked.append(f"taken:{first or ''}..{last or ''}")
        if options.min_faces:
            theme = replace(theme, qualify=replace(theme.qualify, min_faces=options.min_faces))
        if options.persons:
            theme = replace(theme, persons=options.persons)
            asked += [f'person:"{_one_name(name)}"' for name in options.persons]
        return cls(theme, tuple(asked), first, last, options.top, options.guessed_dates)

    def choose(self, db: str | None) -> Choice:
        from phototag.highlights.catalog_choice import choose_of_catalog
        from phototag.highlights.choose import wants_second_look

        if self.theme.film.align_faces and not self.theme.persons:
            raise UsageError(f"{self.theme.title!r} is of a person; type for example: --person Anna")
        with open_library(db) as library:
            query = library.ask(self.terms)
            query.require_known_words()
            photos = list(library.photos(query))
            say(f"Choosing among {count(len(photos), 'photo')} ...")
            return choose_of_catalog(
                library,
                photos,
                query,
                self.theme,
                self.top,
                guessed_dates=self.guessed_dates,
                look_again=_second_look() if wants_second_look(self.theme) else None,
            )

    def title(self, choice: Choice) -> str:
        from phototag.highlights import captions

        period = captions.period(self.first, self.last, [verdict.photo for verdict in choice.kept])
        return f"{self.theme.title}{self._of_whom(choice)} {period}".strip()

    def _of_whom(self, choice: Choice) -> str:
        """` of Anna and Ben`, as the catalog spells them."""
        from phototag.highlights import captions
        from phototag.query.terms import fold

        spelled = {fold(one.person.name): one.person.name for v in choice.kept for one in v.photo.persons}
        names = [spelled.get(fold(name), name) for name in self.theme.persons]
        if not names:
            return ""
        return f" of {captions.enumerate_names(names)}"

    @property
    def least(self) -> int:
        return min(self.theme.count.minimum, self.top or self.theme.count.minimum)


def _second_look() -> LookAgain | None:
    """SmileNet's; None where no net can be loaded: then the first look decides."""
    try:
        from phototag.taggers.second_look import second_look
    except ImportError:
        return None
    return second_look()


def _one_name(name: str) -> str:
    if not name.strip() or '"' in name:
        raise UsageError(f"--person {name!r} is no name; type for example: --person Anna")
    return name


def progress_bar(length: int, label: str) -> Any:
    """On stderr, where a person sits there; otherwise nowhere."""
    return click.progressbar(length=length, label=label, file=sys.stderr if draws_bars() else io.StringIO())


def print_photos(rows: Sequence[tuple[Photo, str]]) -> None:
    """A table for a person, paths for a pipe."""
    if not sys.stdout.isatty():
        for photo, _ in rows:
            write_path(photo.path)
        return
    cells = [
        (
            str(number),
            (photo.taken_text or "undated")[:16] + (" (file date)" if photo.date_is_guessed else ""),
            why,
            shown_path(photo.path),
        )
        for number, (photo, why) in enumerate(rows, 1)
    ]
    write_table(("#", "taken", "why", "photo"), cells, right=frozenset({0}))
