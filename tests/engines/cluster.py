"""Real Ray clusters of several raylets on this machine, and the programs that run in them."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from phototag.engines.ray import own_token

ROOT = Path(__file__).parents[2]
SITE = Path(__file__).parent / "site"


def environment():
    """In which every Python process knows this package and the taggers for tests."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SITE), str(ROOT)]),
        "PHOTOTAG_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


class Cluster:
    """A head and other raylets, each with so many cores, on the loopback address; with a token of its own,
    that the programs started from here have."""

    def __init__(self, *cpus):
        os.environ.update(
            environment(),
            RAY_AUTH_MODE="token",
            RAY_AUTH_TOKEN=own_token(),
            RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
            RAY_USAGE_STATS_ENABLED="0",
        )
        from ray.cluster_utils import Cluster as OfRay

        self.folder = tempfile.mkdtemp(prefix="phototag-ray-test-", dir="/tmp")
        self._ray = OfRay(shutdown_at_exit=True)
        self.head = self.add(cpus[0], temp_dir=self.folder)
        for count in cpus[1:]:
            self.add(count)

    def add(self, cpus, **more):
        return self._ray.add_node(
            num_cpus=cpus,
            node_ip_address="127.0.0.1",
            include_dashboard=False,
            object_store_memory=100 * 2**20,
            **more,
        )

    @property
    def address(self):
        return self._ray.gcs_address

    def add_on_core(self, core):
        """A raylet whose processes compute on this core alone."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        try:
            return self.add(1)
        finally:
            os.sched_setaffinity(0, before)

    def others(self):
        """The raylets beside the head."""
        return list(self._ray.worker_nodes)

    def kill_raylet(self, node):
        """As a machine that loses its power."""
        os.kill(raylet_pid(node), signal.SIGKILL)
        self._ray.remove_node(node, allow_graceful=False)

    def shut_down(self):
        self._ray.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_ADDRESS"):
            os.environ.pop(name, None)


def raylet_pid(node):
    from ray._private.ray_constants import PROCESS_TYPE_RAYLET

    return node.all_processes[PROCESS_TYPE_RAYLET][0].process.pid


class Running(subprocess.Popen):
    """The command line, in a group of its own, as in a terminal."""

    def __init__(self, *arguments, **more):
        super().__init__(
            [sys.executable, "-m", "phototag", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | more,
            start_new_session=True,
        )

    def wait_done(self):
        out, err = self.communicate(timeout=600)
        return subprocess.CompletedProcess(self.args, self.returncode, out, err)


def processes():
    """Process id -> (parent, command line, CPU seconds), of this machine."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                values = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                command = (entry / "cmdline").read_text(errors="replace")
            except OSError:  # it has ended
                continue
            seconds = sum(map(int, values[11:13])) / os.sysconf("SC_CLK_TCK")
            found[int(entry.name)] = (int(values[1]), command, seconds)
    return found


def descendants(pid):
    """What this process started, and what that started: as `processes`, the process itself too."""
    every = processes()

    def descends(other):
        while other and other != pid:
            other = every[other][0] if other in every else 0
        return other == pid

    return {other: what for other, what in every.items() if descends(other)}


def actors_of(pid):
    """Process ids of the actors that look at photos, below this process."""
    return [
        other for other, (_, command, _) in descendants(pid).items() if command.startswith("ray::MapWorker")
    ]


def listening(pid):
    """Addresses (hexadecimal, as the kernel has them) on which this process and its descendants listen."""
    sockets = set()
    for other in descendants(pid):
        try:
            for link in Path(f"/proc/{other}/fd").iterdir():
                name = os.readlink(link)
                if name.startswith("socket:["):
                    sockets.add(name[8:-1])
        except OSError:  # it has ended
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            values = line.split()
            if values[3] == "0A" and values[9] in sockets:
                found.add(values[1].partition(":")[0])
    return found


ANSWERS = (
    "SELECT p.path, g.name, p.content_hash, a.error, l.name, t.position, t.score, t.box_left, t.box_top"
    " FROM answers a JOIN photos p ON p.id = a.photo_id JOIN taggers g ON g.id = a.tagger_id"
    " LEFT JOIN tags t ON t.answer_id = a.id LEFT JOIN labels l ON l.id = t.label_id"
)


def answers_of(catalog):
    """Every answer and tag, without the numbers of this catalog; scores and boxes to three digits."""
    with closing(sqlite3.connect(catalog)) as connection:
        return tidy(connection.execute(ANSWERS))


def tidy(rows):
    return sorted(
        ((*row[:-3], *(value and round(value, 3) for value in row[-3:])) for row in rows),
        key=repr,
    )


def has_answers(catalog):
    """Whether a scan has saved some."""
    if not catalog.exists():
        return False
    with closing(sqlite3.connect(catalog)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return "tags" in names and connection.execute("SELECT count(*) FROM answers").fetchone()[0] > 0
