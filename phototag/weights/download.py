"""One file over HTTP, resumable, by the standard library. Owns the errors of the network; knows
nothing of hashes."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from phototag.errors import WeightsError
from phototag.offline import is_offline
from phototag.version import __version__

STALL_SECONDS = 30.0  # no byte for so long means that none will come
CHUNK_BYTES = 1 << 20
Progress = Callable[[int, int], None]  # (bytes here, bytes in all; 0 when the server does not say)


def refuse_offline(url: str, again: str) -> None:
    """Raises WeightsError where PHOTOTAG_OFFLINE forbids the connection. `again`: what to type then."""
    if is_offline():
        raise WeightsError(f"{url}: not fetched, because PHOTOTAG_OFFLINE is set; unset it and type: {again}")


def to_file(url: str, partial: Path, progress: Progress, stall_seconds: float, again: str) -> None:
    """Write `url` to `partial`, going on where an earlier try stopped when the server can. `again`
    is what to type after a failure. Raises WeightsError; what has come so far stays in
    `partial`."""
    refuse_offline(url, again)
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": f"phototag/{__version__}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=stall_seconds) as answer:
            if answer.status != 206:
                have = 0  # the server starts from the beginning, so do we
            length = answer.headers.get("Content-Length")
            total = have + int(length) if length else 0
            with partial.open("r+b" if have else "wb") as file:
                file.seek(have)
                progress(have, total)
                while chunk := answer.read1(CHUNK_BYTES):  # read would hold back what came before a stall
                    file.write(chunk)
                    have += len(chunk)
                    progress(have, total)
                file.truncate()
    except urllib.error.HTTPError as error:
        if error.code == 416:  # we have all of it already, or more than there is: the hash will tell
            return
        raise WeightsError(
            f"{url}: the server answered {error.code} {error.reason}; try again later: {again}"
        ) from error
    except TimeoutError as error:
        raise WeightsError(
            f"{url}: no data for {stall_seconds:g} seconds, after {have:,} bytes; to go on from there "
            f"type: {again}"
        ) from error
    except urllib.error.URLError as error:
        stalled = isinstance(error.reason, TimeoutError)
        why = (
            f"no answer within {stall_seconds:g} seconds"
            if stalled
            else f"cannot be reached ({error.reason})"
        )
        raise WeightsError(
            f"{url}: {why}; when there is a network type: {again}, or bring the file: phototag weights "
            "import FILE"
        ) from error
    except (ConnectionError, http.client.HTTPException) as error:
        raise WeightsError(
            f"{url}: the connection broke off after {have:,} bytes; to go on from there type: {again}"
        ) from error
    except OSError as error:
        raise WeightsError(f"{partial}: cannot be written ({error.strerror or error})") from error
    if total and have < total:
        raise WeightsError(
            f"{url}: ended after {have:,} of {total:,} bytes; to go on from there type: {again}"
        )
