"""A 101 that the script's library refused, or had to: what is wrong with it."""

from __future__ import annotations

from websockets.datastructures import Headers
from websockets.exceptions import (
    InvalidHeader,
    InvalidHeaderValue,
    InvalidUpgrade,
    NegotiationError,
)
from websockets.http11 import Request
from websockets.utils import accept_key

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.wire.http_head import Head
from checkwire.wire.upgrade.rejection import diagnose_no_subprotocol, diagnose_rejection

__all__ = ["diagnose_rejected"]

_ACCEPT = "Sec-WebSocket-Accept"
_PROTOCOL = "sec-websocket-protocol"


def diagnose_rejected(
    head: Head, where: str, headers: tuple[tuple[str, str], ...], said: str, masker: Masker
) -> Failure:
    """Which rule of the handshake the answer breaks.

    Args:
        head: the answer.
        where: the peer.
        headers: of the request.
        said: what the library made of it, if that is known.
        masker: hides secrets.
    """
    request = Request("/", Headers(headers))
    asked = request.headers.get(_PROTOCOL, "")
    offered = tuple(name.strip() for name in asked.split(",") if name.strip())
    chosen = head.get(_PROTOCOL)
    if offered and chosen is None:
        return diagnose_no_subprotocol(head, where, offered, masker)
    error = _error(head, request, offered, chosen, said)
    return diagnose_rejection(error, head, where, request, offered, masker)


def _error(
    head: Head, request: Request, offered: tuple[str, ...], chosen: str | None, said: str
) -> Exception:
    upgrade, accept = head.get("upgrade"), head.get(_ACCEPT.lower())
    if upgrade is None or upgrade.lower() != "websocket":
        return InvalidUpgrade("Upgrade", upgrade)
    key = request.headers.get("Sec-WebSocket-Key", "")
    if accept is None:
        return InvalidHeader(_ACCEPT)
    if accept != accept_key(key):
        return InvalidHeaderValue(_ACCEPT, accept)
    if chosen is not None and chosen not in offered:
        return NegotiationError("unsupported subprotocol")
    if head.get("sec-websocket-extensions") is not None:
        return NegotiationError("unsupported extension")
    return InvalidHeaderValue("Connection", said)
