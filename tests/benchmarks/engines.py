"""What a scan on a Ray cluster costs, and what it survives, all on this machine:

python -m tests.benchmarks.engines cost      # CPU seconds, beside threads
python -m tests.benchmarks.engines nodes     # seconds with two nodes of a core each, beside one
python -m tests.benchmarks.engines kills     # of actors, raylets and drivers
python -m tests.benchmarks.engines jobs      # memory where the scan is started
python -m tests.benchmarks.engines photo DIR # CPU seconds and bytes of a photo, with every tagger
"""

import argparse
import json
import os
import pickle
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from phototag import Library, scan
from phototag.engines.local import Local
from phototag.records import PhotoFile
from phototag.scanning import ScanOptions
from phototag.taggers import table
from tests.conftest import SAMPLES
from tests.engines.cluster import (
    Cluster,
    Running,
    actors_of,
    answers_of,
    descendants,
    environment,
    has_answers,
)
from tests.engines.taggers import register

BATCH_SIZE = 4  # photos: many batches, so that something is always in hand


def tell(**values):
    print(json.dumps(values), flush=True)


def copy_samples(folder, copies):
    """The sample photos so many times; returns how many photos that is."""
    for number in range(copies):
        shutil.copytree(SAMPLES, folder / f"{number:04}")
    return sum(1 for file in folder.rglob("*") if file.suffix in (".jpg", ".png"))


class Kills:
    """Scans that lose actors, raylets or their driver, again and again, in a cluster of two raylets."""

    def __init__(self, folder, copies):
        self.folder = folder
        self.photos = copy_samples(folder / "photos", copies)
        with Library.open(folder / "local.db") as library:
            scan(library, [folder / "photos"], ScanOptions(taggers=("slow",)))
        self.expected = answers_of(folder / "local.db")
        self.killed = {"actors": 0, "raylets": 0, "drivers": 0}
        self.scans = Counter()
        self.lost = self.double = self.different = self.failed = 0
        self.cluster = Cluster(1, 1)

    def run(self, wanted):
        for kind, number in wanted.items():
            while self.killed[kind] < number:
                self._try(kind, number)

    def _try(self, kind, wanted):
        """One catalog, from nothing to the last answer."""
        catalog = self.folder / "catalog.db"
        began, before, runs = time.monotonic(), self.killed[kind], 0
        while True:
            driver = self._start(catalog)
            runs += 1
            end = self._kill(kind, driver, catalog, min(wanted, before + 6))
            done = driver.wait_done()
            if done.returncode == 0:
                break
            if not end:
                self.failed += 1
                tell(failed=done.stderr[-1000:], code=done.returncode)
            if runs > 20:
                raise SystemExit("no end")
        self.scans[kind] += 1
        found = answers_of(catalog)
        answers = [row[:2] for row in found if row[5] in (None, 0)]
        lost = len({row[:2] for row in self.expected} - set(answers))
        double = len(answers) - len(set(answers))
        self.lost, self.double = self.lost + lost, self.double + double
        self.different += found != self.expected
        tell(
            kind=kind,
            killed=self.killed[kind] - before,
            runs=runs,
            seconds=round(time.monotonic() - began),
            lost=lost,
            double=double,
            equal=found == self.expected,
            load=round(os.getloadavg()[0], 1),
            killed_so_far=self.killed,
        )
        for name in ("", "-wal", "-shm"):
            catalog.with_name(catalog.name + name).unlink(missing_ok=True)

    def _start(self, catalog):
        return Running(
            *(
                "scan",
                self.folder / "photos",
                "--tagger",
                "slow",
                "--db",
                catalog,
                "--batch-size",
                BATCH_SIZE,
            ),
            *("--engine", "ray", "--address", self.cluster.address, "--actors", 2, "--json"),
        )

    def _kill(self, kind, driver, catalog, until):
        """At random times, until the scan ends. Returns whether the driver itself was killed."""
        if kind == "drivers":
            if self.killed[kind] < until:
                # from its start to its end, a third of them before it has answers
                if random.random() > 0.33:
                    while driver.poll() is None and not has_answers(catalog):
                        time.sleep(0.1)
                time.sleep(random.uniform(0, 8))
                if driver.poll() is None:
                    os.kill(driver.pid, signal.SIGKILL)
                    self.killed[kind] += 1
                    return True
            return False
        while driver.poll() is None and not has_answers(catalog):
            time.sleep(0.1)
        while driver.poll() is None and self.killed[kind] < until:
            if kind == "actors":
                time.sleep(random.uniform(0, 2.5))
                if actors := actors_of(os.getpid()):
                    os.kill(random.choice(actors), signal.SIGKILL)
                    self.killed[kind] += 1
            else:
                time.sleep(random.uniform(0, 3))
                self.cluster.kill_raylet(random.choice(self.cluster.others()))
                self.killed[kind] += driver.poll() is None
                time.sleep(random.uniform(0, 2))
                self.cluster.add(1)
        return False


STARTED = 0.1  # of the photos: before that, threads may still load their nets


def answered(catalog):
    """How many photos have answers."""
    if not has_answers(catalog):
        return 0
    with closing(sqlite3.connect(catalog)) as connection:
        return connection.execute("SELECT count(DISTINCT photo_id) FROM answers").fetchone()[0]


class Sample(NamedTuple):
    """`at`: seconds; `processor`: program -> CPU seconds from its start on; `done`: photos with answers;
    `actors`: how many are at work."""

    at: float
    processor: Counter
    done: int
    actors: int = 0


def observe(folder, photos, *options, cluster=False):
    """Scans into a new catalog, with a net, and looks again and again, until the last answer is there.
    `cluster`: one that this process has started is counted too."""
    catalog = folder / f"{random.random()}.db"
    arguments = ("scan", folder / "photos", "--tagger", "sharpness", "--db", catalog, *options)
    driver = Running(*arguments)
    processor = Processor(os.getpid() if cluster else driver.pid)
    samples = [Sample(time.monotonic(), processor.read(), 0)]
    while driver.poll() is None and samples[-1].done < photos:
        time.sleep(0.2)
        spent, done = processor.read(), answered(catalog)
        samples.append(Sample(time.monotonic(), spent, done, processor.actors_at_work))
    output = driver.wait_done()
    if output.returncode or samples[-1].done < photos:
        raise SystemExit(output.stderr)
    return samples


def when_started(samples):
    """The first moment at which every actor works, and one photo in ten has answers."""
    actors = max(sample.actors for sample in samples)
    started = (one for one in samples if one.actors == actors and one.done >= STARTED * samples[-1].done)
    return next(started)


def whole(samples):
    """What a scan took from its start to its last answer."""
    first = next(sample for sample in samples if sample.done)
    return {
        "photos": samples[-1].done,
        "first_answers_after_seconds": round(first.at - samples[0].at, 1),
        "seconds": round(samples[-1].at - samples[0].at, 1),
        "cpu_seconds": round(samples[-1].processor.total(), 1),
        "cpu_seconds_of": rounded(samples[-1].processor),
        "load": round(os.getloadavg()[0], 1),
    }


def between(samples, start, end):
    """What a photo took between two moments."""
    within = [sample for sample in samples if start <= sample.at <= end]
    number = within[-1].done - within[0].done
    spent = within[-1].processor - within[0].processor
    return {
        "photos": number,
        "seconds_a_photo": round((within[-1].at - within[0].at) / number, 4),
        "cpu_seconds_a_photo": round(spent.total() / number, 4),
        "cpu_seconds_of": rounded(spent),
        "load": round(os.getloadavg()[0], 1),
    }


def rounded(programs):
    return {name: round(seconds, 2) for name, seconds in programs.most_common()}


class Processor:
    """CPU seconds of a process and of all that it started, also of those that have ended."""

    def __init__(self, pid):
        self.pid = pid
        self.programs = {}
        self.seconds = {}
        self.actors_at_work = 0

    def read(self):
        """By program. To be called again and again: what ended between two calls is counted to the first."""
        running = descendants(self.pid)
        self.actors_at_work = sum(is_at_work(command) for _, command, _ in running.values())
        for pid, (_, command, seconds) in running.items():
            if command:  # else it has just ended
                self.programs[pid] = program_of(command)
            self.seconds[pid] = seconds
        found = Counter()
        for pid, seconds in self.seconds.items():
            found[self.programs.get(pid, "?")] += seconds
        return found


def is_at_work(command):
    """Whether it is an actor that looks at photos just now: Ray writes there what it does."""
    return command.startswith("ray::MapWorker") and command.rstrip("\0").endswith(".submit")


def program_of(command):
    """Which of Ray's programs it is, or of ours, by its command line."""
    if command.startswith("ray::"):
        return "actors" if "MapWorker" in command else "other workers"
    parts = [Path(part) for part in command.split("\0")]
    scripts = [part for part in parts if part.suffix == ".py"]
    return scripts[0].stem if scripts else "scan" if "phototag" in map(str, parts) else parts[0].name


ENGINES = {"local": (), "ray": ("--engine", "ray", "--actors", 2)}


def cost(arguments):
    """Threads, and a cluster of the scan's own: each alone; and then both at the same time, compared while
    both are at work, since a second of a processor does more or less, with what else the machine does."""
    with tempfile.TemporaryDirectory(prefix="phototag-cost-") as name, ThreadPoolExecutor(2) as pool:
        folder = Path(name)
        photos = copy_samples(folder / "photos", arguments.copies)
        for engine, options in ENGINES.items():
            tell(engine=engine, alone=True, **whole(observe(folder, photos, *options)))
        found = []
        for _ in range(arguments.rounds):
            running = {
                engine: pool.submit(observe, folder, photos, *options) for engine, options in ENGINES.items()
            }
            both = {engine: samples.result() for engine, samples in running.items()}
            start = max(when_started(samples).at for samples in both.values())
            end = min(samples[-1].at for samples in both.values())
            spent = {engine: between(samples, start, end) for engine, samples in both.items()}
            for engine, one in spent.items():
                tell(engine=engine, alone=False, **one)
            found.append(spent["ray"]["cpu_seconds_a_photo"] / spent["local"]["cpu_seconds_a_photo"])
        tell(figure="CPU seconds a photo once started, ray / local", value=round(median(found), 3))


def nodes(arguments):
    """Two raylets with a core each, beside one with one, alternately."""
    with tempfile.TemporaryDirectory(prefix="phototag-nodes-") as folder:
        photos = copy_samples(Path(folder) / "photos", arguments.copies)
        found = {1: [], 2: []}
        for _ in range(arguments.rounds):
            for count, several in found.items():
                cluster = Cluster(0)
                try:
                    for core in range(count):
                        cluster.add_on_core(core)
                    address = ("--engine", "ray", "--address", cluster.address, "--actors", count)
                    samples = observe(Path(folder), photos, *address, cluster=True)
                finally:
                    cluster.shut_down()
                several.append(between(samples, when_started(samples).at, samples[-1].at))
                tell(nodes=count, **several[-1])
        one, two = (median(each["seconds_a_photo"] for each in found[number]) for number in (1, 2))
        tell(figure="seconds a photo once started, two nodes / one", value=round(two / one, 3))


def jobs(arguments):
    """Memory of the machine where a scan of very many photos is started. They are named in the catalog
    alone: actors find no file, which is an answer, too."""
    with tempfile.TemporaryDirectory(prefix="phototag-jobs-") as name:
        folder = Path(name) / "photos"
        folder.mkdir()
        catalog = Path(name) / "c.db"
        with Library.open(catalog) as library:
            files = (
                PhotoFile(str(folder), f"{i // 1000:06}/IMG_{i:08}.jpg", 4_000_000, i)
                for i in range(arguments.photos)
            )
            library.reconcile([str(folder)], files, hash_file=nothing)
        code = textwrap.dedent(f"""
            import json, time
            from phototag import Library, Ray
            from phototag.engines.work import Work
            from phototag.metadata.beside import Reader
            from phototag.stopping import Stop
            from phototag.taggers.fingerprints import compute_fingerprints
            from phototag.records import Fingerprint
            prints = compute_fingerprints(["slow"], {{}}) | {{"decode": Fingerprint("1")}}
            work = Work(("slow",), {{}}, prints, "cpu", 16, None, 10**8, {arguments.photos})
            began, seen, at = time.monotonic(), 0, 0.0
            def tell(what):
                with open("/proc/self/status") as status:
                    kB = dict(line.split()[:2] for line in status if line.startswith("Vm"))
                print(json.dumps({{"when": what, "seconds": round(time.monotonic() - began, 1),
                    "MB_now": int(kB["VmRSS:"]) // 1024,
                    "MB_at_most": int(kB["VmHWM:"]) // 1024}}), flush=True)
            with Library.open({str(catalog)!r}) as library:
                jobs = library.jobs(None, prints)
                tell("before the first photo")
                jobs.photo_ids()
                tell("with the numbers of all photos")
                stop = Stop()
                batches = Ray(actors=2).run(jobs, work, stop=stop, reader=Reader(), on_message=print)
                for batch in batches:
                    seen += len(batch.jobs)
                    if seen == 16:
                        tell("first answers")
                    at = at or time.monotonic()
                    if time.monotonic() - at > {arguments.seconds}:
                        break
                tell(f"after {{seen}} photos")
                batches.close()
            """)
        subprocess.run([sys.executable, "-c", code], env=environment(), check=True)


def photo(arguments):
    """What a photo of this folder costs a scan with every tagger and threads: CPU seconds, nets loaded
    before; what its answers take, sent by an actor and in the catalog."""
    ours = {name for name, spec in table.SPECS.items() if spec.target.startswith("tests.")}
    taggers = tuple(name for name in table.names_of_scan() if name not in ours)
    with tempfile.TemporaryDirectory(prefix="phototag-photo-") as folder:
        with Library.open(Path(folder) / "c.db") as library:
            seen, sent = [], [0]

            class Watched(Local):
                def run(self, *arguments, **more):
                    for batch in super().run(*arguments, **more):
                        sent[0] += len(pickle.dumps([batch]))
                        yield batch

            def count(phase, done, total):
                if phase == "tag":
                    seen.append((time.process_time(), done))

            options = ScanOptions(taggers=taggers, batch_size=4, offline=True)
            scan(library, [arguments.folder], options, engine=Watched(), on_progress=count)
            total = seen[-1][1]
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        tell(
            photos=total,
            taggers=taggers,
            cpu_seconds_a_photo=round((seen[-1][0] - seen[0][0]) / (total - seen[0][1]), 3),
            bytes_sent_a_photo=sent[0] // total,
            catalog_bytes=size,
            load=round(os.getloadavg()[0], 1),
        )


def nothing(file):
    """No photo is known by its bytes."""


def kills(arguments):
    with tempfile.TemporaryDirectory(prefix="phototag-kills-") as folder:
        kills = Kills(Path(folder), arguments.copies)
        try:
            tell(photos=kills.photos, rows=len(kills.expected))
            kills.run(
                {"actors": arguments.actors, "raylets": arguments.raylets, "drivers": arguments.drivers}
            )
        finally:
            tell(
                killed=kills.killed,
                scans=dict(kills.scans),
                lost=kills.lost,
                double=kills.double,
                different=kills.different,
                failed=kills.failed,
            )
            kills.cluster.shut_down()


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.engines")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("kills", help="kill actors, raylets and drivers; nothing may be lost")
    one.add_argument("--actors", type=int, default=50)
    one.add_argument("--raylets", type=int, default=10)
    one.add_argument("--drivers", type=int, default=10)
    one.add_argument("--copies", type=int, default=30, help="of the sample photos")
    one.set_defaults(run=kills)
    two = commands.add_parser("cost", help="CPU seconds of a cluster beside threads")
    two.set_defaults(run=cost)
    three = commands.add_parser("nodes", help="seconds with two nodes of one core beside one")
    three.set_defaults(run=nodes)
    for command in (two, three):
        command.add_argument("--copies", type=int, default=50, help="of the sample photos")
        command.add_argument("--rounds", type=int, default=2)
    four = commands.add_parser("jobs", help="memory for a million photos")
    four.add_argument("--photos", type=int, default=1_000_000)
    four.add_argument("--seconds", type=int, default=30, help="how long the answers are counted")
    four.set_defaults(run=jobs)
    five = commands.add_parser("photo", help="what a photo costs, with every tagger")
    five.add_argument("folder")
    five.set_defaults(run=photo)
    arguments = parser.parse_args()
    os.environ.update(environment())
    register()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments.run(arguments)


if __name__ == "__main__":
    main()
