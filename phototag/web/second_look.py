"""The second look at smiles, for an album that is kept in the browser. The net lives in a child process, as
for heat maps: it begins with the first photo that is looked at, and ends when the album is chosen. One at a
time.

Run as `python -m phototag.web.second_look` it is that child: pickled (Photo, faces) come in until there are
no more; for each a pickled list of smiles goes out, None for a photo that cannot be read, or a sentence that
says why there is no second look."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from phototag.errors import PhototagError
from phototag.highlights.choose import LookAgain
from phototag.records import Face, Photo
from phototag.web.heat import Busy

MOST_SMILES = 100_000  # photos whose smiles are remembered: a few dozen bytes each


class SecondLooks:
    """What was seen at the second look, and the process that looks."""

    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = {}
        self._one_album, self._starting = threading.Lock(), threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    @contextmanager
    def begin(self) -> Iterator[LookAgain | None]:
        """For one album; None where no net can be loaded: then the first look decides. Raises Busy, and,
        as one looks, PhototagError where the process fails."""
        if find_spec("torch") is None:
            yield None
            return
        if not self._one_album.acquire(blocking=False):
            raise Busy("another album is being made; keep this one when it is there")
        try:
            yield self._look
        finally:
            self._end_child()
            self._one_album.release()

    def close(self) -> None:
        """End the process, whoever waits for it, and start none any more."""
        with self._starting:
            self._is_closed = True
            if self._child is not None:
                self._child.kill()

    def _look(self, photo: Photo, faces: Sequence[Face]) -> list[float] | None:
        key = f"{photo.content_hash} {[(face.box, face.points) for face in faces]}"
        if key in self._seen:
            return self._seen[key]
        smiles = self._ask_child(photo, faces)
        if smiles is not None:
            if len(self._seen) >= MOST_SMILES:
                self._seen.clear()
            self._seen[key] = smiles
        return smiles

    def _ask_child(self, photo: Photo, faces: Sequence[Face]) -> list[float] | None:
        child = self._start_child()
        assert child.stdin is not None and child.stdout is not None
        try:
            pickle.dump((photo, tuple(faces)), child.stdin)
            child.stdin.flush()
            answer: list[float] | str | None = pickle.load(child.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            answer = "its process ended; try again"
        if isinstance(answer, str):
            raise PhototagError(f"the smiles could not be looked at once more: {answer}")
        return answer

    def _start_child(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._is_closed:
                raise PhototagError("the server is being stopped")
            if self._child is None:
                command = [sys.executable, "-m", "phototag.web.second_look"]
                self._child = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            return self._child

    def _end_child(self) -> None:
        with self._starting:
            child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def _answer() -> None:
    """What the child does. What it reads comes from its parent alone, and ends with it."""
    look: LookAgain | None = None
    while True:
        try:
            photo, faces = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: Any
        try:
            if look is None:
                from phototag.taggers.second_look import second_look

                look = second_look()
            answer = look(photo, faces)
        except (PhototagError, ImportError) as error:
            answer = str(error)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _answer()
