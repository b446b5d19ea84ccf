"""Which files beside a photo speak of it, by their names; and what they say. Pure but for the files that
`read_beside` is given; standard library only."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from phototag.metadata import exiftool_json, picasa, takeout, xmp
from phototag.metadata.record import Metadata
from phototag.metadata.xmp_fields import read_xmp
from phototag.storage.anywhere import read_start

ENDINGS = frozenset({"xmp", "json"})  # what a file beside a photo can end in


class Sidecar(NamedTuple):
    """A file beside photos, as a walk saw it; `name` as os.fsdecode gives it."""

    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Beside:
    """What a file beside the photo says. `source`: 'sidecar', 'picasa' or 'takeout'; `instant`: when the
    photo was taken, where that is stated as an instant."""

    name: str
    source: str
    metadata: Metadata
    instant: datetime | None = None


def may_be_sidecar(name: str) -> bool:
    """Whether a file of this name can speak of a photo."""
    return name[name.rfind(".") + 1 :].lower() in ENDINGS or name in picasa.NAMES


def index_names(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of a folder as `sidecar_names` takes them: as disks see them that know no case and one
    form of each letter, -> as they are. A photo and what speaks of it may have been on different ones."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_key(name), []).append(name)
    return found


def sidecar_names(photo: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Those of the names of a folder, see `index_names`, that may speak of the photo, the most trustworthy
    first: its own XMP, JSON of ExifTool's form, the folder's Picasa file, Takeout's JSON."""
    own, own_stem = _key(photo), _stem(photo)
    stem = _stem(own)
    candidates = [f"{own}.xmp", f"{stem}.xmp", f"{own}.json", f"{stem}.json"]
    candidates += [*map(_key, picasa.NAMES), *takeout.json_names(own)]
    found: list[str] = []
    for one in dict.fromkeys(candidates):
        if same := names.get(one):
            # where several names differ only so, the one of this photo
            exact = (
                same,
                [n for n in same if n.startswith(own_stem)],
                [n for n in same if n.startswith(photo)],
            )
            found += next(filter(None, reversed(exact)))
    return found


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _key(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).lower()


class Reader:
    """Reads files beside photos, from any thread. A folder's Picasa file is kept for the next photo. What
    cannot be read is in `errors`: absolute path -> why, as one sentence."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}
        self._picasa: tuple[str, picasa.PicasaFolder | None] = ("", None)

    def read(self, folder: str, photo: str, names: Sequence[str]) -> tuple[Beside, ...]:
        """What these files of the `folder` say of the photo of this file name, in their order."""
        return tuple(said for name in names for said in self._read(folder, photo, name))

    def _read(self, folder: str, photo: str, name: str) -> Iterator[Beside]:
        path = os.path.join(folder, name)
        try:
            if name.lower().endswith(".xmp"):
                said = read_xmp(_bytes_of(path, xmp.MAX_BYTES))
                if said.extension is None or photo.lower().endswith("." + said.extension.lower()):
                    yield Beside(name, "sidecar", said)
            elif name in picasa.NAMES:
                if (inside := self._picasa_folder(path)) and (of_photo := picasa.read_picasa(inside, photo)):
                    yield Beside(name, "picasa", of_photo)
            else:
                yield _read_json(name, _bytes_of(path, takeout.MAX_BYTES))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.errors[path] = reason

    def _picasa_folder(self, path: str) -> picasa.PicasaFolder | None:
        known = self._picasa  # once: other threads may read another folder meanwhile
        if known[0] != path:
            try:
                known = path, picasa.parse_picasa(_bytes_of(path, picasa.MAX_BYTES))
            except (OSError, ValueError):
                self._picasa = path, None
                raise
            self._picasa = known
        return known[1]


def _read_json(name: str, data: bytes) -> Beside:
    """Raises ValueError."""
    if data.lstrip()[:1] == b"[":
        return Beside(name, "sidecar", exiftool_json.read_exiftool(exiftool_json.parse_exiftool(data)))
    document = takeout.parse_takeout(data)
    return Beside(name, "takeout", takeout.read_takeout(document), takeout.taken_time(document))


def _bytes_of(path: str, max_bytes: int) -> bytes:
    """Up to one byte more than the reader takes: it then says that there are too many. Raises OSError."""
    return read_start(path, max_bytes + 1)


def changed_names(before: Mapping[str, tuple[int, int]], now: Sequence[Sidecar]) -> set[str]:
    """The names of the files that were added, changed or removed. `before`: name -> size and time."""
    seen = {one.name: (one.size_bytes, one.mtime_ns) for one in now}
    return {name for name in before.keys() | seen.keys() if before.get(name) != seen.get(name)}
