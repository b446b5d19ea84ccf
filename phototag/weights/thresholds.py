"""The name under which answers of weights are kept, and the scores from which on their labels may
be believed, as the weights state them: read when a scan begins, and kept by the catalog."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from phototag.errors import WeightsError
from phototag.query.vocabulary import canonical
from phototag.weights.manifest import SHIPPED, entries, entry
from phototag.weights.store import folder, own_name, path


def weights_name(name: str) -> str:
    """The name under which answers of these weights are kept: `own-NAME` where a person's own stand
    in for the published."""
    return Path(own_name(entry(name))).stem if path(name).name == own_name(entry(name)) else name


def read_thresholds(name: str) -> dict[str, float] | None:
    """Label -> the score from which on it may be believed, where the weights kept under this name
    (see weights_name) say so; None where they say nothing, as COCO's do, so that each of their labels
    counts from the query's default score on. Read from the head of the file, without torch. Raises
    WeightsError."""
    known = entries().get(name.removeprefix("own-"))
    if known is None:
        return None
    file = folder() / own_name(known) if name != known.name else SHIPPED / known.file
    if file.suffix != ".safetensors" or not file.is_file():
        return None
    try:
        with file.open("rb") as content:
            head = json.loads(content.read(struct.unpack("<Q", content.read(8))[0]))
        stated = json.loads(head["__metadata__"]["detector"])["thresholds"]
    except (OSError, KeyError, ValueError, struct.error) as error:
        raise WeightsError(f"{file}: not readable as weights ({type(error).__name__})") from error
    return {canonical(label): float(score) for label, score in stated.items()}
