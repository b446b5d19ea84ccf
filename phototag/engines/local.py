"""The engine of one machine: photos are decoded and tagged in threads of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain, islice

from phototag import pipeline
from phototag.engines.work import Work
from phototag.errors import Interrupted
from phototag.metadata.beside import Reader
from phototag.pipeline import Batch
from phototag.reading import lookahead
from phototag.records import Frame, Job
from phototag.stopping import Stop
from phototag.taggers import table

# photos decoded before they are asked for; whole batches wait behind those in hand, see
# phototag.pipeline
AHEAD = 8


class Local:
    """Threads of this process. `cores`: how many to use; None: all that it may. `taggers`: already loaded;
    None: loaded by each run, once a photo comes that can be read."""

    def __init__(self, cores: int | None = None, taggers: Mapping[str, table.Tagger] | None = None) -> None:
        self._cores = cores
        self._taggers = taggers

    def check(self) -> None:
        """It runs everywhere."""

    def run(
        self,
        jobs: Iterable[Job],
        work: Work,
        *,
        stop: Stop,
        reader: Reader,
        on_message: Callable[[str], None] | None = None,
    ) -> Generator[Batch]:
        """See Engine.run. No net is loaded before a photo comes that can be read: one that never can be
        is tried at every scan. Raises Interrupted where it is stopped while nets are loaded."""
        count = self._cores or cores()
        photos = lookahead.frames(
            jobs,
            workers=work.workers or min(decoding_threads(), count),
            ahead=AHEAD,
            working_side=table.WORKING_SIDE,
            max_pixels=work.max_pixels,
            stop=stop,
            reader=reader,
        )
        with closing(photos):
            while leading := _take_until_readable(photos, work.batch_size):
                if not isinstance(leading[-1][2], Frame):
                    yield from pipeline.run(leading, {}, {}, work.batch_size)
                    continue
                taggers = self._taggers
                if taggers is None:
                    taggers = load_taggers(work, stop)
                with tagging_threads(work.device, count) as (threads, prepare):
                    batches = pipeline.run(
                        chain(leading, photos),
                        taggers,
                        work.needs(),
                        work.batch_size,
                        tagging_threads=threads,
                        expected=work.photos,
                        prepare=prepare,
                        stop=stop,
                    )
                    with closing(batches):
                        yield from batches


def load_taggers(work: Work, stop: Stop) -> dict[str, table.Tagger]:
    """In a thread of their own, for a stop waits neither for a net nor for the import of torch. Raises
    Interrupted once `stop` says yes."""
    taggers = {}
    pool = ThreadPoolExecutor(1, thread_name_prefix="tag-load")
    try:
        with stop.giving_up():
            for name in work.taggers:
                loading = pool.submit(table.load, name, work.device, work.tagger_options.get(name, {}))
                if not stop.wait_for(loading, grace_seconds=0) or stop():
                    raise Interrupted("stopped")
                taggers[name] = loading.result()
    finally:
        pool.shutdown(wait=not stop.gave_up)
    return taggers


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decoding_threads() -> int:
    """How many threads decode, unless told otherwise."""
    return min(4, cores())


@contextmanager
def tagging_threads(device: str, cores: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """How many threads tag, and what each calls first: on a processor, to compute with its share of
    the cores alone. Taggers that did not need torch are not worth more than one thread."""
    if "torch" not in sys.modules:
        yield 1, _do_nothing
        return
    from phototag.nets import device as devices

    count, before = devices.tagging_threads(device, cores), devices.cpu_threads()
    try:
        yield count, partial(devices.set_cpu_threads, cores // count) if count > 1 else _do_nothing
    finally:
        # threads that begin later would take over what was set last, in whichever thread
        devices.set_cpu_threads(before)


def _do_nothing() -> None:
    """What a tagging thread calls first where there is nothing to set."""


def _take_until_readable(photos: Iterator[lookahead.Looked], most: int) -> list[lookahead.Looked]:
    """Some photos, the last of which can be read, or else none of them can."""
    taken = []
    for photo in islice(photos, most):
        taken.append(photo)
        if isinstance(photo[2], Frame):
            break
    return taken
