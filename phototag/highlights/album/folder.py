"""A folder that phototag fills and may fill again. Owns the ledger of what it made there (in the
marker file, which also keeps scans out), and the promise that no other file is ever touched and
that nothing half made is left behind.

Everything new is made in a staging folder inside; only when all of it is there is it moved into
place. So a full disk or Ctrl-C costs the staging folder and leaves the album as it was.

The ledger names no place outside the folder: it tells files by their hashes, so it can be passed on."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal

from phototag.errors import PhototagError
from phototag.inputs import read_input
from phototag.outputs import reason
from phototag.reading.folders import OUTPUT_MARKER
from phototag.storage.address import is_remote
from phototag.storage.anywhere import copy_file

How = Literal["symlink", "hardlink", "copy"]
HOWS: tuple[How, ...] = ("symlink", "hardlink", "copy")  # the order in which they are tried
STAGING = ".phototag-new"  # and an ending that nobody can guess
# Files that desktops leave in any folder that was once looked at: a folder with only these is empty.
LITTER = {".DS_Store", "desktop.ini", "Thumbs.db", ".directory"}
# What a disk answers that knows no such links; on Windows they may also be forbidden (error 1314).
NO_LINKS = (errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
WINDOWS_FORBIDS_LINKS = 1314

LARGEST_LEDGER_BYTES = 64 << 20  # some 300,000 files
Entry = dict[str, str]  # how it was made; sha256 of its bytes (of a link's text); photo: of the photo's bytes


class OutputFolder:
    """Use as a context: make everything inside the `with`; leaving it well moves all into place and
    removes what was made before and is not wanted any more. Raises PhototagError with one sentence,
    and then has changed nothing. Names are relative, with `/`. After leaving, `kept_back` lists
    files that are no longer of the album, but stay because they were changed, or may be the last
    copy of a photo. `original_exists` tells of the SHA-256 of a photo's bytes whether the photo is
    still somewhere else; without it every copy stays. `is_photo` says of a path whether it is a photo in
    the catalog: such a file stays, whatever a ledger says of it, for anybody can write one."""

    def __init__(
        self,
        path: Path,
        original_exists: Callable[[str], bool] | None = None,
        is_photo: Callable[[str], bool] | None = None,
    ) -> None:
        self.path = Path(os.path.realpath(path.parent)) / path.name
        self.original_exists = original_exists
        self.is_photo = is_photo
        self.staging = self.path / f"{STAGING}-{secrets.token_hex(8)}"
        self.old: dict[str, Entry] = {}  # what earlier runs made: name -> how it was made
        self.new: dict[str, Entry] = {}
        self.staged: list[str] = []
        self.kept_back: list[str] = []
        self.best_how = 0  # of HOWS: what the disk takes, as far as is known
        self.made_folders: list[Path] = []

    def __enter__(self) -> OutputFolder:
        try:
            if self.path.is_symlink():
                raise PhototagError(
                    f"{self.path} is a symbolic link, and nothing is written through one; "
                    f"name the folder itself: {os.path.realpath(self.path)}"
                )
            self._make_folders()
            self.old = self._read_ledger()
            for entry in os.scandir(self.path):  # of a run that was killed
                if entry.name.startswith(STAGING) and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
            self.staging.mkdir()
        except OSError as error:
            self._clean_up()
            raise self._failed(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._move_into_place()
        except OSError as failure:
            raise self._failed(failure) from failure
        finally:
            self._clean_up()
        if isinstance(error, OSError):
            raise self._failed(error) from error

    def link(self, name: str, source: str, sha256: str, how: How | None = None) -> None:
        """Put a photo into the folder; `sha256` is that of its bytes. Without `how`, the first of symbolic
        link, hard link and copy that the disk takes; of a photo on remote storage always a copy."""
        if is_remote(source):
            how = "copy"
        for number, each in enumerate(HOWS):
            if each == how or (how is None and number >= self.best_how):
                if self._put(name, source, sha256, each):
                    return
                self.best_how = number + 1
        kind = (
            "symbolic links" if how == "symlink" else "hard links to photos on another disk, or none at all"
        )
        raise PhototagError(f"{self.path} is on a disk that takes no {kind}: use --copy")

    def _put(self, name: str, source: str, sha256: str, how: How) -> bool:
        """False where the disk does not take such links."""
        text = self._link_text(name, source)
        made = {
            "how": how,
            "sha256": _sha256(os.fsencode(text)) if how == "symlink" else sha256,
            "photo": sha256,
        }
        if self._is_there(name, made):
            return True
        target = self._staged(name)
        try:
            if how == "symlink":
                target.symlink_to(text)
            elif how == "hardlink":
                os.link(source, target)
            else:
                copy_file(source, target)
        except OSError as error:
            forbidden = getattr(error, "winerror", None) == WINDOWS_FORBIDS_LINKS
            if how == "copy" or not (forbidden or error.errno in NO_LINKS):
                raise
            self.staged.pop()
            return False
        return True

    def _link_text(self, name: str, source: str) -> str:
        """Relative, so that an album and its photos can be moved together."""
        try:
            return os.path.relpath(source, (self.path / name).parent)
        except ValueError:  # another drive, on Windows
            return source

    def write(self, name: str, content: bytes, photo: str | None = None) -> None:
        """Put a file of our own into the folder. `photo`: where it is a copy of a photo, though not to the
        byte, the SHA-256 of the photo's bytes."""
        made = {"how": "made" if photo is None else "copy", "sha256": _sha256(content)}
        if photo is not None:
            made["photo"] = photo
        if not self._is_there(name, made):
            self._staged(name).write_bytes(content)

    def has(self, name: str) -> bool:
        """Whether an earlier run made this file and it is still as it was; then it is kept without
        making it again. Only for names that say all that the content depends on."""
        made = self.old.get(name)
        return made is not None and made["how"] == "made" and self._is_there(name, made)

    def _is_there(self, name: str, made: Entry) -> bool:
        """Note the file as wanted. True where it is there already, made by us in the same way;
        raises where something else is in its place."""
        self.new[name] = made
        blocked = self._blocked_step(name)
        if blocked is None and not os.path.lexists(self.path / name):
            return False
        if blocked is not None or name not in self.old or not self._is_as_made(name, self.old[name]):
            raise PhototagError(
                f"{blocked or self.path / name} is in the way: phototag did not make it, or it was "
                "changed since. "
                f"Move it away, or choose another folder with --out"
            )
        return self.old[name] == made

    def _blocked_step(self, name: str) -> Path | None:
        """The first folder on the way to a file that is none, or a symbolic link, which may lead
        out of here."""
        step = self.path
        for part in name.split("/")[:-1]:
            step = step / part
            if step.is_symlink() or (step.exists() and not step.is_dir()):
                return step
        return None

    def _is_as_made(self, name: str, made: Entry) -> bool:
        path = self.path / name
        if made["how"] in ("made", "copy") and self.is_photo is not None and self.is_photo(str(path)):
            return False
        if made["how"] == "symlink":
            return path.is_symlink() and _sha256(os.fsencode(os.readlink(path))) == made["sha256"]
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == made["sha256"]

    def _staged(self, name: str) -> Path:
        target = self.staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self.staged.append(name)
        return target

    def _move_into_place(self) -> None:
        self._write_ledger({**self.old, **self.new})  # from here on all of both is ours, whatever happens
        for name in self.staged:
            if blocked := self._blocked_step(name):
                raise PhototagError(
                    f"{blocked} is in the way: it came while the album was made. Type the line again"
                )
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.staging / name, self.path / name)
        for name in sorted(self.old.keys() - self.new.keys()):
            self._remove(name, self.old[name])
        self._write_ledger(self.new)

    def _remove(self, name: str, made: Entry) -> None:
        path = self.path / name
        if self._blocked_step(name) is not None or not os.path.lexists(path):
            return
        if not self._is_as_made(name, made) or self._is_last_copy(path, made):
            self.kept_back.append(name)
            return
        path.unlink()
        with suppress(OSError):  # not empty: somebody else's file is there, or more of ours
            for parent in path.relative_to(self.path).parents:
                if parent != Path("."):
                    (self.path / parent).rmdir()

    def _is_last_copy(self, path: Path, made: Entry) -> bool:
        if made["how"] == "hardlink" and path.stat().st_nlink > 1:
            return False
        if made["how"] not in ("hardlink", "copy"):
            return False
        return self.original_exists is None or not self.original_exists(made.get("photo", made["sha256"]))

    def _make_folders(self) -> None:
        for folder in (*reversed(self.path.parents), self.path):
            if not folder.exists():
                folder.mkdir()
                self.made_folders.insert(0, folder)

    def _read_ledger(self) -> dict[str, Entry]:
        others = [
            entry for entry in os.listdir(self.path) if entry not in LITTER and not entry.startswith(STAGING)
        ]
        marker = self.path / OUTPUT_MARKER
        if OUTPUT_MARKER in others and not marker.is_symlink() and marker.is_file():
            # a ledger may have been damaged or edited: RecursionError is what deep nesting makes
            with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                files = json.loads(read_input(marker, LARGEST_LEDGER_BYTES))["files"]
                return {name: _entry(made) for name, made in files.items() if self._is_inside(name)}
        elif not others:
            return {}
        raise PhototagError(
            f"{self.path} holds files that phototag did not make; choose a new or an empty folder with --out"
        )

    def _is_inside(self, name: str) -> bool:
        """Whether a name leads to a place in the folder itself, by no symbolic link on its way."""
        parts = name.replace("\\", "/").split("/")
        outside = any(part in ("", ".", "..") or ":" in part for part in parts)
        return not outside and self._blocked_step(name) is None

    def _write_ledger(self, files: dict[str, Entry]) -> None:
        about = (
            "Made by phototag. The files listed here may be replaced by its next run; "
            "no scan looks into this folder."
        )
        text = json.dumps({"about": about, "files": files}, indent=1, sort_keys=True) + "\n"
        temporary = self.staging / OUTPUT_MARKER
        temporary.write_text(text, encoding="ascii")
        os.replace(temporary, self.path / OUTPUT_MARKER)

    def _clean_up(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        with suppress(OSError):  # not empty: it was filled
            for folder in self.made_folders:
                folder.rmdir()

    def _failed(self, error: OSError) -> PhototagError:
        # of a copy it is the original that is named, also where the copy found no room
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        outside = error.filename and not is_full and not str(error.filename).startswith(str(self.path))
        where = f" ({error.filename})" if outside else ""
        return PhototagError(
            f"cannot make the album in {self.path}: {reason(error)}{where}. Nothing there was changed"
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _entry(made: dict[str, str]) -> Entry:
    """One file of a ledger, checked. Ledgers once named the sources of links instead of hashing them."""
    entry: Entry = {key: str(made[key]) for key in ("how", "sha256", "photo") if key in made}
    if "sha256" not in entry:
        source = made["source"]
        if not isinstance(source, str):  # a number would be one of this process's open files
            raise ValueError("a source that is no text")
        if made["how"] == "symlink":
            entry["sha256"] = _sha256(os.fsencode(source))
        else:
            entry["sha256"] = ""
            if os.path.isfile(source):  # no pipe, at which one waits
                with suppress(OSError), open(source, "rb") as file:
                    entry["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    if entry["how"] not in (*HOWS, "made"):
        raise ValueError(entry["how"])
    return entry
