"""What a command leaves behind: one sentence on stderr for whatever went wrong, and the exit code.

Owns the last net: an exception that nobody raised on purpose is called a bug, in one line."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

import click

from phototag import signals
from phototag.cli.output import printable, warn
from phototag.errors import EXIT_FATAL, EXIT_INTERRUPTED, Interrupted, PhototagError

# Errors of a stream, which have no file's name; those of files do.
CANNOT_WRITE = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


def prepare_streams() -> None:
    """Text that the terminal's encoding lacks is escaped instead of ending the program; with a
    closed stderr, messages are lost. No file that is opened later gets the number of a closed stream: what
    a library in C writes to stderr would land in it."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115  as long as the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def run(command: Callable[[], object], *, show_traceback: bool) -> int:
    """Run a command and return its exit code, after saying what went wrong."""
    has_output = sys.stdout is not None
    prepare_streams()
    if not has_output:
        _complain("standard output is closed; send it to a file, or to /dev/null")
        return EXIT_FATAL
    if (reason := _why_nowhere()) is not None:
        _complain(f"the folder that this was started in cannot be used ({reason}); go to another one: cd")
        return EXIT_FATAL
    try:
        with signals.Unwinding():
            return _run_and_flush(command)
    except BaseException as error:
        if (code := signals.exit_code()) is not None:
            _complain(str(error) if isinstance(error, Interrupted) else "stopped")
            return code
        if show_traceback and not isinstance(error, KeyboardInterrupt | click.Abort | click.ClickException):
            with suppress(OSError):  # stderr is full or closed
                warn(traceback.format_exc())
        return _exit_code(error)


def _why_nowhere() -> str | None:
    """Why there is no working folder: removed meanwhile, or with no right to it. Names of files mean nothing
    then, and libraries end the process."""
    try:
        os.getcwd()
    except OSError as error:
        return error.strerror
    return None


def _run_and_flush(command: Callable[[], object]) -> int:
    """Writes what is still buffered too, so that a full disk or a closed pipe is reported."""
    try:
        code = command()
    except SystemExit as exit:
        code = exit.code
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _exit_code(error: BaseException) -> int:
    """Says what the error means, unless it means nothing to a person, and gives its exit code."""
    if isinstance(error, PhototagError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, click.ClickException):
        _show(error)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        _complain("stopped")
        return EXIT_INTERRUPTED
    if isinstance(error, click.Abort):  # a person said no, or there was nobody to ask
        _complain("nothing was done, for nobody said yes; --yes says it beforehand")
        return EXIT_FATAL
    if isinstance(error, OSError) and error.filename is None and error.errno in CANNOT_WRITE:
        _discard_unwritten(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # the reader (head, less) has seen enough
            _complain(f"the output cannot be written: {error.strerror}")
        return EXIT_FATAL
    if isinstance(error, OSError) and error.filename is not None:
        _complain(f"{os.fsdecode(error.filename)}: {error.strerror}")
        return EXIT_FATAL
    if isinstance(error, MemoryError):
        _complain("there is not enough memory. Close other programs, or use smaller batches, and try again")
        return EXIT_FATAL
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(where.filename)} line {where.lineno}"
    _complain(
        f"this is a bug: {type(error).__name__}: {error} ({place}). "
        "Please report it with what the same command prints with --traceback"
    )
    return EXIT_FATAL


def _show(error: click.ClickException) -> None:
    """As click does it, with what was typed made visible."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        path = error.ctx.command_path
        click.echo(f"{error.ctx.get_usage()}\nTry '{path} --help' for help.\n", err=True)
    warn(f"Error: {error.format_message()}")


def _complain(sentence: str) -> None:
    try:
        warn(f"phototag: {printable(sentence)}")
    except OSError:  # stderr is full or closed: the exit code has to do
        _discard_unwritten(sys.stderr)


def _discard_unwritten(stream: TextIO) -> None:
    """Throws away what a stream could not write: the interpreter would try again at its end, and change
    the exit code."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
