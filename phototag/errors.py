"""What can go wrong in a way a person can mend: the sentence they read and the exit code of the command.

Owns every exception the package raises on purpose. Anything else that escapes is a bug and keeps
its traceback."""

from __future__ import annotations

EXIT_FATAL = 1  # nothing useful could be done
EXIT_USAGE = 2  # the command line itself is wrong
EXIT_SOME_FAILED = 3  # done, with failures listed
EXIT_INTERRUPTED = 130  # 128 + SIGINT, the shells' convention


class PhototagError(Exception):
    """A mistake or a misfortune with a remedy. `str(error)` is one or two sentences for the user:
    what happened, to which file, and what to type next."""

    exit_code = EXIT_FATAL


class UsageError(PhototagError):
    """The question itself cannot be understood (a query term, an option, a theme file)."""

    exit_code = EXIT_USAGE


class UnreadablePhoto(PhototagError):
    """One photo cannot be decoded. It is recorded with its reason, and the scan goes on."""


class TaggerBroken(PhototagError):
    """A tagger failed on every photo of a batch, and on a blank picture too."""


class EngineError(PhototagError):
    """A cluster cannot be reached, has failed, or one of its machines would answer differently."""


class StorageError(PhototagError):
    """Remote storage cannot be reached, or does not let us read: no photo of it can be looked at."""


class WeightsError(PhototagError):
    """Weights are missing, damaged, or not what the manifest says."""


class CatalogError(PhototagError):
    """The catalog cannot be opened or written: newer than this program, locked, not a catalog, disk full."""


class TooFewPhotos(PhototagError):
    """A theme found fewer photos than an album of it needs. The sentence holds the counts."""


class Interrupted(PhototagError):
    """Ctrl-C: the batch in hand was saved; the message says how to go on."""

    exit_code = EXIT_INTERRUPTED
