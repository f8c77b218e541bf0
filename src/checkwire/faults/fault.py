"""What a fault is made of, and how a family of them is written down."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from checkwire.faults.authority import Authority
from checkwire.faults.peer import Script
from checkwire.model.failures import Severity

__all__ = ["Family", "Fault", "Listening", "Tls"]

Listening = Literal["serve", "refuse", "full", "one_family", "udp", "nothing"]
"""What becomes of connections: they are served by a script; refused; not accepted, because the
queue is full; served at one of two addresses of a name while the other is dead; answered as DNS
queries are, by datagrams; or nobody listens, because the check makes its fault by itself."""

Tls = Callable[[Authority], ssl.SSLContext]

_RECEIVE = """
async with connect(URL) as ws:
    await ws.receive(within="1s")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong, made on purpose, always in the same way.

    Attributes:
        code: of the failure that a check has.
        variant: one of several ways to it; empty for the usual one.
        does: what the server does, or the check, in a few words.
        check: the body of a check that meets it, or a whole file that begins with an import.
            ``URL``, ``CA`` and ``CLIENT`` stand for the server, for the file of its authority, and
            for that of a client's certificate.
        timeout: of the check.
        waits: seconds that the check is told to wait until it knows: its own timeout for this.
        listening: see :data:`Listening`.
        script: what it does with each connection.
        tls: its side of TLS, if it speaks that.
        scheme: of its address; by default ``ws``, or ``wss`` with TLS.
        severity: of the failure.
        evidence: keys that the failure's evidence must have.
        needs: ``namespace`` if it takes a network of its own, which only root may make.
    """

    code: str
    variant: str = ""
    does: str
    check: str = _RECEIVE
    timeout: str = "5s"
    waits: float = 0.0
    listening: Listening = "serve"
    script: Script | None = None
    tls: Tls | None = None
    scheme: str = ""
    severity: Severity = "failed"
    evidence: tuple[str, ...] = ()
    needs: Literal["", "namespace"] = ""

    @property
    def name(self) -> str:
        """How it is asked for: its code, and its variant if it has one."""
        return f"{self.code}/{self.variant}" if self.variant else self.code

    @property
    def command(self) -> str:
        """What to type to have it: a server is started, or the check that makes it is printed."""
        return f"checkwire faults {self.name}" + ("" if self.serves else " --check")

    @property
    def serves(self) -> bool:
        """Whether a server makes it; otherwise the check does."""
        return self.listening != "nothing"


class Family:
    """A list of faults that grows by decorated scripts::

    faults = Family()

    @faults.served("ws.closed_abnormally", "reset", does="resets the connection")
    def reset(peer: Peer) -> None: ...
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def served(self, code: str, variant: str = "", **given: object) -> Callable[[Script], Script]:
        """Enter a fault whose server does what the decorated script says."""

        def enter(script: Script) -> Script:
            self.add(code, variant, script=script, **given)
            return script

        return enter

    def add(self, code: str, variant: str = "", **given: object) -> None:
        """Enter a fault, by the fields of :class:`Fault`."""
        self.faults.append(Fault(code=code, variant=variant, **given))  # type: ignore[arg-type]

    def made_by_check(self, code: str, variant: str = "", **given: object) -> None:
        """Enter one that a check makes by itself."""
        self.add(code, variant, listening="nothing", **given)
