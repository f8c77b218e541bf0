"""What a case is: what is sent to the endpoint under test, and what it must make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from compliance.frames import Frame

__all__ = [
    "CLIENT",
    "ECHO",
    "EMPTY",
    "Action",
    "Case",
    "CloseBy",
    "Cut",
    "Dialogue",
    "Message",
    "Piece",
    "PingBy",
    "Step",
    "bad",
    "built",
    "good",
    "scripted",
]

CLIENT: Final = "client"
"""The endpoint under test is Checkwire's client; a scripted server plays the case."""
ECHO: Final = "echo"
"""The endpoint under test is ``checkwire echo``; a scripted client plays the case."""

EMPTY: Final = 1005
"""Stands for a Close frame without a code, which is never sent as such (section 7.4.1)."""

Message = str | bytes


class Step(Enum):
    """Where the script waits for the endpoint under test."""

    SYNC = "it has answered a Ping, so everything before was read, and nothing wrong was found"
    AWAIT_PING = "it has sent a Ping"
    AWAIT_CLOSE = "it has sent a Close frame"
    AWAIT_END = "it has ended TCP"
    END = "nothing: TCP is ended"


Piece = Frame | bytes | Step
"""A frame, any bytes, or a wait."""


class Cut(Enum):
    """Into which pieces what is sent is cut: each is read alone. The outcome is always the same."""

    WHOLE = "at once"
    FRAMES = "frame by frame"
    OCTETS = "octet by octet"


class CloseBy(NamedTuple):
    """The endpoint under test closes."""

    code: int = 1000
    reason: str = ""


class PingBy(NamedTuple):
    """The endpoint under test sends a Ping, and gets its Pong."""

    payload: bytes


Action = CloseBy | PingBy | str | bytes
"""What the user of the client under test does; text and bytes are sent as messages."""


class Dialogue(NamedTuple):
    """What is sent, and the messages in it."""

    sends: tuple[Piece, ...]
    receives: tuple[Message, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. Whatever the outcome, the connection ends, and in time.

    Attributes:
        id: its number; as in the Autobahn Testsuite, where that has the same.
        title: what it is about.
        rfc: the section that says so.
        build: makes what is sent.
        scripted: the script ends the connection too. Otherwise the other side closes with 1000 as
            soon as everything has been answered.
        pongs: payloads by which Pings must be answered, in order.
        closes: the code of the Close frame that the endpoint must send; ``EMPTY`` for one without
            a code, ``None`` if it must not send any.
        failure: the code of the failure that the client must name; empty for none.
        clean: whether the closing handshake is complete (section 7.1.4).
        on: which endpoints it is for.
        echo_closes: ``closes`` for the echo server, where it differs.
        extension: the extension header of the server's answer.
        answer: the server's whole answer to the upgrade, where it is not the ordinary one;
            ``{accept}`` stands for the accept key, ``{ACCEPT}`` for it in the wrong case.
        subprotocols: what the client offers.
        limit: bytes of a message that the client takes.
        does: what the client's user does once all messages, or ``after`` of them, have come.
        cuts: the ways in which it is played.
        cut_size: bytes of a piece, instead of ``cuts``.
        patience: seconds that the client waits for the answer to its Close frame.
    """

    id: str
    title: str
    rfc: str
    build: Callable[[], Dialogue]
    scripted: bool = False
    pongs: tuple[bytes, ...] = ()
    closes: int | None = 1000
    failure: str = ""
    clean: bool = True
    on: tuple[str, ...] = (CLIENT, ECHO)
    echo_closes: int | None = None
    extension: str = ""
    answer: bytes = b""
    subprotocols: tuple[str, ...] = ()
    limit: int | None = 16 * 1024 * 1024
    does: tuple[Action, ...] = ()
    after: int | None = None
    cuts: tuple[Cut, ...] = tuple(Cut)
    cut_size: int = 0
    patience: float = 2.0

    @property
    def section(self) -> int:
        """The number of its section."""
        return int(self.id.partition(".")[0])

    @property
    def sent(self) -> tuple[Message, ...]:
        """The messages that the client's user sends."""
        return tuple(action for action in self.does if isinstance(action, str | bytes))

    @property
    def ways(self) -> tuple[Cut | int, ...]:
        """How it is cut, one play after the other."""
        return (self.cut_size,) if self.cut_size else self.cuts


# The keywords of these are the fields of Case.


def good(
    number: str,
    title: str,
    rfc: str,
    *sends: Piece,
    receives: tuple[Message, ...] = (),
    **fields: Any,
) -> Case:
    """A case in which all is well: everything is answered, then the other side closes."""
    return built(number, title, rfc, lambda: Dialogue(sends, receives), **fields)


def bad(number: str, title: str, rfc: str, *sends: Piece, **fields: Any) -> Case:
    """A case in which a rule is broken: the endpoint must fail the connection (section 7.1.7)."""
    fields = {
        "clean": False,
        "scripted": True,
        "closes": 1002,
        "failure": "ws.protocol_error",
        **fields,
    }
    return good(number, title, rfc, *sends, **fields)


def scripted(number: str, title: str, rfc: str, *sends: Piece, **fields: Any) -> Case:
    """A case whose script ends the connection too."""
    return good(number, title, rfc, *sends, scripted=True, **fields)


def built(number: str, title: str, rfc: str, build: Callable[[], Dialogue], **fields: Any) -> Case:
    """A case that is made when it is played, as it takes time or memory."""
    return Case(id=number, title=title, rfc=rfc, build=build, **fields)
