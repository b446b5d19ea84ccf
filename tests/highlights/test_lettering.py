"""Letters of any script: a font that has them is found, what no font has is left out and told, and the order
is right whether or not Pillow knows it."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFont, features

from phototag.highlights import captions, lettering
from phototag.highlights.lettering import Letters, legible, missing

NOWHERE = "\U000e0fff"  # not assigned: no font has it
RARE = "\U000f1234"  # for private use: only the font made here has it


@pytest.fixture
def rare_font(tmp_path, monkeypatch):
    """A font of one filled square, in the folder of a user's own fonts."""
    builder = pytest.importorskip("fontTools.fontBuilder", reason="comes with matplotlib")
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    font = builder.FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap({ord(RARE): "square"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Square", "styleName": "Regular"})
    font.setupPost()
    home = tmp_path / "home"
    (home / "fonts").mkdir(parents=True)
    font.save(home / "fonts" / "square.ttf")
    monkeypatch.setattr(lettering, "OTHER_FOLDERS", (str(home / "fonts"),))
    monkeypatch.setattr(lettering, "FOLDERS", {})
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget():
    for cached in (lettering._fonts_here, lettering._search):
        cached.cache_clear()


def drawn(text, size=40.0, layout=None):
    letters = Letters(size, layout)
    picture = Image.new("L", (round(letters.getlength(text)) + 20, 80), 0)
    letters.draw(picture, (10, 10), text, 255)
    return picture


def test_what_the_shipped_font_lacks_comes_from_another_one(rare_font):
    assert missing([f"A{RARE}B"]) == "" and legible(f"A{RARE}B") == f"A{RARE}B"
    assert Letters(40).getlength(RARE) == pytest.approx(40, abs=1)
    pixels = np.asarray(drawn(f"A{RARE}B"))
    assert (pixels == 255).sum() > 0.9 * 32 * 32
    ends = np.flatnonzero((pixels == 255).sum(axis=0) > 30)
    assert 30 <= len(ends) <= 34 and ends[0] > 30  # the square, behind the A


def test_what_no_font_has_is_left_out_and_told_once():
    assert missing([f"Summer {NOWHERE}{NOWHERE} 2016", NOWHERE]) == NOWHERE
    assert legible(f"Summer {NOWHERE} 2016") == "Summer 2016"
    assert ImageChops.difference(drawn(f"A{NOWHERE}B"), drawn("AB")).getbbox() is None
    assert missing(["Smiles, Übermut, Ωmega, Лето, ابتسامات, חיוכים"]) == ""
    assert legible(NOWHERE) == ""


def test_marks_stay_with_their_letter():
    assert missing(["e\u0301"]) == "" and legible("e\u0301") == "e\u0301"
    assert legible(NOWHERE + "\u0301") == ""  # no dotted circle with a mark and nothing to mark


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow cannot show how it should be")
@pytest.mark.parametrize("text", ["חיוכים 2016", "ابتسامات 2016", "Anna חיוכים"])
def test_right_to_left_text_looks_the_same_without_raqm(text):
    pytest.importorskip("bidi")
    with_raqm = np.asarray(drawn(text), np.float32)
    without = np.asarray(drawn(text, layout=ImageFont.Layout.BASIC), np.float32)
    width = min(with_raqm.shape[1], without.shape[1])
    # widths are rounded differently, letter by letter
    sums = [picture.sum(axis=0)[:width] for picture in (with_raqm, without)]
    sums = [np.convolve(each, np.ones(15) / 15, "same") for each in sums]
    assert np.corrcoef(*sums)[0, 1] > 0.9
    assert np.corrcoef(sums[0], sums[1][::-1])[0, 1] < 0.8  # in the wrong order it would not


def test_joiners_are_kept_and_what_acts_is_not():
    assert captions.visible("می\u200cخواهم") == "می\u200cخواهم"
    assert captions.visible("a\u202eb\x07") == "a\ufffdb\ufffd"


@pytest.mark.skipif(sys.platform != "linux", reason="where fonts lie differs")
def test_a_damaged_font_is_passed_over(rare_font, tmp_path):
    (tmp_path / "home" / "fonts" / "aaa-noto.ttf").write_bytes(b"no font")
    forget()
    assert missing([RARE]) == ""
