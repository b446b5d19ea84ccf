"""Stopping in good time: asks the caller's `should_stop`, and bounds the wait for what is in hand.
Standard library only."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any

# What is in hand when a scan is stopped has this long to end; then it is given up, and looked at
# again by the next scan. Decoders cannot be interrupted, and a person waits two seconds at most.
GRACE_SECONDS = 1.0
POLL_SECONDS = 0.1  # how often a wait asks whether to stop


class Stop:
    """Called, it tells whether to stop. `gave_up` says whether something in hand was given up."""

    def __init__(self, should_stop: Callable[[], bool] | None = None) -> None:
        self._should_stop = should_stop
        self._stopped_at: float | None = None
        self.gave_up = False

    def __call__(self) -> bool:
        if self._stopped_at is None and self._should_stop is not None and self._should_stop():
            self._stopped_at = time.monotonic()
        return self._stopped_at is not None

    @contextmanager
    def giving_up(self) -> Generator[None]:
        """Within it, Ctrl-C and its like as exceptions give up what is in hand: nobody would save it."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            self.gave_up = True
            raise

    def wait_for(self, future: Future[Any], grace_seconds: float = GRACE_SECONDS) -> bool:
        """Whether the future ended: False where it did not within so many seconds of the stop, or something
        was given up before."""
        while (self.gave_up or self._should_stop is not None) and not future.done():
            if self.gave_up or (self() and time.monotonic() - (self._stopped_at or 0) > grace_seconds):
                self.gave_up = True
                return False
            wait([future], timeout=POLL_SECONDS)
        return True
