"""The face tagger looks at frames of the film of sample_photos: as many faces as the photos have, where the
storyboard says that they are, and all of each inside the frame."""

from pathlib import Path

import numpy as np
import pytest

from phototag import Library, scan
from phototag.highlights import theme as themes
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose
from phototag.highlights.film import make, storyboard
from phototag.query.terms import Query
from phototag.records import Frame
from phototag.smiling import MIN_SCORE
from phototag.taggers import table

pytest.importorskip("av", reason="films need PyAV: pip install 'phototag[film]'")
SIZE_WH = (960, 540)
SURE = 0.9  # score of a face that must be found again
NEAR = 0.45  # IoU with where it must be


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """The theme, the storyboard and, by number, every 9th frame in which only one scene is seen."""
    catalog = tmp_path_factory.mktemp("faces") / "catalog.db"
    theme = themes.load("year")
    with Library.open(catalog) as library:
        scan(library, [Path(__file__).parents[3] / "sample_photos"])
        choice = choose(list(library.photos(Query(()))), theme, measure_appearance)
    board = storyboard.draft(choice.kept, theme, "A", SIZE_WH, (), bursts=choice.bursts())
    wanted = {}
    for number, scene in enumerate(board.scenes[:-1]):
        if scene.kind != "photos":
            continue
        first = scene.first + board.half(number - 1) + len(scene.flips) * board.flip_frames()
        last = scene.last - board.half(number) - 1
        wanted |= {frame: number for frame in (first + 1, (first + last) // 2, last)}
    frames = {}
    for frame, planes in enumerate(make._frames(board, theme, SIZE_WH)):
        if frame in wanted:
            frames[frame] = (wanted[frame], planes.frame().to_ndarray(format="rgb24"))
    return theme, board, frames


@pytest.mark.slow
def test_every_face_of_a_photo_is_whole_in_the_frame_and_found_there(film):
    _, board, frames = film
    find = table.load("faces", "cpu", {})
    looked = 0
    for frame, (number, pixels) in frames.items():
        scene = board.scenes[number]
        (tags,) = find([Frame(0, np.ascontiguousarray(pixels), *SIZE_WH)])
        boxes = [tag.box for tag in tags if tag.box and tag.score >= MIN_SCORE]
        expected = []
        for photo, shot in zip(scene.photos, scene.shots, strict=True):
            for face in photo.faces:
                left, top, right, bottom = shot.in_frame(face.box, board.share(number, frame))
                assert left >= shot.place[0] and right <= shot.place[0] + shot.place[2]
                assert top >= shot.place[1] and bottom <= shot.place[1] + shot.place[3]
                if face.score >= SURE:
                    width, height = SIZE_WH
                    edges = (left / width, top / height, right / width, bottom / height)
                    expected.append(type(face.box)(*edges))
        for box in expected:
            assert any(box.iou(found) >= NEAR for found in boxes), (frame, scene.photos, box)
            looked += 1
        assert len(boxes) >= len(expected)
    assert looked >= 20
