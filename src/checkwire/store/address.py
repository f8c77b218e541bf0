"""Where a database is: what people write, taken apart."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["Address", "AddressError", "parse_address"]


class AddressError(ValueError):
    """An address that names no database. Its text is a sentence."""


class Address(msgspec.Struct, frozen=True):
    """Where a database is. As text, it is without its password.

    Attributes:
        path: the file, if it is SQLite's.
        url: SQLAlchemy's, with the driver, if it is PostgreSQL's.
    """

    path: Path | None = None
    url: URL | None = None

    def __str__(self) -> str:
        if self.url is None:
            return str(self.path)
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)


def parse_address(text: str) -> Address:
    """Take an address apart: ``sqlite:///path``, ``postgresql://host/name``, or a file's path.

    Raises:
        AddressError: it is none of these.
    """
    if "://" not in text:
        if not text or text.startswith(("sqlite:", "postgresql:", "postgres:")):
            raise AddressError(f"{text!r} is no database URL: {_EXAMPLES}")
        if _looks_like_a_host(text):
            # It may have a password in it.
            named = "The address" if "@" in text else text
            raise AddressError(
                f"{named} looks like that of a server without postgresql:// before it: write that, "
                "or ./ before it if it is a file"
            )
        return Address(path=Path(text).absolute())
    scheme = text.partition("://")[0].lower()
    backend = scheme.partition("+")[0]
    if backend not in ("sqlite", "postgresql", "postgres"):
        raise AddressError(f"{scheme}:// is no database that Checkwire knows: {_EXAMPLES}")
    if backend == "sqlite":
        # Not by make_url: what looks like a query is a part of the file's name.
        location = text.partition("://")[2]
        if not location.startswith("/") or location.strip("/") in ("", ":memory:"):
            raise AddressError(f"{text} names no file: {_EXAMPLES}")
        return Address(path=Path(location[1:]).absolute())
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise AddressError(f"the database URL cannot be read: {_EXAMPLES}") from None
    if not url.database:
        where = f" on {url.host}" if url.host else ""
        raise AddressError(f"the URL names no database{where}: {_EXAMPLES}")
    return Address(url=url.set(drivername="postgresql+psycopg"))


def _looks_like_a_host(text: str) -> bool:
    """``db.example/checkwire``, ``localhost:5432/checkwire``, ``me:password@db``: not a file."""
    first, slash, _ = text.partition("/")
    if not first or first.startswith((".", "~")) or Path(first).exists():
        return False
    if "@" in first or re.fullmatch(r"[\w.-]+:\d+|\[[0-9a-fA-F:]+\](:\d+)?", first):
        return True
    return bool(slash) and (
        first == "localhost" or re.fullmatch(r"[\w-]+(\.[\w-]+)+", first) is not None
    )


_EXAMPLES = (
    "write sqlite:///path/to/checkwire.db, postgresql://user:password@host/name, or the path of "
    "a file"
)
