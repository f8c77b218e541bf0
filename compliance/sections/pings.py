"""2: Pings are answered, Pongs are not (RFC 6455 sections 5.5.2 and 5.5.3)."""

from __future__ import annotations

from compliance.case import CLIENT, Case, PingBy, Step, bad, good
from compliance.frames import PING, PONG, Frame, close, continuation, ping, pong, text

_TEN = tuple(f"payload {n}".encode() for n in range(10))

CASES: list[Case] = [
    good("2.1", "a Ping without a payload", "6455 §5.5.2", ping(), pongs=(b"",)),
    good("2.2", "a Ping with text", "6455 §5.5.2", ping(b"Hello"), pongs=(b"Hello",)),
    good("2.3", "a Ping with bytes that are not UTF-8", "6455 §5.5.2",
         ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), pongs=(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",)),
    good("2.4", "a Ping with 125 bytes", "6455 §5.5", ping(b"\xfe" * 125), pongs=(b"\xfe" * 125,)),
    bad("2.5", "a Ping with 126 bytes", "6455 §5.5", Frame(PING, b"\xfe" * 126)),
    bad("2.6", "a Pong with 126 bytes", "6455 §5.5", Frame(PONG, b"\xfe" * 126)),
    good("2.7", "a Pong without a payload that nobody asked for", "6455 §5.5.3", pong()),
    good("2.8", "a Pong with a payload that nobody asked for", "6455 §5.5.3", pong(b"unsolicited")),
    good("2.9", "the same, then a Ping", "6455 §5.5.3",
         pong(b"unsolicited"), ping(b"please"), pongs=(b"please",)),
    good("2.10", "ten Pings are answered in their order", "6455 §5.5.2",
         *map(ping, _TEN), pongs=_TEN),
    good("2.11", "Pings between the fragments of a message are answered at once", "6455 §5.4",
         text("be", fin=False), ping(b"1"), Step.SYNC, continuation("tw", fin=False), ping(b"2"),
         Step.SYNC, continuation("een"), receives=("between",), pongs=(b"1", b"2")),
    good("2.12", "Pings between messages", "6455 §5.5.2",
         ping(b"1"), text("a"), ping(b"2"), text("b"), ping(b"3"),
         receives=("a", "b"), pongs=(b"1", b"2", b"3")),
    good("2.13", "a Ping after the Close frame is not answered", "6455 §5.5.1",
         ping(b"before"), close(1000), ping(b"after"), pongs=(b"before",), scripted=True),
    bad("2.14", "a Ping after a broken rule is not answered", "6455 §7.1.7",
        ping(b"before"), Frame(3), ping(b"after"), pongs=(b"before",)),
    good("2.15", "the client's own Ping has its Pong", "6455 §5.5.3",
         Step.AWAIT_PING, pong(b"are you there?"),
         does=(PingBy(b"are you there?"),), on=(CLIENT,)),
    good("2.16", "a Pong to another Ping is not taken for it", "6455 §5.5.3",
         Step.AWAIT_PING, pong(b"something else"), pong(b"are you there?"),
         does=(PingBy(b"are you there?"),), on=(CLIENT,)),
    good("2.17", "the client's own Ping may be empty, or have 125 bytes", "6455 §5.5.2",
         Step.AWAIT_PING, pong(b""), Step.AWAIT_PING, pong(b"\xfe" * 125),
         does=(PingBy(b""), PingBy(b"\xfe" * 125)), on=(CLIENT,)),
]  # fmt: skip
