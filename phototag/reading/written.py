"""What people and other programs wrote about a photo: in the Exif, XMP, IPTC and text of its file, and in
files beside it. Reads no pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from phototag.metadata.beside import Beside
from phototag.metadata.record import (
    LEVEL,
    TITLE_LENGTH,
    Metadata,
    clean,
    clean_keyword,
    clean_lines,
    percent_rating,
    read_rating,
)
from phototag.metadata.resolve import EMBEDDED, join_fields, resolve
from phototag.reading.embedded import Embedded
from phototag.records import Written

# Tag numbers: of TIFF 6.0, and those that Windows writes (its texts are UTF-16).
IMAGE_DESCRIPTION, RATING, RATING_PERCENT = 0x010E, 0x4746, 0x4749
XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
# What cameras and phones write as the description of every photo.
NO_DESCRIPTIONS = frozenset(
    {
        "default",
        "dcim",
        "digital image",
        "digital still camera",
        "digital stillcamera",
        "edf",
        "exif_jpeg_picture",
        "hdrpl",
        "jpeg image",
        "mavica",
        "minolta dsc",
        "minolta digital camera",
        "my beautiful picture",
        "oznor",
        "pictureapp",
        "rhdr",
        "sony dsc",
        "untitled",
    }
)
NO_DESCRIPTION_STARTS = ("dcim\\", "charset=", "cof_", "fbmd")


def find_written(
    exif: Mapping[int, Any],
    embedded: Embedded,
    beside: Sequence[Beside],
    stored_wh: tuple[int, int] | None,
    orientation: int,
) -> Written:
    """What is believed of a photo. `exif`: tag -> value of its first image; `stored_wh`: the size of the
    stored picture, before `orientation` turns it upright; None where it is not known."""
    inside = join_fields((embedded.xmp, embedded.iptc, read_tags(exif), _of_text(embedded.text)))
    said = [(one.source, one.metadata) for one in beside]
    return resolve([*said, (EMBEDDED, inside)], stored_wh, orientation)


def read_tags(exif: Mapping[int, Any]) -> Metadata:
    """What the tags of Exif say beside date and place."""
    rating = read_rating(exif.get(RATING))
    keywords = [clean_keyword([word.replace(LEVEL, "/")]) for word in _wide(exif.get(XP_KEYWORDS)).split(";")]
    return Metadata(
        rating=percent_rating(exif.get(RATING_PERCENT)) if rating is None else rating,
        title=clean(_wide(exif.get(XP_TITLE)), TITLE_LENGTH),
        description=_description(exif.get(IMAGE_DESCRIPTION))
        or clean_lines(_wide(exif.get(XP_COMMENT)))
        or clean_lines(_wide(exif.get(XP_SUBJECT))),
        keywords=tuple(word for word in keywords if word),
    )


def _of_text(text: Mapping[str, str]) -> Metadata:
    """What the text of a PNG says, by its recommended keys (PNG 1.2, 4.2.3.1)."""
    return Metadata(
        title=clean(text.get("Title"), TITLE_LENGTH), description=clean_lines(text.get("Description"))
    )


def _description(value: Any) -> str | None:
    """By the standard ASCII; UTF-8 in practice, which Pillow gives as Latin-1."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    with suppress(UnicodeError):  # it is Latin-1, or was text already
        value = value.encode("latin-1").decode("utf-8")
    text = clean_lines(value.split("\0")[0])
    said = (text or "").casefold()
    is_cameras = said in NO_DESCRIPTIONS or said.startswith(NO_DESCRIPTION_STARTS)
    return None if is_cameras or said.endswith("digital camera") else text


def _wide(value: Any) -> str:
    """A text of Windows: UTF-16, as bytes or as numbers."""
    if isinstance(value, tuple | list):
        try:
            value = bytes(value)
        except (TypeError, ValueError):
            return ""
    if not isinstance(value, bytes):
        return ""
    return value.decode("utf-16-le", "replace").split("\0")[0]
