"""Which detector a scan uses when none is named: the best that is here, or may be fetched now.
Light; knows no torch."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from phototag.errors import UsageError, WeightsError
from phototag.weights import download, manifest, store

DETECTORS = ("people-pets", "coco-mobile", "coco-mobile-320", "coco-resnet50")
OURS = "people-pets"
# Best first. On a processor ResNet-50 takes seconds for a photo: the last choice there.
FOR_GPU = ("coco-resnet50", "coco-mobile", "coco-mobile-320")
FOR_CPU = ("coco-mobile", "coco-mobile-320", "coco-resnet50")
PATIENCE_SECONDS = 2.5  # to learn whether there is a network: a scan without one starts within three seconds


@dataclass(frozen=True)
class Choice:
    """`detector` is one of DETECTORS; `advice` the line that would improve on it, or None."""

    detector: str
    advice: str | None = None


def choose_detector(
    name: str,
    device: str,
    *,
    offline: bool,
    report: Callable[[str], None] = lambda line: None,
    progress: download.Progress = lambda done, total: None,
) -> Choice:
    """`name`: one of DETECTORS, or auto: the best COCO detector that is here; when there is none,
    the right one for `device` ("cpu", "cuda", "cuda:0" ...) is fetched once; without a network, our
    own. Raises UsageError for an unknown name and WeightsError when a detector asked for by name is
    not here and cannot be fetched."""
    offline = offline or download.is_offline()
    if name != "auto":
        if name not in DETECTORS:
            raise UsageError(f"there is no detector {name!r}; there are auto, {', '.join(DETECTORS)}")
        why = store.missing(name)
        if why is not None:
            if offline or name == OURS:
                raise WeightsError(why)
            _fetch(name, report, progress)
        return Choice(name)
    wanted = FOR_CPU if device == "cpu" else FOR_GPU
    for candidate in wanted:
        if store.present(candidate):
            return Choice(candidate)
    best = wanted[0]
    found = f"Things found with {OURS}: people and pets only."
    if store.missing(OURS):
        found = "Things were not tagged: phototag's own detector is not part of this version yet."
    advice = (
        f"{found} For 80 kinds of thing type: phototag weights fetch {best} "
        f"({manifest.entry(best).megabytes} MB), then scan again."
    )
    if offline:
        return Choice(OURS, advice)
    if not reachable(manifest.entry(best).url or ""):
        return Choice(OURS, f"No network. {advice}")
    try:
        _fetch(best, report, progress)
    except WeightsError as error:
        report(f"{error}")
        return Choice(OURS, advice)
    return Choice(best)


def _fetch(name: str, report: Callable[[str], None], progress: download.Progress) -> None:
    known = manifest.entry(name)
    report(
        f"Fetching the {name} weights once ({known.megabytes} MB, from {known.url}); --offline does without."
    )
    store.fetch(known, progress)


def reachable(url: str, patience_seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether the server answers in time. In a thread of its own, because looking up a name cannot
    be given a limit."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=patience_seconds):
                answered.append(True)
        except urllib.error.HTTPError as error:
            answered.append(error.code < 500)
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience_seconds)
    return bool(answered and answered[0])
