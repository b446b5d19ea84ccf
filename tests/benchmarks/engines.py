"""What a scan on a Ray cluster costs, and what it survives, all on this machine:

python -m tests.benchmarks.engines kills [--actors 50] [--raylets 10] [--drivers 10]
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from phototag import Library, scan
from phototag.scanning import ScanOptions
from tests.conftest import SAMPLES
from tests.engines.cluster import Cluster, Running, actors_of, answers_of, environment, has_answers
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
    arguments = parser.parse_args()
    os.environ.update(environment())
    register()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments.run(arguments)


if __name__ == "__main__":
    main()
