"""What a film shows when: a title over the best photo, cards, photos alone or side by side, bursts as a
flip-book, a finale with the best smiles, an end card. Pure: decides, draws nothing.

Scenes change on beats. Within a moment, and where the film is quick, they are cut. Between moments they
dissolve, but never from faces to faces: for a while there would be two half transparent faces on each other,
so the picture goes through dark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Literal

from phototag.highlights import captions
from phototag.highlights.film.align import can_be_aligned, still
from phototag.highlights.film.motion import Room, Shot, is_panorama, plan
from phototag.highlights.film.soundtrack import nearest
from phototag.highlights.theme import Film, Theme
from phototag.highlights.verdict import Verdict
from phototag.records import Box, Face, Photo

FPS = 30
Kind = Literal["title", "card", "photos", "end"]
Transition = Literal["cut", "dissolve", "dip"]
TITLE_SECONDS, CARD_SECONDS, END_SECONDS = 4.5, 1.7, 4.0
TITLE_SHARE, END_SHARE = 0.2, 0.18  # of the film at most
# Where a title may stand, as shares of the frame's height, and how far it reaches up and down.
TITLE_PLACES, TITLE_REACH = (0.82, 0.18, 0.5), 0.135
TITLE_MOVES = 1.5  # as a photo does in so many seconds: hardly, so that the text is read in peace
LEAST_SECONDS = 1.6  # per photo: below it a film only flickers, so the weakest photos stay out
LEAST_SCENE = 1.1  # seconds; a cut is never nearer to the last than that
FLIP_SECONDS = 0.2  # of each further shot of a burst
MOST_FLIPS = 5  # shots of one burst, besides the one that was kept
HALF = {"cut": 0.0, "dissolve": 0.35, "dip": 0.22}  # seconds of a transition before and after the beat
SURE_FACE = 0.95  # score of a face that must not be cut, whether or not it is eligible
# Score of a person whose head must not be cut though no face was found, how high they stand in the photo at
# least, and which part of that the head takes.
SURE_PERSON, LEAST_PERSON, HEAD = 0.6, 0.15, 0.14
SAME_MOMENT, TO_THE_MINUTE = timedelta(minutes=30), ("minute", "second")
FADE_OUT_SECONDS = 1.3  # at the end, into black
GAP = 1 / 90  # between photos side by side, of the frame's longer side
SAME_FACE_IN_A_ROW = 3  # photos
REACH = 3  # photos ahead among which others are sought that may stand beside one
# How long a scene is against the others: opening, build-up, calm middle, finale; from a share of the film on.
PACE = ((0.0, 1.2), (0.12, 0.95), (0.30, 0.85), (0.44, 1.3), (0.64, 0.9), (0.80, 0.7))
LAST_PACE, LEAST_FOR_PARTS = 1.5, 8  # scenes
WEIGHTS = {1: 1.0, 2: 1.4, 3: 1.75}  # by photos in the scene
PANORAMA_WEIGHT = 1.8  # it is seen piece by piece
FINALE_SHARE, MOST_FINALE, LEAST_FOR_FINALE = 1 / 6, 8, 12  # photos


@dataclass(frozen=True, slots=True)
class Scene:
    """What is seen from the frame `first` to `last` (not included), but for transitions at either end.
    `flips`: other shots of the first photo's burst, shown before it. `lines`: text of a title or card, the
    first one large; `text_at`: how far down the frame their middle is, over the photo, or on a blurred one
    where it is None. `caption`: told at the beginning of the scene. `shots` as many as photos."""

    kind: Kind
    verdicts: tuple[Verdict, ...]
    flips: tuple[Photo, ...] = ()
    lines: tuple[str, ...] = ()
    text_at: float | None = None
    caption: str = ""
    shots: tuple[Shot, ...] = ()
    first: int = 0
    last: int = 0
    then: Transition = "cut"  # into the next scene

    @property
    def photos(self) -> tuple[Photo, ...]:
        return tuple(verdict.photo for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Storyboard:
    scenes: tuple[Scene, ...]
    frames: int
    fps: int = FPS
    left_out: tuple[Verdict, ...] = field(default=())

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def half(self, number: int) -> int:
        """Frames before and after the change into the next scene that belong to both."""
        return round(HALF[self.scenes[number].then] * self.fps)

    def span(self, number: int) -> tuple[int, int]:
        """The first frame in which a scene is seen, and the first in which it is not any more."""
        scene = self.scenes[number]
        before = self.half(number - 1) if number else 0
        return scene.first - before, scene.last + self.half(number)

    def share(self, number: int, frame: int) -> float:
        """How far through its time a scene is, flip-book and all."""
        first, last = self.span(number)
        return min(1.0, max(0.0, (frame - first) / max(1, last - first - 1)))

    def flip_frames(self) -> int:
        return round(FLIP_SECONDS * self.fps)


def film_seconds(count: int, film: Film) -> float:
    """As long as its photos want, between the shortest and the longest that the theme allows."""
    wanted = TITLE_SECONDS + END_SECONDS + count * film.seconds_per_photo
    return max(film.shortest_seconds, min(wanted, film.longest_seconds))


def most_photos(film: Film) -> int:
    """How many photos fit into the longest film."""
    seconds = film.longest_seconds
    return max(1, int((seconds - _title_seconds(seconds) - _end_seconds(seconds)) / LEAST_SECONDS))


def _title_seconds(seconds: float) -> float:
    return min(TITLE_SECONDS, TITLE_SHARE * seconds)


def _end_seconds(seconds: float) -> float:
    return min(END_SECONDS, END_SHARE * seconds)


def draft(
    kept: Sequence[Verdict],
    theme: Theme,
    title: str,
    frame_wh: tuple[int, int],
    beats: Sequence[float],
    *,
    bursts: Mapping[int, Sequence[Photo]] | None = None,
    made_on: datetime | None = None,
    places: bool = False,
    fps: int = FPS,
) -> Storyboard:
    """The film of these photos, which are in order of time. `beats`: seconds on which scenes may change,
    none where any time will do. `bursts`: other shots by the id of the photo that was kept. `made_on`: told
    on the end card. `places`: whether to tell where most photos of a month were taken."""
    shown = strongest(kept, most_photos(theme.film))
    seconds = film_seconds(len(shown), theme.film)
    hero, text_at = _hero(shown, theme, frame_wh)
    # a photo that is blurred behind the title has yet to be seen, and three photos are few
    body = [verdict for verdict in shown if verdict is not hero or len(shown) <= 3 or text_at is None]
    aligned = theme.film.align_faces  # then the order of time is the story
    finale = [] if aligned else _finale(body)
    by_month = not aligned and _wants_cards(shown)
    story = _varied([verdict for verdict in body if verdict not in finale], by_month)
    finale = _varied(finale, by_month=False, before=story)
    scenes = [Scene("title", (hero,), lines=_title_lines(title, shown), text_at=text_at)]
    if aligned:
        grouped = [Scene("photos", (verdict,)) for verdict in story]
    else:
        grouped = _grouped(story, theme, frame_wh, bursts or {}, by_month)
    scenes += _with_cards(grouped, shown, places) if by_month else grouped
    scenes += [Scene("photos", (verdict,)) for verdict in finale]
    end = _end_lines(title, shown, made_on, places)
    scenes.append(Scene("end", scenes[-1].verdicts[-1:], lines=end))
    scenes = _timed(scenes, seconds, beats, fps, len(finale))
    scenes = _joined(scenes, theme, len(finale))
    scenes = _with_years(scenes) if aligned else _captioned(scenes, shown, len(finale))
    scenes = [_with_shots(scene, number, theme, frame_wh, fps) for number, scene in enumerate(scenes)]
    left_out = tuple(verdict for verdict in kept if verdict not in shown)
    return Storyboard(tuple(scenes), round(seconds * fps), fps, left_out)


def strongest(kept: Sequence[Verdict], most: int) -> list[Verdict]:
    """The highest scores, in the order given."""
    ranked = sorted(range(len(kept)), key=lambda index: (-kept[index].score, index))[:most]
    return [kept[index] for index in sorted(ranked)]


def subjects(verdict: Verdict, theme: Theme) -> tuple[Box, ...]:
    """What must never be cut off: every face that is there to be seen, the heads of people whose face was not
    found, and the things that the theme is about."""
    labels = theme.qualify.labels
    things = [
        tag.box
        for tag in verdict.photo.objects
        if tag.label in labels and tag.score >= theme.qualify.label_score and tag.box
    ]
    faces = [face.box for face in verdict.photo.faces if face.score >= SURE_FACE or face in verdict.faces]
    return (*faces, *_heads(verdict.photo, faces), *things)


def _heads(photo: Photo, faces: Sequence[Box]) -> list[Box]:
    """Of people who look away, wear a helmet or stand too far off: the top of their box. Nothing of people
    who are cut by the photo itself, or are part of a crowd."""
    heads = []
    for tag in photo.objects:
        if tag.label != "person" or tag.box is None or tag.score < SURE_PERSON:
            continue
        box = tag.box
        if box.height < LEAST_PERSON or box.top <= 0.01 or any(_is_within(face, box) for face in faces):
            continue
        heads.append(Box(box.left, box.top, box.right, box.top + HEAD * box.height))
    return heads


def _is_within(face: Box, person: Box) -> bool:
    across, down = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    return person.left <= across <= person.right and person.top <= down <= person.bottom


def _hero(shown: Sequence[Verdict], theme: Theme, frame_wh: tuple[int, int]) -> tuple[Verdict, float | None]:
    """The best photo for the title, and where on it the title covers no face: one that fills the frame and
    has such a place, if there is one."""
    places = [_title_place(verdict, theme, frame_wh) for verdict in shown]

    def worth(index: int) -> tuple[bool, float, int]:
        return places[index] is not None, shown[index].score, -index

    best = max(range(len(shown)), key=worth)
    return shown[best], places[best]


def _title_place(verdict: Verdict, theme: Theme, frame_wh: tuple[int, int]) -> float | None:
    keep = subjects(verdict, theme)
    shot = plan(_size(verdict.photo), (0, 0, *frame_wh), keep, 0, TITLE_MOVES)
    if shot.framed:
        return None
    faces = [shot.in_frame(box, share) for box in keep for share in (0.0, 1.0)]
    height = frame_wh[1]
    for middle in TITLE_PLACES:
        above, below = (middle - TITLE_REACH) * height, (middle + TITLE_REACH) * height
        if all(bottom <= above or top >= below for _, top, _, bottom in faces):
            return middle
    return None


def _varied(story: Sequence[Verdict], by_month: bool, before: Sequence[Verdict] = ()) -> list[Verdict]:
    """The photos so that nobody is seen more than SAME_FACE_IN_A_ROW times in a row, as far as there are
    others: the nearest later photo without them comes first, of the same month where that has a card.
    Who is in every photo is whom the film is of. `before`: what is shown before."""
    of_film = frozenset.intersection(*(verdict.who for verdict in story)) if story else frozenset()
    told, left = [*before], list(story)
    while left:
        last = told[-SAME_FACE_IN_A_ROW:]
        tired = frozenset[str]()
        if len(last) == SAME_FACE_IN_A_ROW:
            tired = frozenset.intersection(*(verdict.who for verdict in last)) - of_film
        month = _month(left[0].photo)
        fresh = (
            index
            for index, verdict in enumerate(left)
            if not verdict.who & tired and (not by_month or _month(verdict.photo) == month)
        )
        told.append(left.pop(next(fresh, 0)))
    return told[len(before) :]


def _finale(body: Sequence[Verdict]) -> list[Verdict]:
    """The best smiles, in their order; none where there are few photos or few smiles."""
    smiling = [index for index, verdict in enumerate(body) if verdict.signals.get("smile", 0.0) >= 0.5]
    if len(body) < LEAST_FOR_FINALE or len(smiling) < len(body) / 2:
        return []
    count = min(MOST_FINALE, round(len(body) * FINALE_SHARE))

    def delight(index: int) -> tuple[float, int]:
        signals = body[index].signals
        return signals["smile"] * (0.5 + 0.5 * signals.get("face_size", 0.5)), -index

    return [body[index] for index in sorted(sorted(smiling, key=delight, reverse=True)[:count])]


def _grouped(
    story: Sequence[Verdict],
    theme: Theme,
    frame_wh: tuple[int, int],
    bursts: Mapping[int, Sequence[Photo]],
    by_month: bool,
) -> list[Scene]:
    """Photos that fill the frame by themselves, and those near each other that do not, side by side."""
    scenes: list[Scene] = []
    left = list(story)
    while left:
        first, near = left[0], left[1 : 1 + REACH]
        groups = [(first, *others) for count in (2, 1) for others in combinations(near, count)]
        together = next(
            (group for group in groups if _fit_together(group, theme, frame_wh, by_month)), (first,)
        )
        others = bursts.get(first.photo.photo_id, ()) if len(together) == 1 else ()
        scenes.append(Scene("photos", together, flips=_flips(first.photo, others)))
        left = [verdict for verdict in left if verdict not in together]
    return scenes


def _fit_together(
    verdicts: Sequence[Verdict], theme: Theme, frame_wh: tuple[int, int], by_month: bool
) -> bool:
    """Whether each of them would be framed alone, fills its panel beside the others, and they belong
    together in time: of a month where that has a card, else of a year."""
    whole: Room = (0, 0, *frame_wh)
    for verdict, room in zip(verdicts, rooms(len(verdicts), frame_wh), strict=True):
        size, keep = _size(verdict.photo), subjects(verdict, theme)
        if is_panorama(size) or not plan(size, whole, keep).framed or plan(size, room, keep).framed:
            return False
    months = [_month(verdict.photo) or (0, 0) for verdict in verdicts]
    return len({month if by_month else month[:1] for month in months}) == 1


def rooms(count: int, frame_wh: tuple[int, int]) -> list[Room]:
    """The frame's panels for so many photos: columns, or rows where the frame stands upright."""
    if count == 1:
        return [(0, 0, *frame_wh)]
    width, height = frame_wh
    gap = max(2, round(max(frame_wh) * GAP / 2) * 2)
    long = max(width, height)
    size = (long - gap * (count - 1)) // count // 2 * 2
    starts = [number * (size + gap) for number in range(count)]
    rest = long - starts[-1]  # the last panel takes what rounding left
    sizes = [size] * (count - 1) + [rest]
    if width >= height:
        return [(start, 0, wide, height) for start, wide in zip(starts, sizes, strict=True)]
    return [(0, start, width, high) for start, high in zip(starts, sizes, strict=True)]


def _flips(kept: Photo, others: Sequence[Photo]) -> tuple[Photo, ...]:
    """Shots of the burst of the kept photo's size, in order, evenly picked where they are many."""
    alike = [photo for photo in others if (photo.width, photo.height) == (kept.width, kept.height)]
    if len(alike) > MOST_FLIPS:
        step = len(alike) / MOST_FLIPS
        alike = [alike[int(number * step)] for number in range(MOST_FLIPS)]
    return tuple(alike)


# -- what is written


def _title_lines(title: str, shown: Sequence[Verdict]) -> tuple[str, ...]:
    return (captions.visible(title), captions.span([verdict.photo for verdict in shown]))


def _end_lines(
    title: str, shown: Sequence[Verdict], made_on: datetime | None, places: bool
) -> tuple[str, ...]:
    lines = [
        captions.visible(title),
        captions.count(len(shown), "photo"),
        captions.span([verdict.photo for verdict in shown]),
        captions.enumerate_names(_most_frequent(name for v in shown for name in _names(v.photo))),
    ]
    if places:
        where = _most_frequent(v.photo.places[0] for v in shown if v.photo.places)
        lines.append(captions.enumerate_names(where))
    if made_on is not None:
        lines.append(f"made on {captions.day(made_on)}")
    return tuple(line for line in lines if line)


def _names(photo: Photo) -> list[str]:
    """Who is surely in it."""
    return [one.person.name for one in photo.persons if one.certain]


def _most_frequent(names: Iterable[str]) -> list[str]:
    """The names, the most frequent first, in alphabetical order where they are equally frequent."""
    counted = Counter(names)
    return sorted(counted, key=lambda name: (-counted[name], name))


def _month(photo: Photo) -> tuple[int, int] | None:
    if photo.taken_at is None or photo.taken_precision == "year" or not captions.is_told(photo):
        return None
    return photo.taken_at.year, photo.taken_at.month


def _wants_cards(shown: Sequence[Verdict]) -> bool:
    """Cards help in films of several months with some photos in each."""
    months = [month for verdict in shown if (month := _month(verdict.photo))]
    return len(set(months)) >= 3 and len(months) >= 10 and len(months) / len(set(months)) >= 2.5


def _with_cards(scenes: Sequence[Scene], shown: Sequence[Verdict], places: bool) -> list[Scene]:
    """A card where a month begins; with `places`, it names the one where most of its photos were taken."""
    years = len({month[0] for verdict in shown if (month := _month(verdict.photo))}) > 1
    carded: list[Scene] = []
    last: tuple[int, int] | None = None
    for scene in scenes:
        month = _month(scene.photos[0])
        if month and month != last:
            text = captions.MONTHS[month[1] - 1] + (f" {month[0]}" if years else "")
            if places and (where := _place_of([v.photo for v in shown if _month(v.photo) == month])):
                text += f", {captions.visible(where)}"
            carded.append(Scene("card", scene.verdicts[:1], lines=(text,)))
        last = month or last
        carded.append(scene)
    return carded


def _place_of(photos: Sequence[Photo]) -> str | None:
    """The place where more than half of these photos were taken: a town, else a country."""
    counted = Counter(name for photo in photos for name in {*photo.places[:1], *photo.places[-1:]})
    towns = {photo.places[0] for photo in photos if photo.places}
    ranked = sorted(counted, key=lambda name: (name not in towns, -counted[name], name))
    return next((name for name in ranked if 2 * counted[name] > len(photos)), None)


def _captioned(scenes: Sequence[Scene], shown: Sequence[Verdict], finale: int) -> list[Scene]:
    """The date, where it changes: days in a film of a month, months in a longer one; nothing that a card
    has just said, and nothing in the finale, which is of all times."""
    dates = [v.photo.taken_at for v in shown if v.photo.taken_at is not None and captions.is_told(v.photo)]
    if not dates:
        return list(scenes)
    days = max(dates) - min(dates) < timedelta(days=32)
    with_year = min(dates).year != max(dates).year
    carded = any(scene.kind == "card" for scene in scenes)
    captioned, last = [], ""
    for number, scene in enumerate(scenes):
        silent = carded or scene.kind != "photos" or number >= len(scenes) - 1 - finale
        text = "" if silent else _date_text(scene.photos[0], days, with_year)
        captioned.append(replace(scene, caption=text if text != last else ""))
        last = text or last
    return captioned


def _with_years(scenes: Sequence[Scene]) -> list[Scene]:
    """The year of each photo that somebody dated."""
    return [
        replace(scene, caption=f"{photo.taken_at.year}")
        if scene.kind == "photos" and (photo := scene.photos[0]).taken_at and captions.is_told(photo)
        else scene
        for scene in scenes
    ]


def _date_text(photo: Photo, days: bool, with_year: bool) -> str:
    if photo.taken_at is None or not captions.is_told(photo):
        return ""
    if photo.taken_precision == "year":
        return f"{photo.taken_at.year}"
    text = captions.MONTHS[photo.taken_at.month - 1]
    text = f"{photo.taken_at.day} {text}" if days and photo.taken_precision != "month" else text
    return f"{text} {photo.taken_at.year}" if with_year else text


# -- when


def _timed(
    scenes: Sequence[Scene], seconds: float, beats: Sequence[float], fps: int, finale: int
) -> list[Scene]:
    """First and last frame of every scene: each ends on the beat nearest to where its pace would end it."""
    fixed = {"title": _title_seconds(seconds), "card": CARD_SECONDS, "end": _end_seconds(seconds)}
    shrink = min(1.0, 0.75 * seconds / sum(fixed.get(scene.kind, 0.0) for scene in scenes))
    lengths = [fixed[scene.kind] * shrink if scene.kind != "photos" else 0.0 for scene in scenes]
    free = seconds - sum(lengths)
    body = [number for number, scene in enumerate(scenes) if scene.kind == "photos"]
    weights = {number: _weight(scenes[number], place, len(body), finale) for place, number in enumerate(body)}
    flips = {number: FLIP_SECONDS * len(scenes[number].flips) for number in body}
    spare = max(0.3 * free, free - sum(flips.values()))
    for number in body:
        lengths[number] = weights[number] / sum(weights.values()) * spare + flips[number]
    whole = sum(lengths)
    cuts, time = [0.0], 0.0
    for number, length in enumerate(lengths[:-1]):
        time += length * seconds / whole
        latest = seconds - LEAST_SCENE * (len(lengths) - 1 - number)
        earliest = cuts[-1] + min(LEAST_SCENE, length)
        cut = nearest(beats, time) if beats else time
        if not earliest <= cut <= latest:
            cut = max(earliest, min(time, latest))
        cuts.append(cut)
    frames = [round(cut * fps) for cut in cuts] + [round(seconds * fps)]
    return [
        replace(scene, first=frames[number], last=frames[number + 1]) for number, scene in enumerate(scenes)
    ]


def _weight(scene: Scene, place: int, count: int, finale: int) -> float:
    pace = LAST_PACE if place == count - 1 else _pace(place, count, finale)
    if is_panorama(_size(scene.photos[0])):
        return PANORAMA_WEIGHT * max(1.0, pace)
    return WEIGHTS[len(scene.verdicts)] * pace


def _pace(place: int, count: int, finale: int) -> float:
    """Of one of so many scenes; a film of few has no parts."""
    if finale and place >= count - finale:
        return PACE[-1][1]
    if count < LEAST_FOR_PARTS:
        return 1.0
    return [factor for start, factor in PACE if place >= start * count][-1]


def _joined(scenes: Sequence[Scene], theme: Theme, finale: int) -> list[Scene]:
    """How each scene goes over into the next."""
    joined = []
    count, place = sum(scene.kind == "photos" for scene in scenes), 0
    for number, scene in enumerate(scenes[:-1]):
        after = scenes[number + 1]
        then: Transition = "dissolve"
        place += scene.kind == "photos"
        if scene.kind == after.kind == "photos":
            quick = _pace(place, count, finale) < 1
            if theme.film.align_faces:  # one face grows into the next
                then = "dissolve"
            elif quick or _same_moment(scene.photos[-1], after.photos[0]):
                then = "cut"
            elif _has_faces(scene, theme) and _has_faces(after, theme):
                then = "dip"
        elif scene.kind == "title" and after.kind == "photos" and _has_faces(scene, theme):
            then = "dip" if _has_faces(after, theme) else "dissolve"
        joined.append(replace(scene, then=then))
    return [*joined, scenes[-1]]


def _same_moment(one: Photo, other: Photo) -> bool:
    known = all(captions.is_told(each) and each.taken_precision in TO_THE_MINUTE for each in (one, other))
    at, then = captions.instant(one), captions.instant(other)
    return known and at is not None and then is not None and abs(then - at) <= SAME_MOMENT


def _has_faces(scene: Scene, theme: Theme) -> bool:
    return any(verdict.photo.faces or subjects(verdict, theme) for verdict in scene.verdicts)


def _with_shots(scene: Scene, number: int, theme: Theme, frame_wh: tuple[int, int], fps: int) -> Scene:
    title = scene.kind == "title"
    if scene.kind == "photos" and aligned_face(scene, theme) is not None:
        return replace(scene, shots=(still(frame_wh),))
    seconds = TITLE_MOVES if title else (scene.last - scene.first) / fps
    shots = tuple(
        plan(_size(verdict.photo), room, subjects(verdict, theme), 0 if title else number, seconds)
        for verdict, room in zip(scene.verdicts, rooms(len(scene.verdicts), frame_wh), strict=True)
    )
    return replace(scene, shots=shots)


def aligned_face(scene: Scene, theme: Theme) -> Face | None:
    """The face that is to lie in the same place in every photo, where that is known."""
    if not theme.film.align_faces or scene.kind != "photos":
        return None
    return next((face for face in scene.verdicts[0].faces if can_be_aligned(face)), None)


def _size(photo: Photo) -> tuple[int, int]:
    return photo.width or 4, photo.height or 3
