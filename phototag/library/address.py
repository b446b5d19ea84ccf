"""Where a catalog is: in an SQLite file, or in a PostgreSQL database, named by a URL."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from phototag.errors import CatalogError

Address = Path | URL
EXAMPLE = "postgresql+psycopg://user@host/photos"

_SCHEME = re.compile("[a-z][a-z0-9+]*://", re.IGNORECASE)
_SECRETS = ("password", "sslpassword", "passfile", "oauth_client_secret")


def read_address(text: str | os.PathLike[str] | URL) -> Address:
    """A file, as its absolute path, or the URL of a database. Raises CatalogError for a URL that names
    none."""
    if isinstance(text, URL):
        return text
    text = os.fsdecode(text)
    if not _SCHEME.match(text):
        return Path(os.path.abspath(text))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # of which the message would show the password
        raise CatalogError(f"This is no address of a database. Name one: --db {EXAMPLE}") from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername != "postgresql+psycopg":
        raise CatalogError(
            f"A catalog is an SQLite file or lies in PostgreSQL, not in {url.drivername}. "
            f"Name a file, or a database: --db {EXAMPLE}"
        )
    if not url.database:
        raise CatalogError(f"{show_address(url)} names no database. Name one: --db {EXAMPLE}")
    return url


def show_address(address: Address) -> str:
    """The address as it may be shown and stored: without a password."""
    if isinstance(address, Path):
        return str(address)
    plain = URL.create(
        address.drivername, address.username, None, address.host, address.port, address.database
    )
    shown = {name: value for name, value in address.query.items() if name.lower() not in _SECRETS}
    return plain.set(query=shown).render_as_string()


def is_same(one: Address, other: Address) -> bool:
    """Whether both are the same catalog, as far as their addresses tell."""
    if isinstance(one, Path) and isinstance(other, Path):
        return one == other or (one.exists() and other.exists() and one.samefile(other))
    return isinstance(one, URL) and isinstance(other, URL) and show_address(one) == show_address(other)
