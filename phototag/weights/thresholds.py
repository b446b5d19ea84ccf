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

LONGEST_HEAD_BYTES = 100_000_000  # the limit of the safetensors library


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
            (length_bytes,) = struct.unpack("<Q", content.read(8))
            if length_bytes > LONGEST_HEAD_BYTES:
                raise ValueError("the head is too long")
            head = json.loads(content.read(length_bytes))
        stated = json.loads(head["__metadata__"]["detector"])["thresholds"]
        thresholds = {canonical(label): float(score) for label, score in stated.items()}
        if not all(0 <= score <= 1 for score in thresholds.values()):
            raise ValueError("thresholds must lie between 0 and 1")
    except (
        OSError, LookupError, ValueError, TypeError, AttributeError,
        OverflowError, RecursionError, struct.error,
    ) as error:  # fmt: skip
        raise WeightsError(f"{file}: not readable as weights ({type(error).__name__})") from error
    return thresholds
