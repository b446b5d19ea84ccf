"""What the taggers could have said of a photo: answers of real form and number without any net,
always the same."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache

import numpy as np

from phototag.query.terms import EMOTIONS
from phototag.records import Box, Tag
from phototag.taggers.table import SPECS
from tests.benchmarks import ROOT

# How often a photo shows so many faces: landscapes and things, portraits, couples, groups.
FACES = (0.7, 0.18, 0.07, 0.025, 0.0125, 0.00625, 0.00625)
FINGERPRINTS = {"decode": "benchmark", **{name: f"benchmark of {name}" for name in SPECS}}


@cache
def words() -> tuple[str, ...]:
    """All that detectors and `kinds` may say, the frequent first: the n-th is n times as rare as
    the first."""
    known = tomllib.loads((ROOT / "phototag" / "query" / "vocabulary.toml").read_text(encoding="utf-8"))
    first = ("person", "dog", "cat", "car", "chair", "potted plant")
    return tuple(dict.fromkeys([*first, *known["called"], *known["contains"]]))


def answers(number: int) -> Mapping[str, tuple[Tag, ...]]:
    """Tagger -> tags of one photo; the same number gives the same."""
    rng = np.random.default_rng([2016, number])
    faces = [_face(rng) for _ in range(rng.choice(len(FACES), p=FACES))]
    smiles, sharpness = [], [Tag("sharpness", rng.random())]
    for face in faces:
        sharpness.append(Tag("sharpness", rng.beta(2, 1), face.box))
        smiles.append(Tag("smile", rng.beta(0.6, 0.6), face.box))
        feelings = rng.dirichlet([0.2] * len(EMOTIONS))
        smiles += [
            Tag(name, min(1.0, float(p)), face.box) for name, p in zip(EMOTIONS, feelings, strict=True)
        ]
    objects = [Tag(_word(rng), 0.1 + 0.9 * rng.beta(1, 1), _box(rng)) for _ in range(rng.poisson(2.2))]
    kinds = [
        Tag(word, 0.5 + rng.random() / 2)
        for word in dict.fromkeys(_word(rng) for _ in range(rng.integers(0, 3)))
    ]
    return {
        "faces": tuple(faces),
        "sharpness": tuple(sharpness),
        "smiles": tuple(smiles),
        "objects": tuple(sorted(objects, key=lambda tag: -tag.score)),
        "kinds": tuple(kinds),
    }


def _word(rng: np.random.Generator) -> str:
    return words()[int(min(rng.zipf(1.5), len(words()))) - 1]


def _box(rng: np.random.Generator, least: float = 0.02, most: float = 0.9) -> Box:
    wide, high = rng.uniform(least, most, 2)
    left, top = rng.random() * (1 - wide), rng.random() * (1 - high)
    return Box(left, top, min(1.0, left + wide), min(1.0, top + high))


def _face(rng: np.random.Generator) -> Tag:
    box = _box(rng, 0.03, 0.3)
    points = tuple(
        (box.left + x * box.width, box.top + y * box.height) for x, y in rng.random((5, 2)).tolist()
    )
    return Tag("face", 1 - 0.3 * rng.beta(0.3, 2), box, points)
