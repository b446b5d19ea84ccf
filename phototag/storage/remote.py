"""The door to remote storage: lists, looks at and opens objects, and never writes one. The only file that
imports fsspec, and only once it is asked for an address.

What goes wrong with one object is an OSError, as with a file. What goes wrong with the storage as a
whole is a StorageError, which ends a scan: each further photo would only wait for the same answer.
Neither repeats what a library says of it in its own words: they may hold addresses with keys in them."""

from __future__ import annotations

import hashlib
import importlib.util
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from phototag.errors import StorageError, UsageError
from phototag.offline import is_offline
from phototag.storage.address import SCHEMES, is_name

# Of S3 and of those that speak its language; the last two are what a request without an answer body says.
REFUSED = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "ExpiredToken",
        "TokenRefreshRequired",
        "InvalidClientTokenId",
        "AuthorizationHeaderMalformed",
        "RequestTimeTooSkewed",
        "NotSignedUp",
        "AccountProblem",
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "ProfileNotFound",
        "AuthenticationException",
        "DefaultCredentialsError",
        "401",
        "400",
    }
)
BUSY = frozenset({"SlowDown", "ServiceUnavailable", "Throttling", "TooManyRequests", "503", "429"})
ELSEWHERE = frozenset({"PermanentRedirect", "Redirect", "IllegalLocationConstraintException", "301", "307"})
FORBIDDEN = frozenset({"AccessDenied", "AllAccessDisabled", "403"})
NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
CHANGED = frozenset({"PreconditionFailed", "412", "FileExpired"})
ARCHIVED = frozenset({"InvalidObjectState"})

# Whose libraries keep listings unless told not to; others take the option for one of their connection.
CACHING = frozenset({"s3", "gs", "az", "abfs"})

# What storages call the time at which an object was written, and the sign by which a change of it is known.
TIMES = ("LastModified", "last_modified", "updated", "modified", "mtime")
SIGNS = ("ETag", "etag")


class Status(NamedTuple):
    """Of one object, by the names that os.stat_result has. `st_ctime_ns` is made of the object's ETag: with
    another one the object was written anew. It says nothing of the bytes: the ETags of an object that
    came in parts, or lies encrypted, are no hashes of them. 0 where the storage has no such sign."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_mode: int = stat.S_IFREG

    @property
    def st_mtime(self) -> float:
        return self.st_mtime_ns / 1_000_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder, asked as an os.DirEntry is. No storage has links."""

    name: str
    status: Status | None  # None for a folder

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self.status is not None

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.status is None

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> Status:
        assert self.status is not None
        return self.status


class Listing(NamedTuple):
    """A folder: name -> entry. `odd`: how many keys are no names of files, such as '../x' and 'a//b'."""

    entries: dict[str, Entry]
    odd: int


class RemoteFile:
    """An object opened for reading. Each `read` is one request for just these bytes; where the object was
    written anew meanwhile, an OSError."""

    def __init__(self, url: str, file: Any, status: Status) -> None:
        self._url, self._file, self.status = url, file, status

    def read(self, size: int = -1) -> bytes:
        with _one_sentence(self._url):
            data: bytes = self._file.read(size)
            return data

    def seek(self, offset: int) -> int:
        self._file.seek(offset)
        return offset

    def __enter__(self) -> RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def check(url: str) -> None:
    """Raises StorageError where no connection is allowed, UsageError where a package is missing."""
    scheme = url.partition("://")[0]
    module, package = SCHEMES[scheme]
    if is_offline():
        raise StorageError(
            f"{url} is not on this machine, and PHOTOTAG_OFFLINE is set; unset it to read from there"
        )
    if not all(map(importlib.util.find_spec, ("fsspec", module))):
        raise UsageError(f"{scheme}:// needs one more package. Type: pip install '{package}'")


def look_at(url: str) -> Entry | None:
    """The folder or object at this address, None where there is nothing. Raises StorageError."""
    filesystem, path = _open_storage(url)
    try:
        with _one_sentence(url):
            try:
                info = filesystem.info(path)
            except OSError as error:
                if "/" not in path or not isinstance(error, FileNotFoundError):
                    filesystem.ls(path)  # answered with a reason, where a look at the head has only a number
                raise
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{url} cannot be listed: {error.strerror or error}") from error
    return Entry(url.rpartition("/")[2], None if info["type"] == "directory" else _status(info))


def list_folder(url: str) -> Listing:
    """What lies in a folder itself; nothing where it is gone. Raises OSError, StorageError."""
    filesystem, path = _open_storage(url)
    inside = path.rstrip("/") + "/"
    try:
        with _one_sentence(url):
            infos = filesystem.ls(path, detail=True)
    except FileNotFoundError:
        return Listing({}, 0)
    entries, odd = {}, 0
    for info in infos:
        name = str(info["name"])
        name = name[len(inside) :] if name.startswith(inside) else name.rpartition("/")[2]
        is_folder = info["type"] == "directory"
        if not name and not is_folder and not info["size"]:
            continue  # the object by which some programs mark a folder
        # s3fs takes what follows for a version of another object
        if not is_name(name) or "?versionId=" in name:
            odd += 1
        elif name not in entries:  # a folder and an object of one name: the object comes first
            entries[name] = Entry(name, None if is_folder else _status(info))
    return Listing(entries, odd)


def open_object(url: str) -> RemoteFile:
    """Raises OSError where this object cannot be read, StorageError."""
    filesystem, path = _open_storage(url)
    with _one_sentence(url):
        try:
            # no cache: what is not asked for is not fetched
            file = filesystem.open(path, "rb", cache_type="none")
            info = file.details if hasattr(file, "details") else filesystem.info(path)
        except FileNotFoundError:
            raise
        except OSError:
            filesystem.cat_file(path, start=0, end=1)  # answers with a reason
            raise
    if info["type"] == "directory":
        raise FileNotFoundError(None, "the file is gone")
    return RemoteFile(url, file, _status(info))


def read_start(url: str, max_bytes: int) -> bytes:
    """The first bytes of an object, or all. Raises OSError, StorageError."""
    with open_object(url) as file:
        return file.read(min(max_bytes, file.status.st_size))


def _status(info: dict[str, Any]) -> Status:
    sign = next((str(info[name]) for name in SIGNS if info.get(name)), "")
    number = int.from_bytes(hashlib.blake2b(sign.encode(), digest_size=8).digest(), "big") >> 1
    return Status(int(info["size"] or 0), _time_ns(info), (number or 1) if sign else 0)


def _time_ns(info: dict[str, Any]) -> int:
    """0 where the storage does not say."""
    for name in TIMES:
        value = info.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, int | float):
            return max(int(value * 1_000_000_000), 0)
    return 0


_lock = threading.Lock()
_opened: dict[str, tuple[Any, str]] = {}  # storage -> its file system, and what paths in it begin with


def _storage_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _open_storage(url: str) -> tuple[Any, str]:
    """The file system of an address and the path in it. Only the storage's own name is given to fsspec to
    take apart: what a key says is never understood as a part of an address."""
    check(url)
    storage = _storage_of(url)
    with _lock:
        if storage not in _opened:
            from fsspec.core import url_to_fs

            with _one_sentence(url):
                options = {"use_listings_cache": False} if url.partition("://")[0] in CACHING else {}
                filesystem, start = url_to_fs(storage + "/", **options)
            _opened[storage] = filesystem, start.rstrip("/")
        filesystem, start = _opened[storage]
    return filesystem, (start + url[len(storage) :]) or "/"


@contextmanager
def _one_sentence(url: str) -> Iterator[None]:
    """Turns what fsspec and the libraries below it raise into an OSError or a StorageError."""
    try:
        yield
    except Exception as error:  # botocore, paramiko and others have errors of their own, below Exception
        explained = _explain(url, error)
        if isinstance(explained, OSError):
            explained.filename = url
        raise explained from error


def _explain(url: str, error: BaseException) -> Exception:
    storage, codes = _storage_of(url), set(_codes(error))
    if codes & {"NoSuchBucket"}:
        return StorageError(f"There is no bucket {storage}. Check the spelling, and AWS_ENDPOINT_URL.")
    if code := min(codes & REFUSED, default=None):
        return StorageError(
            f"{storage} does not take the credentials ({code}). Give those of an account that may read "
            "there, as its own programs take them: for s3://, in ~/.aws/credentials or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    if codes & ELSEWHERE:
        return StorageError(f"{storage} lies in another region. Name it in AWS_DEFAULT_REGION.")
    if code := min(codes & BUSY, default=None):
        return StorageError(f"{storage} asks for fewer requests ({code}). {GO_ON}")
    if codes & FORBIDDEN:
        return PermissionError(None, "access denied")
    if codes & NOT_THERE:
        return FileNotFoundError(None, "the file is gone")
    if codes & CHANGED:
        return OSError(None, "the file changed while it was read; scan again")
    if codes & ARCHIVED:
        return OSError(None, "it lies in an archive of the storage; have it restored there first")
    if isinstance(error, PermissionError):
        return PermissionError(None, "access denied")
    if isinstance(error, FileNotFoundError | IsADirectoryError):
        return FileNotFoundError(None, "the file is gone")
    root = _root(error)
    if isinstance(getattr(root, "response", None), dict):
        code = list(_codes(root))[-1]
        return StorageError(f"{storage} answers with an error of its own ({code}). {GO_ON}")
    return StorageError(f"{storage} cannot be reached ({type(root).__name__}). {GO_ON}")


GO_ON = "What was looked at is saved; go on with the same command."


def _codes(error: BaseException | None) -> Iterator[str]:
    """What the errors behind this one say in one word: their codes and their names."""
    while error is not None:
        yield type(error).__name__
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            yield str(response.get("Error", {}).get("Code", "?"))
        error = error.__cause__ or error.__context__


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
