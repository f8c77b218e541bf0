"""Synthetic monitoring for WebSockets: checks as code, measured, that cannot pass in silence.

A check imports what it needs from here::

    from checkwire import check, connect, env, expect, http, log, secret, step, WebSocket
"""

from __future__ import annotations

from checkwire._version import __version__

TYPE_CHECKING = False  # known to type checkers by its name; importing typing takes 12 ms
if TYPE_CHECKING:
    from checkwire.model.errors import (
        CheckwireError,
        ConnectError,
        ConnectionClosed,
        ExpectationFailed,
        FailureError,
        MessageError,
        TimedOut,
        UsageError,
    )
    from checkwire.sdk import http
    from checkwire.sdk.check import check
    from checkwire.sdk.environment import env, secret
    from checkwire.sdk.expectations import expect
    from checkwire.sdk.logs import log
    from checkwire.sdk.steps import step
    from checkwire.sdk.websocket import WebSocket, connect

__all__ = [
    "CheckwireError",
    "ConnectError",
    "ConnectionClosed",
    "ExpectationFailed",
    "FailureError",
    "MessageError",
    "TimedOut",
    "UsageError",
    "WebSocket",
    "__version__",
    "check",
    "connect",
    "env",
    "expect",
    "http",
    "log",
    "secret",
    "step",
]

_HOMES = {
    "WebSocket": "checkwire.sdk.websocket",
    "check": "checkwire.sdk.check",
    "connect": "checkwire.sdk.websocket",
    "env": "checkwire.sdk.environment",
    "expect": "checkwire.sdk.expectations",
    "log": "checkwire.sdk.logs",
    "secret": "checkwire.sdk.environment",
    "step": "checkwire.sdk.steps",
}


def __getattr__(name: str) -> object:
    # Loaded when first used: `import checkwire` itself costs next to nothing, and a check that
    # makes no HTTP request does not pay for one.
    from importlib import import_module

    if name == "http":
        value: object = import_module("checkwire.sdk.http")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in __all__:
        value = getattr(import_module("checkwire.model.errors"), name)
    else:
        raise AttributeError(f"module 'checkwire' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
