"""Taggers over decoded photos, in batches. Knows no torch, no SQL and no command line.

One bad photo costs one recorded answer: a failing batch is halved until only the photo at fault is
left. If every photo of a batch fails, it is the tagger that is broken, and nothing of it is kept.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from phototag.errors import PhototagError
from phototag.records import Frame, Job, Outcome, PhotoFacts, Tag, Unreadable

# photos to which a share is cut down: of fewer, all may be bad, and the tagger would be taken for
# broken
SMALLEST = 4

TaggerFunction = Callable[[Sequence[Frame]], list[list[Tag]]]


class TaggerBroken(PhototagError):
    """A tagger failed on every photo of a batch."""


@dataclass
class Batch:
    """What one batch of photos taught: to be saved in one transaction."""

    jobs: list[Job]
    facts: list[PhotoFacts] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


def run(
    decoded: Iterable[tuple[Job, PhotoFacts, Frame | Unreadable]],
    taggers: Mapping[str, TaggerFunction],
    needs: Mapping[str, Sequence[str]],
    batch_size: int,
    *,
    hands: int = 1,
    expected: int | None = None,
    prepare: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Batch]:
    """Drive the taggers (in running order) over the photos each job owes them, and yield what to
    save, in the order of the jobs. `needs`: tagger -> those whose answers it reads; where one of
    these failed, it fails too.

    `hands`: threads that tag, each its share of `batch_size` photos, after calling `prepare` once;
    `decoded` is advanced only in the caller's thread. `expected`: how many photos will come; shares
    get smaller towards the end, so that no hand is left with nothing to do while another still has
    a whole one. Once `stopping` says yes, no photo is begun any more; what is in hand is still
    yielded. Raises TaggerBroken."""
    source = iter(decoded)
    # of a lone photo nobody can say whether it or the tagger is broken
    share = max(min(batch_size, 2), -(-batch_size // hands))
    least = min(share, SMALLEST)

    def begun() -> Iterator[Future[Batch]]:
        size, left = share, expected
        while not stopping():
            if hands > 1 and left is not None:
                size = max(least, min(share, -(-left // (2 * hands))))
            if not (chunk := list(islice(source, size))):
                return
            left = left and left - len(chunk)
            future = pool.submit(_tagged, chunk, taggers, needs)
            del chunk  # or these frames stay in memory while the next ones are decoded
            yield future

    with ThreadPoolExecutor(hands, thread_name_prefix="tag", initializer=prepare) as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for future in begun():
                waiting.append(future)
                # one more than can be worked on, so that no hand waits for what comes between two
                if len(waiting) > hands:
                    yield waiting.popleft().result()
            while waiting:
                future = waiting.popleft()
                if stopping() and future.cancel():  # not begun, and neither are those behind it
                    break
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _tagged(
    chunk: Sequence[tuple[Job, PhotoFacts, Frame | Unreadable]],
    taggers: Mapping[str, TaggerFunction],
    needs: Mapping[str, Sequence[str]],
) -> Batch:
    batch = Batch([job for job, _, _ in chunk], [facts for _, facts, _ in chunk])
    frames: dict[int, Frame] = {}
    for job, _, frame in chunk:
        if isinstance(frame, Unreadable):
            batch.outcomes.append(Outcome(job.photo_id, "decode", error=frame.reason))
        else:
            frames[job.photo_id] = dataclasses.replace(frame, answers={**job.answers})
    for name, tagger in taggers.items():
        owing = []
        for job in batch.jobs:
            if name not in job.taggers or job.photo_id not in frames:
                continue
            lacking = [need for need in needs.get(name, ()) if need not in frames[job.photo_id].answers]
            if lacking:
                batch.outcomes.append(
                    Outcome(job.photo_id, name, error=f"needs the answer of {lacking[0]}, which failed")
                )
            else:
                owing.append(frames[job.photo_id])
        for frame, answer in zip(owing, answer_all(name, tagger, owing), strict=True):
            if isinstance(answer, Exception):
                reason = " ".join(str(answer).split()) or type(answer).__name__
                batch.outcomes.append(Outcome(frame.photo_id, name, error=reason[:500]))
            else:
                tags = tuple(answer)
                batch.outcomes.append(Outcome(frame.photo_id, name, tags))
                frames[frame.photo_id] = dataclasses.replace(frame, answers={**frame.answers, name: tags})
    return batch


def answer_all(name: str, tagger: TaggerFunction, frames: Sequence[Frame]) -> list[list[Tag] | Exception]:
    """One answer per frame: its tags, or the exception it causes on its own. Raises TaggerBroken
    when two or more frames were given and not one could be answered; a lone photo that fails may
    well be at fault itself."""
    answers = _halving(tagger, frames)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    if len(failed) == len(answers) > 1:
        raise TaggerBroken(
            f"the tagger {name!r} failed on every photo of a batch, so it is the tagger and not the photos: "
            f"{type(failed[0]).__name__}: {failed[0]}. Nothing of this batch was saved; "
            f"scan without it by naming the others with --tagger"
        ) from failed[0]
    return answers


def _halving(tagger: TaggerFunction, frames: Sequence[Frame]) -> list[list[Tag] | Exception]:
    if not frames:
        return []
    try:
        answers = tagger(frames)
        if len(answers) != len(frames):
            raise ValueError(f"gave {len(answers)} answers for {len(frames)} photos")
        return list(answers)
    except Exception as error:  # whatever a net or a library throws; KeyboardInterrupt is no Exception
        if len(frames) == 1:
            return [error]
        middle = len(frames) // 2
        return _halving(tagger, frames[:middle]) + _halving(tagger, frames[middle:])
