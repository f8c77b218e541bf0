"""Close codes of WebSockets: the registered ones, and those of well-known protocols.

A code from 4000 on means what the protocol that is spoken says it means; so do, in practice, many
from 3000 on. Which protocol that is, the subprotocol or the URL tells, see :func:`family_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from checkwire.model.close_families import FAMILIES, CloseCode, Family, Kind, Reconnect

__all__ = [
    "FAMILIES",
    "REGISTERED",
    "CloseCode",
    "Family",
    "Kind",
    "Meaning",
    "Reconnect",
    "family_of",
    "meaning_of",
]

_RFC = "https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"
_IANA = "https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number"

_C = CloseCode

REGISTERED = Family(
    name="WebSocket",
    source=_IANA,
    codes=(
        _C(1000, "normal closure", "The purpose of the connection is fulfilled", "no"),
        _C(1001, "going away", "The server goes down, or is about to", "yes", "draining"),
        _C(1002, "protocol error", "The peer broke the WebSocket protocol", "no"),
        _C(1003, "unsupported data", "Text came where binary is taken, or the reverse", "no"),
        _C(1005, "no status received", "The Close frame had no code; never sent", "unknown"),
        _C(1006, "abnormal closure", "There was no Close frame; never sent", "unknown"),
        _C(1007, "invalid frame payload data", "Text that is not UTF-8, for one", "no"),
        _C(1008, "policy violation", "A message breaks a rule of the server's own", "no"),
        _C(1009, "message too big", "A message is larger than the server takes", "no"),
        _C(1010, "mandatory extension", "The client needs an extension it did not get", "no"),
        _C(1011, "internal error", "Something in the server failed", "later"),
        _C(1012, "service restart", "The service restarts", "later", "draining"),
        _C(1013, "try again later", "The server is overloaded", "later", "draining"),
        _C(1014, "bad gateway", "A gateway got no proper answer from behind it", "later"),
        _C(1015, "TLS handshake failure", "TLS could not be set up; never sent", "unknown"),
        _C(3000, "unauthorized", "Credentials are missing, wrong or expired", "no", "auth"),
        _C(3003, "forbidden", "These credentials do not permit it", "no", "auth"),
        _C(3008, "timeout", "Something took the client too long", "yes"),
    ),
)
"""RFC 6455 section 7.4.1, and what was registered since."""

_REGISTERED = {code.code: code for code in REGISTERED.codes}


class Meaning(msgspec.Struct, frozen=True):
    """What a close code means on a connection.

    Attributes:
        name: in a few words.
        meaning: a clause more, if there is more to say.
        family: the protocol that defines it, if that is known.
        reconnect: whether a client should, and when.
        kind: what sort of end it is.
        candidates: protocols that define the code, and what as, if it is not known which is spoken.
        source: the page that defines it.
    """

    name: str
    meaning: str = ""
    family: str | None = None
    reconnect: Reconnect = "unknown"
    kind: Kind = ""
    candidates: tuple[str, ...] = ()
    source: str = ""


def family_of(subprotocols: Iterable[str], url: str) -> Family | None:
    """The protocol on top of WebSocket, as far as the handshake tells.

    Args:
        subprotocols: the one agreed on, or those offered.
        url: to which the connection was made.
    """
    names = set(subprotocols)
    for family in FAMILIES:
        if names.intersection(family.subprotocols):
            return family
    for family in FAMILIES:
        if family.url and re.search(family.url, url, re.IGNORECASE):
            return family
    return None


def meaning_of(code: int, family: Family | None = None) -> Meaning:
    """What a close code means, for the protocol that is spoken if it is known."""
    if family is not None and (found := _find(family, code)):
        source = family.source
        return Meaning(
            found.name, found.meaning, family.name, found.reconnect, found.kind, (), source
        )
    if found := _REGISTERED.get(code):
        source = _RFC if code < 1012 else _IANA
        return Meaning(
            found.name, found.meaning, None, found.reconnect, found.kind, _candidates(code), source
        )
    name = _range(code)
    if family is not None:
        return Meaning(name, family.note, family.name, source=family.source)
    return Meaning(name, candidates=_candidates(code), source=_IANA)


def _find(family: Family, code: int) -> CloseCode | None:
    """The entry for a code: its own, or that of its range."""
    for entry in family.codes:
        if entry.code == code and not entry.last:
            return entry
    for entry in family.codes:
        if entry.code <= code <= entry.last:
            return entry
    return None


def _candidates(code: int) -> tuple[str, ...]:
    """Who else uses a code, by name; ranges say too little."""
    return tuple(
        f"{family.name}: {entry.name}"
        for family in FAMILIES
        for entry in family.codes
        if entry.code == code and not entry.last
    )


def _range(code: int) -> Literal["registered code", "private use", "unknown code"]:
    if 3000 <= code < 4000:
        return "registered code"
    return "private use" if 4000 <= code < 5000 else "unknown code"
