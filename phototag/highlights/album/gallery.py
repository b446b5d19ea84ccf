"""The gallery: one folder with an index.html that opens from a USB stick. Its pictures are made
anew and small, without EXIF, so that neither places nor cameras travel with them; it asks nothing
of any network, and works without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from itertools import groupby
from pathlib import Path
from string import Template
from urllib.parse import quote

from phototag.highlights import captions
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.chosen import open_chosen
from phototag.highlights.verdict import Choice, Verdict
from phototag.records import Photo

FOLDER = "gallery"
# Long sides in pixels: a thumbnail stays sharp in its row on a phone or laptop of two device
# pixels; the large one fills a full HD screen as far as a landscape photo can, at about 300 kB.
THUMBNAIL_SIDE, LARGE_SIDE = 560, 1600
THUMBNAIL_QUALITY, LARGE_QUALITY = 80, 86
FILM = "film.mp4"
MONTHS_FROM = 12  # photos from which on an album of several months has a heading for each


def lay_out(
    folder: OutputFolder,
    choice: Choice,
    title: str,
    *,
    places: bool = False,
    film: Path | None = None,
    progress: Callable[[], None] | None = None,
) -> None:
    """Fill `gallery/` in the folder. `places`: print where photos were taken; not otherwise, since
    a gallery is made to be passed on. `film`: shown on the page, from a copy of it. Photos that were copied
    into the folder before can be downloaded. `progress` is called once per photo. Raises PhototagError
    where a chosen photo cannot be opened any more."""
    for verdict in choice.kept:
        _make_pictures(folder, verdict.photo)
        if progress is not None:
            progress()
    if film is not None:
        folder.write(f"{FOLDER}/{FILM}", film.read_bytes())
    text = page(choice, title, places, originals=_copies(folder), with_film=film is not None)
    folder.write(f"{FOLDER}/index.html", text.encode("utf-8"))


def _copies(folder: OutputFolder) -> dict[str, str]:
    """Content hash -> name in the folder, of the photos that are there themselves and not as links."""
    return {
        made["photo"]: name
        for name, made in folder.new.items()
        if "photo" in made and made["how"] in ("copy", "hardlink")
    }


def picture_names(photo: Photo) -> tuple[str, str]:
    """Thumbnail and large picture, relative to the page. Named by content and size, so that a rerun
    knows them again and no photo's name can do harm in an address."""
    name = (photo.content_hash or "")[:20]
    return f"pictures/{name}-{THUMBNAIL_SIDE}.jpg", f"pictures/{name}-{LARGE_SIDE}.jpg"


def _make_pictures(folder: OutputFolder, photo: Photo) -> None:
    from PIL import Image

    thumbnail, large = (f"{FOLDER}/{name}" for name in picture_names(photo))
    if folder.has(thumbnail) and folder.has(large):
        return
    picture = Image.fromarray(open_chosen(photo, LARGE_SIDE))
    for name, side, quality in (
        (large, LARGE_SIDE, LARGE_QUALITY),
        (thumbnail, THUMBNAIL_SIDE, THUMBNAIL_QUALITY),
    ):
        picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, optimize=True, progressive=True)
        folder.write(name, data.getvalue())


def page(
    choice: Choice,
    title: str,
    places: bool = False,
    *,
    originals: Mapping[str, str] | None = None,
    with_film: bool = False,
) -> str:
    """The whole of index.html. The policy in it forbids every request but for its own pictures and film, and
    every script but its own. `originals`: content hash -> name in the folder around the gallery."""
    template, style, script = (_template(name) for name in ("gallery.html", "gallery.css", "gallery.js"))
    kept = choice.kept
    # Shapes travel in the style sheet, not in style attributes, which the policy forbids.
    style += "".join(
        f"#p{number} {{ --shape: {_shape(each.photo):.4f}; }}\n" for number, each in enumerate(kept, 1)
    )
    policy = (
        f"default-src 'none'; img-src 'self' file: data:; media-src 'self' file:; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        f"base-uri 'none'; form-action 'none'"
    )
    photos = [each.photo for each in kept]
    subtitle = ", ".join(part for part in (captions.count(len(kept), "photo"), captions.span(photos)) if part)
    return Template(template).substitute(
        policy=html.escape(policy, quote=False),
        title=html.escape(captions.visible(title)),
        subtitle=html.escape(subtitle),
        style=style,
        script=script,
        film=f'<video class="film" src="{FILM}" controls preload="metadata"></video>' if with_film else "",
        photos=_sections(kept, places, originals or {}),
    )


def _sections(kept: Sequence[Verdict], places: bool, originals: Mapping[str, str]) -> str:
    """One list of photos; in a long album one for each month."""
    numbered = list(enumerate(kept, 1))
    months = [(month, list(some)) for month, some in groupby(numbered, key=_month)]
    if len(kept) < MONTHS_FROM or len(months) == 1:
        months = [("", numbered)]
    return "\n".join(
        (f"<h2>{html.escape(month)}</h2>\n" if month else "")
        + '<ol class="grid">\n'
        + "\n".join(_item(number, each, places, originals) for number, each in some)
        + "\n</ol>"
        for month, some in months
    )


def _month(numbered: tuple[int, Verdict]) -> str:
    return captions.month(numbered[1].photo)


def _item(number: int, verdict: Verdict, places: bool, originals: Mapping[str, str]) -> str:
    photo = verdict.photo
    thumbnail, large = picture_names(photo)
    width, height = _size(photo)
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    where = captions.place(photo) if places else None
    name = originals.get(photo.content_hash or "")
    lines = [
        ("who", captions.who(photo)),
        ("what", captions.subject(photo)),
        ("when", captions.moment_of(photo)),
        ("where", where),
        ("why", _why(verdict)),
        ("file", photo.path.rpartition("/")[2]),
    ]
    caption = "".join(
        f'<span class="{kind}">{html.escape(captions.visible(text))}</span>' for kind, text in lines if text
    )
    alt = html.escape(captions.visible(_alt(photo)))
    size = f'width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}"'
    # the first screen must not wait for a scroll
    lazy = ' loading="lazy" decoding="async"' if number > 8 else ""
    download = f' data-original="{html.escape("../" + quote(name))}"' if name else ""
    return (
        f'<li id="p{number}"><figure><a href="{large}"{download}><img src="{thumbnail}" {size} alt="{alt}"'
        f"{lazy}></a><figcaption>{caption}</figcaption></figure></li>"
    )


def _why(verdict: Verdict) -> str | None:
    """What is special about this one. That everyone smiles in an album of smiles is not."""
    shots = verdict.numbers.get("shots", 1)
    return f"best of {shots:.0f} shots" if shots > 1 else None


def _alt(photo: Photo) -> str:
    said = captions.who(photo) or captions.subject(photo)
    day = captions.day_of(photo)
    if said:
        return f"{said}, {day}"
    faces = (
        f" of {captions.count(len(photo.faces), 'person').replace('persons', 'people')}"
        if photo.faces
        else ""
    )
    return f"Photo{faces}, {day}"


def _size(photo: Photo) -> tuple[int, int]:
    return photo.width or 3, photo.height or 2


def _shape(photo: Photo) -> float:
    """Width over height; panoramas and strips are kept within what a row can show."""
    width, height = _size(photo)
    return min(4.0, max(0.4, width / height))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _template(name: str) -> str:
    return (resources.files("phototag.highlights.album") / "templates" / name).read_text(encoding="utf-8")
