"""Telling a run event by event, as it comes out of real life; times are milliseconds."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from checkwire.model.attempt import Attempt, Connection, Run, Status, Step
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import (
    AttemptStarted,
    Certificate,
    ConnectionClosed,
    ConnectionStarted,
    Event,
    Failed,
    Finished,
    FrameSeen,
    Handshake,
    Logged,
    Phase,
    RoundTrip,
    StepFinished,
    StepStarted,
    TlsEstablished,
)
from checkwire.model.failures import Failure, Severity

MS = 1_000_000
STARTED_NS = 1_795_363_659_695_000_000  # 2026-11-22 16:07:39.695 UTC
URL = "wss://stream.acme.example/v2/ws"
DAY = 86400

LEAF = Certificate(
    subject="CN=*.acme.example",
    issuer="CN=R11,O=Let's Encrypt,C=US",
    names=("*.acme.example", "acme.example"),
    not_before=STARTED_NS // 10**9 - 29 * DAY,
    not_after=STARTED_NS // 10**9 + 61 * DAY,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    key="EC secp256r1",
)


def check(
    name: str, path: str = "checks/trading.py", line: int = 12, **more: Any
) -> CheckDefinition:
    """The definition of a check of that name."""
    function = name.replace("-", "_")
    return CheckDefinition(
        id=f"{path}::{function}", name=name, path=path, line=line, function=function, **more
    )


class Story:
    """Tells an attempt event by event; times are milliseconds."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.events: list[Event] = [
            AttemptStarted(at_ns=0, check="?", started_ns=STARTED_NS, engine="python")
        ]
        self.failures: list[Failed] = []
        self.steps: list[Step] = []
        self.frames = 0
        self.connections: dict[int, dict[str, Any]] = {}

    def step(self, name: str, at: float, end: float | None, status: str = "passed") -> Story:
        number = len(self.steps) + 1
        self.events.append(StepStarted(at_ns=ns(at), step=number, name=name))
        lasted = None if end is None else ns(end) - ns(at)
        self.steps.append(
            Step(
                number=number,
                name=name,
                at_ns=ns(at),
                duration_ns=lasted,
                status=status if end is not None else "running",  # type: ignore[arg-type]
            )
        )
        if end is not None:
            self.events.append(StepFinished(at_ns=ns(end), step=number, status=status))  # type: ignore[arg-type]
        return self

    def dial(self, at: float = 0.0, url: str = URL, number: int = 1) -> Story:
        self.events.append(ConnectionStarted(at_ns=ns(at), connection=number, url=url))
        self.connections[number] = {"number": number, "url": url, "at_ns": ns(at), "phases": []}
        self.frames = 0
        return self

    def phase(self, name: str, at: float, lasts: float, **details: Any) -> Story:
        phase = Phase(
            at_ns=ns(at),
            connection=len(self.connections),
            name=name,  # type: ignore[arg-type]
            duration_ns=ns(lasts),
            clock="kernel",
            details=details,
        )
        self.events.append(phase)
        self.connections[len(self.connections)]["phases"].append(phase)
        return self

    def tls(self, at: float, leaf: Certificate = LEAF) -> Story:
        event = TlsEstablished(
            at_ns=ns(at),
            connection=len(self.connections),
            version="TLSv1.3",
            cipher="TLS_AES_128_GCM_SHA256",
            server_name="stream.acme.example",
            chain=(leaf,),
        )
        self.events.append(event)
        self.connections[len(self.connections)]["tls"] = event
        return self

    def answer(
        self, at: float, status: int = 101, reason: str = "Switching Protocols", **more: Any
    ) -> Story:
        event = Handshake(
            at_ns=ns(at),
            connection=len(self.connections),
            request_target="/v2/ws",
            request_headers=(
                ("Host", "stream.acme.example"),
                ("Upgrade", "websocket"),
                ("Authorization", "••••••"),
            ),
            status=status,
            reason=reason,
            remote_address="203.0.113.24:443",
            local_address="192.0.2.7:51822",
            **more,
        )
        self.events.append(event)
        self.connections[len(self.connections)]["handshake"] = event
        return self

    def open(self, at: float = 0.0, url: str = URL) -> Story:
        """A connection that opens well, in 138 ms."""
        self.dial(at, url).phase("dns", at, 11.8, addresses=["203.0.113.24", "203.0.113.25"])
        self.phase("tcp", at + 11.8, 17.8, address="203.0.113.24:443")
        self.phase("tls", at + 29.6, 41.6).tls(at + 71.2)
        self.phase("upgrade", at + 71.2, 66.8)
        self.answer(
            at + 138.0,
            subprotocol="acme.v2",
            extensions=("permessage-deflate",),
            response_headers=(("Upgrade", "websocket"), ("Server", "acme/4.1")),
        )
        return self.phase("open", at, 138.0)

    def frame(
        self,
        at: float,
        direction: str,
        payload: str | bytes | None,
        opcode: str = "text",
        **more: Any,
    ) -> Story:
        self.frames += 1
        binary = isinstance(payload, bytes)
        size = len(payload if binary else (payload or "").encode())
        if binary and opcode == "text":
            opcode = "binary"
        shown = base64.b64encode(payload).decode() if isinstance(payload, bytes) else payload
        fields: dict[str, Any] = {
            "at_ns": ns(at),
            "connection": len(self.connections),
            "number": self.frames,
            "direction": direction,
            "opcode": opcode,
            "size": size,
            "wire_size": size,
            "payload": shown,
            "base64": binary,
            "clock": "kernel",
        }
        self.events.append(FrameSeen(**(fields | more)))
        return self

    def reply(self, at: float, request: int, answer: int, lasts: float) -> Story:
        trip = RoundTrip(
            at_ns=ns(at),
            connection=len(self.connections),
            kind="reply",
            duration_ns=ns(lasts),
            request=request,
            answer=answer,
            network_ns=ns(lasts * 0.4),
            server_ns=ns(lasts * 0.6),
        )
        self.events.append(trip)
        return self

    def close(self, at: float, code: int | None = 1000, **more: Any) -> Story:
        frames = [
            e
            for e in self.events
            if isinstance(e, FrameSeen) and e.opcode in ("text", "binary")
            if e.connection == len(self.connections)
        ]
        received = [f for f in frames if f.direction == "in"]
        sent = [f for f in frames if f.direction == "out"]
        fields: dict[str, Any] = {
            "at_ns": ns(at),
            "connection": len(self.connections),
            "code": code,
            "initiator": "local",
            "clean": code == 1000,
            "messages_in": len(received),
            "messages_out": len(sent),
            "bytes_in": sum(f.size for f in received),
            "bytes_out": sum(f.size for f in sent),
            "clock": "kernel",
        }
        event = ConnectionClosed(**(fields | more))
        self.events.append(event)
        self.connections[len(self.connections)]["closed"] = event
        return self

    def say(self, at: float, message: str, **more: Any) -> Story:
        self.events.append(Logged(at_ns=ns(at), message=message, **more))
        return self

    def fail(
        self, at: float, failure: Failure, severity: Severity = "failed", step: int = 0
    ) -> Story:
        failed = Failed(
            at_ns=ns(at),
            number=len(self.failures) + 1,
            failure=failure,
            severity=severity,
            step=step,
        )
        self.failures.append(failed)
        self.events.append(failed)
        return self

    def attempt(self, status: Status, lasts: float, verifications: int = 3) -> Attempt:
        """The attempt; the first failure of the gravest severity leads."""
        self.events.append(
            Finished(at_ns=ns(lasts), outcome="returned", verifications=verifications)
        )
        order = {"failed": 0, "degraded": 1, "warning": 2}
        failures = sorted(self.failures, key=lambda failed: order[failed.severity])
        leads = failures[0].failure if failures and status != "passed" else None
        connections = tuple(
            Connection(**(fields | {"phases": tuple(fields["phases"]), "clock": "kernel"}))
            for fields in self.connections.values()
        )
        return Attempt(
            number=self.number,
            status=status,
            started_ns=STARTED_NS,
            duration_ns=ns(lasts),
            failure=leads,
            failures=tuple(failures),
            steps=tuple(self.steps),
            connections=connections,
            events=tuple(sorted(self.events, key=lambda event: event.at_ns)),
            verifications=verifications,
        )


def ns(milliseconds: float) -> int:
    """Milliseconds as nanoseconds."""
    return round(milliseconds * MS)


def run_of(definition: CheckDefinition, *attempts: Attempt, lasts: float | None = None) -> Run:
    """The run of these attempts."""
    total = sum(a.duration_ns for a in attempts) if lasts is None else ns(lasts)
    return Run(
        id=f"run-{definition.function}",
        check=definition,
        status=attempts[-1].status,
        started_ns=STARTED_NS,
        duration_ns=total,
        attempts=attempts,
    )


def renumbered(attempt: Attempt, number: int) -> Attempt:
    """The same attempt under another number."""
    return msgspec.structs.replace(attempt, number=number)
