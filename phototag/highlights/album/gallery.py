"""The gallery: one folder with an index.html that opens from a USB stick. Its pictures are made
anew and small, without EXIF, so that neither places nor cameras travel with them; it asks nothing
of any network, and works without JavaScript."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from collections.abc import Callable
from importlib import resources
from string import Template

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


def lay_out(
    folder: OutputFolder,
    choice: Choice,
    title: str,
    *,
    places: bool = False,
    progress: Callable[[], None] | None = None,
) -> None:
    """Fill `gallery/` in the folder. `places`: print where photos were taken; not otherwise, since
    a gallery is made to be passed on. `progress` is called once per photo. Raises PhototagError
    where a chosen photo cannot be opened any more."""
    for verdict in choice.kept:
        _make_pictures(folder, verdict.photo)
        if progress is not None:
            progress()
    folder.write(f"{FOLDER}/index.html", page(choice, title, places).encode("utf-8"))


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


def page(choice: Choice, title: str, places: bool = False) -> str:
    """The whole of index.html. The policy in it forbids every request but for its own pictures, and
    every script but its own."""
    template, style, script = (_template(name) for name in ("gallery.html", "gallery.css", "gallery.js"))
    kept = choice.kept
    # Shapes travel in the style sheet, not in style attributes, which the policy forbids.
    style += "".join(
        f"#p{number} {{ --shape: {_shape(each.photo):.4f}; }}\n" for number, each in enumerate(kept, 1)
    )
    policy = (
        f"default-src 'none'; img-src 'self' file: data:; style-src '{_digest(style)}'; script-src "
        f"'{_digest(script)}'; "
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
        photos="\n".join(_item(number, each, places) for number, each in enumerate(kept, 1)),
    )


def _item(number: int, verdict: Verdict, places: bool) -> str:
    photo = verdict.photo
    thumbnail, large = picture_names(photo)
    width, height = _size(photo)
    scale = min(1.0, THUMBNAIL_SIDE / max(width, height))
    where = captions.place(photo) if places else None
    lines = [("when", captions.moment_of(photo)), ("where", where), ("why", verdict.sentence())]
    lines.append(("file", photo.path.rpartition("/")[2]))
    caption = "".join(
        f'<span class="{kind}">{html.escape(captions.visible(text))}</span>' for kind, text in lines if text
    )
    alt = html.escape(captions.visible(f"Photo of {captions.day_of(photo)}: {verdict.sentence()}"))
    size = f'width="{max(1, round(width * scale))}" height="{max(1, round(height * scale))}"'
    # the first screen must not wait for a scroll
    lazy = ' loading="lazy" decoding="async"' if number > 8 else ""
    return (
        f'<li id="p{number}"><figure><a href="{large}"><img src="{thumbnail}" {size} alt="{alt}"{lazy}></a>'
        f"<figcaption>{caption}</figcaption></figure></li>"
    )


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
