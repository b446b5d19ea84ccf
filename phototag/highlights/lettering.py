"""Letters of any script, for titles, captions and sheets.

DejaVu Sans ships with phototag (see fonts/LICENSE-DejaVu.txt) and has Latin, Greek, Cyrillic, Arabic, Hebrew
and more. What it lacks, such as Chinese, Hindi and most emoji, is drawn with the first font of this machine
that has it. What no font has is left out, and `missing` tells of it: nobody can read an empty box. Pillow
shapes letters and puts them into order by libraqm; where its build has none, python-bidi and arabic-reshaper
do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import resources
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

Ink = int | str | tuple[int, int, int]

# Folders of fonts beside those that fontconfig names.
FOLDERS = {
    "win32": ("%WINDIR%/Fonts", "%LOCALAPPDATA%/Microsoft/Windows/Fonts"),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
}
OTHER_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
FONT_FILES = (".ttf", ".otf", ".ttc", ".otc")
# Parts of names of fonts for screens that have much of one or more scripts; the first are taken first.
LIKED = (
    *("notosanscjk", "notosans", "noto", "pingfang", "hiragino", "msyh", "yugoth", "malgun", "nirmala"),
    *("arialunicode", "arial", "seguiemj", "kohinoor", "devanagari", "applesdgothic", "geeza", "emoji"),
)
DISLIKED = ("bold", "italic", "oblique", "mono", "serif", "condensed", "black", "thin", "light")
NO_CHARACTER = "\U0010ffff"  # stands for the picture that a font gives of what it lacks
BITMAP_SIZES = (109, 136, 160, 96)  # pixels in which colour emoji are stored: Noto, Apple, others
INVISIBLE = ("\u200c", "\u200d", "\ufe0e", "\ufe0f")  # joins letters, or picks the form of the one before
RIGHT_TO_LEFT = ("R", "AL")


class Letters:
    """Letters of a size in pixels. `layout`: by which Pillow sets them, its best one by default."""

    def __init__(self, size: float, layout: ImageFont.Layout | None = None) -> None:
        self.size = max(6.0, size)
        self.layout = layout
        self.shapes = features.check("raqm") if layout is None else layout == ImageFont.Layout.RAQM

    def getlength(self, text: str) -> float:
        """The width of the text in pixels."""
        return sum(length for _, _, length in self._pieces(text))

    def draw(self, picture: Image.Image, at: tuple[float, float], text: str, ink: Ink) -> None:
        """Draw the text, its upper left corner at a place."""
        left, top = at
        line = top + _shipped(self.size, self.layout).getmetrics()[0]
        for piece, font, length in self._pieces(text):
            if font.size > self.size:
                self._paste(picture, (left, line), piece, font)
            else:
                ImageDraw.Draw(picture).text((left, line), piece, ink, font, anchor="ls")
            left += length

    def _pieces(self, text: str) -> Iterator[tuple[str, ImageFont.FreeTypeFont, float]]:
        """The text cut where another font is needed, from left to right, with the width of each piece."""
        if not self.shapes:
            text = _as_seen(text)
        places = _places(text)
        pieces = [
            (path, "".join(letter for letter, _ in each))
            for path, each in groupby(zip(text, places, strict=True), key=_place_of)
            if path != ""
        ]
        if self.shapes and _is_right_to_left(text):
            pieces.reverse()
        for path, piece in pieces:
            font = _shipped(self.size, self.layout) if path is None else _open(path, self.size, self.layout)
            scale = min(1.0, self.size / font.size)  # of a font that is stored in one size
            yield piece, font, font.getlength(piece) * scale

    def _paste(
        self, picture: Image.Image, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont
    ) -> None:
        """Letters that are stored as pictures, made smaller; on a mask as light as they are."""
        whole = round(font.getlength(text)), round(1.3 * font.size)
        drawn = Image.new("RGBA", whole, (0, 0, 0, 0))
        ImageDraw.Draw(drawn).text((0, font.size), text, font=font, anchor="ls", embedded_color=True)
        scale = self.size / font.size
        drawn = drawn.resize((max(1, round(whole[0] * scale)), max(1, round(whole[1] * scale))))
        corner = round(at[0]), round(at[1] - self.size)
        picture.paste(drawn.convert("L") if picture.mode == "L" else drawn, corner, drawn.getchannel("A"))


def _place_of(each: tuple[str, str | None]) -> str | None:
    return each[1]


def missing(texts: Iterable[str]) -> str:
    """The characters that no font here has, each once, in their order."""
    found = dict.fromkeys(
        letter
        for text in texts
        for letter, place in zip(text, _places(text), strict=True)
        if place == "" and letter not in INVISIBLE
    )
    return "".join(found)


def legible(text: str) -> str:
    """The text without what no font here has."""
    found = "".join(letter for letter, place in zip(text, _places(text), strict=True) if place != "")
    return found if found == text else " ".join(found.split())


def _places(text: str) -> list[str | None]:
    """For each character the font that has it: None is the one that ships, "" stands for none at all. Marks,
    such as vowel signs, belong to the letter before them."""
    unknown = frozenset(letter for letter in text if not (_is_mark(letter) or _is_shipped(letter)))
    found = _search(unknown) if unknown else {}
    places: list[str | None] = []
    for letter in text:
        if _is_mark(letter):
            places.append(places[-1] if places else "")
        else:
            places.append(found.get(letter, "") if letter in unknown else None)
    return places


def _is_mark(letter: str) -> bool:
    return letter in INVISIBLE or unicodedata.category(letter).startswith("M")


@lru_cache(maxsize=4096)
def _is_shipped(letter: str) -> bool:
    return _has(_shipped(20.0, None), letter)


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether the font has a picture of its own for the character."""
    if letter.isspace():
        return True
    try:
        seen, none = font.getmask(letter), font.getmask(NO_CHARACTER)
    except OSError:
        return False
    return (seen.size, bytes(seen)) != (none.size, bytes(none)) and 0 not in seen.size


@lru_cache(maxsize=64)
def _search(letters: frozenset[str]) -> dict[str, str]:
    """Character -> the first font of this machine that has it."""
    found: dict[str, str] = {}
    for path in _fonts_here():
        left = letters - found.keys()
        if not left:
            break
        with suppress(OSError):  # damaged, or of a kind that FreeType does not read
            font = _open(path, 20.0, None)
            found |= {letter: path for letter in left if _has(font, letter)}
    return found


@lru_cache(maxsize=1)
def _fonts_here() -> tuple[str, ...]:
    """The files of all fonts, those first that read well on a screen."""
    paths: set[str] = set()
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(["fc-list", "--format", "%{file}\\n"], capture_output=True, timeout=20)
        paths.update(os.fsdecode(listed.stdout).splitlines())
    for folder in FOLDERS.get(sys.platform, OTHER_FOLDERS):
        for root, _, names in os.walk(os.path.expandvars(os.path.expanduser(folder))):
            paths.update(os.path.join(root, name) for name in names)
    return tuple(sorted((path for path in paths if path.lower().endswith(FONT_FILES)), key=_rank))


def _rank(path: str) -> tuple[bool, int, str]:
    name = Path(path).stem.lower().replace("-", "").replace(" ", "")
    liked = next((place for place, part in enumerate(LIKED) if part in name), len(LIKED))
    return any(part in name for part in DISLIKED), liked, path


@lru_cache(maxsize=64)
def _open(path: str, size: float, layout: ImageFont.Layout | None) -> ImageFont.FreeTypeFont:
    """The font in that size, or in one of those that a font of pictures has. Raises OSError."""
    for each in (size, *BITMAP_SIZES):
        with suppress(OSError):
            font = ImageFont.truetype(path, each, layout_engine=layout)
            with suppress(OSError):  # of a font with many weights, which may begin with the thinnest
                font.set_variation_by_name("Regular")
            return font
    raise OSError(f"no font: {path}")


@lru_cache(maxsize=16)
def _shipped(size: float, layout: ImageFont.Layout | None) -> ImageFont.FreeTypeFont:
    path = resources.files("phototag.highlights") / "fonts" / "DejaVuSans.ttf"
    return ImageFont.truetype(io.BytesIO(path.read_bytes()), size, layout_engine=layout)


def _is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    ways = (unicodedata.bidirectional(letter) for letter in text)
    return next((way for way in ways if way in ("L", *RIGHT_TO_LEFT)), "L") != "L"


def _as_seen(text: str) -> str:
    """Letters joined and in the order in which they stand from left to right, for a Pillow that does
    neither."""
    if not any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in text):
        return text
    try:
        from arabic_reshaper import reshape
        from bidi import get_display
    except ImportError:  # films bring them along
        return text
    return str(get_display(reshape(text)))
