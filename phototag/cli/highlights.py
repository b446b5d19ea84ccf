"""`phototag highlights`: choose the best photos by a theme, and make an album, a gallery and a film
of them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.output import count, db_option, json_option, open_library, printable, say, write_json
from phototag.cli.selection import Question, choosing_options, load_theme, print_photos, progress_bar
from phototag.errors import Interrupted, UsageError
from phototag.records import Member

if TYPE_CHECKING:
    from phototag.highlights.verdict import Choice


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
@click.option("--copy", "how", flag_value="copy", help="Copy the photos into it. Default: symbolic links.")
@click.option("--hardlink", "how", flag_value="hardlink", help="Hard links instead.")
@click.option(
    "--gallery/--no-gallery", default=True, help="A page to look at in the album folder.", show_default=True
)
@click.option("--sheet/--no-sheet", default=True, help="A contact sheet in it.", show_default=True)
@click.option("--places", is_flag=True, help="Print in the gallery where photos were taken.")
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
    "--music", type=click.Path(dir_okay=False), metavar="FILE", help="Sound for the film, faded at its end."
)
@click.option("--force", is_flag=True, help="Let --film replace a file that phototag did not make.")
@click.option("--dry-run", is_flag=True, help="Only tell which photos would be chosen; change nothing.")
@db_option
@json_option
def highlights(theme_and_terms: tuple[str, ...], db: str | None, **given: Any) -> None:
    """Choose the best photos by a theme; make an album and a film.

    THEME is smiles, pets, portraits or year (the best of everything). TERMS are those of `phototag
    query`; put -- before terms that begin with a dash. No photo is changed, and the same catalog
    gives the same album.

    \b
      phototag highlights smiles --year 2016
      phototag highlights smiles --year 2016 --out ~/Smiles2016 --film ~/smiles-2016.mp4
      phototag highlights year --from 2016-06 --to 2016-08 path:Italy --top 30 --dry-run
      phototag why IMG_0042.jpg --theme smiles --year 2016
    """
    try:
        _highlights(theme_and_terms, db, given)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped; nothing half made is left behind. Type the same line to begin again"
        ) from None


def _highlights(theme_and_terms: tuple[str, ...], db: str | None, given: dict[str, Any]) -> None:
    from phototag.highlights import theme
    from phototag.highlights.album import manifest
    from phototag.highlights.film import make
    from phototag.library import Library

    out, film_path = given["out"], given["film"]
    if given["own_theme"]:
        chosen_theme, terms = load_theme(given["own_theme"]), theme_and_terms
    elif theme_and_terms:
        chosen_theme, terms = load_theme(theme_and_terms[0]), theme_and_terms[1:]
    else:
        raise UsageError(f"say which theme: {', '.join(theme.names())}, or --theme FILE for one of your own")
    question = Question.of(chosen_theme, terms, given)
    if film_path:
        with Library.open(db) as library:

            def is_photo(path: str) -> bool:
                return library.photo(path) is not None

            make.check(film_path, given["height"], given["aspect"], is_photo, force=given["force"])
    choice = question.choose(db)
    choice.require_minimum(question.least)
    title, query = question.title(choice), " ".join(question.terms)
    names = manifest.file_names([verdict.photo for verdict in choice.kept])
    answer = manifest.as_dict(choice, title, query, names)
    if not given["dry_run"]:
        if out:
            answer["album"] = _make_album(out, choice, title, query, given)
        if film_path:
            answer["film"] = _make_film(film_path, choice, title, given)
        name = given["name"] or re.sub(
            r"[^a-z0-9]+", "-", f"{chosen_theme.name} {title.removeprefix(chosen_theme.title)}".lower()
        ).strip("-")
        answer["name"] = name
        _save(db, name, choice, query)
    if given["as_json"]:
        answer["left_out"] = [
            manifest.verdict_dict(verdict) for verdict in choice.verdicts if not verdict.reason.kept
        ]
        write_json(answer, indent=2)
        return
    print_photos([(verdict.photo, verdict.sentence()) for verdict in choice.kept])
    _summarize(choice, title, answer, given)


def _make_album(out: Path, choice: Choice, title: str, query: str, given: dict[str, Any]) -> str:
    from phototag.highlights.album import gallery, manifest, sheet
    from phototag.highlights.album.folder import OutputFolder

    steps = len(choice.kept) * (given["gallery"] + given["sheet"])
    with (
        OutputFolder(out) as folder,
        progress_bar(max(1, steps), "Album") as bar,
    ):
        manifest.lay_out(folder, choice, title, query, given["how"] or "symlink")
        if given["gallery"]:
            gallery.lay_out(folder, choice, title, places=given["places"], progress=lambda: bar.update(1))
        if given["sheet"]:
            folder.write(sheet.FILE, sheet.draw(choice, title, progress=lambda: bar.update(1)))
    for name in folder.kept_back:
        say(f"left in {printable(str(out))}, since it was changed or is the last copy: {printable(name)}")
    return os.path.abspath(out)


def _make_film(path: Path, choice: Choice, title: str, given: dict[str, Any]) -> dict[str, Any]:
    from phototag.highlights.film import make

    with progress_bar(1000, "Film ") as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done * 1000 // total - bar.pos)

        report = make.make_film(
            path,
            choice.kept,
            choice.theme,
            title,
            height=given["height"],
            aspect=given["aspect"],
            music=given["music"],
            force=given["force"],
            progress=progress,
        )
    if report.left_out:
        say(
            f"{count(report.left_out, 'photo')} with the lowest scores did not fit into {report.seconds:.0f} seconds of film"
        )
    if report.note:
        say(report.note)
    width, height = report.size_wh
    return {
        "file": os.path.abspath(path),
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


def _summarize(choice: Choice, title: str, answer: dict[str, Any], given: dict[str, Any]) -> None:
    say(f"\n{printable(title)}: {count(len(choice.kept), 'photo')} chosen from {len(choice.verdicts):,}.")
    for reason, number in choice.counts().items():
        if not reason.kept:
            say(f"{number:>8,}  left out: {reason.value}")
    if given["dry_run"]:
        say("Nothing was written (--dry-run).")
        return
    if "album" in answer:
        say(f"Album: {printable(answer['album'])}")
        if given["gallery"]:
            say(f"Look at it: {printable(os.path.join(answer['album'], 'gallery', 'index.html'))}")
    if "film" in answer:
        film = answer["film"]
        say(
            f"Film: {printable(film['file'])} ({film['seconds']:.0f} seconds, {film['width']} x {film['height']})"
        )
    say(f"In the catalog: phototag albums show {printable(answer['name'])}")
    if "album" not in answer and "film" not in answer:
        say("Add --out DIR for an album folder with a gallery, --film FILE.mp4 for a film.")
