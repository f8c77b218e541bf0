"""Naming what is wrong with a 101 (RFC 6455 section 4.1, "the client MUST")."""

from __future__ import annotations

from typing import Any

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
from checkwire.wire.upgrade.refusal import answer_evidence

__all__ = ["diagnose_no_subprotocol", "diagnose_rejection"]

_ACCEPT = "Sec-WebSocket-Accept"
_PROTOCOL = "Sec-WebSocket-Protocol"
_EXTENSIONS = "Sec-WebSocket-Extensions"


def diagnose_rejection(
    error: Exception,
    head: Head,
    where: str,
    request: Request,
    offered: tuple[str, ...],
    masker: Masker,
) -> Failure:
    """A 101 that breaks the handshake's rules.

    Args:
        error: what the protocol says of it.
        head: the answer.
        where: the peer, for a reader.
        request: what was asked.
        offered: subprotocols.
        masker: hides secrets.
    """
    evidence = answer_evidence(head, b"", masker)
    name = getattr(error, "name", "")
    accept = head.get(_ACCEPT.lower())
    if isinstance(error, InvalidUpgrade) or name in ("Connection", "Upgrade"):
        code = "upgrade.bad_headers"
        message = f"{where} answered 101 without a proper {name} header"
    elif name == _ACCEPT and isinstance(error, InvalidHeader | InvalidHeaderValue):
        code = "upgrade.bad_accept" if accept else "upgrade.bad_headers"
        evidence["accept_expected"] = accept_key(request.headers["Sec-WebSocket-Key"])
        evidence["accept_received"] = accept
        message = f"{where} answered 101 {'with several' if accept else 'without'} {_ACCEPT}"
        if isinstance(error, InvalidHeaderValue):
            message = f"{where} sent a {_ACCEPT} that does not fit our key: {accept}"
    elif "subprotocol" in str(error) or name == _PROTOCOL:
        code = "upgrade.subprotocol"
        chosen = head.get(_PROTOCOL.lower())
        evidence |= {"offered": list(offered), "selected": chosen}
        message = f"{where} chose the subprotocol {chosen}; offered: {', '.join(offered) or 'none'}"
    elif isinstance(error, NegotiationError) or name == _EXTENSIONS:
        code = "upgrade.extension"
        chosen = head.get(_EXTENSIONS.lower())
        evidence |= {"offered": request.headers.get(_EXTENSIONS), "selected": chosen}
        message = f"{where} negotiated extensions that were not offered: {chosen}"
    else:
        code = "upgrade.bad_headers"
        message = f"{where} answered 101, but not with a valid handshake: {error}"
    if head.version != "1.1":
        evidence["http_version"] = head.version
    return Failure(code=code, message=message, phase="upgrade", evidence=evidence)


def diagnose_no_subprotocol(
    head: Head, where: str, offered: tuple[str, ...], masker: Masker
) -> Failure:
    """A 101 that is silent on the subprotocols that were offered. Browsers refuse it too."""
    evidence: dict[str, Any] = answer_evidence(head, b"", masker)
    evidence |= {"offered": list(offered), "selected": None}
    return Failure(
        code="upgrade.subprotocol_missing",
        message=f"{where} accepted none of the subprotocols offered: {', '.join(offered)}",
        phase="upgrade",
        evidence=evidence,
    )
