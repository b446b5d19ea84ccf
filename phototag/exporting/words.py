"""What is said of a photo in its sidecar: the things that a question would find in it, the user's labels,
that everyone smiles, and who the faces are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from phototag.faces import turn_box
from phototag.metadata.merge import Keyword, NamedFace, PhotoWords
from phototag.metadata.record import LEVEL
from phototag.metadata.resolve import EMBEDDED
from phototag.query.terms import is_found
from phototag.records import Photo, Tag
from phototag.smiling import EVERYONE

THING, LABEL, SMILING = "thing", "label", "smiling"  # the level below the root of all keywords


def words_of(
    photo: Photo, thresholds: Mapping[str, float], *, min_score: float = 0.0, with_faces: bool = False
) -> PhotoWords:
    """`thresholds`: label -> the score from which on a question finds it, see Library.thresholds; things
    with less, or less than `min_score`, are left out. A guess at who somebody is never becomes a name in a
    file: only a word of the user's, another program's, or a group that the user has named and the
    grouping is sure of."""
    keywords = tuple(_keywords(photo, thresholds, min_score))
    stored_wh = None
    if photo.width and photo.height:
        stored_wh = (photo.width, photo.height)
        if photo.orientation >= 5:
            stored_wh = stored_wh[::-1]
    faces: tuple[NamedFace, ...] | None = None
    persons: tuple[str, ...] = ()
    if with_faces:
        faces = tuple(
            NamedFace(face.person.name, turn_box(face.box, photo.orientation, 1))
            for face in photo.faces
            if face.person is not None and face.is_person_certain
        )
        persons = tuple(one.person.name for one in photo.persons if one.certain)
    carried: tuple[tuple[str, ...], ...] = ()
    if photo.written.sources.get("keywords") == EMBEDDED:
        carried = tuple(tuple(keyword.split(LEVEL)) for keyword in photo.written.keywords)
    return PhotoWords(keywords, photo.orientation, faces, stored_wh, carried, persons)


def found_labels(photo: Photo, thresholds: Mapping[str, float], min_score: float = 0.0) -> list[str]:
    """The labels of things that a question would find in the photo, each once, the most certain first."""
    tags = sorted((*photo.objects, *photo.kinds), key=_score, reverse=True)
    found = [
        tag.label for tag in tags if tag.score >= min_score and is_found(tag.label, tag.score, thresholds)
    ]
    return list(dict.fromkeys(found))


def _keywords(photo: Photo, thresholds: Mapping[str, float], min_score: float) -> Iterator[Keyword]:
    things = found_labels(photo, thresholds, min_score)
    for label in sorted(things):
        yield Keyword((THING, label), label)
    for label in photo.user_labels:
        if label not in things:
            yield Keyword((LABEL, label), label)
    if photo.everyone_smiling:
        yield Keyword((SMILING, "everyone"), EVERYONE)


def _score(tag: Tag) -> float:
    return tag.score
