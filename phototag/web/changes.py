"""What a person says in the browser, in the words of the command line: labels, faces and names. Each request
is one change of the journal, and can be undone as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from phototag.errors import UsageError
from phototag.highlights import captions
from phototag.library import Library
from phototag.records import Box

LONGEST_WORD, MOST_WORDS = 200, 50  # characters; words in one request
MOST_PHOTOS = 10_000  # that one request may name

Sent = dict[str, Any]


def read_ids(values: Any) -> list[int]:
    """The ids of photos that a request names. Raises UsageError for anything else."""
    values = values if isinstance(values, list) else []
    if not values or len(values) > MOST_PHOTOS or not all(_is_id(each) for each in values):
        raise UsageError(f"name between 1 and {MOST_PHOTOS:,} photos by their ids")
    return values


def read_words(values: Any) -> list[str]:
    """Labels or names that a request holds. Raises UsageError for anything else."""
    values = [] if values is None else values
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise UsageError("labels are a list of texts")
    if any(len(each) > LONGEST_WORD for each in values) or len(values) > MOST_WORDS:
        raise UsageError(f"a label has at most {LONGEST_WORD} characters")
    return values


def label(library: Library, sent: Sent) -> dict[str, Any]:
    """`ids`, and labels to `add` and to `remove`."""
    add, remove = read_words(sent.get("add")), read_words(sent.get("remove"))
    if not add and not remove:
        raise UsageError("say which label to add or to take away")
    library.correct(_paths(library, read_ids(sent.get("ids"))), add, remove)
    return told(library)


def tag_faces(library: Library, sent: Sent) -> dict[str, Any]:
    """`faces`, each [id of the photo, number of the face], and what is said of them: `person`, `not_persons`,
    `smiling`, `is_face`."""
    person, smiling, is_face = sent.get("person"), sent.get("smiling"), sent.get("is_face")
    others = read_words(sent.get("not_persons"))
    if person is None and smiling is None and is_face is None and not others:
        raise UsageError("say what is so of these faces")
    library.tag_faces(
        _faces(library, sent.get("faces")),
        person=None if person is None else read_words([person])[0],
        not_persons=others,
        smiling=_read_bool("smiling", smiling),
        is_face=_read_bool("is_face", is_face),
    )
    return told(library)


def untag_faces(library: Library, sent: Sent) -> dict[str, Any]:
    """`faces`: what was said of them is taken back."""
    library.untag_faces(_faces(library, sent.get("faces")))
    return told(library)


def add_face(library: Library, sent: Sent) -> dict[str, Any]:
    """A face drawn by hand: `id` of the photo, `box` as fractions of it, and `person` where it is known."""
    box = sent.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(_is_number(edge) for edge in box):
        raise UsageError("a face is drawn as [left, top, right, bottom], fractions of the photo")
    drawn = Box.clipped(*box)
    if drawn is None:
        raise UsageError("the face that was drawn lies outside the photo; draw it again")
    person = sent.get("person")
    (path,) = _paths(library, read_ids([sent.get("id")]))
    library.add_face(path, drawn, person=None if person is None else read_words([person])[0])
    return told(library)


def name_only_faces(library: Library, sent: Sent) -> dict[str, Any]:
    """`ids` of photos and a `person`: whose face it is where a photo shows one face. Of photos with several
    nobody could know which is meant: they are counted as `skipped`."""
    (person,) = read_words([sent.get("person")])
    ids = read_ids(sent.get("ids"))
    found = library.photos_with_ids(ids)
    alone = [(photo.path, photo.faces[0].number) for photo in found if len(photo.faces) == 1]
    if not alone:
        raise UsageError("none of these photos shows exactly one face; open a photo to name its faces")
    library.tag_faces(alone, person=person)
    skipped = len(ids) - len(alone)
    left = f"; {captions.count(skipped, 'photo')} with no face or several left as they are"
    return told(library, left if skipped else "") | {"photos": len(alone), "skipped": skipped}


def forget(library: Library, sent: Sent) -> dict[str, Any]:
    """`ids`: what is known of these photos goes, files stay. With `dry_run` it is only counted."""
    paths = _paths(library, read_ids(sent.get("ids")))
    counted = library.forget(paths, dry_run=_read_bool("dry_run", sent.get("dry_run")) is not False)
    question = (
        f"Forget what is known of {captions.count(counted.photos, 'photo')}? The files stay; the next scan "
        "looks at them again."
    )
    if counted.with_words:
        question += f" What you said of {captions.count(counted.with_words, 'photo')} is lost for good."
    return {
        "photos": counted.photos,
        "with_words": counted.with_words,
        "in_albums": counted.in_albums,
        "question": question,
    }


def undo(library: Library, sent: Sent) -> dict[str, Any]:
    """The change of this number, where it is still the last one."""
    last = next((entry for entry in library.changes() if entry.undone_at is None), None)
    if last is None or last.number != sent.get("change"):
        raise UsageError("something else was changed since; phototag undo goes back step by step")
    library.undo()
    return {"summary": captions.visible(last.summary)}


def told(library: Library, left: str = "") -> dict[str, Any]:
    """The change that was made, for the page to offer its undoing. `left`: what it left as it was."""
    last = next(iter(library.changes(1)), None)
    return {"change": last and last.number, "summary": last and captions.visible(last.summary) + left}


def _paths(library: Library, ids: Sequence[int]) -> list[str]:
    places = {photo_id: library.file_with_id(photo_id) for photo_id in ids}
    found = [place[0] for place in places.values() if place]
    if len(found) < len(places):
        raise UsageError("the catalog does not know all of these photos any more; load the page again")
    return found


def _faces(library: Library, values: Any) -> list[tuple[str, int]]:
    pairs = values if isinstance(values, list) else []
    good = all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_id, pair)) for pair in pairs)
    if not pairs or not good or len(pairs) > MOST_PHOTOS:
        raise UsageError("name faces as [id of the photo, number of the face]")
    ids = list(dict.fromkeys(photo_id for photo_id, _ in pairs))
    paths = dict(zip(ids, _paths(library, ids), strict=True))
    return [(paths[photo_id], number) for photo_id, number in pairs]


def _read_bool(name: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{name} is true or false")
    return value


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31


def _is_number(value: Any) -> bool:
    """A finite one: JSON holds integers of any length, and Python reads NaN in it."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e6 < value < 1e6
