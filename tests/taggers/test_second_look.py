"""SmileNet looks at a face again, and comes to about the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from phototag import Library, scan
from phototag.query.terms import Query
from phototag.taggers.second_look import second_look

PHOTOS = Path(__file__).parents[2] / "sample_photos"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    with Library.open(tmp_path_factory.mktemp("again") / "catalog.db") as library:
        scan(library, [PHOTOS])
        return {Path(photo.path).name: photo for photo in library.photos(Query(()))}


def test_a_smile_is_one_at_the_second_look_too_and_no_smile_is_none(photos):
    look = second_look()
    (smile,) = look(photos["astronaut.jpg"], photos["astronaut.jpg"].faces)
    assert smile > 0.9
    serious = photos["portrait-serious.jpg"]
    (smile,) = look(serious, serious.faces)
    assert smile < 0.5
    two = photos["booth-two.jpg"]
    assert len(look(two, two.faces)) == len(two.faces) == 2
    assert look(two, ()) == []
    assert look(replace(two, path="/nowhere/gone.jpg"), two.faces) is None
