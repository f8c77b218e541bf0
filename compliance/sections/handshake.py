"""0: the opening handshake, of which the client must verify the answer (RFC 6455 section 4.1)."""

from __future__ import annotations

from typing import Any

from compliance.case import CLIENT, Case, Cut, bad, good
from compliance.frames import text

__all__ = ["CASES", "refused"]

_STATUS = "HTTP/1.1 101 Switching Protocols"
_UPGRADE = "Upgrade: websocket"
_CONNECTION = "Connection: Upgrade"
_ACCEPT = "Sec-WebSocket-Accept: {accept}"
_HELLO = text("Hello")


def _head(*lines: str, status: str = _STATUS) -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1")


_HEAD = _head(_UPGRADE, _CONNECTION, _ACCEPT)


def _opened(number: str, title: str, rfc: str, answer: bytes, **fields: Any) -> Case:
    """With this answer the connection opens, and works."""
    fields.setdefault("receives", ("Hello",))
    return good(number, title, rfc, _HELLO, answer=answer, on=(CLIENT,),
                cuts=(Cut.WHOLE,), **fields)  # fmt: skip


def _failed(number: str, title: str, rfc: str, answer: bytes, failure: str, **fields: Any) -> Case:
    """With this answer it does not, and the failure has this code."""
    return bad(number, title, rfc, _HELLO, answer=answer, failure=failure, on=(CLIENT,),
               cuts=(Cut.WHOLE,), **fields)  # fmt: skip


def refused(number: str, title: str, rfc: str, *lines: str, failure: str, **fields: Any) -> Case:
    """An answer that is right but for these headers, which the client must refuse."""
    return _failed(
        number, title, rfc, _head(_UPGRADE, _CONNECTION, _ACCEPT, *lines), failure, **fields
    )


_SUBPROTOCOL = "Sec-WebSocket-Protocol"

CASES: list[Case] = [
    _opened("0.1.1", "the answer that the RFC shows", "6455 §1.3", _HEAD),
    _opened("0.1.2", "names of headers in any case", "6455 §4.2.2",
            _head("UPGRADE: websocket", "connection: Upgrade", "SEC-WEBSOCKET-ACCEPT: {accept}")),
    _opened("0.1.3", "values of Upgrade and Connection in any case", "6455 §4.1",
            _head("Upgrade: WebSocket", "Connection: upgrade", _ACCEPT)),
    _opened("0.1.4", "further options in Connection", "6455 §4.1",
            _head(_UPGRADE, "Connection: keep-alive, Upgrade", _ACCEPT)),
    _opened("0.1.5", "white space around the values", "9110 §5.5",
            _head("Upgrade:\twebsocket ", "Connection:  Upgrade", f"{_ACCEPT}  ")),
    _opened("0.1.6", "another reason, and none", "9112 §4",
            _head(_UPGRADE, _CONNECTION, _ACCEPT, status="HTTP/1.1 101 ")),
    _opened("0.1.7", "headers that have nothing to do with it", "6455 §4.1",
            _head("Server: test/1.0", "Date: Thu, 01 Jan 1970 00:00:00 GMT", _UPGRADE, _CONNECTION,
                  "X-Empty:", _ACCEPT, "Set-Cookie: a=b", "Set-Cookie: c=d")),
    _opened("0.1.8", "an interim response before it", "9110 §15.2",
            _head("Link: </style.css>", status="HTTP/1.1 103 Early Hints") + _HEAD),
    _opened("0.1.9", "the first message in the same packet", "6455 §4.1",
            _HEAD + text("early").wire(from_client=False), receives=("early", "Hello")),
    _opened("0.1.10", "one of the subprotocols offered", "6455 §4.1",
            _head(_UPGRADE, _CONNECTION, _ACCEPT, f"{_SUBPROTOCOL}: two"),
            subprotocols=("one", "two")),
    _opened("0.1.11", "the extension offered", "6455 §9.1",
            _head(_UPGRADE, _CONNECTION, _ACCEPT, "Sec-WebSocket-Extensions: permessage-deflate"),
            extension="permessage-deflate"),
    _failed("0.2.1", "another status, though all headers are right", "6455 §4.1",
            _head(_UPGRADE, _CONNECTION, _ACCEPT, "Content-Length: 0", status="HTTP/1.1 200 OK"),
            "upgrade.not_upgraded"),
    _failed("0.2.2", "a status of the client's fault", "6455 §4.1",
            _head("Content-Length: 0", status="HTTP/1.1 403 Forbidden"), "upgrade.status"),
    _failed("0.2.3", "a redirect, which is not followed unasked", "6455 §4.1",
            _head("Location: /there", "Content-Length: 0", status="HTTP/1.1 302 Found"),
            "upgrade.redirect"),
    _failed("0.2.4", "not HTTP", "6455 §4.1", b"SSH-2.0-OpenSSH_9.9\r\n", "upgrade.not_http"),
    _failed("0.3.1", "no Upgrade header", "6455 §4.1", _head(_CONNECTION, _ACCEPT),
            "upgrade.bad_headers"),
    _failed("0.3.2", "an upgrade to something else", "6455 §4.1",
            _head("Upgrade: h2c", _CONNECTION, _ACCEPT), "upgrade.bad_headers"),
    _failed("0.3.3", "no Connection header", "6455 §4.1", _head(_UPGRADE, _ACCEPT),
            "upgrade.bad_headers"),
    _failed("0.3.4", "Connection without Upgrade in it", "6455 §4.1",
            _head(_UPGRADE, "Connection: keep-alive", _ACCEPT), "upgrade.bad_headers"),
    _failed("0.3.5", "no Sec-WebSocket-Accept", "6455 §4.1", _head(_UPGRADE, _CONNECTION),
            "upgrade.bad_headers"),
    _failed("0.3.6", "a Sec-WebSocket-Accept that does not fit the key", "6455 §4.1",
            _head(_UPGRADE, _CONNECTION, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "upgrade.bad_accept"),
    _failed("0.3.7", "the right one in another case", "6455 §4.1",
            _head(_UPGRADE, _CONNECTION, "Sec-WebSocket-Accept: {ACCEPT}"), "upgrade.bad_accept"),
    refused("0.3.8", "two of them", "6455 §4.1", _ACCEPT, failure="upgrade.bad_accept"),
    refused("0.4.1", "an extension that was not offered", "6455 §4.1",
            "Sec-WebSocket-Extensions: mux", failure="upgrade.extension"),
    refused("0.4.2", "a subprotocol, though none was offered", "6455 §4.1",
            f"{_SUBPROTOCOL}: chat", failure="upgrade.subprotocol"),
    refused("0.4.3", "a subprotocol that was not offered", "6455 §4.1",
            f"{_SUBPROTOCOL}: chat", failure="upgrade.subprotocol", subprotocols=("one", "two")),
    refused("0.4.4", "two subprotocols at once", "6455 §4.2.2",
            f"{_SUBPROTOCOL}: one, two", failure="upgrade.subprotocol",
            subprotocols=("one", "two")),
    # Not in the RFC: browsers fail too (WHATWG WebSockets, "establish a WebSocket connection").
    refused("0.4.5", "none of the subprotocols offered", "6455 §4.1",
            failure="upgrade.subprotocol_missing", subprotocols=("one", "two")),
]  # fmt: skip
