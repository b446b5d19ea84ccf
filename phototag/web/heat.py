"""Heat maps for a photo's page. A net and what it needs take half a gigabyte: they live in a child process,
which ends when its answer is there, so that the server stays as small as it was. One at a time; who does not
wait any more for one ends its process.

Run as `python -m phototag.web.heat` it is that child: a pickled (Photo, thing) comes in, a WebP goes out;
where there is no heat map, one sentence on stderr and exit code 1."""

from __future__ import annotations

import asyncio
import hashlib
import io
import pickle
import sys

from phototag.errors import PhototagError
from phototag.records import Photo
from phototag.version import __version__
from phototag.web.thumbnails import Thumbnails, Wanted

SMILE = "smile"  # what is asked of the faces; all else is a thing
SIDE = 1600  # pixels, that of the picture it is laid over
SECONDS = 300.0  # for one, on a machine that is busy with a scan; it takes six of a free one


class Busy(PhototagError):
    """Another heat map is being made."""


class HeatMaps:
    """Those of photos, kept beside their thumbnails."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self._is_busy = False

    async def find(self, photo: Photo, of: str) -> bytes:
        """A WebP, transparent where nothing speaks for it. Raises Busy, and PhototagError with the reason
        where there is none."""
        wanted = Wanted(photo.path, photo.content_hash, SIDE, heat=_key(photo, of))
        kept = self._thumbnails.find(wanted)
        if kept is not None:
            return kept
        if self._is_busy:
            raise Busy("another heat map is being made; ask again when it is there")
        self._is_busy = True
        try:
            data = await _ask_child(photo, None if of == SMILE else of)
        finally:
            self._is_busy = False
        self._thumbnails.keep(wanted, data)
        return data


def _key(photo: Photo, of: str) -> str:
    """Another one where another net, another face or another version may give another answer."""
    rests_on = of, photo.detector, [(face.box, face.smile) for face in photo.faces], __version__
    return hashlib.sha256(repr(rests_on).encode("utf-8", "replace")).hexdigest()[:16]


async def _ask_child(photo: Photo, thing: str | None) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "phototag.web.heat",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer = child.communicate(pickle.dumps((photo, thing)))
        data, said = await asyncio.wait_for(answer, SECONDS)
    except TimeoutError:
        raise PhototagError(f"the heat map was not there after {SECONDS:.0f} seconds; try again") from None
    finally:
        if child.returncode is None:
            child.kill()
    if child.returncode:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        reason = lines[-1] if lines else f"its process ended with code {child.returncode}"
        raise PhototagError(f"there is no heat map of it: {reason}")
    return data


def _answer() -> None:
    """What the child does. What it reads comes from its parent alone."""
    from phototag.nets.heatmap import overlay
    from phototag.taggers.heat import find_heat

    photo, thing = pickle.load(sys.stdin.buffer)
    try:
        heat = find_heat(photo, thing)
    except PhototagError as error:
        sys.exit(str(error))
    picture = overlay(heat.spots)
    picture.thumbnail((SIDE, SIDE))
    data = io.BytesIO()
    picture.save(data, "WEBP", quality=80)
    sys.stdout.buffer.write(data.getvalue())


if __name__ == "__main__":
    _answer()
