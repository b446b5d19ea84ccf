"""The engine of many machines: photos are decoded and tagged by actors of Ray Data. Pixels never travel:
an actor gets the names of files and gives back answers, 1 to 3 kB a photo. What is saved in the catalog is
done; nothing else is remembered, so that a run that was cut off goes on with the same command.

The only file that imports ray, and only once it runs."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import logging
import os
import pickle
import platform
import queue
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phototag.engines.local import Local, cores, load_taggers
from phototag.engines.work import Work
from phototag.errors import EngineError, PhototagError, UsageError
from phototag.metadata.beside import Reader
from phototag.pipeline import Batch
from phototag.records import Job, PhotoFile
from phototag.stopping import POLL_SECONDS, Stop
from phototag.taggers.fingerprints import compute_fingerprints
from phototag.version import __version__

FEW_PHOTOS = 200  # with fewer, starting Ray takes longer than it saves
OBJECT_STORE_BYTES = 256 * 2**20  # of a cluster of our own: jobs and answers alone pass through it
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
            if not all(map(os.path.isabs, pair)):
                raise UsageError(f"--photos-at {'='.join(pair)}: give both folders from / on, as OLD=NEW")

    def check(self) -> None:
        """Raises UsageError where ray is not installed."""
        if importlib.util.find_spec("ray") is None:
            raise UsageError("--engine ray needs one more package. Type: pip install 'phototag[cluster]'")

    def run(
        self,
        jobs: Iterable[Job],
        work: Work,
        *,
        stop: Stop,
        reader: Reader,
        on_message: Callable[[str], None],
    ) -> Generator[Batch]:
        """See Engine.run."""
        if work.photos < FEW_PHOTOS:
            on_message(f"Fewer than {FEW_PHOTOS} photos: without --engine ray it would take less time.")
        source = iter(jobs)
        pages = iter(lambda: list(itertools.islice(source, work.batch_size)), [])
        rows = [{"jobs": pickle.dumps(page)} for page in pages]
        if not rows:
            return
        on_message("Starting Ray; the first photos come after half a minute or so.")
        with self._cluster():
            yield from self._batches(rows, work, stop, reader)

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
            os.environ[token] = secrets.token_hex(32)
        if is_own:  # Ray's own switch for the loopback address; it takes "127.0.0.1" for the outer one
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        import ray

        if ray.is_initialized():
            yield
            return
        settings: dict[str, Any] = {}
        if is_own:
            least = self._least_and_most()[0]
            settings = {
                # Ray waits for ever for cores that are not there
                "num_cpus": max(cores(), -int(-least * self.cpus_per_actor // 1)),
                "object_store_memory": OBJECT_STORE_BYTES,
                "include_dashboard": False,
                "_node_ip_address": "127.0.0.1",
            }
        before = signal.getsignal(signal.SIGTERM)
        try:
            with contextlib.redirect_stdout(sys.stderr):
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
            ray.shutdown()
            if token:
                os.environ.pop(token, None)

    def _batches(
        self, rows: Sequence[Mapping[str, bytes]], work: Work, stop: Stop, reader: Reader
    ) -> Generator[Batch]:
        """What the actors answer, as it comes."""
        import ray
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        least, most = self._least_and_most()
        # A block for each row: an actor that is lost costs one batch. Ray starts lost actors anew and gives
        # their blocks to others; with a max_restarts of ours a lost node would end the run.
        answers = ray.data.from_items(list(rows), override_num_blocks=len(rows)).map_batches(
            _Actor,
            fn_constructor_args=(work, self.photos_at, max(1, int(self.cpus_per_actor)), __version__),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most),
            num_cpus=self.cpus_per_actor,
            num_gpus=self.gpus_per_actor,
        )
        arrived: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
        is_over = threading.Event()

        def collect() -> None:
            try:
                for block in answers.iter_batches(batch_size=None, prefetch_batches=0):
                    for answer in block["answer"]:
                        arrived.put(answer)
                    if is_over.is_set():
                        return
                arrived.put(None)
            except Exception as error:
                arrived.put(error)

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
                batches, errors = pickle.loads(answer)
                reader.errors.update(errors)
                if isinstance(batches, PhototagError):
                    raise batches
                yield from batches
        finally:
            is_over.set()
            thread.join(LAST_SECONDS)


class _Actor:
    """Decodes and tags on one machine of the cluster. It is made again where it was lost, from names alone:
    arguments that hold nets do not survive that. What a person has to mend is an answer too, since an
    exception here would be tried again."""

    def __init__(
        self, work: Work, photos_at: tuple[tuple[str, str], ...], threads: int, version: str
    ) -> None:
        self._work = replace(work, workers=work.workers or threads)
        self._photos_at = photos_at
        self._threads = threads
        self._reader = Reader()
        self._refusal: PhototagError | None = None
        self._engine: Local | None = None
        try:
            self._refuse_others(version)
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

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"answer": [pickle.dumps((self._answer(page), self._reader.errors)) for page in rows["jobs"]]}

    def _answer(self, page: bytes) -> list[Batch] | PhototagError:
        if self._engine is None:
            return self._refusal or EngineError("an actor is not ready")
        jobs: list[Job] = pickle.loads(page)
        work = replace(self._work, photos=len(jobs))
        try:
            here = [replace(job, file=translate(job.file, self._photos_at)) for job in jobs]
            for root in {job.file.root for job in here}:
                if not os.path.isdir(root):
                    raise EngineError(
                        f"{platform.node()} has no folder {root}. Mount it there, and say with "
                        "--photos-at OLD=NEW where"
                    )
            batches = list(self._engine.run(here, work, stop=Stop(), reader=self._reader))
        except PhototagError as error:
            return error
        known = {job.photo_id: job for job in jobs}
        for batch in batches:
            batch.jobs = [known[job.photo_id] for job in batch.jobs]
        return batches


def translate(file: PhotoFile, photos_at: Sequence[tuple[str, str]]) -> PhotoFile:
    """The file as another machine names it: the first folder here that holds it is exchanged for the one
    there."""
    for here, there in photos_at:
        path = file.full_path()
        inside = here.rstrip("/") + "/"
        if path.startswith(inside):
            return file._replace(root=there.rstrip("/") or "/", path=path[len(inside) :])
    return file


def _one_line(error: Exception) -> str:
    """The last line of what may hold a traceback of another machine."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else type(error).__name__
