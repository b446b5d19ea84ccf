"""A folder that phototag fills and may fill again. Owns the list of what it made there (in the
marker file, which also keeps scans out), and the promise that no other file is ever touched and
that nothing half made is left behind.

Everything new is made in a staging folder inside; only when all of it is there is it moved into
place. So a full disk or Ctrl-C costs the staging folder and leaves the album as it was."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from phototag.errors import PhototagError
from phototag.reading.folders import OUTPUT_MARKER

How = Literal["symlink", "copy", "hardlink"]
STAGING = ".phototag-new"
# Files that desktops leave in any folder that was once looked at: a folder with only these is empty.
LITTER = {".DS_Store", "desktop.ini", "Thumbs.db", ".directory"}


class OutputFolder:
    """Use as a context: make everything inside the `with`; leaving it well moves all into place and
    removes what was made before and is not wanted any more. Raises PhototagError with one sentence,
    and then has changed nothing. Names are relative, with `/`. After leaving, `kept_back` lists
    files that are no longer of the album, but stay because they were changed, or hold the last copy
    of a photo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.staging = path / STAGING
        self.old: dict[str, dict[str, str]] = {}  # what earlier runs made: name -> how it was made
        self.new: dict[str, dict[str, str]] = {}
        self.staged: list[str] = []
        self.kept_back: list[str] = []
        self.is_new = False

    def __enter__(self) -> OutputFolder:
        try:
            self.is_new = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            self.old = self._read_ledger()
            shutil.rmtree(self.staging, ignore_errors=True)  # of a run that was killed
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

    def link(self, name: str, source: str, how: How, sha256: str) -> None:
        """Put a photo into the folder. `sha256` is that of the photo's bytes."""
        made = (
            {"how": how, "source": source}
            if how != "copy"
            else {"how": how, "source": source, "sha256": sha256}
        )
        if self._is_there(name, made):
            return
        target = self._staged(name, made)
        try:
            if how == "symlink":
                target.symlink_to(source)
            elif how == "hardlink":
                os.link(source, target)
            else:
                shutil.copyfile(source, target)
                with suppress(OSError):  # a disk that knows no such times still holds the photo
                    shutil.copystat(source, target)
        except OSError as error:
            if how != "copy" and error.errno in (
                errno.EPERM,
                errno.EXDEV,
                errno.ENOTSUP,
                errno.ENOSYS,
                errno.EMLINK,
            ):
                kind = (
                    "symbolic links"
                    if how == "symlink"
                    else "hard links to photos on another disk, or none at all"
                )
                raise PhototagError(f"{self.path} is on a disk that takes no {kind}: use --copy") from error
            raise

    def write(self, name: str, content: bytes) -> None:
        """Put a file of our own into the folder."""
        made = {"how": "made", "sha256": hashlib.sha256(content).hexdigest()}
        if not self._is_there(name, made):
            self._staged(name, made).write_bytes(content)

    def has(self, name: str) -> bool:
        """Whether an earlier run made this file and it is still as it was; then it is kept without
        making it again. Only for names that say all that the content depends on."""
        made = self.old.get(name)
        return made is not None and made["how"] == "made" and self._is_there(name, made)

    def _is_there(self, name: str, made: dict[str, str]) -> bool:
        """Note the file as wanted. True where it is there already, made by us in the same way;
        raises where something else is in its place."""
        self.new[name] = made
        if not os.path.lexists(self.path / name):
            return False
        if name not in self.old or not self._is_as_made(name, self.old[name]):
            raise PhototagError(
                f"{self.path / name} is in the way: phototag did not make it, or it was changed since. "
                f"Move it away, or choose another folder with --out"
            )
        return self.old[name] == made

    def _is_as_made(self, name: str, made: dict[str, str]) -> bool:
        path = self.path / name
        if made["how"] == "symlink":
            return path.is_symlink() and os.readlink(path) == made["source"]
        if path.is_symlink() or not path.is_file():
            return False
        if made["how"] == "hardlink":
            return os.path.exists(made["source"]) and path.samefile(made["source"])
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == made["sha256"]

    def _staged(self, name: str, made: dict[str, str]) -> Path:
        target = self.staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        self.staged.append(name)
        return target

    def _move_into_place(self) -> None:
        self._write_ledger({**self.old, **self.new})  # from here on all of both is ours, whatever happens
        for name in self.staged:
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.staging / name, self.path / name)
        for name in sorted(self.old.keys() - self.new.keys()):
            self._remove(name, self.old[name])
        self._write_ledger(self.new)

    def _remove(self, name: str, made: dict[str, str]) -> None:
        path = self.path / name
        if not os.path.lexists(path):
            return
        last_copy = made["how"] == "copy" and not os.path.exists(made["source"])
        if last_copy or not self._is_as_made(name, made):
            self.kept_back.append(name)
            return
        path.unlink()
        with suppress(OSError):  # not empty: somebody else's file is there, or more of ours
            for parent in path.relative_to(self.path).parents:
                if parent != Path("."):
                    (self.path / parent).rmdir()

    def _read_ledger(self) -> dict[str, dict[str, str]]:
        others = [entry for entry in os.listdir(self.path) if entry not in LITTER and entry != STAGING]
        if OUTPUT_MARKER in others:
            try:
                ledger: dict[str, Any] = json.loads((self.path / OUTPUT_MARKER).read_text(encoding="ascii"))
                return {name: made for name, made in ledger["files"].items() if _is_inside(name)}
            except (ValueError, KeyError, TypeError, AttributeError):
                pass
        elif not others:
            return {}
        raise PhototagError(
            f"{self.path} holds files that phototag did not make; choose a new or an empty folder with --out"
        )

    def _write_ledger(self, files: dict[str, dict[str, str]]) -> None:
        about = "Made by phototag. The files listed here may be replaced by its next run; no scan looks into this folder."
        text = json.dumps({"about": about, "files": files}, indent=1, sort_keys=True) + "\n"
        temporary = self.staging / OUTPUT_MARKER
        temporary.write_text(text, encoding="ascii")
        os.replace(temporary, self.path / OUTPUT_MARKER)

    def _clean_up(self) -> None:
        shutil.rmtree(self.staging, ignore_errors=True)
        if self.is_new:
            with suppress(OSError):  # not empty: it was filled
                self.path.rmdir()

    def _failed(self, error: OSError) -> PhototagError:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        where = (
            f" ({error.filename})"
            if error.filename and not str(error.filename).startswith(str(self.path))
            else ""
        )
        return PhototagError(
            f"cannot make the album in {self.path}: {reason}{where}. Nothing there was changed"
        )


def _is_inside(name: str) -> bool:
    """A ledger may have been edited: a name in it must never lead out of the folder."""
    return bool(name) and not os.path.isabs(name) and ".." not in name.split("/")
