"""Contact sheets and animations, looked at by opening them."""

import io
import re

import pytest
from PIL import Image

from phototag.errors import PhototagError
from phototag.highlights import captions
from phototag.highlights import theme as themes
from phototag.highlights.album import animation, manifest, sheet
from phototag.highlights.album.folder import OutputFolder
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose
from phototag.highlights.verdict import Choice


@pytest.fixture(scope="module")
def choice(pictures):
    return choose(pictures.photos, themes.load("smiles"), measure_appearance)


def test_a_sheet_for_the_screen_shows_every_photo(choice):
    seen = []
    picture = Image.open(io.BytesIO(sheet.draw(choice, "Smiles 2016", lambda: seen.append(1))))
    assert picture.format == "PNG" and len(seen) == len(choice.kept)
    colours = picture.convert("RGB").getcolors(1 << 24)
    assert len(colours) > 1000


@pytest.mark.parametrize(("paper", "points_wh"), [("a4", (595, 842)), ("letter", (612, 791))])
def test_a_sheet_to_print_has_pages_of_that_paper_and_the_same_bytes_again(choice, paper, points_wh):
    many = Choice(choice.theme, choice.kept * 5)  # more than a page takes
    data = sheet.draw_pages(many, "Smiles 2016", paper)
    assert data.startswith(b"%PDF") and data == sheet.draw_pages(many, "Smiles 2016", paper)
    boxes = re.findall(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", data)
    assert len(boxes) == -(-len(many.kept) // (sheet.COLUMNS * sheet.ROWS)) == 2
    assert (round(float(boxes[0][0])), round(float(boxes[0][1]))) == points_wh
    with pytest.raises(PhototagError, match="at most"):
        sheet.draw_pages(Choice(choice.theme, choice.kept[:1] * 1000), "A", "a4")


def test_a_files_date_is_marked_beneath_its_photo(make):
    assert captions.day_of(make.photo("a.jpg")) == "14 May 2016"
    assert captions.day_of(make.photo("a.jpg", taken_from="file")) == "14 May 2016 (file date)"
    assert captions.moment_of(make.photo("a.jpg", taken_from="file")) == "14 May 2016, 18:30 (file date)"
    assert captions.day_of(make.photo("a.jpg", None)) == "undated"


def test_a_burst_becomes_a_moving_picture_that_ends_on_the_kept_shot(choice, tmp_path):
    names = manifest.file_names([verdict.photo for verdict in choice.kept])
    for _ in range(2):
        with OutputFolder(tmp_path / "album") as folder:
            animation.lay_out(folder, choice, names)
    assert folder.staged == []
    made = sorted((tmp_path / "album" / "bursts").iterdir())
    assert [path.name for path in made] == ["2016-05-14_183013_burst_1.webp"]
    with Image.open(made[0]) as picture:
        assert picture.n_frames == 3 and max(picture.size) == 640
        picture.seek(2)
        picture.load()
        assert picture.info["duration"] == animation.LAST_MS
