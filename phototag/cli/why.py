"""`phototag why`: the reason and the numbers behind a photo's being in an album, or not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phototag.cli.faces import explain_faces, faces_dict, tell_smile_words
from phototag.cli.output import (
    db_option,
    json_option,
    open_library,
    printable,
    refuse_without,
    say,
    write_json,
    write_text,
)
from phototag.cli.selection import Selection, SelectionOptions, choosing_options, load_theme
from phototag.errors import PhototagError
from phototag.outputs import check_output, picture_kind, save_picture
from phototag.records import Photo
from phototag.storage.address import absolute

if TYPE_CHECKING:
    from phototag.highlights.verdict import Choice, Verdict


@click.command()
@click.argument("photo", type=click.Path())
@click.option(
    "--theme",
    default="smiles",
    metavar="THEME",
    show_default=True,
    help="A theme's name, or a TOML file of your own.",
)
@choosing_options
@click.option(
    "--heatmap",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw what speaks for a smile in each eligible face, on a copy.",
)
@click.option("--thing", metavar="LABEL", help="With --heatmap: what speaks for this thing instead.")
@click.option("--force", is_flag=True, help="Let --heatmap replace a file that phototag did not make.")
@click.argument("terms", nargs=-1)
@db_option
@json_option
def why(
    photo: str,
    theme: str,
    heatmap: Path | None,
    thing: str | None,
    force: bool,
    terms: tuple[str, ...],
    db: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Explain why a photo is in an album, or is not.

    Give the same theme, time and terms as to `phototag highlights`.

    \b
      phototag why IMG_0042.jpg --theme smiles --year 2016
      phototag why IMG_0042.jpg --heatmap heat.png
      phototag why IMG_0042.jpg --heatmap heat.png --thing cat
    """
    if heatmap is None:
        refuse_without("--heatmap", ("--thing", thing), ("--force", force))
    else:
        picture_kind(heatmap)
    from phototag.highlights.album import manifest

    selection = Selection.of(load_theme(theme), terms, SelectionOptions(**given))
    with open_library(db) as library:
        known = library.photo(absolute(photo))
        if heatmap is not None:
            check_output(heatmap, library.is_photo, force=force)
    if known is None:
        raise PhototagError(f"{photo} is not in the catalog. Scan it first: phototag scan {photo}")
    if heatmap is not None:
        from phototag.nets.heatmap import draw
        from phototag.taggers.heat import find_heat

        heat = find_heat(known, thing)
        save_picture(draw(heat.pixels, heat.spots, heat.title), heatmap, force=force)
        say(f"drawn: {printable(str(heatmap))} ({heat.title})")
    choice = selection.choose(db)
    verdict = next((verdict for verdict in choice.verdicts if verdict.photo.photo_id == known.photo_id), None)
    if verdict is None:
        reason = _not_asked_for(known, selection)
        if as_json:
            write_json({"source": known.path, "reason": "not_asked_for", "sentence": reason, "kept": False})
        else:
            write_text(f"{printable(known.path)}\nleft out before choosing: {reason}")
    elif as_json:
        write_json(
            {
                **manifest.verdict_dict(verdict),
                "sentence": verdict.reason.value,
                "kept": verdict.reason.kept,
                "smile_words": dict(verdict.photo.smile_words),
                "judged_faces": faces_dict(verdict.photo.faces, selection.theme.qualify.smile),
            },
            indent=2,
        )
    else:
        write_text("\n".join(_explain(verdict, choice)))


def _not_asked_for(photo: Photo, selection: Selection) -> str:
    if photo.missing_since:
        return f"its file is gone since {photo.missing_since:%Y-%m-%d}"
    if selection.first or selection.last:
        taken = photo.taken_at.date() if photo.taken_at else None
        if taken is None or not (selection.first or date.min) <= taken <= (selection.last or date.max):
            asked = f"{selection.first or ''} to {selection.last or ''}".strip()
            return f"it was taken {taken or 'nobody knows when'}, and the album is of {asked}"
    return f"it does not fit the terms {' '.join(selection.terms)}"


def _explain(verdict: Verdict, choice: Choice) -> list[str]:
    kept = verdict.reason.kept
    lines = [
        printable(verdict.photo.path),
        verdict.reason.value if kept else f"left out: {verdict.reason.value}",
    ]
    lines += [f"  {name.replace('_', ' '):<22} {_number(value)}" for name, value in verdict.numbers.items()]
    lines += [f"  you say                {words}" for words in tell_smile_words(verdict.photo)]
    lines += [f"  {line}" for line in explain_faces(verdict.photo.faces, choice.theme.qualify.smile)]
    if verdict.other is not None:
        lines.append(f"  instead of it          {printable(verdict.other.path)}")
    used = [
        (name, verdict.signals[name], weight)
        for name, weight in choice.theme.weights.items()
        if name in verdict.signals
    ]
    if (used and kept) or any(name.startswith("score") for name in verdict.numbers):
        lines.append("  score is the weighted mean of")
        lines += [
            f"    {name.replace('_', ' '):<20} {value:.3f}  weight {weight:g}" for name, value, weight in used
        ]
    return lines


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
