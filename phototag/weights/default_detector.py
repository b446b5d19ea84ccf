"""Which detector a scan uses when none is named: the best that is here, or may be fetched now.
Light; knows no torch."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace

from phototag.errors import UsageError, WeightsError
from phototag.weights import download, manifest, store, thresholds

OURS = "everyday"
FORMER = "people-pets"  # what shipped before; people may have taught it things of their own
DETECTORS = (OURS, FORMER, "coco-mobile", "coco-mobile-320", "coco-resnet50")
# Taken before ours where they are here, best first. On a processor ResNet-50 takes seconds for a
# photo, and coco-mobile-320 finds less than ours: 22.8 box AP on COCO by its card, where YOLOX-Nano,
# from which ours starts, has 25.8.
FOR_GPU = ("coco-resnet50", "coco-mobile", "coco-mobile-320")
FOR_CPU = ("coco-mobile",)
PATIENCE_SECONDS = 2.5  # to learn whether there is a network: a scan without one starts within three seconds


@dataclass(frozen=True)
class Choice:
    """`detector` is one of DETECTORS; `advice` the line that would improve on it, or None; `fetch` the
    weights that are not here: the better ones, or those of `detector` itself."""

    detector: str
    advice: str | None = None
    fetch: str | None = None


def choose_detector(name: str, device: str, *, offline: bool) -> Choice:
    """`name`: one of DETECTORS, or auto: the best that is here. When there is none better than our
    own, a processor goes on with ours, and for a GPU the right one is in `fetch`, unless `offline`.
    Asks nothing of the network. Raises UsageError for an unknown name and WeightsError when a
    detector asked for by name is not here and may not be fetched."""
    offline = offline or download.is_offline()
    if name != "auto":
        if name not in DETECTORS:
            raise UsageError(f"there is no detector {name!r}; there are auto, {', '.join(DETECTORS)}")
        why = store.missing(name)
        if why is None:
            return Choice(name)
        if offline or manifest.entry(name).url is None:
            raise WeightsError(why)
        return Choice(name, fetch=name)
    wanted = FOR_CPU if device == "cpu" else FOR_GPU
    for candidate in wanted:
        if store.present(candidate):
            return Choice(candidate)
    ours = _ours()
    if device == "cpu":
        return Choice(ours)
    best = wanted[0]
    advice = (
        f"Things found with {ours}. For more of them, on this GPU, type: phototag weights fetch {best} "
        f"({manifest.entry(best).megabytes} MB), then scan again."
    )
    return Choice(ours, advice, None if offline else best)


def fetch_detector(
    choice: Choice,
    *,
    on_message: Callable[[str], None],
    on_progress: download.Progress,
    should_stop: Callable[[], bool],
) -> Choice:
    """The choice once its `fetch` is here, and as it is where that cannot be fetched: better weights
    are a wish. Raises WeightsError when the detector itself cannot be fetched."""
    if choice.fetch is None:
        return choice
    needed = choice.fetch == choice.detector
    if not needed and not reachable(manifest.entry(choice.fetch).url or "", should_stop=should_stop):
        return replace(choice, advice=f"No network. {choice.advice}", fetch=None)
    try:
        _fetch(choice.fetch, on_message, on_progress)
    except WeightsError as error:
        if needed:
            raise
        on_message(str(error))
        return replace(choice, fetch=None)
    return Choice(choice.fetch)


def _ours() -> str:
    """What ships; the former one where a person put their own weights in its place and none in ours."""
    taught = [name for name in (OURS, FORMER) if thresholds.weights_name(name) != name]
    return taught[0] if taught else OURS


def _fetch(name: str, report: Callable[[str], None], progress: download.Progress) -> None:
    known = manifest.entry(name)
    report(
        f"Fetching the {name} weights once ({known.megabytes} MB, from {known.url}); use --offline to "
        "skip the download."
    )
    store.fetch(known, progress)


def reachable(
    url: str,
    patience_seconds: float = PATIENCE_SECONDS,
    should_stop: Callable[[], bool] | None = None,
) -> bool:
    """Whether the server answers in time, and before `should_stop` says yes. In a thread of its own,
    because looking up a name cannot be given a limit."""
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
    until = time.monotonic() + patience_seconds
    while thread.is_alive() and time.monotonic() < until and not (should_stop and should_stop()):
        thread.join(0.1)
    return bool(answered and answered[0])
