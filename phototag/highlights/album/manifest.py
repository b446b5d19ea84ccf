"""The album folder: the chosen photos under sortable names, as links or copies, and album.json,
which says what was chosen and why. Originals are only ever read."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phototag.highlights.album.folder import How, OutputFolder
from phototag.highlights.album.strip import extension as stripped_extension
from phototag.highlights.album.strip import stripped
from phototag.highlights.theme import SECTIONS, Theme
from phototag.highlights.verdict import Choice, Verdict
from phototag.inputs import read_input
from phototag.reading.folders import OUTPUT_MARKER
from phototag.records import FILE_DATE_MARK, Photo, iso_date

MANIFEST = "album.json"
# of UTF-8: with date, suffix and extension well below the 255 that file systems take (eCryptfs:
# 143)
STEM_BYTES = 120
LONGEST_DATE = 17  # of one that is no guess


def lay_out(
    folder: OutputFolder,
    choice: Choice,
    title: str,
    query: str,
    how: How | None = None,
    *,
    strip: bool = False,
) -> None:
    """Fill the folder with the photos and the manifest, which names no place outside the folder. `how`:
    as for OutputFolder.link. `strip`: copies without place and maker notes."""
    names = file_names([verdict.photo for verdict in choice.kept], strip=strip)
    for verdict, name in zip(choice.kept, names, strict=True):
        content_hash = verdict.photo.content_hash or ""
        if strip:
            folder.write(name, stripped(verdict.photo), photo=content_hash)
        else:
            folder.link(name, verdict.photo.path, content_hash, how)
    text = json.dumps(as_dict(choice, title, query, names, sources=False), indent=2) + "\n"
    folder.write(MANIFEST, text.encode("ascii"))


def find_other(folder: Path, title: str, query: str) -> str | None:
    """The title of the album that a folder holds, where it is another one than this."""
    if not (folder / OUTPUT_MARKER).is_file():
        return None
    try:
        if not (folder / MANIFEST).is_file():  # nor a pipe, at which one waits
            return None
        held = json.loads(read_input(folder / MANIFEST))
        other = (held["title"], held["query"]) != (title, query)
        return str(held["title"]) if other else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def file_names(photos: Sequence[Photo], *, strip: bool = False) -> list[str]:
    """`2016-05-14_183012_IMG_0042.jpg`: sortable by time, distinct on any file system. People and programs
    read names as dates, this one too, so a guessed one is marked: `2016-05-14_183012_file-date_x.jpg`. Photos
    whose names would be equal all carry the beginning of their content hash, so that a name never depends
    on the order of the photos."""
    names = [_file_name(photo, strip=strip) for photo in photos]
    how_many = Counter(name.casefold() for name in names)
    return [
        _file_name(photo, f"-{(photo.content_hash or '')[:12]}", strip=strip)
        if how_many[name.casefold()] > 1
        else name
        for photo, name in zip(photos, names, strict=True)
    ]


def _file_name(photo: Photo, suffix: str = "", *, strip: bool = False) -> str:
    stem, _, extension = photo.path.rpartition("/")[2].rpartition(".")
    if not stem:
        stem, extension = extension, ""
    date = (photo.taken_text or "undated").replace(" ", "_").replace(":", "")
    if photo.date_is_guessed:
        date = f"{date}_{FILE_DATE_MARK}"
    stem = (
        _plain(stem)
        .encode()[: STEM_BYTES - max(len(date) - LONGEST_DATE, 0)]
        .decode(errors="ignore")
        .rstrip(". ")
        or "photo"
    )
    extension = _plain(extension)[:10].rstrip(". ")
    if strip:
        extension = stripped_extension(f".{extension}")[1:]
    return f"{date}_{stem}{suffix}" + (f".{extension}" if extension else "")


def _plain(text: str) -> str:
    """What every file system and terminal takes: composed, no control characters, direction marks,
    undecodable bytes, path separators or the characters that Windows forbids. Dashes and dots in
    front do no harm: a date stands before."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(
        "_" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else c for c in text
    )
    return re.sub(r'[<>:"/\\|?*\s]+', "_", text)


def as_dict(
    choice: Choice, title: str, query: str, names: Sequence[str], *, sources: bool = True
) -> dict[str, Any]:
    """What album.json holds, where it is without `sources`, the photos' own paths: no clock time,
    no row numbers, nothing that depends on when or in which order photos were scanned. It names its
    maker first, by which a scan knows it."""
    return {
        "maker": "phototag",
        "format": 1,
        "title": title,
        "query": query,
        "theme": theme_dict(choice.theme),
        "considered": len(choice.verdicts),
        "counts": {reason.name.lower(): number for reason, number in choice.counts().items()},
        "members": [
            {"position": position, "file": name, **verdict_dict(verdict, sources=sources)}
            for position, (verdict, name) in enumerate(zip(choice.kept, names, strict=True), 1)
        ],
    }


def theme_dict(theme: Theme) -> dict[str, Any]:
    plain = {field.name: getattr(theme, field.name) for field in dataclasses.fields(theme)}
    plain["weights"] = dict(theme.weights)
    return {key: dataclasses.asdict(value) if key in SECTIONS else value for key, value in plain.items()}


def verdict_dict(verdict: Verdict, *, sources: bool = True) -> dict[str, Any]:
    """A verdict for scripts: numbers to four places, beyond which they mean nothing."""
    photo = verdict.photo
    entry: dict[str, Any] = {"source": photo.path} if sources else {}
    entry |= {
        "content_hash": photo.content_hash,
        "taken_at": iso_date(photo.taken_text),
        "taken_from": photo.taken_from,
        "reason": verdict.reason.name.lower(),
        "numbers": _rounded(verdict.numbers),
        "signals": _rounded(verdict.signals),
        "faces": [
            {
                "box": [round(edge, 5) for edge in face.box.as_list()],
                "smile": None if face.smile is None else round(face.smile, 4),
            }
            for face in verdict.faces
        ],
    }
    if verdict.other is not None and sources:
        entry["other"] = verdict.other.path
    return entry


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}
