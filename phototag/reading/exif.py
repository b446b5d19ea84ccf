"""What a photo's EXIF says, made sense of: date, place, camera, orientation. Nonsense is dropped
field by field, and damaged EXIF never costs the picture. Knows nothing of pixels; takes any mapping
with `get_ifd`, as Pillow's `Exif`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from phototag.metadata.beside import Beside
from phototag.reading.embedded import NOTHING, Embedded
from phototag.reading.exif_block import EXIF_FOLDER, GPS_FOLDER
from phototag.reading.place import place_of, stated_place
from phototag.reading.taken import ascii_text, find_taken
from phototag.records import Exif

# Tag numbers of the Exif 2.32 standard (CIPA DC-008).
MAKE, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112

CAMERA_LENGTH = 80  # the longest real names are about 50 letters; more is garbage


def parse_exif(
    raw: Any,
    mtime: float | None,
    path: str = "",
    embedded: Embedded = NOTHING,
    beside: Sequence[Beside] = (),
) -> Exif:
    """The record of a Pillow `Exif` (or None, where there is none). `mtime`, seconds, `path`, what is
    `embedded` in the file besides and what files `beside` it say: where the date may come from, see
    `taken`, and the place. People correct places in sidecars; Takeout's is often estimated."""
    top, inner, gps = _folder(raw, None), _folder(raw, EXIF_FOLDER), _folder(raw, GPS_FOLDER)
    moment, source = find_taken({**top, **inner}, gps, embedded, path, mtime, beside)
    latitude, longitude = _place(gps, embedded, beside)
    return Exif(
        taken_at=moment.middle if moment else None,
        taken_from=source,
        utc_offset_minutes=moment.offset_minutes if moment else None,
        latitude=latitude,
        longitude=longitude,
        camera=next(filter(None, map(_camera, (top, *embedded.further_exif))), None),
        orientation=orientation(top),
        taken_precision=moment.precision if moment else "second",
    )


def _place(
    gps: Mapping[int, Any], embedded: Embedded, beside: Sequence[Beside]
) -> tuple[float | None, float | None]:
    """The first that is one."""
    corrected = (one.metadata.place for one in beside if one.source == "sidecar")
    own = (stated_place(gps), embedded.xmp.place, *map(stated_place, embedded.further_exif))
    others = (one.metadata.place for one in beside)
    for stated in chain(corrected, own, others):
        if stated is not None and (place := place_of(stated))[0] is not None:
            return place
    return None, None


def first_image(raw: Any) -> dict[int, Any]:
    """Tag -> value of the first image, of what of it can be read."""
    return _folder(raw, None)


def orientation(top: Mapping[int, Any]) -> int:
    """How the stored picture must be turned to stand upright, 1 to 8; 1 where the tag is absent or
    nonsense."""
    value = top.get(ORIENTATION)
    if isinstance(value, bytes) and len(value) == 1:  # some programs write a byte, not a number of two
        value = value[0]
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _folder(raw: Any, number: int | None) -> dict[int, Any]:
    if raw is None:
        return {}
    try:
        source = raw if number is None else raw.get_ifd(number)
        names = list(source)
    except Exception:  # damaged in any of the ways a binary format can be
        return {}
    values = {}
    for name in names:
        try:
            values[name] = source[name]
        except Exception:  # Pillow decodes an entry when asked for it
            continue
    return values


def _text(value: Any) -> str:
    value = ascii_text(value)
    return " ".join("".join(char if char.isprintable() else " " for char in value.split("\0")[0]).split())


def _camera(top: Mapping[int, Any]) -> str | None:
    """Make and model, the make only once: "Canon" + "Canon EOS 5D", "NIKON CORPORATION" + "NIKON D70"."""
    make, model = _text(top.get(MAKE)), _text(top.get(MODEL))
    first = model.split(" ")[0].lower()
    if not (first and first in make.lower().split()) and not model.lower().startswith(make.lower()):
        model = f"{make} {model}".strip()
    return (model or make)[:CAMERA_LENGTH] or None
