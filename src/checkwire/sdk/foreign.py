"""Names that authors know from other libraries, and what they are called here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["NoSuchName", "no_such_name"]

_HERE: Final[Mapping[str, str]] = {
    "recv": "receive()",
    "recv_text": "receive_text()",
    "recv_json": "receive_json()",
    "receive_str": "receive_text()",
    "read": "receive()",
    "messages": "async for message in ws",
    "send_text": "send()",
    "send_str": "send()",
    "send_bytes": "send()",
    "send_binary": "send()",
    "sendall": "send()",
    "write": "send()",
    "readyState": "ready_state",
    "state": "ready_state",
    "closed": "ready_state",
    "open_timeout": "timeouts=",
    "closeCode": "close_code",
    "closeReason": "close_reason",
    "protocol": "subprotocol",
    "addEventListener": "on()",
    "add_listener": "on()",
    "addListener": "on()",
    "removeListener": "off()",
    "removeEventListener": "off()",
    "terminate": "close()",
    "disconnect": "close()",
    "aclose": "close()",
    "wait_closed": "receive_close()",
    "request_headers": "response.headers",
    "response_headers": "response.headers",
    "onopen": 'on("open", handler)',
    "onmessage": 'on("message", handler)',
    "onerror": 'on("error", handler)',
    "onclose": 'on("close", handler)',
    "latency": "ping()",
}


class NoSuchName(UsageError, AttributeError):  # noqa: N818 - reads as a fact
    """A WebSocket has no attribute of that name."""


def no_such_name(name: str, known: Iterable[str]) -> NoSuchName:
    """What to raise for an attribute that is not there, with what was probably meant."""
    here = _HERE.get(name)
    if here is not None:
        hint = f": here it is {here}"
    else:
        public = [candidate for candidate in known if not candidate.startswith("_")]
        hint = did_you_mean(name, public, quote="")
    return NoSuchName(f"a WebSocket has no {name!r}{hint}")
