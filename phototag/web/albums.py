"""Albums in the browser: choosing one with the reasons shown as one types, keeping it, its film, and the
shots of one moment side by side. The choice is made by phototag.highlights, as on the command line."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from phototag.errors import PhototagError, UsageError
from phototag.highlights import captions
from phototag.highlights import theme as themes
from phototag.highlights.appearance import Appearance, measure_appearance
from phototag.highlights.catalog_choice import choose_of_catalog
from phototag.highlights.choose import (
    BURST,
    LookAgain,
    MeasureAppearance,
    before_second_look,
    choose,
    wants_second_look,
)
from phototag.highlights.theme import Count, Spread, Theme
from phototag.highlights.verdict import Choice, Reason, Verdict
from phototag.library import Library
from phototag.outputs import make_private_folder
from phototag.query.terms import PersonTerm, Query, TakenTerm
from phototag.records import Face, Member, Photo
from phototag.smiling import eligible
from phototag.web.elements import Element, address, count_photos, link, offer, thumbnail
from phototag.web.second_look import SecondLooks

MOST_PHOTOS = 50_000  # to choose from while a person waits; `phototag highlights` takes any number
MOST_APPEARANCES = 100_000  # remembered: a dozen bytes each
SHOWN_LEFT_OUT = 60
TOLD_OF_SECOND_LOOK = " Smiles are looked at once more when the album is kept: a photo may come or go."
LONGEST_NAME = 200  # characters
# Shots of one moment, whatever is in them: every one qualifies, and none makes way for another time.
MOMENT = Theme(
    "moment",
    "One moment",
    weights={"smile": 2.0, "face_sharpness": 1.0, "sharpness": 1.0, "exposure": 0.5},
    count=Count(1, 10_000),
    spread=Spread(bucket_decay=1.0, group_decay=1.0, day_share=1.0, event_share=1.0),
)
MOMENT_SECONDS = timedelta(minutes=10)  # looked at on either side, for chains of shots within BURST


class Superseded(PhototagError):
    """Something newer was asked for, so that this is not needed any more."""


@dataclass(slots=True)
class FilmState:
    """How far a film is, 0 to 1; `error`: why there is none."""

    done: float = 0.0
    error: str | None = None


class Albums:
    """What the pages about albums ask for. `films`: the folder of those that are made here."""

    def __init__(self, library: Library, films: Path) -> None:
        self._library, self._films = library, films
        self._numbers = itertools.count()
        self._latest = -1
        self._appearances: dict[str, Appearance | None] = {}
        self._making: dict[Path, FilmState] = {}
        self._one_film = threading.Lock()
        self._second_looks = SecondLooks()

    def close(self) -> None:
        """End what works for albums in a process of its own."""
        self._second_looks.close()

    def describe(self) -> list[dict[str, Any]]:
        """Every album, with its first photo and whether its film is there."""
        found = []
        for album in self._library.albums():
            _, members = self._library.album_members(album.name)
            found.append(
                {
                    "name": album.name,
                    "photos": album.photos,
                    "about": f"{count_photos(album.photos)}, theme {album.theme}"
                    + (f": {album.query}" if album.query else ""),
                    "cover": members[0].photo_id if members else None,
                    "film": self.film_file(album.name).is_file(),
                }
            )
        return found

    def page(self, *, can_write: bool) -> list[Element]:
        """The elements of the page: a card for each album, and a form for a new one."""
        cards = [_card(album) for album in self.describe()] or [["li", "There is no album yet."]]
        return [["h1", "Albums"], ["ul.albums", *cards], *([_maker()] if can_write else [])]

    def members(self, name: str) -> list[dict[str, Any]]:
        """The photos of an album in order, with the reason of each."""
        _, members = self._library.album_members(name)
        return [
            {"id": each.photo_id, "reason": each.reason, "score": round(each.score, 3)} for each in members
        ]

    def preview(self, theme_name: str, query: Query, top: int | None) -> dict[str, Any]:
        """What would be chosen and why, and what left out and why. Raises Superseded as soon as another is
        asked for."""
        number = self._latest = next(self._numbers)

        def measure(photo: Photo, faces: Sequence[Face]) -> Appearance | None:
            if self._latest != number:
                raise Superseded("something else was asked for meanwhile")
            return self._measure(photo, faces)

        theme, query = self._of_theme(theme_name, query)
        choice = self._choose(theme, query, top, measure)
        left_out = [verdict for verdict in choice.verdicts if not verdict.reason.kept]
        title, least = _title(choice, query), choice.theme.count.minimum
        needed = min(least, top or least)
        enough = may_be_enough = len(choice.kept) >= needed
        if not enough and wants_second_look(theme):
            near = self._choose(before_second_look(theme), query, top, measure)
            may_be_enough = len(near.kept) >= needed
        told = f"{title}: {count_photos(len(choice.kept))} chosen from {len(choice.verdicts):,}"
        found: dict[str, Any] = {
            "title": title,
            "told": told
            + ("." if enough else f"; an album of this theme wants at least {least}.")
            + (TOLD_OF_SECOND_LOOK if may_be_enough and wants_second_look(theme) else ""),
            "name": re.sub("[^a-z0-9]+", "-", title.lower()).strip("-"),
            "enough": may_be_enough,
            "considered": len(choice.verdicts),
            "kept": [
                {
                    "id": verdict.photo.photo_id,
                    "sentence": verdict.sentence(),
                    "score": round(verdict.score, 3),
                }
                for verdict in choice.kept
            ],
            "counts": [
                {"sentence": reason.value, "photos": number}
                for reason, number in choice.counts().items()
                if not reason.kept
            ],
            "left_out": [
                {"id": verdict.photo.photo_id, "sentence": verdict.reason.value}
                for verdict in left_out[:SHOWN_LEFT_OUT]
            ],
        }
        return found | {"shown": _shots_chosen(found)}

    def save(self, name: str, theme_name: str, query: Query, top: int | None, text: str) -> dict[str, Any]:
        """Choose as `phototag highlights` does, with a second look at smiles, and keep it under this name.
        Raises UsageError for a name that is none, TooFewPhotos, and Busy."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not themes.is_one_line(name):
            raise UsageError(f"an album's name is one line of at most {LONGEST_NAME} characters")
        query.require_known_words()
        theme, query = self._of_theme(theme_name, query)
        with self._second_looks.begin() if wants_second_look(theme) else nullcontext() as look_again:
            choice = self._choose(theme, query, top, self._measure, look_again)
        choice.require_minimum(min(choice.theme.count.minimum, top or choice.theme.count.minimum))
        members = [
            Member(
                verdict.photo.photo_id, place, f"{verdict.reason.value}: {verdict.sentence()}", verdict.score
            )
            for place, verdict in enumerate(choice.kept, 1)
        ]
        self._library.save_album(name, choice.theme.name, members, text)
        told = f"Kept: {name}, {count_photos(len(members))}."
        return {"name": name, "photos": len(members), "told": told}

    def _of_theme(self, theme_name: str, query: Query) -> tuple[Theme, Query]:
        """The theme, and the query with what the theme asks for. Raises UsageError where too many fit."""
        theme = themes.load(theme_name)
        if theme.terms:
            query = replace(query, terms=(*self._library.ask(theme.terms).terms, *query.terms))
        if theme.film.align_faces:
            persons = tuple(term.name for term in query.terms if isinstance(term, PersonTerm))
            if not persons:
                raise UsageError(f"{theme.title!r} is of a person: ask for one, such as person:Anna")
            theme = replace(theme, persons=persons)
        if self._library.count(query) > MOST_PHOTOS:
            raise UsageError(
                f"more than {MOST_PHOTOS:,} photos fit; ask for less here, or type: phototag highlights "
                f"{theme_name}"
            )
        return theme, query

    def _choose(
        self,
        theme: Theme,
        query: Query,
        top: int | None,
        measure: MeasureAppearance,
        look_again: LookAgain | None = None,
    ) -> Choice:
        photos = list(self._library.photos(query))
        return choose_of_catalog(
            self._library, photos, query, theme, top, measure=measure, look_again=look_again
        )

    def _measure(self, photo: Photo, faces: Sequence[Face]) -> Appearance | None:
        key = f"{photo.content_hash} {[face.box for face in faces]}"
        if key not in self._appearances:
            if len(self._appearances) >= MOST_APPEARANCES:
                self._appearances.clear()
            self._appearances[key] = measure_appearance(photo, faces)
        return self._appearances[key]

    def moment(self, photo_id: int) -> list[dict[str, Any]]:
        """All shots of the moment of this photo, in order of time, each with its least smile; the one that an
        album would keep is marked. The photo alone where it has no date or no other shot is alike."""
        (photo,) = self._library.photos_with_ids([photo_id]) or (None,)
        if photo is None:
            return []
        choice = choose(self._around(photo), MOMENT, self._measure)
        of = next(each for each in choice.verdicts if each.photo.photo_id == photo_id)
        best = of.other if of.reason in (Reason.BURST, Reason.DUPLICATE) and of.other else of.photo
        shots = [
            each.photo
            for each in choice.verdicts
            if each.photo.photo_id == best.photo_id or (each.reason is Reason.BURST and each.other == best)
        ]
        return [
            {
                "id": shot.photo_id,
                "least_smile": None if shot.least_smile is None else round(shot.least_smile, 3),
                "kept": shot.photo_id == best.photo_id,
                "text": _tell_shot(shot, shot.photo_id == best.photo_id, shot.photo_id == photo_id),
            }
            for shot in shots
        ]

    def _around(self, photo: Photo) -> list[Photo]:
        """The photos taken within steps of BURST from this one, and it."""
        if photo.taken_at is None or photo.taken_precision not in ("minute", "second"):
            return [photo]
        first, last = photo.taken_at - MOMENT_SECONDS, photo.taken_at + MOMENT_SECONDS
        days = Query((TakenTerm(first.date(), last.date() + timedelta(days=1)),))
        near = [
            each
            for each in self._library.photos(days)
            if each.taken_at is not None and first - BURST <= each.taken_at <= last + BURST
        ]
        return near if any(each.photo_id == photo.photo_id for each in near) else [photo, *near]

    # -- films

    def film_file(self, name: str) -> Path:
        """Where the film of this album is, or will be: of these photos, under a name that says nothing."""
        album, members = self._library.album_members(name)
        of = f"{name}\0{album.theme}\0{[each.photo_id for each in members]}"
        return self._films / f"{hashlib.sha256(of.encode('utf-8', 'replace')).hexdigest()[:32]}.mp4"

    def film_state(self, name: str) -> dict[str, Any]:
        file = self.film_file(name)
        state = self._making.get(file)
        return {
            "ready": file.is_file(),
            "done": state and round(state.done, 3),
            "error": state and state.error,
        }

    def make_film(self, name: str) -> dict[str, Any]:
        """Begin to make it, beside everything else; one at a time."""
        from phototag.highlights.film import make

        file = self.film_file(name)
        make_private_folder(self._films)
        options = make.FilmOptions(height=720)
        make.check(file, options)
        if file not in self._making or self._making[file].error:
            state = self._making[file] = FilmState()
            work = threading.Thread(target=self._film, args=(name, file, options, state), daemon=True)
            work.start()
        return self.film_state(name)

    def _film(self, name: str, file: Path, options: Any, state: FilmState) -> None:
        from phototag.highlights.film import make

        def progress(done: int, total: int) -> None:
            state.done = done / max(total, 1)

        try:
            album, pairs = self._library.album(name)
            theme = themes.load(album.theme if album.theme in themes.names() else "year")
            kept = [_kept(photo, member) for photo, member in pairs]
            title = f"{theme.title} {captions.period(None, None, [photo for photo, _ in pairs])}".strip()
            with self._one_film:
                make.make_film(file, kept, theme, title, options, progress=progress)
        except PhototagError as error:
            state.error = str(error)
        except Exception as error:  # shown on the page; the server goes on
            state.error = f"this is a bug: {type(error).__name__}: {error}"
        else:
            self._making.pop(file, None)


def _card(album: dict[str, Any]) -> Element:
    name = album["name"]
    film = {"type": "button", "value": name}
    question = f"Forget the album {name}? Photos and what was made of it on the disk stay."
    forget = offer("Forget", f"Forget {name}", "/api/album/delete", {"name": name}, question=question)
    cover = thumbnail(album["cover"]) if album["cover"] else None
    return [
        "li",
        link({"album": name}, cover, ["b", name]),
        ["small", album["about"]],
        [
            "div.row",
            ["button.watch", film, "Watch the film"]
            if album["film"]
            else ["button.film.write", film, "Make a film"],
            forget,
        ],
    ]


def film_elements(name: str, state: dict[str, Any]) -> list[Any]:
    """The film, or how far it is."""
    if state["ready"]:
        return [["video", {"controls": True, "autoplay": True, "src": address("/film", album=name)}]]
    return [["progress", {"value": state["done"] or 0, "ariaLabel": "Film"}], "Making the film …"]


def _maker() -> Element:
    """The form for an album of a question."""
    options = [["option", {"selected": name == "smiles"}, name] for name in themes.names()]
    question = {
        "name": "q",
        "type": "search",
        "ariaLabel": "of which photos, such as taken:2016",
        "placeholder": "of which photos, such as taken:2016",
        "spellcheck": False,
        "maxLength": 2000,
    }
    top = {"name": "top", "type": "number", "min": 1, "max": 1000}
    named = {"name": "name", "type": "text", "maxLength": LONGEST_NAME}
    return [
        "form.maker",
        ["h2", "Make an album of a question"],
        [
            "div.row",
            ["select", {"name": "theme", "ariaLabel": "Theme"}, *options],
            ["input", question],
            ["input", {**top, "ariaLabel": "At most so many photos", "placeholder": "at most"}],
        ],
        ["p", {"role": "status"}],
        ["div.chosen"],
        [
            "div.row",
            ["input", {**named, "ariaLabel": "Name of the album", "placeholder": "Name of the album"}],
            ["button", {"disabled": True, "name": "keep"}, "Keep this album"],
        ],
    ]


def _shots_chosen(found: dict[str, Any]) -> list[Element]:
    """What was chosen, and what was left out, as elements."""
    number = found["considered"] - len(found["kept"])
    reasons = [["li", f"{each['photos']}: {each['sentence']}"] for each in found["counts"]]
    left = ["details", ["summary", f"{count_photos(number)} left out"], ["ul", *reasons]]
    return [_shots(found["kept"]), [*left, _shots(found["left_out"])]][: 2 if reasons else 1]


def _shots(photos: list[dict[str, Any]]) -> Element:
    items = [
        ["li", link({"photo": each["id"]}, thumbnail(each["id"])), ["small", each["sentence"]]]
        for each in photos
    ]
    return ["ol.preview", *items]


def compare(shots: list[dict[str, Any]], photo_id: int) -> list[Element]:
    """The shots of a moment side by side, the kept one marked."""
    if len(shots) < 2:
        return [["p", "There is no other shot of this moment."]]
    items = [
        [
            "li.kept" if shot["kept"] else "li",
            link(
                {"photo": shot["id"]},
                thumbnail(shot["id"], "This photo" if shot["id"] == photo_id else "Another shot"),
            ),
            ["small", shot["text"]],
        ]
        for shot in shots
    ]
    return [["h3", f"{count_photos(len(shots))} of this moment"], ["ul.shots", *items]]


def _tell_shot(shot: Photo, is_kept: bool, is_asked: bool) -> str:
    smile = "no smile to tell" if shot.least_smile is None else f"least smile {shot.least_smile:.2f}"
    return smile + (", kept" if is_kept else "") + (", this one" if is_asked else "")


def _kept(photo: Photo, member: Member) -> Verdict:
    """What an album remembers of a choice, as a film needs it."""
    faces = tuple(face for face, good in zip(photo.faces, eligible(photo.faces), strict=True) if good)
    return Verdict(photo, Reason.CHOSEN, {"score": member.score}, faces=faces)


def _title(choice: Choice, query: Query) -> str:
    periods = [term for term in query.terms if isinstance(term, TakenTerm) and not term.negated]
    first, last = None, None
    if len(periods) == 1 and periods[0].since and periods[0].until:
        first, last = periods[0].since, periods[0].until - timedelta(days=1)
    return (
        f"{choice.theme.title} {captions.period(first, last, [each.photo for each in choice.kept])}".strip()
    )
