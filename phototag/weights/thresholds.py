"""The scores from which on labels may be believed, as the weights state them."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path

from phototag.errors import WeightsError
from phototag.weights.manifest import SHIPPED, entries, entry
from phototag.weights.store import folder, own_name, path


def edition(name: str) -> str:
    """The name under which answers of these weights are kept: `own-NAME` where a person's own stand
    in for the published."""
    return Path(own_name(entry(name))).stem if path(name).name == own_name(entry(name)) else name


def thresholds(edition: str) -> dict[str, float]:
    """Label -> the score from which on it may be believed, where weights of this edition say so
    (people-pets do; COCO's say nothing, so that each of their labels counts from the query's
    default score on); read from the head of the file, without torch."""
    known = entries().get(edition.removeprefix("own-"))
    if known is None:
        return {}
    file = folder() / own_name(known) if edition != known.name else SHIPPED / known.file
    if file.suffix != ".safetensors" or not file.is_file():
        return {}
    from phototag.query.vocabulary import canonical

    try:
        with file.open("rb") as content:
            head = json.loads(content.read(struct.unpack("<Q", content.read(8))[0]))
        told = json.loads(head["__metadata__"]["detector"])["thresholds"]
    except (OSError, KeyError, ValueError, struct.error) as error:
        raise WeightsError(f"{file}: not readable as weights ({type(error).__name__})") from error
    return {canonical(label): float(score) for label, score in told.items()}


def strictest(editions: Iterable[str], default: float) -> dict[str, float]:
    """The thresholds of a catalog in which these editions answered: its own where there is one;
    where a better detector has not seen all photos yet, the highest that one of them asks for,
    `default` where it says nothing."""
    told = [thresholds(one) for one in editions]
    return {
        label: max(one.get(label, default) for one in told)
        for label in {label for one in told for label in one}
    }
