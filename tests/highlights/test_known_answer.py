"""The whole choice on real pictures, of which the answer is known."""

import random
from dataclasses import replace

from phototag.highlights import theme as themes
from phototag.highlights.appearance import measure_appearance
from phototag.highlights.choose import choose


def test_the_generated_library_gets_the_known_answer(pictures):
    choice = choose(pictures.photos, themes.load("smiles"), measure_appearance)
    assert {
        verdict.photo.path.rpartition("/")[2]: verdict.reason for verdict in choice.verdicts
    } == pictures.expected


def test_scanned_in_another_order_it_gets_the_same(pictures):
    shuffled = random.Random(1).sample(pictures.photos, len(pictures.photos))
    renumbered = [replace(photo, photo_id=number) for number, photo in enumerate(shuffled)]
    first, again = (
        choose(photos, themes.load("smiles"), measure_appearance) for photos in (pictures.photos, renumbered)
    )
    assert [(v.photo.path, v.reason, v.numbers) for v in first.verdicts] == [
        (v.photo.path, v.reason, v.numbers) for v in again.verdicts
    ]
