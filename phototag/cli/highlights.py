"""`phototag highlights`: choose the best photos by a theme, and make an album, a gallery and a film
of them."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    refuse_together,
    refuse_without,
    say,
    write_json,
)
from phototag.cli.selection import (
    Selection,
    SelectionOptions,
    choosing_options,
    load_theme,
    print_photos,
    progress_bar,
)
from phototag.errors import Interrupted, PhototagError, UsageError
from phototag.records import Box, Member
from phototag.storage.address import is_remote

if TYPE_CHECKING:
    from phototag.highlights.film.frames import Pixels
    from phototag.highlights.film.make import FilmOptions
    from phototag.highlights.theme import Theme
    from phototag.highlights.verdict import Choice

    Painter = Callable[[Pixels, Sequence[Box]], Pixels]


@click.command()
@click.argument("theme_and_terms", nargs=-1, metavar="[THEME] [TERMS]...")
@choosing_options
@click.option(
    "--theme",
    "own_theme",
    metavar="THEME",
    help="A theme's name, or a TOML file of your own: then all words are TERMS.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="What to call the album in the catalog. Default: theme and time, as smiles-2016.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Make an album folder here: photos, gallery, contact sheet.",
)
@click.option("--copy", is_flag=True, help="Copy the photos into it. Default: symbolic links.")
@click.option("--hardlink", is_flag=True, help="Hard links instead.")
@click.option(
    "--strip", is_flag=True, help="Copies without place, maker notes and serial numbers, to be passed on."
)
@click.option("--replace", is_flag=True, help="Let DIR's album make way where it is another one.")
@click.option(
    "--gallery/--no-gallery", default=True, help="A page to look at in the album folder.", show_default=True
)
@click.option(
    "--sheet",
    type=click.Choice(["screen", "a4", "letter"]),
    default="screen",
    show_default=True,
    help="The contact sheet in it: a picture, or a PDF to print on A4 or letter paper.",
)
@click.option("--no-sheet", is_flag=True, help="None.")
@click.option("--animate", is_flag=True, help="The shots of each burst as a small moving picture in it.")
@click.option("--places", is_flag=True, help="Tell in gallery and film where photos were taken.")
@click.option(
    "--film", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.mp4", help="Make a film of them."
)
@click.option(
    "--height",
    type=int,
    metavar="PIXELS",
    help="The film's height in pixels. Default: 1080, or 1920 where it stands upright.",
)
@click.option(
    "--aspect", default="16:9", metavar="W:H", show_default=True, help="16:9, 9:16 (phones), 1:1 or 4:3."
)
@click.option(
    "--music",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="A sound file for the film, instead of music that phototag composes.",
)
@click.option(
    "--mood", metavar="MOOD", help="Of the composed music: calm, warm or bright. Default: the theme's."
)
@click.option("--no-music", "silent", is_flag=True, help="A film without sound.")
@click.option(
    "--painted",
    is_flag=True,
    help="Begin with the title's photo as a painting (up to a minute more of work).",
)
@click.option(
    "--poster",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.jpg",
    help="Write the film's title as a picture, too. Every film has it inside as its cover.",
)
@click.option("--preview", is_flag=True, help="A small, rough film, quickly, to look at first.")
@click.option("--force", is_flag=True, help="Let --film replace a file that phototag did not make.")
@click.option("--dry-run", is_flag=True, help="Only tell which photos would be chosen; change nothing.")
@db_option
@json_option
def highlights(
    theme_and_terms: tuple[str, ...],
    own_theme: str | None,
    name: str | None,
    dry_run: bool,
    db: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Choose the best photos by a theme; make an album and a film.

    THEME is smiles, pets, portraits, year (the best of everything), trips (far from home), on-this-day
    (of any year) or through-the-years (one photo a year of one --person, the face in the same place).
    TERMS are those of `phototag query`; put -- before terms that begin with a dash. No photo is changed,
    and the same catalog gives the same album.

    \b
      phototag highlights smiles --year 2016
      phototag highlights smiles --year 2016 --out ~/Smiles2016 --film ~/smiles-2016.mp4
      phototag highlights through-the-years --person Anna --film anna.mp4
      phototag highlights year --from 2016-06 --to 2016-08 path:Italy --top 30 --dry-run
      phototag why IMG_0042.jpg --theme smiles --year 2016
    """
    outputs = Outputs(**{field.name: given.pop(field.name) for field in fields(Outputs)})
    outputs.refuse_contradictions()
    if own_theme:
        theme, terms = load_theme(own_theme), theme_and_terms
    elif theme_and_terms:
        theme, terms = load_theme(theme_and_terms[0]), theme_and_terms[1:]
    else:
        from phototag.highlights.theme import names

        raise UsageError(f"say which theme: {', '.join(names())}, or --theme FILE for one of your own")
    try:
        _highlights(
            Selection.of(theme, terms, SelectionOptions(**given)), name, dry_run, db, as_json, outputs
        )
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped; nothing half made is left behind. Type the same line to begin again"
        ) from None


@dataclass(frozen=True)
class Outputs:
    """What to make, as the options say it."""

    out: Path | None
    copy: bool
    hardlink: bool
    strip: bool
    replace: bool
    gallery: bool
    sheet: str
    no_sheet: bool
    animate: bool
    places: bool
    film: Path | None
    height: int | None
    aspect: str
    music: str | None
    mood: str | None
    silent: bool
    painted: bool
    poster: Path | None
    preview: bool
    force: bool

    @property
    def how(self) -> Literal["copy", "hardlink"] | None:
        return "copy" if self.copy else "hardlink" if self.hardlink else None

    def refuse_contradictions(self) -> None:
        """Raises click.UsageError for options that exclude each other, or mean nothing without another."""
        if self.strip and self.hardlink:
            raise UsageError("say either --strip or --hardlink: a hard link is the photo itself")
        refuse_together(("--copy", self.copy), ("--hardlink", self.hardlink))
        if not self.film:
            refuse_together(("--no-gallery", not self.gallery), ("--places", self.places))
        if not self.out:
            refuse_without(
                "--out DIR",
                ("--copy", self.copy),
                ("--hardlink", self.hardlink),
                ("--strip", self.strip),
                ("--replace", self.replace),
            )
        if not (self.out or self.film):
            refuse_without("--out DIR or --film FILE.mp4", ("--places", self.places))
        if not self.film:
            refuse_without(
                "--film FILE.mp4",
                ("--height", self.height),
                ("--music", self.music),
                ("--mood", self.mood),
                ("--no-music", self.silent),
                ("--painted", self.painted),
                ("--poster", self.poster),
                ("--preview", self.preview),
            )

    def film_options(self, paint: Painter | None = None) -> FilmOptions:
        from phototag.highlights.film.make import FilmOptions

        return FilmOptions(
            height=self.height,
            aspect=self.aspect,
            music=self.music,
            silent=self.silent,
            mood=self.mood,
            preview=self.preview,
            made_on=datetime.now(),
            places=self.places,
            force=self.force,
            paint=paint,
            poster=self.poster,
        )


def _painter() -> Painter:
    """Paints, shows how far it is, and says what was done. Raises PhototagError where what it takes is not
    installed."""
    try:
        from phototag.nets.backbone import imagenet_state
        from phototag.nets.style import paint, painted_size_wh
    except ImportError as error:
        raise PhototagError(f"--painted needs {error.name}; type: pip install --upgrade phototag") from error
    imagenet_state()  # now, not when all else is done

    def paint_and_tell(pixels: Pixels, faces: Sequence[Box]) -> Pixels:
        began = time.monotonic()
        with progress_bar(100, "Painting") as bar:

            def progress(done: int, total: int) -> None:
                bar.update(done * 100 // total - bar.pos)

            painting = paint(pixels, faces, progress)
        height, width = pixels.shape[:2]
        wide, high = painted_size_wh(width, height)
        say(
            f"Painted at {wide} x {high} pixels in {time.monotonic() - began:.0f} seconds, and laid over "
            f"{width} x {height}."
        )
        return painting

    return paint_and_tell


def _highlights(
    selection: Selection, name: str | None, dry_run: bool, db: str | None, as_json: bool, outputs: Outputs
) -> None:
    from phototag.cli.decoders import silence_decoders
    from phototag.highlights.album import manifest
    from phototag.highlights.theme import is_one_line

    silence_decoders()

    if name is not None and not (name.strip() and is_one_line(name)):
        raise UsageError("--name must be one line of text")
    if outputs.film:
        _check_film(outputs, db)
    paint = _painter() if outputs.painted and not dry_run else None
    choice = selection.choose(db)
    choice.require_minimum(selection.least)
    title, query = selection.title(choice), " ".join(selection.terms)
    names = manifest.file_names([verdict.photo for verdict in choice.kept], strip=outputs.strip)
    answer = manifest.as_dict(choice, title, query, names)
    if not dry_run:
        if outputs.out:
            _ask_to_replace(outputs.out, title, query, replace=outputs.replace)
        film = _make_film(outputs.film, choice, title, outputs, paint) if outputs.film else None
        if outputs.out:  # after the film, which is shown on the gallery's page
            answer["album"] = _make_album(outputs.out, choice, title, query, outputs, db)
        if film:
            answer["film"] = film
        answer["name"] = name or _default_name(choice.theme, title)
        _save(db, answer["name"], choice, query)
    if as_json:
        answer["left_out"] = [
            manifest.verdict_dict(verdict) for verdict in choice.verdicts if not verdict.reason.kept
        ]
        write_json(answer, indent=2)
        return
    print_photos([(verdict.photo, verdict.sentence()) for verdict in choice.kept])
    _summarize(choice, title, answer, dry_run=dry_run, gallery=outputs.gallery)


def _default_name(theme: Theme, title: str) -> str:
    """`smiles-2016`."""
    text = f"{theme.name} {title.removeprefix(theme.title)}".lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def _check_film(outputs: Outputs, db: str | None) -> None:
    from phototag.highlights.film import make

    assert outputs.film is not None
    with open_library(db) as library:
        make.check(outputs.film, outputs.film_options(), library.is_photo)


def _ask_to_replace(out: Path, title: str, query: str, *, replace: bool) -> None:
    """Raises PhototagError where the folder holds another album, and nobody says that it may go."""
    from phototag.highlights.album import manifest

    other = None if replace else manifest.find_other(out, title, query)
    if other is None:
        return
    said = f"{printable(str(out))} holds another album, {printable(other)}"
    if sys.stdin.isatty() and sys.stderr.isatty():
        if click.confirm(f"{said}. Replace it?", err=True):
            return
        raise PhototagError(f"{said}, and it stays; choose another folder with --out")
    raise PhototagError(f"{said}; add --replace to replace it, or choose another folder with --out")


def _make_album(out: Path, choice: Choice, title: str, query: str, outputs: Outputs, db: str | None) -> str:
    from phototag.highlights.album import animation, gallery, manifest, sheet
    from phototag.highlights.album.folder import OutputFolder

    steps = len(choice.kept) * (outputs.gallery + (not outputs.no_sheet) + outputs.animate)
    with (
        open_library(db) as library,
        OutputFolder(out, _Originals(choice, db), library.is_photo) as folder,
        progress_bar(max(1, steps), "Album") as bar,
    ):

        def advance() -> None:
            bar.update(1)

        manifest.lay_out(folder, choice, title, query, outputs.how, strip=outputs.strip)
        if outputs.gallery:
            gallery.lay_out(folder, choice, title, places=outputs.places, film=outputs.film, progress=advance)
        if not outputs.no_sheet and outputs.sheet == "screen":
            folder.write(sheet.FILE, sheet.draw(choice, title, progress=advance))
        elif not outputs.no_sheet:
            pages = sheet.draw_pages(choice, title, outputs.sheet, progress=advance)
            folder.write(sheet.PRINT_FILE, pages)
        if outputs.animate:
            photos = [verdict.photo for verdict in choice.kept]
            names = manifest.file_names(photos, strip=outputs.strip)
            animation.lay_out(folder, choice, names, progress=advance)
    for name in folder.kept_back:
        say(f"left in {printable(str(out))}, since it was changed or is the last copy: {printable(name)}")
    return os.path.abspath(out)


class _Originals:
    """Says of a content hash whether the catalog knows a photo of it that is still there."""

    def __init__(self, choice: Choice, db: str | None) -> None:
        self.choice, self.db = choice, db
        self.paths: dict[str | None, list[str]] | None = None

    def __call__(self, sha256: str) -> bool:
        if self.paths is None:  # rarely asked: only where a copy is no longer of the album
            from phototag.query.terms import Query

            self.paths = {}
            with open_library(self.db) as library:
                for photo in library.photos(Query(())):
                    self.paths.setdefault(photo.content_hash, []).append(photo.path)
        return any(is_remote(path) or os.path.exists(path) for path in self.paths.get(sha256, ()))


def _make_film(
    path: Path, choice: Choice, title: str, outputs: Outputs, paint: Painter | None
) -> dict[str, Any]:
    from phototag.highlights.film import make

    with progress_bar(1000, "Film ") as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done * 1000 // total - bar.pos)

        report = make.make_film(
            path,
            choice.kept,
            choice.theme,
            title,
            outputs.film_options(paint),
            bursts=choice.bursts(),
            progress=progress,
        )
    if report.left_out:
        say(
            f"{count(report.left_out, 'photo')} with the lowest scores did not fit into "
            f"{report.seconds:.0f} seconds of film"
        )
    if report.note:
        say(report.note)
    width, height = report.size_wh
    poster = {"poster": os.path.abspath(outputs.poster)} if outputs.poster else {}
    return {
        "file": os.path.abspath(path),
        **poster,
        "seconds": report.seconds,
        "frames": report.frames,
        "width": width,
        "height": height,
    }


def _save(db: str | None, name: str, choice: Choice, query: str) -> None:
    members = [
        Member(
            verdict.photo.photo_id, position, f"{verdict.reason.value}: {verdict.sentence()}", verdict.score
        )
        for position, verdict in enumerate(choice.kept, 1)
    ]
    with open_library(db) as library:
        library.save_album(name, choice.theme.name, members, query)


def _tell_thin(choice: Choice) -> None:
    """Where there are fewer photos than times to show: that it is so, and what would add to them."""
    from phototag.highlights.verdict import Reason

    if len(choice.kept) >= choice.theme.spread.buckets:
        return
    unsure = choice.counts().get(Reason.NOT_SURE, 0)
    more = (
        f"; on {count(unsure, 'more photo')} everyone seems to smile: say so with phototag tag PHOTO "
        f"'+everyone smiling', or lower smile in a copy of the theme"
        if unsure
        else ""
    )
    kept, room = count(len(choice.kept), "photo"), choice.theme.count.maximum
    say(f"A thin album: {kept}, where there is room for {room}{more}.")


def _summarize(choice: Choice, title: str, answer: dict[str, Any], *, dry_run: bool, gallery: bool) -> None:
    say(f"\n{printable(title)}: {count(len(choice.kept), 'photo')} chosen from {len(choice.verdicts):,}.")
    for reason, number in choice.counts().items():
        if not reason.kept:
            say(f"{number:>8,}  left out: {reason.value}")
    _tell_thin(choice)
    if dry_run:
        say("Nothing was written (--dry-run).")
        return
    if "album" in answer:
        say(f"Album: {printable(answer['album'])}")
        if gallery:
            say(f"Look at it: {printable(os.path.join(answer['album'], 'gallery', 'index.html'))}")
    if "film" in answer:
        film = answer["film"]
        say(
            f"Film: {printable(film['file'])} ({film['seconds']:.0f} seconds, {film['width']} x "
            f"{film['height']})"
        )
    say(f"In the catalog: phototag albums show {printable(answer['name'])}")
    if "album" not in answer and "film" not in answer:
        say("Add --out DIR for an album folder with a gallery, --film FILE.mp4 for a film.")
