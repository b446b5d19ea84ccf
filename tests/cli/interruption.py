"""A scan that is stopped again and again at any moment, and how long each stop takes.

`python -m tests.cli.interruption [STOPS]` scans large photos of five formats with the real nets, stops the
scan by Ctrl-C, SIGTERM and SIGHUP in turn, at moments spread over its whole length, and prints a line for
each."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from tests.reading.costly import READ

ROOT = Path(__file__).parents[2]
SLOW = ("JPEG: progressive, 138 MP", "PNG: 63 MP", "TIFF: deflate, 63 MP", "WebP: 63 MP", "AVIF: 63 MP")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Stopped:
    """`after_seconds`: of the scan, when the signal came; `took_seconds`: until the process was gone."""

    signal: signal.Signals
    presses: int
    after_seconds: float
    took_seconds: float
    exit_code: int
    answers: int
    said: str


def make_slow_photos(folder: Path, names: tuple[str, ...] = SLOW, *, samples: bool = True) -> None:
    """The slowest photos there are of each format, and the sample photos."""
    if samples:
        copytree(ROOT / "sample_photos", folder)
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name.partition(':')[0]}.{name.partition(':')[0].lower()}").write_bytes(READ[name]())


def start_scan(folder: Path, db: Path, module: str = "phototag") -> subprocess.Popen[str]:
    temporary = db.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "PHOTOTAG_DB": str(db), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, "scan", str(folder), "--batch-size", "4"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def stop_again_and_again(
    folder: Path, db: Path, moments: list[float], module: str = "phototag"
) -> Iterator[Stopped]:
    """Scan into one catalog, and stop each scan that many seconds after it began, by another signal each;
    every fourth time twice. Where a scan is done before, there is no more."""
    for number, moment in enumerate(moments):
        kind, presses = SIGNALS[number % len(SIGNALS)], 2 if number % 4 == 3 else 1
        process = start_scan(folder, db, module)
        try:
            process.wait(timeout=moment)
            process.communicate()
            return
        except subprocess.TimeoutExpired:
            pass
        began = time.monotonic()
        process.send_signal(kind)
        if presses == 2:
            time.sleep(0.3)
            process.send_signal(kind)
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - began
        yield Stopped(kind, presses, moment, took, process.returncode, count_answers(db), said)


def find_left_behind(base: Path, before: set[Path]) -> list[str]:
    """What a stopped scan has left below `base` besides what was there before, the catalog and the log that
    SQLite keeps beside it."""
    return sorted(
        path.relative_to(base).as_posix()
        for path in set(base.rglob("*")) - before
        if path.suffix not in (".db", ".db-wal", ".db-shm") and path != base / "temporary"
    )


def wait_until_it_decodes(process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Until threads that decode are there, and are at it."""
    deadline = time.monotonic() + seconds
    tasks = Path(f"/proc/{process.pid}/task")
    while process.poll() is None and time.monotonic() < deadline and len(list(tasks.iterdir())) < 3:
        time.sleep(0.02)
    time.sleep(0.2)


def count_answers(db: Path) -> int:
    """How many answers are saved; 0 before there is a catalog. Fails where the catalog is damaged."""
    if not db.exists():
        return 0
    with sqlite3.connect(db) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers'").fetchone():
            return 0
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])


def main(stops: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_slow_photos(base / "photos")
        began = time.monotonic()
        start_scan(base / "photos", base / "whole.db").communicate()
        length = time.monotonic() - began
        print(f"a scan takes {length:.1f} s")
        rng = random.Random(5)
        early = [0.05, 0.2, 0.4, 0.6, 0.8]
        moments = early + [length * (n + rng.random()) / stops for n in range(stops)]
        slowest = 0.0
        for stopped in stop_again_and_again(base / "photos", base / "catalog.db", moments):
            slowest = max(slowest, stopped.took_seconds)
            print(
                f"{stopped.signal.name} x{stopped.presses} after {stopped.after_seconds:5.2f} s: gone after "
                f"{stopped.took_seconds:.2f} s, exit code {stopped.exit_code}, {stopped.answers} answers",
                flush=True,
            )
        print(f"the slowest took {slowest:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
