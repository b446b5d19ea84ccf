"""Which photos are candidates for a theme, each judged by itself. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from phototag import smiling
from phototag.highlights import captions, signals
from phototag.highlights.appearance import Appearance
from phototag.highlights.theme import Theme
from phototag.highlights.verdict import Reason, Verdict
from phototag.query.terms import fold
from phototag.records import Box, Face, Photo, Tag

# What shows pictures of faces: screens and pages, and vehicles with advertisements on them.
CARRIERS = ("tv", "laptop", "cell phone", "book", "bus", "truck", "train")
# From which score on such a thing is believed, and up to which a person in its place is not. Of 900
# photos with people this finds the three whose smiles are on a screen or a bus, and no other.
CARRIER_SCORE, PERSON_SCORE = 0.6, 0.5

EARTH_KM = 6371.0  # the mean radius


@dataclass(eq=False, slots=True)
class Candidate:
    """A photo that qualifies, and what choosing learns of it. `score` is an upper bound until
    `appearance` is there."""

    photo: Photo
    index: int  # its place in order of time among all photos given
    faces: tuple[Face, ...]
    signals: dict[str, float]
    score: float
    appearance: Appearance | None = None
    seen: bool = False
    day: object = None
    event: int | None = None
    time_bucket: int | None = None
    shots: int = 1
    burst_known: bool = False
    who: frozenset[str] = frozenset()  # keys of the persons in it, as far as they are known

    @property
    def group_size(self) -> int:
        # beyond five a face more or less does not change what kind of photo it is
        return min(len(self.faces), 5)

    @property
    def company(self) -> tuple[object, ...]:
        """Of what an album should not have too much: each person where it is known who they are, else the
        number of people."""
        return tuple(sorted(self.who)) or (self.group_size,)

    @property
    def year(self) -> int | None:
        taken = self.photo.taken_at
        return taken.year if taken is not None and self.dated else None

    @property
    def dated(self) -> bool:
        """Whether it is known when it was taken."""
        return captions.is_told(self.photo)


def judge(
    photo: Photo,
    index: int,
    theme: Theme,
    first_with: dict[str, Photo],
    need_stated_date: bool = False,
    home: tuple[float, float] | None = None,
) -> Verdict | Candidate:
    """The first reason that keeps the photo out whatever the others are, or a candidate.
    `first_with`: content -> the photo that stands for it; the first that is met where there is none.
    `need_stated_date`: a date that is only the file's is none. `home`: latitude and longitude of where most
    photos are taken, in degrees."""
    if photo.missing_since is not None:
        return Verdict(photo, Reason.MISSING)
    if "decode" in photo.errors or photo.content_hash is None:
        return Verdict(photo, Reason.UNREADABLE)
    first = first_with.setdefault(photo.content_hash, photo)
    if first is not photo:
        return Verdict(photo, Reason.DUPLICATE, other=first)
    if need_stated_date and photo.date_is_guessed:
        return Verdict(photo, Reason.GUESSED_DATE)
    if theme.qualify.min_km_from_home and (verdict := _judge_place(photo, home, theme)):
        return verdict
    excluded_score = strength(photo, theme.exclude.labels)
    if excluded_score >= theme.exclude.label_score:
        return Verdict(
            photo, Reason.EXCLUDED, {"label_score": excluded_score, "below": theme.exclude.label_score}
        )
    rule = theme.qualify
    size = signals.megapixels(photo)
    if size is not None and size < rule.min_megapixels:
        return Verdict(photo, Reason.TOO_SMALL, {"megapixels": size, "at_least": rule.min_megapixels})
    faces = tuple(face for face, good in zip(photo.faces, smiling.eligible(photo.faces), strict=True) if good)
    verdict = _judge_faces(photo, faces, theme)
    if verdict:
        return verdict
    if theme.persons:
        faces = _faces_of(theme.persons, faces)
    if rule.labels and (found := strength(photo, rule.labels)) < rule.label_score:
        return Verdict(
            photo, Reason.LACKS_LABEL, {"label_score": found, "at_least": rule.label_score}, faces=faces
        )
    measured = signals.measure(photo, faces, rule.labels)
    for name, least in (("face_sharpness", rule.min_face_sharpness), ("sharpness", rule.min_sharpness)):
        if measured.get(name, 1.0) < least:
            return Verdict(
                photo,
                Reason.BLURRED,
                {name: measured[name], "at_least": least},
                measured,
                None,
                faces,
            )
    return Candidate(photo, index, faces, measured, signals.bound(measured, theme.weights))


def _judge_place(photo: Photo, home: tuple[float, float] | None, theme: Theme) -> Verdict | None:
    if photo.latitude is None or photo.longitude is None or home is None:
        return Verdict(photo, Reason.NO_PLACE)
    away = km_between(home, (photo.latitude, photo.longitude))
    if away < theme.qualify.min_km_from_home:
        return Verdict(
            photo, Reason.AT_HOME, {"km_from_home": away, "at_least": theme.qualify.min_km_from_home}
        )
    return None


def km_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Along the globe, of two places in degrees of latitude and longitude (the haversine formula)."""
    (lat, lon), (lat2, lon2) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2
    half += math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


def _judge_faces(photo: Photo, faces: tuple[Face, ...], theme: Theme) -> Verdict | None:
    rule = theme.qualify
    numbers = {"faces": len(photo.faces), "eligible_faces": len(faces)}

    def out(reason: Reason, **more: float) -> Verdict:
        return Verdict(
            photo,
            reason,
            {**numbers, **more},
            faces=faces,
        )

    user_said_yes = rule.everyone_smiling and photo.smile_words.get(smiling.EVERYONE) is True
    least_smile = photo.least_smile
    if theme.persons:  # an album of Anna's smiles wants hers, whoever stands beside her
        smiles = [face.smile for face in _faces_of(theme.persons, faces) if face.smile is not None]
        least_smile = min(smiles) if len(smiles) >= len(theme.persons) else None
    if rule.everyone_smiling:
        if least_smile is None:  # cannot tell
            if not photo.faces:
                return out(Reason.UNKNOWN if photo.errors.keys() & {"faces", "smiles"} else Reason.NO_FACES)
            return out(Reason.UNKNOWN if faces else Reason.NOBODY_COUNTS)
        if least_smile < rule.smile:
            unsure = least_smile >= smiling.SMILE_THRESHOLD
            return out(
                Reason.NOT_SURE if unsure else Reason.NOT_SMILING,
                least_smile=least_smile,
                at_least=rule.smile,
            )
        if not user_said_yes and any(is_pictured(face, photo.objects) for face in faces):
            return out(Reason.PICTURED)
    if len(faces) < rule.min_faces and not (user_said_yes and rule.min_faces <= 1):
        return out(Reason.TOO_FEW_FACES if photo.faces else Reason.NO_FACES, at_least=rule.min_faces)
    if len(faces) > rule.max_faces:
        return out(Reason.TOO_MANY_FACES, at_most=rule.max_faces)
    return None


def _faces_of(persons: Sequence[str], faces: Sequence[Face]) -> tuple[Face, ...]:
    """Those that bear one of these names, whatever their case."""
    asked = {fold(name) for name in persons}
    return tuple(face for face in faces if face.person and fold(face.person.name) in asked)


def is_pictured(face: Face, things: Sequence[Tag]) -> bool:
    """Whether the face is on a screen, a page or a poster rather than on a person: a thing that shows
    pictures covers it, and nobody was found there. Where nothing was looked for, it is not."""
    there = [thing for thing in things if thing.box and _covers(thing.box, face.box)]
    shown = max((thing.score for thing in there if thing.label in CARRIERS), default=0.0)
    person = max((thing.score for thing in there if thing.label == "person"), default=0.0)
    return shown >= CARRIER_SCORE and person < PERSON_SCORE


def _covers(thing: Box, face: Box) -> bool:
    """Whether at least half of the face lies within the thing."""
    width = min(thing.right, face.right) - max(thing.left, face.left)
    height = min(thing.bottom, face.bottom) - max(thing.top, face.top)
    return max(0.0, width) * max(0.0, height) >= 0.5 * face.area


def strength(photo: Photo, labels: Sequence[str]) -> float:
    """The best score of any of the labels among things and kinds; the user's own word is certain."""
    if any(label in labels for label in photo.user_labels):
        return 1.0
    return max((tag.score for tag in (*photo.objects, *photo.kinds) if tag.label in labels), default=0.0)
