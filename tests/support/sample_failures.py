"""Runs that did not pass: one for each way in which people meet it."""

from __future__ import annotations

import errno

from checkwire.model.attempt import Attempt, Run
from checkwire.model.failures import Failure, Location
from support.story import LEAF, Story, check, ns, run_of


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
