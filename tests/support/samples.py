"""Runs as they come out of real life, made by hand: for whatever shows or exports them.

``TRADING`` is one project with a run of every kind; each run is also a function of its own.
"""

from __future__ import annotations

import base64
import errno
from collections.abc import Sequence
from typing import Any

import msgspec

from checkwire.cli.reporters.base import Finish, Start
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
    FramesSkipped,
    Handshake,
    HttpExchange,
    Logged,
    Phase,
    RoundTrip,
    StepFinished,
    StepStarted,
    TlsEstablished,
)
from checkwire.model.failures import Failure, Location, Severity

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


def skipped(name: str = "presence-fanout", reason: str = "needs CHAT_TOKEN") -> Run:
    definition = check(name, "checks/chat.py", 30)
    return Run(
        id=f"run-{definition.function}",
        check=definition,
        status="skipped",
        started_ns=STARTED_NS,
        duration_ns=0,
        skipped=reason,
    )


def passed(name: str = "orderbook-snapshot", path: str = "checks/trading.py") -> Run:
    story = Story().open()
    story.frame(187.4, "in", '{"op":"hello","session":"s_9f2c","heartbeat_ms":15000}')
    story.phase("first_message", 138.0, 49.4)
    story.frame(188.1, "out", '{"op":"subscribe","channel":"book","symbol":"BTC-USD"}')
    story.frame(243.9, "in", '{"op":"subscribed","channel":"book","id":7}').reply(243.9, 2, 3, 55.8)
    story.frame(390.0, "out", "1000", "close").frame(411.8, "in", "1000", "close")
    story.phase("close", 390.0, 21.8).close(412.0)
    return run_of(check(name, path), story.attempt("passed", 412.0))


def with_warnings() -> Run:
    """It passes, and verified nothing, and an address family is broken."""
    story = Story().open().close(655.0)
    story.fail(
        260.0,
        Failure(
            code="tcp.family_broken",
            message="IPv6 of stream.acme.example does not answer; IPv4 does",
            evidence={
                "tries": [
                    {"address": "[2001:db8::24]:443", "duration_ns": None, "result": "no answer"},
                    {"address": "203.0.113.24:443", "duration_ns": ns(17.8), "result": "connected"},
                ]
            },
        ),
        "warning",
    )
    story.fail(
        655.0, Failure(code="check.no_assertion", message="The check verified nothing"), "warning"
    )
    return run_of(check("private-fills"), story.attempt("passed", 655.0, 0))


def degraded() -> Run:
    story = Story().open().frame(1580.0, "in", '{"room":"lobby","members":12}')
    story.phase("first_message", 138.0, 1442.0)
    story.frame(1890.0, "out", "1000", "close").frame(1909.0, "in", "1000", "close")
    story.phase("close", 1890.0, 19.0).close(1910.0)
    story.fail(
        1910.0,
        Failure(
            code="assertion.too_slow",
            message="The check took 1.91 s; above 1.50 s it counts as degraded",
            evidence={"duration_ns": ns(1910), "limit_ns": ns(1500)},
        ),
        "degraded",
    )
    return run_of(check("room-join", "checks/chat.py", 8), story.attempt("degraded", 1910.0))


def _ticker(number: int) -> Attempt:
    story = Story(number).open()
    story.frame(187.4, "in", '{"op":"hello","session":"s_9f2c","heartbeat_ms":15000}')
    story.phase("first_message", 138.0, 49.4)
    story.step("authenticate", 188.0, 244.0)
    story.frame(188.1, "out", '{"op":"auth","token":"••••••"}')
    story.frame(243.9, "in", '{"op":"auth_ok","user":"synthetic-eu"}').reply(243.9, 2, 3, 55.8)
    story.step("subscribe", 244.1, 301.3)
    story.frame(244.3, "out", '{"op":"subscribe","channel":"trades","symbol":"BTC-USD"}')
    story.frame(301.2, "in", '{"op":"subscribed","channel":"trades","id":7,"depth":false}')
    story.reply(301.2, 4, 5, 56.9)
    story.step("expect trade", 301.4, 1423.0, "failed")
    story.frame(355.0, "in", b"\x93\xa8snapshot\xcd\x0b\xb8" + bytes(range(256)) * 4, size=1204)
    story.frame(1000.3, "in", "6f6b", "ping").frame(1000.6, "out", "6f6b", "pong")
    trade = (
        '{"op":"trade","seq":%d,"data":{"symbol":"BTC-USD","price":%s,"size":0.012,"side":"buy"}}'
    )
    story.frame(1422.8, "in", trade % (48213, '"67120.50"'), wire_size=71, compressed=True)
    story.say(1422.9, "checking trade 48213")
    source = 'assert trade["data"]["price"] > 0'
    story.fail(
        1423.0,
        Failure(
            code="assertion.failed",
            message="$.data.price was a string. The check expects a number greater than 0.",
            details=(
                f'{source}\n  trade["data"]["price"] = "67120.50"\n\n'
                '  "symbol": "BTC-USD",\n- "price": 67118.2,\n+ "price": "67120.50",\n'
                '  "size": <number>,'
            ),
            evidence={"frame": 9},
            location=Location("checks/trading.py", 41, "ticker_subscribe", source),
            connection=1,
        ),
        step=3,
    )
    story.frame(1424.1, "out", "1000", "close")
    story.frame(1440.2, "in", trade % (48214, '"67120.51"'), wire_size=70, compressed=True)
    story.frame(1446.2, "in", "1000", "close")
    story.phase("close", 1424.1, 22.1).close(1446.4)
    return story.attempt("failed", 1446.4)


def failed() -> Run:
    """An assertion about a message, twice."""
    return run_of(check("ticker-subscribe", line=20), _ticker(1), _ticker(2), lasts=3892.8)


def refused() -> Run:
    story = Story().dial(0.2, "ws://127.0.0.1:9001/")
    story.phase("dns", 0.2, 0.1, addresses=["127.0.0.1"])
    story.fail(
        0.9,
        Failure(
            code="tcp.refused",
            message="127.0.0.1:9001 refused the connection: nothing listens there",
            phase="tcp",
            evidence={
                "tries": [
                    {
                        "address": "127.0.0.1:9001",
                        "started_ns": ns(0.4),
                        "duration_ns": 61_000,
                        "result": "connection refused",
                    }
                ],
                "errno": errno.ECONNREFUSED,
            },
            location=Location(
                "checks/trading.py", 52, "positions", "async with connect(env['WS_URL']) as ws:"
            ),
            connection=1,
        ),
    )
    return run_of(check("positions", line=50), story.close(1.0, None).attempt("failed", 1.2, 0))


def expired() -> Run:
    story = Story().dial().phase("dns", 0.0, 11.8, addresses=["203.0.113.24"])
    story.phase("tcp", 11.8, 17.8)
    story.fail(
        71.0,
        Failure(
            code="tls.certificate_expired",
            message="The certificate of 203.0.113.24:443 expired 2026-10-30 12:00 UTC, 24 days ago",
            phase="tls",
            evidence={
                "bytes_received": 2817,
                "verify_code": 10,
                "verify_message": "certificate has expired",
                "chain": [
                    {
                        "subject": "CN=*.acme.example",
                        "issuer": "CN=R11,O=Let's Encrypt,C=US",
                        "names": ["*.acme.example", "acme.example"],
                        "not_before": "2026-08-01 12:00 UTC",
                        "not_after": "2026-10-30 12:00 UTC",
                        "sha256": LEAF.sha256,
                    },
                    {
                        "subject": "CN=R11,O=Let's Encrypt,C=US",
                        "issuer": "CN=ISRG Root X1,O=Internet Security Research Group,C=US",
                        "names": [],
                        "not_before": "2024-03-13 00:00 UTC",
                        "not_after": "2027-03-12 23:59 UTC",
                        "sha256": LEAF.sha256[::-1],
                    },
                ],
            },
            location=Location("checks/tls.py", 9, "wss", "async with connect(URL) as ws:"),
            connection=1,
        ),
    )
    return run_of(
        check("wss", "checks/tls.py", 7), story.close(71.2, None).attempt("failed", 71.5, 0)
    )


def forbidden() -> Run:
    story = Story().dial().phase("dns", 0.0, 11.8).phase("tcp", 11.8, 17.8)
    story.phase("tls", 29.6, 41.6).tls(71.2)
    headers = (
        ("Content-Type", "application/json"),
        ("Server", "nginx"),
        ("X-Request-Id", "c0ffee"),
    )
    story.answer(138.0, 403, "Forbidden", response_headers=headers)
    story.fail(
        138.0,
        Failure(
            code="upgrade.status",
            message="203.0.113.24:443 answered 403 Forbidden instead of 101 (server: nginx)",
            hint="The credentials or the Origin are not allowed: check headers= and origin=",
            phase="upgrade",
            evidence={
                "status": 403,
                "reason": "Forbidden",
                "headers": [list(pair) for pair in headers],
                "body": '{"error":"origin https://evil.example is not allowed"}\n',
            },
            location=Location("checks/tls.py", 22, "origin", "async with connect(URL) as ws:"),
            connection=1,
        ),
    )
    return run_of(
        check("origin", "checks/tls.py", 20), story.close(138.4, None).attempt("failed", 139.0, 0)
    )


def no_match() -> Run:
    story = Story().open().frame(187.4, "in", '{"type":"hello"}')
    story.phase("first_message", 138.0, 49.4)
    story.step("subscribe", 188.0, 2244.0, "failed")
    story.frame(188.1, "out", '{"action":"subscribe","channel":"updates"}')
    story.frame(210.0, "in", '{"type":"nack","channel":"updates","reason":"no such channel"}')
    for second in (0, 1):
        story.frame(900.0 + 500 * second, "out", f"p{second}", "ping")
        story.frame(920.0 + 500 * second, "in", f"p{second}", "pong")
    story.fail(
        2244.0,
        Failure(
            code="timeout.no_match",
            message="1 message came within 2 s, and it does not match {'type': 'ack'}",
            details='frame 3, 50% of what is wanted:\n  - "type": "ack",\n  + "type": "nack",',
            evidence={"messages": 1, "closest_frame": 3, "expected": {"type": "ack"}},
            location=Location(
                "checks/chat.py",
                17,
                "updates",
                'ack = await ws.receive_json(where={"type": "ack"})',
            ),
            connection=1,
        ),
        step=1,
    )
    story.say(2244.1, "giving up\nbye", source="stdout").say(2244.2, "oh no", source="stderr")
    story.frame(2245.0, "out", "1000", "close").frame(2265.0, "in", "1000", "close")
    story.phase("close", 2245.0, 20.0).close(2266.0)
    return run_of(check("updates", "checks/chat.py", 12), story.attempt("failed", 2266.4))


def flaky() -> Run:
    first = refused().attempts[0]
    second = passed("positions").attempts[0]
    return run_of(check("reconnect", line=60), first, _renumbered(second, 2), lasts=1415.0)


def _renumbered(attempt: Attempt, number: int) -> Attempt:
    return msgspec.structs.replace(attempt, number=number)


def script_error() -> Run:
    story = Story().open().frame(187.4, "in", '{"op":"hello"}')
    story.fail(
        190.0,
        Failure(
            code="script.exception",
            message="KeyError: 'session'",
            details=(
                "checks/trading.py:74, in session\n  token = hello['session']['token']\n"
                "KeyError: 'session'"
            ),
            location=Location(
                "checks/trading.py", 74, "session", "token = hello['session']['token']"
            ),
        ),
    )
    return run_of(check("session", line=70), story.close(210.0).attempt("error", 212.0, 1))


def closed_by_server() -> Run:
    story = Story().open().frame(187.4, "in", '{"op":"hello"}')
    story.phase("first_message", 138.0, 49.4)
    story.frame(188.0, "out", '{"op":"auth"}')
    story.frame(402.0, "in", "1011 database unavailable", "close")
    story.fail(
        402.1,
        Failure(
            code="ws.closed",
            message="203.0.113.24:443 closed the connection with 1011, database unavailable",
            phase="open",
            evidence={"code": 1011, "reason": "database unavailable"},
            location=Location("checks/chat.py", 44, "history", "await ws.receive_json()"),
            connection=1,
        ),
    )
    story.frame(402.4, "out", "1011", "close")
    story.close(403.0, 1011, reason="database unavailable", initiator="remote", clean=True)
    return run_of(check("history", "checks/chat.py", 40), story.attempt("failed", 403.5))


def _logged_in(story: Story) -> Story:
    story.step("log in", 0.0, 44.0)
    story.events.append(
        HttpExchange(
            at_ns=ns(0.4),
            method="POST",
            url="https://api.acme.example/login",
            duration_ns=ns(43.0),
            status=200,
            reason="OK",
            phases={"dns": ns(2.0), "tcp": ns(8.0), "tls": ns(12.0), "wait": ns(20.0)},
            request_headers=(("Content-Type", "application/json"),),
            response_headers=(("Content-Type", "application/json"), ("Set-Cookie", "••••••")),
            request_body='{"key":"••••••"}',
            response_body='{"token":"••••••"}',
            response_size=512,
            step=1,
        )
    )
    return story


def two_connections() -> Run:
    """It passes: an HTTP login, nested steps, two connections, fragments, binary, a long text."""
    story = _logged_in(Story()).step("talk", 45.0, 700.0)
    story.open(45.0).phase("first_message", 183.0, 10.0)
    story.frame(193.0, "in", None, "text", size=30, fin=False)
    story.frame(195.0, "in", '{"in":"two\\nparts",\n "of":"one"}', "continuation")
    story.frame(200.0, "out", "p1", "ping").frame(220.0, "in", "p1", "pong")
    story.events.append(StepStarted(at_ns=ns(230.0), step=3, name="in private", parent=2))
    story.steps.append(Step(number=3, name="in private", at_ns=ns(230.0), duration_ns=ns(200.0),
                            status="passed", parent=2))  # fmt: skip
    story.dial(231.0, "ws://127.0.0.1:9001/private", 2).phase("tcp", 231.0, 0.1)
    story.phase("upgrade", 231.1, 1.2).answer(232.3).phase("open", 231.0, 1.3)
    story.frame(233.0, "out", bytes(range(0x30, 0x70)))
    story.frame(234.0, "in", "word " * 60, truncated=True, size=4096)
    story.say(300.0, "half way").close(420.0)
    story.events.append(StepFinished(at_ns=ns(430.0), step=3))
    story.say(500.0, "the rest", level="warning")
    return run_of(check("two-connections", "checks/feed.py"), story.attempt("passed", 710.0))


def huge() -> Run:
    """200,000 frames, of which the first and the last are kept; an HTTP login; many logs."""
    story = _logged_in(Story())
    story.step("stream", 45.0, 31_000.0, "failed").open(45.0)
    story.phase("first_message", 183.0, 10.0)
    for number in range(30):
        story.frame(193.0 + number, "in", f'{{"seq":{number},"fill":"{"x" * 300}"}}')
    story.events.append(
        FramesSkipped(at_ns=ns(230.0), connection=1, count=199_940, size=61_234_567)
    )
    story.frames = 199_970
    for number in range(30):
        at = 30_000.0 + 10 * number
        text = f'{{"seq":{199_970 + number},"fill":"{"y" * 300}"}}'
        story.frame(at, "in", text, coalesced=number == 28)
    for number in range(40):
        story.say(30_300.0 + number, f"line {number}", source="stdout")
    story.fail(
        31_000.0,
        Failure(
            code="timeout.check",
            message="The check did not finish in its 30 s",
            location=Location("checks/feed.py", 30, "feed", "async for message in ws:"),
        ),
        step=2,
    )
    story.fail(
        31_000.0,
        Failure(code="check.unclosed_connection", message="The check left 1 connection open"),
        "warning",
    )
    story.close(31_001.0, 1006, initiator="local")
    return run_of(check("feed", "checks/feed.py", 20), story.attempt("failed", 31_002.0))


NASTY = (
    "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe\u202c ##[add-mask]x 行情 📈 👨\u200d👩\u200d👧 "
    "\x00\x7f\u200b\ufeff\r\n::error::no\t ☀️ é e\u0301"
)
"""What a hostile or careless server may send."""


def nasty(text: str = NASTY) -> Run:
    """The text wherever a target or a script has a say."""
    story = Story().dial(0.0, f"ws://{text}/").phase("dns", 0.0, 1.0, addresses=[text])
    story.answer(3.0, 101, text, response_headers=((text, text),), subprotocol=text)
    story.step(text, 4.0, 9.0, "failed")
    story.frame(5.0, "out", text).frame(6.0, "in", text).frame(7.0, "in", text, "ping")
    story.frame(8.0, "in", text.encode("utf-8", "replace")).frame(
        8.5, "in", f"1000 {text}", "close"
    )
    story.say(8.6, text, source="stdout").say(8.7, text, level="error")
    failure = Failure(
        code="assertion.failed",
        message=text,
        hint=text,
        details=text,
        evidence={
            "status": 403,
            "reason": text,
            "headers": [[text, text]],
            "body": text,
            "tries": [{"address": text, "result": text}],
            "chain": [{"subject": text}],
            text: text,
        },
        location=Location(f"checks/{text}.py", 3, text, text),
        connection=1,
    )
    story.fail(9.0, failure, step=1).fail(9.0, failure, "warning")
    story.close(9.1, 1000, reason=text)
    definition = CheckDefinition(
        id=f"x.py::{text}", name=text, path=f"checks/{text}.py", line=3, function=text, case=text
    )
    return run_of(
        definition, story.attempt("failed", 10.0), _renumbered(story.attempt("failed", 10.0), 2)
    )


def load_failures() -> tuple[Failure, ...]:
    return (
        Failure(
            code="script.syntax",
            message="checks/broken.py, line 7, is not valid Python: '(' was never closed.",
            details="await ws.send_json({'op': 'ping'}\n                  ^",
            location=Location("checks/broken.py", 7, "", "await ws.send_json({'op': 'ping'}"),
        ),
        Failure(
            code="script.import",
            message="checks/imports.py cannot be imported: ModuleNotFoundError: acme.",
            details="checks/imports.py:1\n  import acme\nModuleNotFoundError: acme",
            hint="Install acme where checkwire runs; a module of the project is found in its root",
            location=Location("checks/imports.py", 1, "", "import acme"),
        ),
    )


def trading() -> tuple[Run, ...]:
    """The runs of the picture: two pass, one is slow, one fails, one is skipped."""
    return (passed(), failed(), with_warnings(), degraded(), skipped())


def everything() -> tuple[Run, ...]:
    """A run of every kind."""
    return (
        passed(),
        failed(),
        with_warnings(),
        flaky(),
        refused(),
        script_error(),
        degraded(),
        skipped(),
        no_match(),
        closed_by_server(),
        expired(),
        forbidden(),
        huge(),
    )


def start_of(runs: Sequence[Run], broken: Sequence[Failure] = ()) -> Start:
    """What a reporter is told before these runs."""
    return Start(tuple(run.check for run in runs), tuple(broken), workers=4, root=".")


def finish_of(runs: Sequence[Run], *, exit_code: int = 1, interrupted: bool = False) -> Finish:
    """What a reporter is told after them."""
    return Finish(tuple(runs), ns(2300), exit_code, interrupted)
