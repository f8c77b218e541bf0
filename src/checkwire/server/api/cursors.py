"""Where the next page of a list begins: text that a client hands back as it got it."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, TypeVar

import msgspec

from checkwire.server.problems import Problem

__all__ = [
    "CheckPosition",
    "IncidentPlace",
    "IncidentPosition",
    "P",
    "RunPosition",
    "read_cursor",
    "write_cursor",
]

_LONGEST = 1024
_MARK = 6

_Integer = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"\A[^\x00]*\Z")]


class CheckPosition(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=1
):
    """The last check of a page."""

    project: _Text
    key: _Text


class RunPosition(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=2):
    """The last run of a page."""

    due_ns: _Integer
    check_id: _Integer
    location: _Text


class IncidentPosition(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=3
):
    """The last incident of a page."""

    opened_ns: _Integer
    id: _Text


class IncidentPlace(
    msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag=4
):
    """The last incident of a page, where those that are open come first."""

    open: bool
    opened_ns: _Integer
    id: _Text


Position = CheckPosition | RunPosition | IncidentPosition | IncidentPlace
P = TypeVar("P", CheckPosition, RunPosition, IncidentPosition, IncidentPlace)


def write_cursor(position: Position) -> str:
    """The position as text."""
    body = msgspec.msgpack.encode(position)
    return base64.urlsafe_b64encode(_mark(body) + body).decode().rstrip("=")


def read_cursor(text: str | None, kind: type[P]) -> P | None:
    """The position that :func:`write_cursor` wrote; ``None`` for ``None``.

    Raises:
        Problem: 400, if it wrote no such thing.
    """
    if text is None:
        return None
    try:
        if len(text) > _LONGEST:
            raise ValueError(len(text))
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position = msgspec.msgpack.decode(data[_MARK:], type=kind)
        # A position has one text only: the mark is right, and nothing is written another way.
        if write_cursor(position) != text:
            raise ValueError(text)
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Problem.of_field(
            400,
            "malformed_cursor",
            "cursor",
            "This cursor is not one that this list gave out: take `next` of the page before as it "
            "is, or leave it out to begin at the beginning.",
        ) from None
    return position


def _mark(body: bytes) -> bytes:
    """Tells a cursor that was cut or mistyped. It holds no secret, so it needs no secret key."""
    return hashlib.blake2b(body, digest_size=_MARK, person=b"cursor").digest()
