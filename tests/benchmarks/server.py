"""A catalog in PostgreSQL, on a real server of this machine that writes to its disk as it does by default:
four writers at once, and the first page of every question of the README.

The server works in processes of its own: the CPU time of those that serve us is added to ours. The wall clock
is told beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen

from phototag.library import Library
from phototag.records import Outcome, PhotoFile
from phototag.scanning import BATCH_SIZE
from phototag.weights.default_detector import OURS
from phototag.weights.thresholds import read_thresholds
from tests.benchmarks import Figure, Plan, catalog, tell
from tests.benchmarks.answers import FINGERPRINTS, answers
from tests.benchmarks.query import PAGE, PAGE_MS, QUESTIONS, SORTED, read
from tests.benchmarks.store import MTIME_NS, facts_of
from tests.servers import WHAT_IT_NEEDS, Server, choose_installation

WRITERS, BATCHES = 4, 2000
TWICE = 10  # one batch in so many is saved by two writers, as a cluster may deliver it


def figures(plan: Plan = Plan()) -> list[Figure]:
    programs = choose_installation()
    if programs is None:
        tell(WHAT_IT_NEEDS)
        return []
    server = Server(programs, durable=True)
    try:
        tell(server.execute("SELECT version()")[0][0])
        found = write(server, plan)
    finally:
        server.remove()
    return [*found, *ask(programs, plan)]


def write(server: Server, plan: Plan) -> list[Figure]:
    """Four processes that save batches as actors of a cluster do."""
    batches = min(BATCHES, (plan.photos or BATCHES * BATCH_SIZE) // BATCH_SIZE)
    server.execute("CREATE DATABASE written")
    files = [
        PhotoFile("/photos", f"{n // 250:03}/IMG_{n:05}.jpg", 3_000_000 + n, MTIME_NS)
        for n in range(batches * BATCH_SIZE)
    ]
    with Library.open(server.url("written")) as library:
        library.reconcile(["/photos"], files, hash_file=lambda file: None)
    command = [sys.executable, "-m", __name__, server.url("written"), str(batches)]
    started = [
        Popen([*command, str(writer)], stdin=PIPE, stdout=PIPE, text=True) for writer in range(WRITERS)
    ]
    for process in started:
        process.stdout.readline()  # its batches are made up
    began, cpu_before = time.perf_counter(), cpu_seconds(server)
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    counted = [process.stdout.readline().split() for process in started]
    saved, ours = sum(int(number) for number, _ in counted), sum(float(cpu) for _, cpu in counted)
    seconds = time.perf_counter() - began
    cpu_after = cpu_seconds(server)
    for process in started:
        process.stdin.close()
    if any(process.wait() for process in started):
        raise RuntimeError("a writer failed")
    ((deadlocks,),) = server.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'written'")
    ((answered,),) = server.execute("SELECT count(*) FROM photos WHERE answered > 0", "written")
    assert answered == batches * BATCH_SIZE, "a batch was lost"
    theirs = cpu_after - cpu_before
    tell(
        f"{saved:,} batches of {BATCH_SIZE} photos by {WRITERS} writers in {seconds:.1f} s, "
        f"{saved / seconds:.0f} a second, "
        f"of CPU {ours:.1f} s in the writers and {theirs:.1f} s in the server"
    )
    return [
        Figure(f"server, CPU a batch from {WRITERS} writers", (ours + theirs) / saved * 1000, 50, "ms"),
        Figure(f"server, deadlocks in {saved:,} batches", deadlocks, 0, ""),
    ]


def ask(programs: Path, plan: Plan) -> list[Figure]:
    """First pages of a catalog that was copied to a server, which is kept for the next run."""
    file = catalog.catalog(plan.cache, plan.photos or catalog.PHOTOS)
    version = subprocess.check_output([programs / "postgres", "--version"], text=True).split()[2]
    folder = plan.cache / f"{file.stem}-postgresql-{version}"
    server = Server(programs, durable=True, folder=folder)
    try:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = 'asked'"):
            fill(server, file)
        thresholds = read_thresholds(OURS) or {}
        with Library.open(server.url("asked")) as library:
            return [
                first_page(library, text, sort, thresholds, plan.rounds)
                for text, sort in [*((text, None) for text in QUESTIONS), *SORTED]
            ]
    finally:
        server.stop("fast")


def fill(server: Server, file: Path) -> None:
    """Database `asked`, a copy of the catalog in `file`."""
    server.execute("DROP DATABASE IF EXISTS unfinished")
    server.execute("CREATE DATABASE unfinished")
    began = time.perf_counter()
    with Library.open(file) as library:
        copied = library.copy_to(server.url("unfinished"), with_embeddings=True)
    seconds = time.perf_counter() - began
    server.execute("ALTER DATABASE unfinished RENAME TO asked")
    ((size,),) = server.execute("SELECT pg_database_size('asked')")
    tell(f"copied {copied.photos:,} photos, {copied.rows:,} rows in {seconds:.0f} s: {size / 1e6:,.0f} MB")


def first_page(library: Library, text: str, sort: str | None, thresholds: dict, rounds: int) -> Figure:
    """As benchmark `query` asks it."""
    with library._catalog.read() as connection:  # the pool's only one
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    walls, cpus = [], []
    for _ in range(rounds + 1):  # the first is not measured
        began, cpu_began = time.perf_counter(), time.process_time() + cpu_seconds_of(pid)
        asked = read(text, library.known_labels(), thresholds)
        order = sort or ("relevance" if asked.has_label else "taken")
        list(library.photos(asked, sort=order, limit=PAGE))
        walls.append(time.perf_counter() - began)
        cpus.append(time.process_time() + cpu_seconds_of(pid) - cpu_began)
    cpu_ms, wall_ms = median(cpus[1:]) * 1000, median(walls[1:]) * 1000
    name = f"server, query {text or '(everything)'}" + (f" --sort {sort}" if sort else "")
    tell(f"{name}: {cpu_ms:.1f} ms CPU, {wall_ms:.1f} ms wall")
    return Figure(name, cpu_ms, PAGE_MS, "ms")


def cpu_seconds(server: Server) -> float:
    """What the processes that serve somebody have taken so far."""
    rows = server.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'written'")
    return sum(cpu_seconds_of(pid) for (pid,) in rows)


def cpu_seconds_of(pid: int) -> float:
    """CPU time of a process, as Linux counts it."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def save_batches(url: str, batches: int, writer: int) -> None:
    """Save one writer's batches, and some of the next one's, once a line comes; tell how many and the CPU
    seconds they took, and stay connected until the input ends."""
    with Library.open(url) as library:
        ids = library.ids(sort="path")
        mine = []
        for number in range(batches):
            is_twice = number % TWICE == 0 and (number + 1) % WRITERS == writer
            if number % WRITERS == writer or is_twice:
                some = ids[number * BATCH_SIZE : (number + 1) * BATCH_SIZE]
                facts = [facts_of(photo_id) for photo_id in some]
                said = [
                    Outcome(photo_id, tagger, tags)
                    for photo_id in some
                    for tagger, tags in answers(photo_id).items()
                ]
                mine.append((facts, said))
        print("ready", flush=True)
        sys.stdin.readline()
        before = time.process_time()
        for facts, said in mine:
            library.save(facts, said, FINGERPRINTS)
        print(len(mine), time.process_time() - before, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    save_batches(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
