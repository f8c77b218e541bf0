"""7: the closing handshake, from either side (RFC 6455 sections 5.5.1, 7.1 and 7.4)."""

from __future__ import annotations

from typing import Any

from compliance.case import CLIENT, EMPTY, Case, CloseBy, Cut, Step, bad, good, scripted
from compliance.frames import CLOSE, Frame, binary, close, continuation, ping, text

_VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013)
_FREE = (3000, 3999, 4000, 4999)
_INVALID = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
_LONG = "*" * 123
_LARGE = b"BAsd7&jh23" * 26214


def _failure(code: int) -> str:
    """1000 is how it should end; every other code says that something is wrong."""
    if code in (1000, EMPTY):
        return ""
    return "ws.draining" if code in (1001, 1012, 1013) else "ws.closed"


def _closed(number: str, title: str, code: int, reason: str = "", **fields: Any) -> Case:
    """The other side closes, and the endpoint answers with the same code."""
    return scripted(number, title, "6455 §5.5.1", close(code, reason),
                    closes=code, failure=_failure(code), **fields)  # fmt: skip


def _close(number: str, title: str, code: int, reason: str = "") -> Case:
    """The client closes, and the other side answers with the same code."""
    return scripted(number, title, "6455 §7.1.2", Step.AWAIT_CLOSE, close(code, reason),
                    closes=code, does=(CloseBy(code, reason),), on=(CLIENT,))  # fmt: skip


CASES: list[Case] = [
    good("7.1.1", "a message, then Close", "6455 §7.1", text("Hello"), receives=("Hello",)),
    scripted("7.1.2", "two Close frames: the second is ignored", "6455 §5.5.1",
             close(1000), close(1011)),
    scripted("7.1.3", "a Ping after Close is not answered", "6455 §5.5.1", close(1000), ping()),
    scripted("7.1.4", "a message after Close is not delivered", "6455 §5.5.1",
             close(1000), text("too late")),
    scripted("7.1.5", "Close in the middle of a message, and the rest of it after", "6455 §5.4",
             text("fragment1", fin=False), close(1000), continuation("fragment2"),
             failure="ws.closed"),
    scripted("7.1.6", "a large message, Close and a Ping at once", "6455 §7.1",
             binary(_LARGE), close(1000), ping(), receives=(_LARGE,)),
    scripted("7.1.7", "what follows Close need not even be frames", "6455 §1.4",
             close(1000), b"\xff" * 100),
    scripted("7.2.1", "the client closes: the server answers", "6455 §7.1.2",
             text("Hello"), Step.AWAIT_CLOSE, close(1000),
             receives=("Hello",), does=(CloseBy(),), on=(CLIENT,)),
    scripted("7.2.2", "messages still come until the server's Close frame", "6455 §5.5.1",
             text("one"), Step.AWAIT_CLOSE, text("two"), ping(b"p"), text("three"), close(1000),
             receives=("one", "two", "three"), pongs=(b"p",),
             does=(CloseBy(),), after=1, on=(CLIENT,)),
    scripted("7.2.3", "the rest of a message still comes", "6455 §5.5.1",
             text("one"), text("fragment1", fin=False), Step.AWAIT_CLOSE,
             continuation("fragment2"), close(1000),
             receives=("one", "fragment1fragment2"), does=(CloseBy(),), after=1, on=(CLIENT,)),
    scripted("7.2.4", "the server answers in the middle of a message", "6455 §5.4",
             text("one"), text("fragment1", fin=False), Step.AWAIT_CLOSE, close(1000),
             receives=("one",), does=(CloseBy(),), on=(CLIENT,)),
    scripted("7.2.5", "the server answers with another code", "6455 §7.1.5",
             Step.AWAIT_CLOSE, close(1011, "not so fast"),
             does=(CloseBy(1000, "bye"),), on=(CLIENT,)),
    scripted("7.2.6", "the server answers without a code", "6455 §7.1.5",
             Step.AWAIT_CLOSE, close(), does=(CloseBy(4000),), closes=4000, on=(CLIENT,)),
    scripted("7.2.7", "the server ends TCP instead of answering", "6455 §7.1.4",
             Step.AWAIT_CLOSE, Step.END, does=(CloseBy(),), clean=False, on=(CLIENT,)),
    scripted("7.2.8", "the server breaks a rule instead of answering: no second Close frame",
             "6455 §7.1.7", Step.AWAIT_CLOSE, Frame(3), does=(CloseBy(),), clean=False,
             failure="ws.protocol_error", on=(CLIENT,)),
    scripted("7.2.9", "both close at once", "6455 §7.1.2",
             text("Hello"), Step.AWAIT_CLOSE, close(3001), receives=("Hello",),
             does=(CloseBy(3000),), closes=3000, on=(CLIENT,)),
    scripted("7.3.1", "a Close frame without a code", "6455 §5.5.1", close(), closes=EMPTY),
    bad("7.3.2", "a Close frame of one byte", "6455 §5.5.1", Frame(CLOSE, b"a"),
        echo_closes=EMPTY),
    _closed("7.3.3", "a Close frame with a code only", 1000),
    _closed("7.3.4", "a Close frame with a reason", 1000, "Hello"),
    _closed("7.3.5", "a Close frame with the longest reason", 1000, _LONG),
    bad("7.3.6", "a Close frame with a reason that is too long", "6455 §5.5",
        close(1000, _LONG + "*")),
    bad("7.3.7", "a Close frame in fragments", "6455 §5.5",
        Frame(CLOSE, b"\x03\xe8", fin=False)),
    _closed("7.3.8", "a reason in several languages", 1000, "κόσμε, こんにちは, 👋"),
    bad("7.5.1", "a reason that is not UTF-8", "6455 §8.1", close(1000, "κόσμε".encode() + b"\xed"
        b"\xa0\x80"), closes=1007, failure="ws.invalid_utf8", echo_closes=1002),
    bad("7.5.2", "a reason that ends within a character", "6455 §8.1",
        close(1000, "é".encode()[:1]), closes=1007, failure="ws.invalid_utf8", echo_closes=1002),
    *(_close(f"7.6.{n}", f"the client closes with {code}", code, "bye" if n % 2 else "")
      for n, code in enumerate((*_VALID, 1014, *_FREE), 1)),
    *(_closed(f"7.7.{n}", f"close code {code}", code) for n, code in enumerate(_VALID, 1)),
    _closed("7.7.12", "close code 1014, of the IANA registry", 1014, echo_closes=1002),
    *(_closed(f"7.7.{n}", f"close code {code}", code, "of our own")
      for n, code in enumerate(_FREE, 13)),
    *(bad(f"7.9.{n}", f"close code {code}, which must not be sent", "6455 §7.4", close(code))
      for n, code in enumerate(_INVALID, 1)),
    bad("7.9.13", "the same with a reason", "6455 §7.4.1", close(1006, "abnormal")),
    scripted("7.13.1", "no Close frame at all, TCP just ends", "6455 §7.1.5",
             text("Hello"), Step.END, receives=("Hello",), closes=None, clean=False,
             failure="ws.closed_abnormally", on=(CLIENT,)),
    scripted("7.13.2", "TCP ends in the middle of a frame", "6455 §7.1.5",
             text("Hello"), Frame(1, b"Hel", length=5), Step.END, receives=("Hello",),
             closes=None, clean=False, failure="ws.closed_abnormally", on=(CLIENT,)),
    scripted("7.13.3", "the client's Close frame is never answered", "6455 §7.1.1",
             Step.AWAIT_CLOSE, Step.AWAIT_END, does=(CloseBy(),), clean=False, on=(CLIENT,),
             patience=0.05, cuts=(Cut.WHOLE,)),
]  # fmt: skip
