"""The album folder: the chosen photos under sortable names, as links or copies, and album.json,
which says what was chosen and why. Originals are only ever read."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from phototag.highlights.album.folder import How, OutputFolder
from phototag.highlights.theme import SECTIONS, Theme
from phototag.highlights.verdict import Choice, Verdict
from phototag.records import Photo

MANIFEST = "album.json"
# of UTF-8: with date, suffix and extension well below the 255 that file systems take (eCryptfs:
# 143)
STEM_BYTES = 120


def lay_out(folder: OutputFolder, choice: Choice, title: str, query: str, how: How) -> None:
    """Fill the folder with the photos and the manifest."""
    names = file_names([verdict.photo for verdict in choice.kept])
    for verdict, name in zip(choice.kept, names, strict=True):
        folder.link(name, verdict.photo.path, how, verdict.photo.content_hash or "")
    text = json.dumps(as_dict(choice, title, query, names), indent=2) + "\n"
    folder.write(MANIFEST, text.encode("ascii"))


def file_names(photos: Sequence[Photo]) -> list[str]:
    """`2016-05-14_183012_IMG_0042.jpg`: sortable by time, distinct on any file system. Photos whose
    names would be equal all carry the beginning of their content hash, so that a name never depends
    on the order of the photos."""
    names = [_file_name(photo) for photo in photos]
    how_many = Counter(name.casefold() for name in names)
    return [
        _file_name(photo, f"-{(photo.content_hash or '')[:12]}") if how_many[name.casefold()] > 1 else name
        for photo, name in zip(photos, names, strict=True)
    ]


def _file_name(photo: Photo, suffix: str = "") -> str:
    stem, _, extension = photo.path.rpartition("/")[2].rpartition(".")
    if not stem:
        stem, extension = extension, ""
    date = f"{photo.taken_at.year:04}-{photo.taken_at:%m-%d_%H%M%S}" if photo.taken_at else "undated"
    stem = _plain(stem).encode()[:STEM_BYTES].decode(errors="ignore").rstrip(". ") or "photo"
    extension = _plain(extension)[:10].rstrip(". ")
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


def as_dict(choice: Choice, title: str, query: str, names: Sequence[str]) -> dict[str, Any]:
    """What album.json holds: no clock time, no row numbers, nothing that depends on when or in
    which order photos were scanned. It names its maker first, by which a scan knows it."""
    return {
        "maker": "phototag",
        "format": 1,
        "title": title,
        "query": query,
        "theme": theme_dict(choice.theme),
        "considered": len(choice.verdicts),
        "counts": {reason.name.lower(): number for reason, number in choice.counts().items()},
        "members": [
            {"position": position, "file": name, **verdict_dict(verdict)}
            for position, (verdict, name) in enumerate(zip(choice.kept, names, strict=True), 1)
        ],
    }


def theme_dict(theme: Theme) -> dict[str, Any]:
    plain = {field.name: getattr(theme, field.name) for field in dataclasses.fields(theme)}
    plain["weights"] = dict(theme.weights)
    return {key: dataclasses.asdict(value) if key in SECTIONS else value for key, value in plain.items()}


def verdict_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict for scripts: numbers to four places, beyond which they mean nothing."""
    photo = verdict.photo
    entry: dict[str, Any] = {
        "source": photo.path,
        "content_hash": photo.content_hash,
        "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
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
    if verdict.other is not None:
        entry["other"] = verdict.other.path
    return entry


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}
