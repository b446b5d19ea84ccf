"""`phototag show`: one photo in full, and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from phototag.cli.faces import not_eligible, tell_smile_words
from phototag.cli.output import (
    count,
    db_option,
    json_option,
    open_library,
    printable,
    say,
    size,
    smile_word,
    write_json,
    write_text,
)
from phototag.errors import PhototagError
from phototag.exporting.describe import photo_dict
from phototag.outputs import check_output
from phototag.query.terms import DEFAULT_SCORE, RELIABLE_EMOTIONS, is_found
from phototag.records import Face, Photo, Written
from phototag.smiling import judge
from phototag.storage.address import absolute

# Who says whose face it is, where it is not the user.
NAME_SOURCES = {
    "word": "",
    "sidecar": " (sidecar)",
    "embedded": " (in the file)",
    "group": " (like others of that name)",
}

# Where another program's word stands; see phototag.metadata.
WRITTEN_SOURCES = {
    "sidecar": "sidecar",
    "picasa": "Picasa",
    "takeout": "Google Takeout",
    "embedded": "in the file",
}


@click.command()
@click.argument("photo", type=click.Path())
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw boxes, labels, and the faces with their numbers, on a copy.",
)
@click.option("--force", is_flag=True, help="Let --image replace a file that phototag did not make.")
@db_option
@json_option
def show(photo: str, image: Path | None, force: bool, db: str | None, as_json: bool) -> None:
    """Show everything known of one photo.

    What stands in brackets was seen, but too unsurely for `phototag query` to find it. Faces have
    numbers, by which `phototag tag PHOTO#2 NAME` speaks of them.

    \b
      phototag show IMG_0042.jpg
      phototag show IMG_0042.jpg --image drawn.jpg
    """
    with open_library(db) as library:
        found, thresholds = library.photo(absolute(photo)), library.thresholds()
        if image:
            check_output(image, library.is_photo, force=force)
    if found is None:
        raise PhototagError(f"{photo} is not in the catalog. Scan it first: phototag scan {photo}")
    if image:
        from phototag.annotate import draw
        from phototag.cli.decoders import silence_decoders

        silence_decoders()

        draw(found, image, thresholds, force=force)
        say(f"drawn: {printable(str(image))}")
    if as_json:
        more = {"size_bytes": found.size_bytes, "content_hash": found.content_hash}
        write_json(photo_dict(found, thresholds) | more)
    else:
        write_text(describe(found, thresholds))


def describe(photo: Photo, thresholds: Mapping[str, float]) -> str:
    """Some lines for a person. `thresholds`: label -> the score from which on a question finds it."""
    from phototag.reading.taken import SOURCE_SENTENCES

    def scored(label: str, score: float) -> str:
        """The label and its score, in brackets where a question for it would not find the photo."""
        text = f"{printable(label)} {score:.2f}"
        return text if is_found(label, score, thresholds) else f"({text})"

    lines = [printable(photo.path)]
    if photo.missing_since:
        lines.append(f"missing since {photo.missing_since:%Y-%m-%d}")
    if photo.width:
        lines.append(f"{photo.width} x {photo.height} pixels, {size(photo.size_bytes)}")
    if photo.taken_at:
        source = SOURCE_SENTENCES.get(photo.taken_from or "", "")
        source = f" ({source})" if source else ""
        lines.append(f"taken {photo.taken_text}{source}" + (f" with {photo.camera}" if photo.camera else ""))
    if photo.latitude is not None and photo.longitude is not None:
        names = f" ({', '.join(map(printable, photo.places))})" if photo.places else ""
        lines.append(f"at {photo.latitude:.5f}, {photo.longitude:.5f}{names}")
    lines += _describe_written(photo.written)
    everyone = smile_word(photo.everyone_smiling).replace("-", "cannot tell")
    words = tell_smile_words(photo)
    lines.append(f"everyone smiling: {everyone}" + (f" (you say: {', '.join(words)})" if words else ""))
    for face, judged in zip(photo.faces, judge(photo.faces), strict=True):
        said = ", ".join([*_name(face), *_smile(face), *_emotion(face)])
        labels = "".join(f", {scored(label, score)}" for label, score in face.said.items())
        seen = "no net found it" if face.is_added else f"face {face.score:.2f}"
        place = _place(face.box.left, face.box.right)
        lines.append(f"  face {face.number}: {said}{labels} ({seen}, {place})")
        if not judged.eligible:
            lines.append(f"    {not_eligible(judged)}")
    lines += [f"  face {face.number}: no face, you say" for face in photo.denied_faces]
    if mentioned := [printable(one.person.name) for one in photo.persons if not one.faces]:
        lines.append(f"in its metadata, without a face: {', '.join(mentioned)}")
    if photo.objects:
        by = f", found with {photo.detector}" if photo.detector else ""
        lines.append(f"things: {count(len(photo.objects), 'box', 'boxes')}{by}")
        for tag in sorted(photo.objects, key=lambda tag: -tag.score):
            area = f", {tag.box.area:.0%} of the picture" if tag.box else ""
            lines.append(f"  {scored(tag.label, tag.score)}{area}")
    if photo.kinds:
        lines.append("kinds: " + ", ".join(scored(tag.label, tag.score) for tag in photo.kinds))
    shown = [(tag.label, tag.score) for tag in (*photo.objects, *photo.kinds)]
    shown += [item for face in photo.faces for item in face.said.items()]
    if unsure := sorted({label for label, score in shown if not is_found(label, score, thresholds)}):
        least = ", ".join(
            f"{printable(label)} {thresholds.get(label, DEFAULT_SCORE):.2f}" for label in unsure
        )
        lines.append(f"in brackets: too unsure for a question to find it; it takes {least}")
    if photo.user_labels:
        lines.append("your own words: " + ", ".join(map(printable, photo.user_labels)))
    lines += [f"could not be read by {name}: {printable(reason)}" for name, reason in photo.errors.items()]
    return "\n".join(lines)


def _name(face: Face) -> list[str]:
    """Whose face it is, and who says so; whose it is not."""
    said = [f"not {printable(person.name)}" for person in face.not_persons]
    if face.person is None or face.person_source is None:
        return said
    doubt = "" if face.is_person_certain else "perhaps "
    return [f"{doubt}{printable(face.person.name)}{NAME_SOURCES[face.person_source]}", *said]


def _smile(face: Face) -> list[str]:
    if face.smile_word is not None:
        return [f"{'smiles' if face.smile_word else 'does not smile'} (you say)"]
    if face.smile is not None:
        return [f"smile {face.smile:.2f}"]
    return [] if face.is_added else ["not looked at yet"]


def _emotion(face: Face) -> list[str]:
    """The likeliest emotion, as a fact only where such are told reliably; nothing beside the user's word."""
    if face.emotion is None or face.smile_word is not None:
        return []
    return [face.emotion if face.emotion in RELIABLE_EMOTIONS else f"perhaps {face.emotion}"]


def _describe_written(written: Written) -> list[str]:
    """What other programs wrote, and where it stands."""

    def by(name: str) -> str:
        return f" ({WRITTEN_SOURCES.get(written.sources.get(name, ''), 'unknown')})"

    lines = []
    if written.rating is not None:
        stars = "rejected" if written.rating < 0 else f"{written.rating} of 5 stars"
        lines.append(f"rating: {stars}{by('rating')}")
    for name, text in (
        ("color_label", written.color_label),
        ("title", written.title),
        ("description", written.description),
        ("keywords", ", ".join(one.replace("|", "/") for one in written.keywords)),
    ):
        if text:
            first, *more = map(printable, text.split("\n"))
            lines.append(f"{name.replace('_', ' ')}{by(name)}: {first}")
            lines += [f"  {line}" for line in more]
    return lines


def _place(left: float, right: float) -> str:
    middle = (left + right) / 2
    return "left" if middle < 1 / 3 else "right" if middle > 2 / 3 else "middle"
