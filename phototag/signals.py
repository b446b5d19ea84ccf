"""What Ctrl-C (SIGINT), SIGTERM and SIGHUP do to the program: end it with 128 + their number, the shells'
convention, through every `finally`, so that nothing half made is left. Signals that are ignored (nohup) or
handled by somebody else stay so. It is loaded before everything else, and imports next to nothing."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from types import FrameType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NUMBERS = tuple(  # Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
# A second signal within this time is the same wish: a terminal that is closed sends two, and fingers tremble.
# A later one is not: something holds the end up.
PATIENCE_SECONDS = 1.0

_came: tuple[int, float] | None = None  # the first signal within the last `Unwinding`, and when


def end_at_once() -> None:
    """From now on a signal ends the process where it stands: nothing is begun that could be left half made,
    and an exception would show a traceback of whatever is being imported. In the interpreter's own last
    moments they are ignored: the work is done, and the exit code says how."""
    for number in filter(_is_free, NUMBERS):
        signal.signal(number, _leave)
    atexit.register(_ignore)  # what is registered first is called last


class Unwinding:
    """Within it, signals raise: SIGINT KeyboardInterrupt, the others SystemExit. Nothing in other threads
    than the main one, where no signal arrives."""

    def __enter__(self) -> Unwinding:
        global _came
        _came = None
        self._before = {number: signal.getsignal(number) for number in NUMBERS if _is_free(number)}
        try:
            for number in self._before:
                signal.signal(number, _unwind)
        except ValueError:  # not the main thread
            self._before = {}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def exit_code() -> int | None:
    """128 + the number of the signal that came within the last `Unwinding`; None: none came. What it raised
    may have arrived as another error: C code that imports NumPy makes an ImportError of it, SQLite an error
    of its own."""
    return None if _came is None else 128 + _came[0]


def leave(code: int) -> NoReturn:
    """End the process, waiting for nothing and nobody."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105  contextlib takes longer to import than all of this
            stream.flush()
        except (AttributeError, OSError, ValueError):  # closed
            pass
    os._exit(code)


def tell(text: str) -> None:
    """Write to stderr from within a handler. Python's own stream may be in the middle of a line, and refuses
    a second writer then. Where it cannot be written, nobody hears it."""
    try:  # noqa: SIM105  contextlib takes longer to import than all of this
        os.write(2, text.encode())
    except OSError:
        pass


def _is_free(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    tell("\nphototag: stopped\n")
    os._exit(128 + number)


def _unwind(number: int, frame: FrameType | None) -> None:
    global _came
    now = time.monotonic()
    if _came is None:
        _came = number, now
    elif now - _came[1] < PATIENCE_SECONDS:  # it must not disturb the cleaning up
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _ignore() -> None:
    for number in NUMBERS:
        if signal.getsignal(number) is _leave:
            signal.signal(number, signal.SIG_IGN)
