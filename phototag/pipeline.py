"""Taggers over decoded photos, in batches. Knows no torch, no SQL and no command line.

One bad photo is recorded as one failed answer: a failing batch is halved until only the photo at fault is
left. Where every photo of a batch fails, the tagger is asked about a blank picture: if it cannot
answer that either, it is the tagger that is broken, and nothing of the batch is kept."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from phototag.errors import TaggerBroken
from phototag.records import Frame, Job, Outcome, PhotoFacts, Tag, Unreadable
from phototag.stopping import Stop

SMALLEST_SHARE = 4  # photos: with fewer, threads spend more time between shares than the last one saves
BLANK_WH = (640, 480)  # of the picture that tells a broken tagger from bad photos: an ordinary photo's shape

TaggerFunction = Callable[[Sequence[Frame]], list[list[Tag]]]


@dataclass
class Batch:
    """What one batch of photos taught: to be saved in one transaction. `is_saved`: who tagged them has done
    it, and tells only what became of each photo."""

    jobs: list[Job]
    facts: list[PhotoFacts] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    is_saved: bool = False


def run(
    decoded: Iterable[tuple[Job, PhotoFacts, Frame | Unreadable]],
    taggers: Mapping[str, TaggerFunction],
    needs: Mapping[str, Sequence[str]],
    batch_size: int,
    *,
    tagging_threads: int = 1,
    expected: int | None = None,
    prepare: Callable[[], None] | None = None,
    stop: Stop | None = None,
) -> Generator[Batch]:
    """Drive the taggers (in running order) over the photos, each by those that its job names, and
    yield what to save, in the order of the jobs. `needs`: tagger -> those whose answers it reads;
    where one of these failed, it fails too.

    `tagging_threads`: each tags its share of `batch_size` photos, after calling `prepare` once;
    `decoded` is advanced only in the caller's thread. `expected`: how many photos will come; shares
    get smaller towards the end, so that no thread is left with nothing to do while another still has
    a whole one. Once `stop` says yes, no photo is begun any more, and what is in hand is still
    yielded if it ends in time. Raises TaggerBroken."""
    stop = stop or Stop()
    source = iter(decoded)
    share = -(-batch_size // tagging_threads)
    least = min(share, SMALLEST_SHARE)

    def begun() -> Iterator[Future[Batch]]:
        size, left = share, expected
        while not stop():
            if tagging_threads > 1 and left is not None:
                size = max(least, min(share, -(-left // (2 * tagging_threads))))
            if not (chunk := list(islice(source, size))):
                return
            left = left and left - len(chunk)
            future = pool.submit(_tag, chunk, taggers, needs)
            del chunk  # or these frames stay in memory while the next ones are decoded
            yield future

    pool = ThreadPoolExecutor(tagging_threads, thread_name_prefix="tag", initializer=prepare)
    waiting: deque[Future[Batch]] = deque()
    try:
        with stop.giving_up():
            for future in begun():
                waiting.append(future)
                # one more than can be worked on, so that no thread waits for what comes between two
                if len(waiting) > tagging_threads:
                    if not stop.wait_for(waiting[0]):
                        return
                    yield waiting.popleft().result()
            while waiting:
                future = waiting.popleft()
                if stop() and future.cancel():  # not begun, nor are those behind it
                    break
                if not stop.wait_for(future):
                    return
                yield future.result()
    finally:
        # What was given up may take minutes: nobody waits for it.
        pool.shutdown(wait=not stop.gave_up, cancel_futures=True)


def _tag(
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
        pending = []
        for job in batch.jobs:
            if name not in job.taggers or job.photo_id not in frames:
                continue
            lacking = [need for need in needs.get(name, ()) if need not in frames[job.photo_id].answers]
            if lacking:
                batch.outcomes.append(
                    Outcome(job.photo_id, name, error=f"needs the answer of {lacking[0]}, which failed")
                )
            else:
                pending.append(frames[job.photo_id])
        answers = answer_all(name, tagger, pending, needs.get(name, ()))
        for frame, answer in zip(pending, answers, strict=True):
            if isinstance(answer, Exception):
                reason = " ".join(str(answer).split()) or type(answer).__name__
                batch.outcomes.append(Outcome(frame.photo_id, name, error=reason[:500]))
            else:
                tags = tuple(answer)
                batch.outcomes.append(Outcome(frame.photo_id, name, tags))
                frames[frame.photo_id] = dataclasses.replace(frame, answers={**frame.answers, name: tags})
    return batch


def answer_all(
    name: str, tagger: TaggerFunction, frames: Sequence[Frame], needs: Sequence[str] = ()
) -> list[list[Tag] | Exception]:
    """One answer per frame: its tags, or the exception it causes on its own. Raises TaggerBroken
    when not one frame could be answered, and a blank one with nothing to be seen in it cannot be
    answered either."""
    answers = _halving(tagger, frames)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    if failed and len(failed) == len(answers):
        blank = _halving(tagger, [_blank_frame(needs)])[0]
        if isinstance(blank, Exception):
            raise TaggerBroken(
                f"the tagger {name!r} failed on every photo of a batch, and on a blank picture too "
                f"({type(failed[0]).__name__}: {failed[0]}). Nothing of this batch was saved; "
                f"scan without it by naming the others with --tagger"
            ) from failed[0]
    return answers


def _blank_frame(needs: Sequence[str]) -> Frame:
    """A grey picture in which the taggers before found nothing."""
    width, height = BLANK_WH
    pixels = np.full((height, width, 3), 128, np.uint8)
    return Frame(-1, pixels, width, height, answers={need: () for need in needs})


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
