"""The structure of a JPEG: where its picture ends, and whether it is whole. libjpeg guesses rather
than fails where pixels are missing; phototag reports the file instead.

Source: ITU-T T.81 (the marker codes of annex B)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
MOST_SEGMENTS = 4_000  # before the walk is given up: files have some dozens, one for each scan and table
GREY, INVERTED_GREY = 128, 127  # what libjpeg paints where a JPEG's data has ended; as Pillow shows CMYK
# A JPEG's next marker after compressed pixels, in which 00 or a restart follows FF. More FF may
# stand before it: a pattern that takes those along searches ten times as long.
MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
FILL = re.compile(rb"\xff*")
# What begins a segment. What stands between segments libjpeg skips, as far as the next of these.
SEGMENT = re.compile(rb"\xff[^\x00\x01\xd0-\xd9\xff]")
# Notes before the pixels: phones write a depth map as some hundred of them. Pillow joins Exif segments
# in time that grows with their square.
MOST_NOTES, MOST_EXIF, MOST_FILL, TOO_MANY_SEGMENTS = 4_000, 8, 65_536, 10_000
SHORTEST_NOTE = 7  # bytes: JFIF's and Adobe's name, and their version
APP1, EXIF_HEAD = 0xE1, b"Exif\0\0"
DHT, DQT, DRI, SOS, COM, DNL = 0xC4, 0xDB, 0xDD, 0xDA, 0xFE, 0xDC
RST = 0xD0  # the first of eight
DNL_HEAD, OF_JPEG_LS = b"\xff\xdc\0\4", 0xF7
BETWEEN_SCANS = frozenset({DHT, DQT, DRI, SOS, COM, *range(0xE0, 0xF0)})
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# What phones put behind a picture: a video (ISO 14496-12, whose first four bytes are a length), Samsung's and
# others' containers of it, or zeros.
TRAILERS = ((b"ftyp", 4), (b"MotionPhoto_Data", 0), (b"SEFH", 0), (bytes(64), 0))
NOISE = hashlib.shake_256(b"noise").digest(4096).replace(b"\xff", b"\xfe")


@dataclass(frozen=True)
class Structure:
    """`start`: where the compressed pixels begin; `last_start`: those of the last scan; `end`: where they
    end; `has_end`: whether the end marker stands there; `scans`: how many passes over the picture there
    are; `is_progressive`; `is_complete`: whether every bit of every coefficient was sent, by the headers
    of the scans; `samples_per_pixel`: 3 for colours at full resolution, 1.5 for the usual 4:2:0."""

    start: int
    last_start: int
    end: int
    has_end: bool
    scans: int
    is_progressive: bool
    is_complete: bool
    size_wh: tuple[int, int]
    samples_per_pixel: float

    @property
    def pixel_bytes(self) -> int:
        """How many bytes of the file are pixels."""
        return self.end - self.start

    def closed(self, data: bytes) -> bytes:
        """The picture alone, with an end marker."""
        return data if self.has_end else data[: self.end] + EOI

    def with_noise(self, data: bytes) -> tuple[bytes, ...]:
        """The same with noise before the end marker: who shows another picture has read on. Of a picture
        with restarts also with the next one before the noise: cut exactly before it, it waits for that."""
        head, restart = data[: self.end], self._next_restart(data)
        return (head + NOISE + EOI, *((head + restart + NOISE + EOI,) if restart else ()))

    def _next_restart(self, data: bytes) -> bytes:
        """The restart that would follow; empty where the picture has none."""
        if data.find(bytes((0xFF, DRI)), 0, self.start) < 0:
            return b""
        last = max((data.rfind(bytes((0xFF, RST + n)), self.start, self.end), n) for n in range(8))
        return bytes((0xFF, RST + (last[1] + 1) % 8 if last[0] >= 0 else RST))


def find_structure(data: bytes) -> Structure:
    """Walks the markers of the file's first picture. Never fails: what makes no sense ends the
    picture."""
    position, scans, frame = first_segment(data), 0, 0
    size_wh, components, samples = (0, 0), 0, 0.0
    missing: dict[tuple[int, int], int] = {}  # (component, coefficient) -> bits that are still to come
    start, last_start, has_end = len(data), len(data), False
    for step in range(MOST_SEGMENTS + 1):
        if not scans:
            position = next_segment(data, position)
        marker, body, following = _segment(data, position)
        if marker is None or step == MOST_SEGMENTS:
            if not scans:
                start = last_start = position = len(data)
            break
        if marker in FRAMES and not frame:
            frame = marker
            size_wh = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")
            components = body[5] if len(body) > 5 else 0
            samples = _samples_per_pixel(body[7 : 6 + 3 * components : 3])
        if marker != SOS:
            if following == position or (scans and marker not in BETWEEN_SCANS):
                break
            position = following
            continue
        scans += 1
        start, last_start = following if scans == 1 else start, following
        named = _note_scan(body, missing)
        found = MARKER.search(data, following)
        position = found.start() if found else len(data)
        if found is None or found[1] == EOI[1:]:
            has_end = found is not None
            break
        whole = frame not in PROGRESSIVE and named >= components
        if whole or not _leads_to_scan(data, position):
            break
    progressive = frame in PROGRESSIVE
    sent = {component for component, _ in missing}
    complete = not progressive or (
        len(sent) >= components and all(missing.get((c, k), 1) == 0 for c in sent for k in range(64))
    )
    return Structure(start, last_start, position, has_end, scans, progressive, complete, size_wh, samples)


def cut_trailer(data: bytes, structure: Structure) -> Structure:
    """Of a picture without an end marker: the same, ending before what a phone put behind it, and
    before zeros with which a copy was filled up."""
    start = structure.last_start
    found = (data.find(mark, start + before, structure.end) - before for mark, before in TRAILERS)
    end = min((at for at in found if at >= start), default=structure.end)
    # the last two zeros may be pixels
    end = min(end, len(data[start:end].rstrip(b"\0")) + start + 2)
    end = len(data[start:end].rstrip(b"\xff")) + start  # filled up, or half an end marker
    return replace(structure, end=end, has_end=False)


def first_segment(data: bytes) -> int:
    return 2 if data.startswith(SOI) else 0


def next_segment(data: bytes, position: int) -> int:
    """Where the next segment stands; the end of the data where there is none."""
    found = SEGMENT.search(data, position)
    return found.start() if found else len(data)


def skip_fill(data: bytes, position: int) -> int:
    """Where the marker stands: any number of FF may come before it."""
    found = FILL.match(data, position)
    return max(position, found.end() - 1) if found else position


def without_excess(data: bytes) -> bytes:
    """The file with no more notes before its pixels than programs write, and no more between them that is
    none, of which Pillow looks at every byte; the same object where it has no more. Raises ValueError
    where there is no end of them."""
    kept, notes, exif, fill = [], 0, 0, 0  # kept: where segments begin and end
    position = first_segment(data)
    head = data[:position]
    for _ in range(TOO_MANY_SEGMENTS):
        start = next_segment(data, position)
        fill += start - position
        marker, _, following = _segment(data, start)
        if marker is None and data[start + 2 : start + 4] in (b"\0\0", b"\0\1"):  # a length that is none
            fill, position = fill + 2, start + 2
            continue
        if marker is None or marker == SOS:
            break
        position = following
        is_exif = marker == APP1 and data.startswith(EXIF_HEAD, start + 4)
        notes += marker == COM or 0xE0 <= marker <= 0xEF
        exif += is_exif
        if notes <= MOST_NOTES and not (is_exif and exif > MOST_EXIF):
            kept.append((start, following))
    else:
        raise ValueError("no end of notes before the picture")
    if notes <= MOST_NOTES and exif <= MOST_EXIF and fill <= MOST_FILL:
        return data
    return b"".join([head, *(data[first:last] for first, last in kept), data[start:]])


def _before_scan(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """(marker, body, its position, that of the next) of each segment before the first scan."""
    position = first_segment(data)
    for _ in range(MOST_SEGMENTS):
        position = next_segment(data, position)
        marker, body, following = _segment(data, position)
        if marker is None or marker == SOS:
            break
        yield marker, body, position, following
        position = following


def without_short_notes(data: bytes) -> bytes:
    """The file without notes that are too short to say anything, for which Pillow refuses the picture."""
    kept, position = [], 0
    for marker, body, start, following in _before_scan(data):
        if 0xE0 <= marker <= 0xEF and len(body) < SHORTEST_NOTE:
            kept.append(data[position:start])
            position = following
    return b"".join([*kept, data[position:]])


def with_height(data: bytes) -> bytes:
    """The file with its height in the header of its frame, where scanners write it behind the first scan
    (DNL) since they do not know it before; the same object where it is there."""
    for marker, body, position, following in _before_scan(data):
        if marker in FRAMES:
            stated = data.find(DNL_HEAD, following)
            if body[1:3] != b"\0\0" or stated < 0:
                break
            at = skip_fill(data, position) + 5
            height = data[stated + 4 : stated + 6]
            return b"".join([data[:at], height, data[at + 2 : stated], data[stated + 6 :]])
    return data


def describe_rare(data: bytes) -> str | None:
    """What a JPEG is that libjpeg does not decode as photos are; None where it seems to be none of them."""
    for marker, body, _, _ in _before_scan(data):
        if marker == OF_JPEG_LS:
            return "a JPEG-LS picture, which phototag does not decode"
        if marker in FRAMES and body[0] != 8:
            return f"a JPEG of {body[0]} bits for each colour, which phototag does not decode"
        if marker in FRAMES and body[1:3] == b"\0\0":
            return "the picture is damaged: it does not say how high it is"
    return None


def ends_with_marker(data: bytes) -> bool:
    """Whether the last bytes are an end marker, as in most files; zeros may follow."""
    return data.rstrip(b"\0").endswith(EOI)


def _segment(data: bytes, position: int) -> tuple[int | None, bytes, int]:
    """The marker at this place, what its segment says, and where the next one stands."""
    position = skip_fill(data, position)
    if position + 4 > len(data) or data[position] != 0xFF:
        return None, b"", position
    length = int.from_bytes(data[position + 2 : position + 4], "big")
    following = position + 2 + length
    if length < 2 or following > len(data):
        return None, b"", position
    return data[position + 1], data[position + 4 : min(following, position + 64)], following


def _samples_per_pixel(factors: bytes) -> float:
    """`factors`: how often each component is sampled, across and down, in four bits each."""
    across, down = [byte >> 4 for byte in factors], [byte & 15 for byte in factors]
    largest = max(across, default=1) * max(down, default=1)
    return sum(h * v for h, v in zip(across, down, strict=True)) / largest if largest else float(len(factors))


def _leads_to_scan(data: bytes, position: int) -> bool:
    """Whether the segments from here on lead to another scan: random bytes hardly do."""
    for _ in range(64):
        marker, body, following = _segment(data, position)
        if marker is None or marker not in BETWEEN_SCANS:
            return False
        if marker == SOS:
            return len(body) > 0 and 1 <= body[0] <= 4 and len(body) == 4 + 2 * body[0]
        position = following
    return False


def _note_scan(body: bytes, missing: dict[tuple[int, int], int]) -> int:
    """What the scan sends of which coefficients; returns how many components it names."""
    number = body[0] if body else 0
    if number == 0 or len(body) < 4 + 2 * number:
        return 0
    first, last, low = body[-3], min(body[-2], 63), body[-1] & 15
    for i in range(number):
        for coefficient in range(first, last + 1):
            missing[body[1 + 2 * i], coefficient] = low
    return number
