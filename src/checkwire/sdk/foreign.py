"""Names that authors know from other libraries, and what they are called here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["NoSuchName", "no_such_expectation", "no_such_name"]

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


_EXPECTATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("toBe", "toEqual", "to_be", "to_equal", "eq", "is_"), "equals()"),
    **dict.fromkeys(("toBeLessThan", "less_than", "lt", "under"), "below()"),
    **dict.fromkeys(("toBeGreaterThan", "greater_than", "gt", "over"), "above()"),
    **dict.fromkeys(("toContain", "to_contain", "includes", "has"), "contains()"),
    **dict.fromkeys(("toMatch", "toMatchObject", "to_match"), "matches()"),
    "not_": "equals(False), or `assert not`",
}


class NoSuchName(UsageError, AttributeError):  # noqa: N818 - reads as a fact
    """What a check uses has no attribute of that name."""


def no_such_name(name: str, known: Iterable[str]) -> NoSuchName:
    """What to raise for an attribute of a WebSocket that is not there, with what was meant."""
    return _no_such("a WebSocket", name, known, _HERE)


def no_such_expectation(name: str, known: Iterable[str]) -> NoSuchName:
    """The same for ``expect(...)``."""
    return _no_such("expect(...)", name, known, _EXPECTATIONS)


def _no_such(what: str, name: str, known: Iterable[str], foreign: Mapping[str, str]) -> NoSuchName:
    here = foreign.get(name)
    if here is not None:
        hint = f": here it is {here}"
    else:
        public = [candidate for candidate in known if not candidate.startswith("_")]
        hint = did_you_mean(name, public, quote="")
    return NoSuchName(f"{what} has no {name!r}{hint}")
