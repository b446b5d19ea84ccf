"""The detectors' weights: which there are, where they lie, and that they are what they should be.
Owns the manifest, the folder of fetched files and its record of hashes. Light: imports no torch,
and knows nothing of what is inside a file.

Of a fetched file the whole hash is recorded once its published beginning was right, and checked
again before its first use in every process. Several processes may fetch and import at once: each
file and the record have a lock."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from phototag.errors import UsageError, WeightsError
from phototag.inputs import read_input
from phototag.outputs import make_private_folder
from phototag.weights.download import STALL_SECONDS, Progress
from phototag.weights.manifest import SHIPPED, Entry, entries, entry

RECORD = "record.json"  # in the folder of weights: of each file its hash, name and origin
WAIT_SECONDS = 0.2  # between two looks at whether somebody wants to stop waiting


def folder() -> Path:
    """Where fetched and imported weights lie: $PHOTOTAG_WEIGHTS or the user's data folder."""
    chosen = os.environ.get("PHOTOTAG_WEIGHTS")
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("phototag") / "weights"


def path(name: str) -> Path:
    """Where these weights are, or would be. A person's own (`phototag weights import FILE --own
    NAME`) go before the rest, unless `use` says otherwise."""
    known = entry(name)
    own = folder() / own_name(known)
    record = _records().get(own.name)
    if record is not None and record.get("in_use", True):
        return own
    return SHIPPED / known.file if known.url is None else folder() / known.file


def present(name: str) -> bool:
    file = path(name)
    return file.is_file() and (file.parent == SHIPPED or file.name in _records())


def own_name(known: Entry) -> str:
    return f"own-{known.name}{Path(known.file).suffix}"


def missing(name: str) -> str | None:
    """Why these weights cannot be used here, in one sentence, or None."""
    if present(name):
        return None
    known = entry(name)
    if known.url is None:
        return (
            f"{known.file}, the {name} weights, is not in this installation; "
            "type: pip install --force-reinstall phototag"
        )
    return (
        f"the {name} weights are not on this machine; "
        f"type: phototag weights fetch {name} ({known.megabytes} MB)"
    )


def checked(name: str) -> Path:
    """The file, its hash right: checked when first asked for in a process, and again when the file
    has changed since. Raises WeightsError."""
    why = missing(name)
    if why:
        raise WeightsError(why)
    file = path(name)
    _require_hash(name, file, remembered_sha256(file))
    return file


def verify(name: str) -> str:
    """Hash the file now -> its SHA-256. Raises WeightsError when it is missing or not what it was."""
    why = missing(name)
    if why:
        raise WeightsError(why)
    file = path(name)
    found = sha256_of(file)
    _require_hash(name, file, found)
    return found


def _require_hash(name: str, file: Path, found: str) -> None:
    """Raises WeightsError when the hash found is not the one recorded of the file."""
    known = entry(name)
    shipped = file.parent == SHIPPED
    wanted = known.sha256 if shipped else _records()[file.name]["sha256"]
    if found != wanted:
        remedy = "pip install --force-reinstall phototag" if shipped else f"phototag weights fetch {name}"
        if file.name == own_name(known):
            remedy = f"phototag weights import FILE --own {name}"
        raise WeightsError(
            f"{file}: has changed since it came here (its SHA-256 is not the recorded one); type: {remedy}"
        )


def remembered_sha256(file: Path) -> str:
    """The hash of a file that a scan asks for again and again: computed once in a process, and when
    the file has changed."""
    status = file.stat()
    return _remembered_sha256(file, status.st_size, status.st_mtime_ns)


@cache
def _remembered_sha256(file: Path, size_bytes: int, mtime_ns: int) -> str:
    return sha256_of(file)


def sha256_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def fetch(known: Entry, on_progress: Progress | None = None, stall_seconds: float = STALL_SECONDS) -> Path:
    """Download to the folder of weights; a download that broke off goes on where it stopped. Where
    another process is fetching them, wait for it. Raises WeightsError in one sentence: no network,
    an ending too early, a stall, a wrong hash."""
    if known.url is None:
        raise UsageError(f"{known.name} ships with phototag; there is nothing to fetch")
    from phototag.weights import download

    again = f"phototag weights fetch {known.name}"
    download.refuse_offline(known.url, again)
    target = folder() / known.file
    partial = target.with_name(target.name + ".part")
    _make_folder(target.parent)
    report = on_progress or _ignore_progress
    with _lock(target, while_waiting=lambda: report(0, 0)) as had_to_wait:
        if not (had_to_wait and present(known.name)):
            _refuse_foreign(known, target, own=False)
            if partial.is_symlink():
                raise WeightsError(
                    f"{partial} is a symbolic link, and nothing is written through one; remove it"
                )
            download.to_file(known.url, partial, report, stall_seconds, again)
            _accept(known, partial, target, source=known.url)
    return target


def _ignore_progress(done: int, total: int) -> None:
    pass


def import_file(file: Path, own: str | None = None) -> Entry:
    """Take a file that came by other ways than the network. Which weights it is its hash says;
    `own` names the detector that a person's own file (their training's, for example) shall stand in
    for: it is held to the hash it has now."""
    if not file.is_file():
        raise WeightsError(f"{file}: there is no such file")
    found = sha256_of(file)
    if own is not None:
        known = entry(own)
        if file.suffix != Path(known.file).suffix:
            raise WeightsError(f"{file}: weights for {own} are a {Path(known.file).suffix} file")
        target = folder() / own_name(known)
    else:
        matching = [e for e in entries().values() if e.sha256_starts and found.startswith(e.sha256_starts)]
        if not matching:
            named = [e for e in entries().values() if e.file == file.name]
            what = (
                f"is not {named[0].name}'s published file (damaged or changed)"
                if named
                else "is none of the files in the manifest"
            )
            raise WeightsError(
                f"{file}: {what}; its SHA-256 starts with {found[:8]}. "
                "For weights of your own type: phototag weights import FILE --own NAME"
            )
        known = matching[0]
        target = folder() / known.file
    _make_folder(target.parent)
    with _lock(target):
        partial = _new_file(target)
        try:
            shutil.copyfile(file, partial)
            _accept(known, partial, target, source=str(file), own=own is not None)
        except OSError as error:
            raise _unwritable(target.parent, error) from error
        finally:
            partial.unlink(missing_ok=True)
    return known


def use(name: str) -> Path:
    """From now on the weights NAME are used as they were published; `own-NAME`: the person's own,
    imported before, in their place. Neither file is touched. Gives the file in use now. Raises
    UsageError."""
    known = entry(name.removeprefix("own-"))
    own, wanted = own_name(known), name != known.name
    if wanted and own not in _records():
        raise UsageError(
            f"there are no weights {name}; to bring some type: phototag weights import FILE --own "
            f"{known.name}"
        )
    if own in _records():
        with _change_records() as records:
            records[own]["in_use"] = wanted
    return path(known.name)


def forget(name: str) -> None:
    """Remove the file that a person brought or fetched, and its record; what ships stays."""
    file = path(name)
    if file.parent != SHIPPED:
        with _change_records() as records:
            records.pop(file.name, None)
        file.unlink(missing_ok=True)


def _refuse_foreign(known: Entry, target: Path, *, own: bool) -> None:
    """Raises WeightsError where a file is in the way of which the record knows nothing, and which is not the
    published one: PHOTOTAG_WEIGHTS may name a folder of others' models."""
    if not os.path.lexists(target) or (target.name in _records() and not target.is_symlink()):
        return
    is_published = not own and target.is_file() and sha256_of(target).startswith(known.sha256_starts or " ")
    if target.is_symlink() or not is_published:
        raise WeightsError(
            f"{target} is in the way, and phototag did not put it there; move it away, or choose another "
            "folder with PHOTOTAG_WEIGHTS"
        )


def _new_file(beside: Path) -> Path:
    """An empty file in the same folder whose name nobody can guess, so that no link lies in wait."""
    file = beside.with_name(f".{beside.name}-{secrets.token_hex(8)}")
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        raise _unwritable(beside.parent, error) from error
    return file


def _accept(known: Entry, partial: Path, target: Path, source: str, own: bool = False) -> None:
    _refuse_foreign(known, target, own=own)
    found = sha256_of(partial)
    if not own and not found.startswith(known.sha256 or known.sha256_starts or found):
        partial.unlink()
        raise WeightsError(
            f"{source}: what came is not {known.file} (its SHA-256 starts with {found[:8]}, not "
            f"{known.sha256_starts}); "
            "nothing was kept. Often it is a proxy's error page; try again, or bring the file: phototag "
            "weights import FILE"
        )
    with _change_records() as records:
        os.replace(partial, target)
        records[target.name] = {
            "sha256": found,
            "name": known.name,
            "from": source,
            "on": time.strftime("%Y-%m-%d"),
            "own": own,
        }


def records() -> dict[str, dict[str, Any]]:
    """File name -> sha256, name, from, on, own: of everything in the folder of weights."""
    return _records()


def _records() -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(read_input(folder() / RECORD))
        if not isinstance(found, dict) or not all(map(_is_record, found.values())):
            raise ValueError("not what phototag writes there")
        return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WeightsError(
            f"{folder() / RECORD}: cannot be read ({reason}); delete it and fetch the weights again"
        ) from error


def _is_record(value: object) -> bool:
    """Whether it has the fields that `_accept` writes, each of its kind."""
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("sha256", "name")):
        return False
    return all(isinstance(value.get(key, ""), str) for key in ("from", "on")) and all(
        isinstance(value.get(key, True), bool) for key in ("own", "in_use")
    )


@contextmanager
def _change_records() -> Iterator[dict[str, dict[str, Any]]]:
    """What is recorded, to be changed; written down at the end, and nobody else writes meanwhile."""
    file = folder() / RECORD
    with _lock(file):
        records = _records()
        yield records
        partial = _new_file(file)
        try:
            partial.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            os.replace(partial, file)
        except OSError as error:
            raise _unwritable(file.parent, error) from error
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _lock(file: Path, while_waiting: Callable[[], None] | None = None) -> Iterator[bool]:
    """Held by one process at a time, and let go when that ends, however it ends. Gives whether
    another one held it first; `while_waiting` is called now and then."""
    from filelock import FileLock, Timeout

    lock, had_to_wait = FileLock(file.with_name(f".{file.name}.lock")), False
    while not lock.is_locked:
        try:
            lock.acquire(timeout=WAIT_SECONDS if had_to_wait else 0)
        except Timeout:
            had_to_wait = True
            if while_waiting:
                while_waiting()
        except OSError as error:
            raise _unwritable(file.parent, error) from error
    try:
        yield had_to_wait
    finally:
        lock.release()


def _make_folder(where: Path) -> None:
    try:
        make_private_folder(where)  # the catalog lies beside it
    except OSError as error:
        raise _unwritable(where, error) from error


def _unwritable(where: Path, error: OSError) -> WeightsError:
    return WeightsError(
        f"{where}: cannot be written ({error.strerror or error}); choose another folder with PHOTOTAG_WEIGHTS"
    )
