"""Runs the application on the loopback address until it is stopped."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

import uvicorn

from phototag.errors import PhototagError
from phototag.library import Library
from phototag.web.app import Settings, make_app
from phototag.web.guard import Guard

HOST = "127.0.0.1"  # no other is offered: what is shown here is private
WAIT_SECONDS = 2  # for requests in hand, when the server ends
LARGEST_HEAD_BYTES = 16_384


def serve(
    library: Library,
    settings: Settings,
    *,
    port: int = 0,
    question: str = "",
    on_ready: Callable[[str], None],
) -> None:
    """Serve until Ctrl-C, SIGTERM or SIGHUP. `port` 0: one that is free. `on_ready` is told the URL to open,
    whose key is good once, when the server answers; it shows `question`. Raises PhototagError where the port
    is taken."""
    listening = _listen(port)
    number = listening.getsockname()[1]
    guard = Guard(make_app(library, settings), number, read_only=settings.read_only)
    asked = f"&q={quote(question, errors='replace')}" if question else ""
    url = f"http://{HOST}:{number}/?key={guard.key}{asked}"
    config = uvicorn.Config(
        guard,
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=WAIT_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
        http="h11",
    )
    _Server(config, lambda: on_ready(url)).run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio sends at once what it has; else each answer waits 40 ms (Nagle).
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise PhototagError(
            f"cannot listen on port {port}: {reason}; leave --port out to take a free one"
        ) from error
    return listening


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """SIGHUP, as of a terminal that is closed, ends it as SIGTERM does; its own server knows none."""
        hangup = getattr(signal, "SIGHUP", None)  # Windows has none
        with super().capture_signals():
            if (
                hangup is None
                or threading.current_thread() is not threading.main_thread()
                or signal.getsignal(hangup) is signal.SIG_IGN  # as nohup has it
            ):
                yield
                return
            before = signal.signal(hangup, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(hangup, before)

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        await super().startup(list(sockets or ()))
        if self.started:
            self._on_started()
