"""Choosing the photos of a theme, and one named reason for every photo kept or left out. Pure:
records in, verdicts out, no chance, no clock, and independent of the order in which photos were
scanned. Pixels are seen only through the `measure` function it is given, and only for candidates.

First exclusions (qualify.py), each photo by itself. Then a greedy choice: always the photo that is
worth most, where its worth is its score, lowered by how much has been chosen already from the same
time bucket and of the same people (of as many, where nobody knows who they are). Worth only ever
falls, and an unseen photo is taken at its upper bound; so a heap of worths, from which the best is
popped and looked at, finds exactly what looking at everything would."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from phototag import smiling
from phototag.highlights import captions, signals
from phototag.highlights.appearance import (
    SAME_BITS,
    SIMILAR_BITS,
    SIMILAR_BITS_SAME_FACES,
    Appearance,
    bits_apart,
    same_faces,
)
from phototag.highlights.qualify import Candidate, judge
from phototag.highlights.theme import Theme
from phototag.highlights.verdict import Choice, Reason, Verdict, order
from phototag.records import Face, Photo

BURST = timedelta(minutes=2)
NIGHT = timedelta(hours=4)  # a party's photos after midnight belong to the day before
# A shot of a burst whose faces are blurrier than this share of its sharpest shot's is kept only if all are.
SHARP_SHARE = 0.75

# So far below the theme's smile the first look may be: the second one decides.
LOOK_AGAIN_FROM = 0.018

MeasureAppearance = Callable[[Photo, Sequence[Face]], Appearance | None]
LookAgain = Callable[[Photo, Sequence[Face]], list[float] | None]


def choose(
    photos: Iterable[Photo],
    theme: Theme,
    measure: MeasureAppearance,
    top: int | None = None,
    need_stated_date: bool = False,
    is_there: Callable[[Photo], bool] | None = None,
    who: Mapping[int, frozenset[str]] | None = None,
    home: tuple[float, float] | None = None,
    look_again: LookAgain | None = None,
) -> Choice:
    """`measure(photo, eligible faces)` gives fingerprint and exposure, or None where the file
    cannot be opened. `top` overrides the theme's maximum count. Fewer than its minimum may come
    back: see Choice.require_minimum. `need_stated_date`: photos whose date is only their file's are
    left out, as an album of a year wants. `is_there(photo)` says whether its file is, and is asked
    where several photos have the same bytes: one that has gone since the last scan stands for none. `who`:
    photo id -> keys of the persons in it, whether they have names or not: the choice spreads over them.
    `home`: where most photos are taken, as latitude and longitude, for a theme that leaves it.
    `look_again(photo, faces)` gives each face's smile at a second look, of the few photos that come near
    enough to be chosen, for themes that want smiles that are sure: `phototag.taggers.second_look`."""
    ordered = sorted(photos, key=order)
    first_with = _stand_ins(ordered, is_there) if is_there else {}
    if not wants_second_look(theme):
        look_again = None
    rules = before_second_look(theme) if look_again else theme
    judged = [
        judge(photo, index, rules, first_with, need_stated_date, home) for index, photo in enumerate(ordered)
    ]
    for each in judged:
        if isinstance(each, Candidate) and who:
            each.who = who.get(each.photo.photo_id, frozenset())
    selection = _Selection(
        ordered, [each for each in judged if isinstance(each, Candidate)], theme, measure, top, look_again
    )
    decided = selection.run()
    return Choice(
        theme,
        tuple(each if isinstance(each, Verdict) else decided[index] for index, each in enumerate(judged)),
    )


def wants_second_look(theme: Theme) -> bool:
    """Whether it asks for smiles that are sure: of more than what counts as one."""
    return theme.qualify.everyone_smiling and theme.qualify.smile > smiling.SMILE_THRESHOLD


def before_second_look(theme: Theme) -> Theme:
    """The theme with the smile that a photo needs to be looked at again."""
    least = max(smiling.SMILE_THRESHOLD, theme.qualify.smile - LOOK_AGAIN_FROM)
    return replace(theme, qualify=replace(theme.qualify, smile=least))


def smile_needed_again(theme: Theme) -> float:
    """What a photo needs at its second look."""
    return max(theme.qualify.smile, theme.qualify.smile_again)


def smile_at_second_look(candidate: Candidate, look_again: LookAgain) -> float | None:
    """The least smile as it is seen again. A person's word needs no second look; None where the photo
    cannot be read any more."""
    if candidate.photo.smile_words.get(smiling.EVERYONE) is True:
        return 1.0
    faces = [face for face in candidate.faces if face.smile is not None and face.smile_word is None]
    again = look_again(candidate.photo, faces)
    return None if again is None else min(again, default=1.0)


def _stand_ins(ordered: Sequence[Photo], is_there: Callable[[Photo], bool]) -> dict[str, Photo]:
    """Of contents that several photos have, the first whose file is there."""
    same: dict[str, list[Photo]] = {}
    for photo in ordered:
        if photo.content_hash and photo.missing_since is None and "decode" not in photo.errors:
            same.setdefault(photo.content_hash, []).append(photo)
    return {
        content_hash: next(filter(is_there, photos), photos[0])
        for content_hash, photos in same.items()
        if len(photos) > 1
    }


class _Selection:
    """The greedy choice among candidates, which are in order of time."""

    def __init__(
        self,
        ordered: Sequence[Photo],
        candidates: list[Candidate],
        theme: Theme,
        measure: MeasureAppearance,
        top: int | None,
        look_again: LookAgain | None,
    ) -> None:
        self.candidates, self.theme, self.measure = candidates, theme, measure
        self.look_again = look_again
        self.decided: dict[int, Verdict] = {}  # by the candidate's index
        self.want = min(top or theme.count.maximum, len(candidates))
        self.chosen: list[Candidate] = []
        # the undated are last
        self.times = [at for c in candidates if (at := captions.instant(c.photo)) is not None]
        self.taken: Counter[tuple[object, ...]] = Counter()  # what has been chosen, by each of the keys below
        _place_in_time(ordered, candidates, theme)
        self.fair_bucket = max(1.0, self.want / max(1, len({c.time_bucket for c in candidates})))
        companies = {key for c in candidates for key in c.company}
        self.fair_group = max(1.0, self.want / max(1, len(companies)))
        self.day_limit = self._limit(theme.spread.day_share, len({c.day for c in candidates}))
        self.event_limit = self._limit(theme.spread.event_share, len({c.event for c in candidates}))

    def _limit(self, share: float, groups: int) -> int:
        """The share of a day or event; never less than twice an even split, so that a single
        wedding still makes an album, nor than the theme's minimum count."""
        return max(
            math.ceil(share * self.want), math.ceil(2 * self.want / max(1, groups)), self.theme.count.minimum
        )

    def run(self) -> dict[int, Verdict]:
        heap = [(-self._worth(candidate), candidate.index, candidate) for candidate in self.candidates]
        heapq.heapify(heap)
        while heap and len(self.chosen) < self.want:
            known, index, candidate = heapq.heappop(heap)
            if index in self.decided:
                continue
            if not candidate.burst_known and self._see(candidate):
                self._settle_burst(candidate)
            if index in self.decided:
                continue
            now = -self._worth(candidate)
            if now > known:  # it fell since it was pushed: others may come first
                heapq.heappush(heap, (now, index, candidate))
            else:
                self._take(candidate, -now)
        least = min((chosen.score for chosen in self.chosen), default=0.0)
        for candidate in self.candidates:
            if candidate.index not in self.decided:
                self._decide(
                    candidate, Reason.CROWDED_OUT, worth=self._worth(candidate), least_score_chosen=least
                )
        return self.decided

    def _worth(self, candidate: Candidate) -> float:
        spread = self.theme.spread
        worth: float = candidate.score * spread.bucket_decay ** (
            self.taken["time_bucket", candidate.time_bucket] / self.fair_bucket
        )
        company = candidate.company
        seen = sum(self.taken["company", key] for key in company) / len(company)
        worth *= spread.group_decay ** (seen / self.fair_group)
        if candidate.event is not None:
            seen = sum(self.taken["event company", candidate.event, key] for key in company) / len(company)
            worth *= spread.group_decay**seen
        return worth

    def _see(self, candidate: Candidate) -> bool:
        """Look at it once; True where it is still a candidate."""
        if not candidate.seen:
            candidate.seen = True
            candidate.appearance = self.measure(candidate.photo, candidate.faces)
            if candidate.appearance is None:
                self._decide(candidate, Reason.UNREADABLE)
                return False
            candidate.signals["exposure"] = candidate.appearance.exposure
            candidate.score = signals.mean(candidate.signals, self.theme.weights)
            if candidate.appearance.exposure < self.theme.exclude.min_exposure:
                self._decide(candidate, Reason.EXPOSURE, at_least=self.theme.exclude.min_exposure)
            elif self.look_again is not None:
                self._see_again(candidate, self.look_again)
        return candidate.index not in self.decided

    def _see_again(self, candidate: Candidate, look_again: LookAgain) -> None:
        smile = smile_at_second_look(candidate, look_again)
        if smile is None:
            return self._decide(candidate, Reason.UNREADABLE)
        # never more than before: a worth only falls
        candidate.signals["smile"] = min(smile, candidate.signals.get("smile", smile))
        candidate.score = signals.mean(candidate.signals, self.theme.weights)
        least = smile_needed_again(self.theme)
        if smile < least:
            self._decide(candidate, Reason.NOT_SURE, least_smile=smile, at_least=least)

    def _settle_burst(self, start: Candidate) -> None:
        """Of all shots reached from this one by steps of at most two minutes between similar
        pictures, keep the best."""
        burst, todo = {start.index: start}, [start]
        while todo:
            one = todo.pop()
            for other in self._around(one):
                if other.index not in burst and self._see(other) and _similar(one, other):
                    burst[other.index] = other
                    todo.append(other)
        best = _best_shot(list(burst.values()))
        best.shots = len(burst)
        for shot in burst.values():
            shot.burst_known = True
            if shot is not best:
                self._decide(shot, Reason.BURST, best.photo, shots=len(burst), better_score=best.score)

    def _around(self, candidate: Candidate) -> Sequence[Candidate]:
        taken = captions.instant(candidate.photo)
        if taken is None:
            return ()
        return self.candidates[
            bisect_left(self.times, taken - BURST) : bisect_right(self.times, taken + BURST)
        ]

    def _take(self, candidate: Candidate, worth: float) -> None:
        if candidate.score < self.theme.count.lowest_score:
            return self._decide(candidate, Reason.WEAK, at_least=self.theme.count.lowest_score)
        for chosen in self.chosen:
            if _same_picture(candidate, chosen):
                return self._decide(candidate, Reason.SAME_PICTURE, chosen.photo)
        most = self.theme.spread.most_per_year
        if most and self.taken["year", candidate.year] >= most:
            return self._decide(candidate, Reason.YEAR_FULL, worth=worth, share=most)
        if candidate.day is not None and self.taken["day", candidate.day] >= self.day_limit:
            return self._decide(candidate, Reason.DAY_FULL, worth=worth, share=self.day_limit)
        if candidate.event is not None and self.taken["event", candidate.event] >= self.event_limit:
            return self._decide(candidate, Reason.EVENT_FULL, worth=worth, share=self.event_limit)
        self.chosen.append(candidate)
        event = candidate.event
        self.taken.update(
            (
                ("time_bucket", candidate.time_bucket),
                ("day", candidate.day),
                ("event", event),
                ("year", candidate.year),
            )
        )
        self.taken.update(("company", key) for key in candidate.company)
        self.taken.update(("event company", event, key) for key in candidate.company)
        if candidate.shots > 1:
            self._decide(
                candidate, Reason.BEST_OF_BURST, worth=worth, rank=len(self.chosen), shots=candidate.shots
            )
        else:
            self._decide(candidate, Reason.CHOSEN, worth=worth, rank=len(self.chosen))

    def _decide(
        self, candidate: Candidate, reason: Reason, other: Photo | None = None, **more: float
    ) -> None:
        numbers: dict[str, float] = {"eligible_faces": len(candidate.faces)}
        numbers["score" if candidate.appearance is not None else "score_at_most"] = candidate.score
        numbers.update(more)
        verdict = Verdict(
            candidate.photo, reason, numbers, dict(candidate.signals), other, candidate.faces, candidate.who
        )
        self.decided[candidate.index] = verdict


def _place_in_time(ordered: Sequence[Photo], candidates: Sequence[Candidate], theme: Theme) -> None:
    """Day, event and time bucket of every candidate that somebody dated; the others share one
    time bucket, and have neither day nor event. Events end with a gap between any two photos,
    candidates or not."""
    dated = [
        at
        for photo in ordered
        if (at := captions.instant(photo)) is not None
        and photo.taken_precision in ("minute", "second")
        and captions.is_told(photo)
    ]
    gap = timedelta(hours=theme.spread.event_gap_hours)
    starts = [now for before, now in pairwise(dated) if now - before > gap]
    mine = [at for c in candidates if c.dated and (at := captions.instant(c.photo)) is not None]
    for candidate in candidates:
        taken, at = candidate.photo.taken_at, captions.instant(candidate.photo)
        if taken is not None and at is not None and candidate.dated:
            share = (at - mine[0]) / max(mine[-1] - mine[0], timedelta(seconds=1))
            candidate.time_bucket = min(int(share * theme.spread.buckets), theme.spread.buckets - 1)
            if candidate.photo.taken_precision == "day":
                candidate.day = taken.date()
            elif candidate.photo.taken_precision in ("minute", "second"):
                candidate.day = (taken - NIGHT).date()
                candidate.event = bisect_right(starts, at)


def _best_shot(burst: Sequence[Candidate]) -> Candidate:
    """Faces sharp; then the least smiling face smiles most (to a hundredth: finer is noise); then
    the score."""
    sharpest = max(shot.signals.get("face_sharpness", 1.0) for shot in burst)

    def rank(shot: Candidate) -> tuple[bool, float, float, int]:
        blurred = shot.signals.get("face_sharpness", 1.0) < SHARP_SHARE * sharpest
        return (blurred, -round(shot.signals.get("smile", 0.0), 2), -shot.score, shot.index)

    return min(burst, key=rank)


def _similar(one: Candidate, other: Candidate) -> bool:
    """Within two minutes by the caller's word. Where only the files say when, the time proves
    little, so faces do not help."""
    if one.appearance is None or other.appearance is None:
        return False
    apart = bits_apart(one.appearance, other.appearance)
    if apart <= SIMILAR_BITS or not (one.dated and other.dated):
        return apart <= SIMILAR_BITS
    return apart <= SIMILAR_BITS_SAME_FACES and same_faces(one.faces, other.faces)


def _same_picture(one: Candidate, other: Candidate) -> bool:
    """Saved again, scaled or retouched, at whatever time."""
    if (
        one.appearance is None
        or other.appearance is None
        or bits_apart(one.appearance, other.appearance) > SAME_BITS
    ):
        return False
    return len(one.faces) == len(other.faces) and (not one.faces or same_faces(one.faces, other.faces))
