"""The engine of many machines: photos are decoded and tagged by actors of Ray Data. Pixels never travel, nor
does the list of photos: an actor gets the numbers of a batch's photos, asks the catalog what they lack and
gives back answers, 1 to 3 kB a photo, or saves them itself where the catalog is on a server. What is saved
is done; nothing else is remembered, so that a run that was cut off goes on with the same command.

The only file that imports ray, and only once it runs."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import io
import logging
import os
import pickle
import platform
import queue
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from phototag.allocator import tune_malloc
from phototag.engines.local import Local, cores, load_taggers
from phototag.engines.work import Work
from phototag.errors import EngineError, PhototagError, UsageError
from phototag.library import Library
from phototag.library.address import Address
from phototag.library.jobs import Jobs
from phototag.metadata.beside import Reader
from phototag.pipeline import Batch
from phototag.records import Job, PhotoFile
from phototag.stopping import POLL_SECONDS, Stop
from phototag.storage.address import is_remote
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.version import __version__

# Photos of a row that is sent to Ray at the start; so that a million of them are 4,000 rows, not 60,000.
PAGE = 256
PAGES_PER_ACTOR = 8  # at least, where there are so many batches: who has none left waits for the others
ANSWERS_WAITING = 32  # batches: with more, actors wait until the driver has saved some
FEW_PHOTOS = 200  # with fewer, starting Ray takes longer than it saves
OBJECT_STORE_BYTES = 256 * 2**20  # of a cluster of our own: jobs and answers alone pass through it
# Of a cluster of our own. Nobody reads what it measures of itself, and of the processes that it would start
# in advance some are never used.
QUIET = {
    "enable_metrics_collection": False,
    "event_stats": False,
    "task_events_report_interval_ms": 0,
    "debug_dump_period_milliseconds": 0,
    "enable_worker_prestart": False,
    "prestart_worker_first_driver": False,
}
LAST_SECONDS = 1.0  # a stopped run waits so long for Ray to end its work


@dataclass(frozen=True)
class Ray:
    """A cluster. `address`: "local", one of our own on this machine, for as long as the scan takes; "auto",
    the one that runs here; or HOST:PORT. `actors`: how many tag, or (least, most); None: as many as the
    cores of this machine allow. `photos_at`: (folder here, the same folder on the cluster's machines)."""

    address: str = "local"
    actors: int | tuple[int, int] | None = None
    cpus_per_actor: float = 1
    gpus_per_actor: float = 0
    photos_at: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.cpus_per_actor <= 0 or self.gpus_per_actor < 0:
            raise UsageError("--cpus-per-actor must be above 0, and --gpus-per-actor not below")
        least, most = self._least_and_most()
        if not 1 <= least <= most:
            raise UsageError(f"--actors {self.actors!r} is not understood; give a number, or MIN:MAX")
        for pair in self.photos_at:
            if not all(os.path.isabs(folder) or is_remote(folder) for folder in pair):
                raise UsageError(f"--photos-at {'='.join(pair)}: give both folders from / on, as OLD=NEW")

    def check(self) -> None:
        """Raises UsageError where ray is not installed."""
        if importlib.util.find_spec("ray") is None:
            raise UsageError("--engine ray needs one more package. Type: pip install 'phototag[cluster]'")

    def run(
        self,
        jobs: Jobs,
        work: Work,
        *,
        stop: Stop,
        reader: Reader,
        on_message: Callable[[str], None],
    ) -> Generator[Batch]:
        """See Engine.run."""
        if work.photos < FEW_PHOTOS:
            on_message(f"Fewer than {FEW_PHOTOS} photos: without --engine ray it would take less time.")
        ids = jobs.photo_ids()
        if not ids:
            return
        on_message("Starting Ray; the first photos come after half a minute or so.")
        with contextlib.redirect_stdout(_Stdout(sys.stdout)), self._cluster():
            yield from self._batches(ids, jobs.address, work, stop, reader)

    def _least_and_most(self) -> tuple[int, int]:
        if isinstance(self.actors, tuple):
            return self.actors
        number = max(1, int(cores() / self.cpus_per_actor)) if self.actors is None else self.actors
        return number, number

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[None]:
        """Ray, connected. One that the caller has connected to stays so."""
        # Who reaches a port of the cluster runs code on it: only with a token, and of our own only from here.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        is_own = self.address == "local"
        token = "RAY_AUTH_TOKEN" if is_own and "RAY_AUTH_TOKEN" not in os.environ else None
        if token:
            os.environ[token] = own_token()
        # Else Ray says on stderr, of each pool of actors it makes, that its own arguments may get lost.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        if is_own:  # Ray's own switch for the loopback address; it takes "127.0.0.1" for the outer one
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        import ray

        if ray.is_initialized():
            yield
            return
        settings: dict[str, Any] = {}
        folder = _make_folder() if is_own else None
        if is_own:
            least = self._least_and_most()[0]
            settings = {
                # Ray waits for ever for cores that are not there
                "num_cpus": max(cores(), -int(-least * self.cpus_per_actor // 1)),
                "object_store_memory": OBJECT_STORE_BYTES,
                "include_dashboard": False,
                "_node_ip_address": "127.0.0.1",
                "_temp_dir": folder,  # not /tmp/ray, where a cluster of long ago may have left its address
                "_system_config": QUIET,
            }
        before = signal.getsignal(signal.SIGTERM)
        try:
            with _drop_from_stderr(b"RAY_BACKEND_LOG_LEVEL"):
                ray.init(self.address, log_to_driver=False, logging_level=logging.ERROR, **settings)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise EngineError(
                f"no Ray cluster answers at {self.address} ({_one_line(error)}). Start one with `ray start "
                "--head`, or leave --address out"
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, before)  # Ray sets its own
        try:
            yield
        finally:
            with contextlib.redirect_stdout(sys.stderr):  # it says what it has kept back of lost actors
                ray.shutdown()
            if token:
                os.environ.pop(token, None)
            if folder:
                shutil.rmtree(folder, ignore_errors=True)

    def _batches(
        self, ids: array[int], catalog: Address, work: Work, stop: Stop, reader: Reader
    ) -> Generator[Batch]:
        """What the actors answer, as it comes."""
        answers = self._stream(ids, catalog, work)
        arrived: queue.Queue[bytes | Exception | None] = queue.Queue(ANSWERS_WAITING)
        is_over = threading.Event()

        def hand_over(answer: bytes | Exception | None) -> None:
            while not is_over.is_set():
                with contextlib.suppress(queue.Full):
                    return arrived.put(answer, timeout=POLL_SECONDS)

        def collect() -> None:
            try:
                for block in answers.iter_batches(batch_size=None, prefetch_batches=0):
                    for answer in block["answer"]:
                        hand_over(answer)
                    if is_over.is_set():
                        return
                hand_over(None)
            except Exception as error:
                hand_over(error)

        # in a thread, so that a stop need not wait for the next answer
        thread = threading.Thread(target=collect, name="ray-answers", daemon=True)
        thread.start()
        try:
            while True:
                try:
                    answer = arrived.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    if stop():
                        return
                    continue
                if answer is None:
                    return
                if isinstance(answer, Exception):
                    raise EngineError(
                        f"the Ray cluster failed ({_one_line(answer)}). What was looked at is saved; go on "
                        "with the same command"
                    ) from answer
                batch, errors = pickle.loads(answer)
                reader.errors.update(errors)
                if isinstance(batch, PhototagError):
                    raise batch
                if batch.jobs:
                    yield batch
        finally:
            is_over.set()
            thread.join(LAST_SECONDS)

    def _stream(self, ids: array[int], catalog: Address, work: Work) -> Any:
        """A Ray Dataset of pickled answers, a row for each batch."""
        import ray
        import ray.data

        least, most = self._least_and_most()
        pages = _make_pages(ids, work.batch_size, most)
        arguments = _Arguments(
            work,
            catalog,
            _start_job_reader(catalog, work) if isinstance(catalog, Path) else None,
            self.photos_at,
            max(1, int(self.cpus_per_actor)),
            __version__,
        )
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        size_before = context.target_max_block_size
        # Each batch of a page is a block of its own, which comes as soon as it is answered.
        context.target_max_block_size = 1
        try:
            # Ray starts lost actors anew and gives their pages to others; with a max_restarts of ours a lost
            # node would end the run.
            return ray.data.from_items(pages, override_num_blocks=len(pages)).map_batches(
                _Actor,
                fn_constructor_args=(arguments,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(
                    min_size=min(least, len(pages)),
                    max_size=min(most, len(pages)),
                    # the one in hand and the next: who is ready first does not take the pages of the others
                    max_tasks_in_flight_per_actor=2,
                ),
                num_cpus=self.cpus_per_actor,
                num_gpus=self.gpus_per_actor,
            )
        finally:
            context.target_max_block_size = size_before


@dataclass(frozen=True)
class _Arguments:
    """What an actor is made from, some kB: names, never nets. `catalog`: its address; `job_reader`: where it
    is a file; `threads`: of an actor; `version`: of phototag where the scan was started."""

    work: Work
    catalog: Address
    job_reader: Any
    photos_at: tuple[tuple[str, str], ...]
    threads: int
    version: str


def _make_pages(ids: array[int], batch_size: int, actors: int) -> list[dict[str, bytes]]:
    """Rows of so many whole batches each that every actor gets several pages, but none more than PAGE
    photos or one batch."""
    most = max(1, PAGE // batch_size)
    batches = -(-len(ids) // batch_size)
    length = batch_size * max(1, min(most, batches // (PAGES_PER_ACTOR * actors)))
    return [{"ids": ids[i : i + length].tobytes()} for i in range(0, len(ids), length)]


@functools.cache
def _open(catalog: Address) -> Library:
    """Once in each process."""
    return Library.open(catalog, create=False)


def _read_jobs(catalog: Address, ids: array[int], work: Work) -> list[Job] | PhototagError:
    """What the photos lack now."""
    try:
        return _open(catalog).jobs_of(ids, work.fingerprints, work.needs())
    except PhototagError as error:
        return error


def _start_job_reader(catalog: Address, work: Work) -> Any:
    """An actor on this machine, where the catalog's file is, that reads jobs for the others. One, for the
    whole scan: of tasks, Ray would start a process each, and end it as soon as it waits."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "scheduling_strategy": here, "max_restarts": -1, "max_task_retries": -1}
    return ray.remote(_JobReader).options(**options).remote(catalog, work)


def _settle_in() -> None:
    """Process-wide switches, where the process is an actor and nothing else."""
    if "ray" not in sys.modules:
        return
    import ray

    if ray.is_initialized() and ray.get_runtime_context().get_actor_id():
        tune_malloc()
        # Ray's way out of a process that has asked others for something may wait for itself for ever; the
        # nets' memory would be lost until somebody ends it.
        atexit.register(os._exit, 0)


class _JobReader:
    def __init__(self, catalog: Address, work: Work) -> None:
        _settle_in()
        self._catalog = catalog
        self._work = work

    def read(self, ids: array[int]) -> list[Job] | PhototagError:
        return _read_jobs(self._catalog, ids, self._work)


class _Actor:
    """Decodes and tags on one machine of the cluster. It is made again where it was lost, from names alone:
    arguments that hold nets do not survive that. What a person has to mend is an answer too, since an
    exception here would be tried again."""

    def __init__(self, arguments: _Arguments) -> None:
        _settle_in()
        work, threads = arguments.work, arguments.threads
        self._work = replace(work, workers=work.workers or threads)
        self._arguments = arguments
        self._reader = Reader()
        self._refusal: PhototagError | None = None
        self._engine: Local | None = None
        try:
            self._refuse_others(arguments.version)
            self._engine = Local(threads, load_taggers(work, Stop()))
            if "torch" in sys.modules:
                from phototag.nets.device import set_cpu_threads

                set_cpu_threads(threads)
        except PhototagError as error:
            self._refusal = error

    def _refuse_others(self, version: str) -> None:
        """Raises EngineError where this machine would answer differently."""
        here = platform.node()
        if version != __version__:
            raise EngineError(
                f"{here} has phototag {__version__}, the scan was started with {version}. Install one "
                "version on all machines"
            )
        try:
            found = compute_fingerprints(self._work.taggers, self._work.tagger_options)
        except (OSError, PhototagError) as error:
            raise EngineError(f"{here} has not all weights of this scan: {_one_line(error)}") from error
        for name, fingerprint in found.items():
            if fingerprint.text != self._work.fingerprints[name].text:
                raise EngineError(
                    f"on {here} the tagger {name!r} has other weights or options than where the scan was "
                    "started. Install the same phototag and weights on all machines"
                )

    def __call__(self, rows: dict[str, Any]) -> Iterator[dict[str, list[bytes]]]:
        """Answers of each batch of the pages, as they come. A page that is begun anew after a loss gives the
        same number of them, though what has been saved meanwhile is not in them: Ray counts on it."""
        for page in rows["ids"]:
            for answer in self._answers(array("q", bytes(page))):
                yield {"answer": [pickle.dumps((answer, self._reader.errors))]}

    def _answers(self, ids: array[int]) -> Iterator[Batch | PhototagError]:
        if self._engine is None:
            yield self._refusal or EngineError("an actor is not ready")
            return
        try:
            jobs = self._find_jobs(ids)
            here = [replace(job, file=translate(job.file, self._arguments.photos_at)) for job in jobs]
            for root in {job.file.root for job in here}:
                if not (is_remote(root) or os.path.isdir(root)):
                    raise EngineError(
                        f"{platform.node()} has no folder {root}. Mount it there, and say with "
                        "--photos-at OLD=NEW where"
                    )
            work = replace(self._work, photos=len(jobs))
            known = {job.photo_id: replace(job, answers={}) for job in jobs}
            batches = self._engine.run(here, work, stop=Stop(), reader=self._reader)
            with contextlib.closing(batches):
                for batch in regroup(batches, known, ids, work.batch_size):
                    batch.jobs = [known[job.photo_id] for job in batch.jobs]
                    yield batch if self._is_file else self._save(batch)
        except PhototagError as error:
            yield error

    def _save(self, batch: Batch) -> Batch:
        """In the catalog on a server. What is left is what the driver counts."""
        if batch.jobs:
            library = _open(self._arguments.catalog)
            library.save(batch.facts, batch.outcomes, self._work.fingerprints, batch.jobs)
        outcomes = [replace(outcome, tags=()) for outcome in batch.outcomes]
        return Batch(batch.jobs, outcomes=outcomes, is_saved=True)

    @property
    def _is_file(self) -> bool:
        """Whether only the machine where the scan was started has the catalog, and saves what is found."""
        return isinstance(self._arguments.catalog, Path)

    def _find_jobs(self, ids: array[int]) -> list[Job]:
        """In the order of the ids. What has been saved meanwhile is not among them."""
        arguments = self._arguments
        if arguments.job_reader is not None:
            import ray

            found = ray.get(arguments.job_reader.read.remote(ids))
        else:
            found = _read_jobs(arguments.catalog, ids, arguments.work)
        if isinstance(found, PhototagError):
            raise found
        order = {photo_id: place for place, photo_id in enumerate(ids)}
        return sorted(found, key=lambda job: order[job.photo_id])


def regroup(
    batches: Iterable[Batch], pending: Iterable[int], ids: Sequence[int], batch_size: int
) -> Iterator[Batch]:
    """The same as one batch for each `batch_size` of the ids, however small or empty, each as soon as it is
    whole. `pending`: the ids of which there is something in `batches`, in whatever shares, in the order of
    the ids."""
    number_of = {photo_id: place // batch_size for place, photo_id in enumerate(ids)}
    parts = [Batch([]) for _ in range(0, len(ids), batch_size)]
    expected = Counter(number_of[photo_id] for photo_id in pending)
    done = 0
    for batch in chain([Batch([])], batches):
        for job in batch.jobs:
            parts[number_of[job.photo_id]].jobs.append(job)
        for facts in batch.facts:
            parts[number_of[facts.photo_id]].facts.append(facts)
        for outcome in batch.outcomes:
            parts[number_of[outcome.photo_id]].outcomes.append(outcome)
        while done < len(parts) and len(parts[done].jobs) == expected[done]:
            yield parts[done]
            done += 1


def translate(file: PhotoFile, photos_at: Sequence[tuple[str, str]]) -> PhotoFile:
    """The file as another machine names it: the first folder here that holds it is exchanged for the one
    there."""
    for here, there in photos_at:
        path = file.full_path()
        inside = here.rstrip("/") + "/"
        if path.startswith(inside):
            return file._replace(root=there.rstrip("/") or "/", path=path[len(inside) :])
    return file


@functools.cache
def own_token() -> str:
    """Of the clusters that this process starts: Ray reads the first that it is given, and no other."""
    return secrets.token_hex(32)


class _Stdout(io.TextIOBase):
    """Stdout, for all but Ray's threads: they print there that an actor is lost."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def write(self, text: str) -> int:
        is_of_ray = threading.current_thread().name.startswith("ray_")
        return (sys.stderr if is_of_ray else self._stdout).write(text)

    def flush(self) -> None:
        self._stdout.flush()

    def fileno(self) -> int:
        return self._stdout.fileno()

    def isatty(self) -> bool:
        return self._stdout.isatty()

    @property
    def closed(self) -> bool:
        return self._stdout.closed


@contextlib.contextmanager
def _drop_from_stderr(text: bytes) -> Iterator[None]:
    """Lines with this text; the others come at the end."""
    with tempfile.TemporaryFile() as written:
        stderr = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            for line in written:
                if text not in line:
                    os.write(2, line)


def _make_folder() -> str:
    """For the sockets and logs of a cluster of our own, its user's alone. Sockets have short names only, and
    the system's own folder for such things has a long one on a Mac."""
    return tempfile.mkdtemp(prefix="phototag-ray-", dir="/tmp" if os.path.isdir("/tmp") else None)


def _one_line(error: Exception) -> str:
    """The last line of what may hold a traceback of another machine."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
