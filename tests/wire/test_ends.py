"""What an end of a connection is told as: by its code, its reason, its time and the token."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from checkwire.model.close_codes import FAMILIES, REGISTERED, CloseCode, Family
from checkwire.model.errors import ConnectionClosed
from checkwire.model.explanations import explanation_of
from checkwire.model.failures import CODES, Failure
from checkwire.model.timers import Lapse, Timer
from checkwire.wire.session.closing import diagnose_loss
from checkwire.wire.session.ends import Circumstances, diagnose_close
from checkwire.wire.session.tokens import expiry_of
from support import frames
from support.connecting import opened
from support.frames import text
from support.loops import run
from support.observing import Recording
from support.rawserver import Peer, RawServer, Script
from support.sentences import fits

GENEROUS = 1000.0
"""Seconds that a machine may be busy: what a timer of a test may miss."""


def jwt(**claims: Any) -> str:
    """A token with these claims, signed by nobody."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    encoded = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, "c2lnbmF0dXJl"))


def ended_by(end: Script, *, headers: tuple[str, ...] = (), path: str = "/", **given: Any) -> Any:
    """What is told of a server that does this once it has heard of the client."""
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake(*headers)
        peer.read_frame()
        end(peer)
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url.rstrip("/") + path, seen, **given) as connection:
            connection.send("hello")
            await connection.wait_closed()

    with RawServer(script) as server:
        run(check(server))
    told(seen)
    return seen


def told(seen: Recording) -> None:
    """What was told is among what the explanation of its code has."""
    for failure in (*seen.failures, *seen.warnings):
        explanation = explanation_of(failure.code)
        if explanation is not None:
            assert fits(failure.code, failure.message), failure.message
            assert set(failure.evidence) <= set(explanation.evidence)


def closed_with(code: int, reason: str = "", **given: Any) -> Failure:
    """The one failure that a Close frame is told as."""
    seen = ended_by(lambda peer: peer.say_goodbye(code, reason), **given)
    (failure,) = seen.failures
    assert seen.closed.code == code
    assert isinstance(failure, Failure)
    return failure


# The codes of protocols

GRAPHQL = {
    "subprotocols": ("graphql-transport-ws",),
    "headers": ("Sec-WebSocket-Protocol: graphql-transport-ws",),
}
SPOKEN: dict[str, dict[str, Any]] = {
    "graphql-transport-ws": GRAPHQL,
    "Pusher": {"path": "/app/key?protocol=7&client=js"},
    "Centrifugo": {"path": "/connection/websocket"},
}
EXPECTED = {"draining": "ws.draining", "evicted": "ws.evicted", "expired": "ws.auth_expired"}


def every_code() -> list[Any]:
    """Each code that can be sent, of each protocol that a server on loopback can be taken for."""
    sent = [(REGISTERED, code) for code in REGISTERED.codes if code.reconnect != "unknown"]
    sent += [(f, code) for f in FAMILIES if f.name in SPOKEN for code in f.codes]
    return [
        pytest.param(family, code, id=f"{family.name} {code.code} {code.name}")
        for family, code in sent
        if code.code != 1000
    ]


@pytest.mark.parametrize(("family", "code"), every_code())
def test_every_close_code_is_told_by_its_name(family: Family, code: CloseCode) -> None:
    number = code.last or code.code
    failure = closed_with(number, **SPOKEN.get(family.name, {}))
    assert failure.code == EXPECTED.get(code.kind, "ws.closed")
    evidence = failure.evidence
    assert (evidence["code"], evidence["name"]) == (number, code.name)
    assert evidence["reconnect"] == code.reconnect
    assert evidence.get("family") == (None if family is REGISTERED else family.name)
    assert (evidence["initiator"], evidence["sent_code"]) == ("remote", number)
    named = code.name if family is REGISTERED else f"{family.name}: {code.name}"
    assert f"closed the connection with {number} ({named})" in failure.message
    assert CODES[failure.code].phase == failure.phase == "close"


def test_what_is_offered_tells_the_protocol_where_nothing_is_agreed_on() -> None:
    about = Circumstances(place="here", lapse=Lapse(lifetime=1, sent=1, received=1))
    failure = diagnose_close(4400, "", about)
    assert 'private use; perhaps "bad request" of graphql-transport-ws' in failure.message
    assert failure.evidence["candidates"] == ["graphql-transport-ws: bad request"]
    assert "family" not in failure.evidence


def test_a_protocol_without_codes_says_where_to_look() -> None:
    failure = closed_with(4000, path="/socket.io/?EIO=4&transport=websocket")
    assert failure.evidence["family"] == "Socket.IO"
    assert "CONNECT_ERROR" in failure.hint


# Draining, evicted


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1001, ""),
        (1001, "bye"),
        (1012, ""),
        (1013, "overloaded"),
        (1011, "server shutting down"),
        (1008, "serverShutdown"),
        (4000, "Service is restarting"),
    ],
)
def test_a_server_that_goes_down_is_draining(code: int, reason: str) -> None:
    failure = closed_with(code, reason)
    assert failure.code == "ws.draining"
    assert CODES[failure.code].retryable
    assert not CODES[failure.code].is_error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1008, "slow consumer"),
        (3008, "slow"),
        (4000, "client too slow"),
        (4408, "send buffer exceeded"),
        (1008, "outbound queue is full"),
        (4102, "ErrSlowConsume"),
    ],
)
def test_a_check_that_is_thrown_out_for_being_slow_is_at_fault(code: int, reason: str) -> None:
    failure = closed_with(code, reason)
    assert failure.code == "ws.evicted"
    assert CODES[failure.code].is_error
    assert failure.evidence["messages_not_taken"] == 0


def test_what_the_check_had_not_taken_when_it_was_thrown_out_is_counted() -> None:
    def flood(peer: Peer) -> None:
        peer.send(*[text("x")] * 7)
        peer.say_goodbye(1008, "slow consumer")

    (failure,) = ended_by(flood).failures
    assert failure.evidence["messages_not_taken"] == 7


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1008, "policy"),
        (1011, "crash"),
        (1011, "slow disk"),
        (4000, "slowly now"),
        (1002, "token expired"),
        (4000, "no more tokens"),
        (1008, "message forwarded"),
    ],
)
def test_other_reasons_are_only_a_close(code: int, reason: str) -> None:
    assert closed_with(code, reason).code == "ws.closed"


@pytest.mark.parametrize(
    ("code", "hint"), [(1011, "exception"), (1008, "rule"), (1009, "larger"), (4000, "")]
)
def test_a_code_has_its_own_next_step(code: int, hint: str) -> None:
    failure = closed_with(code, "crash")
    assert hint in failure.hint
    assert bool(failure.hint) == bool(hint), "or that of any close"


def test_the_next_step_of_a_code_is_not_that_of_the_end_it_is_told_as() -> None:
    assert closed_with(1011, "server shutting down").hint == ""
    assert closed_with(1008, "slow consumer").hint == ""


def test_what_a_protocol_says_of_its_codes_counts_more_than_how_a_reason_reads() -> None:
    failure = closed_with(4400, "token expired", **GRAPHQL)
    assert failure.code == "ws.closed"
    assert closed_with(4400, "token expired").code == "ws.auth_expired"


# Credentials


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1008, "token expired"), (4000, "JWT is expired"), (3000, "session has expired")],
)
def test_a_reason_that_tells_of_expiry_is_believed(code: int, reason: str) -> None:
    failure = closed_with(code, reason)
    assert failure.code == "ws.auth_expired"
    assert reason in failure.message
    assert "token_expires_at" not in failure.evidence


@pytest.mark.parametrize("code", [3000, 3003, 4401, 4403])
def test_credentials_that_were_never_accepted_have_not_expired(code: int) -> None:
    failure = closed_with(code)
    assert failure.code == "ws.closed"
    assert "does not accept the credentials" in failure.hint


@pytest.mark.parametrize("code", [3000, 3003, 4401, 4403])
def test_credentials_that_were_accepted_for_long_have(code: int) -> None:
    about = Circumstances(place="here", lapse=Lapse(lifetime=700, sent=3, received=2))
    assert diagnose_close(code, "", about).code == "ws.auth_expired"


@pytest.mark.parametrize("where", ["header", "cookie", "subprotocol", "url"])
@pytest.mark.parametrize("code", [1008, 3000, 4401, 4999])
def test_a_token_that_ran_out_tells_why_and_is_never_shown(where: str, code: int) -> None:
    """For 4999, it has to have run out while it was in use."""
    now = int(time.time())
    token = jwt(sub="checkwire", exp=now + 3 if code in (1008, 4999) else now - 100)
    given: dict[str, Any] = {
        "header": {"headers_sent": (("Authorization", f"Bearer {token}"),)},
        "cookie": {"headers_sent": (("Cookie", f"a=b; session={token}; c=d"),)},
        "subprotocol": {"subprotocols": ("chat", token)},
        "url": {"path": f"/feed?token={token}&x=1"},
    }[where]
    if where == "subprotocol":
        given["answer"] = ("Sec-WebSocket-Protocol: chat",)
    seen = Recording(token)

    def script(peer: Peer) -> None:
        peer.handshake(*given.get("answer", ()))
        peer.say_goodbye(code)

    async def check(server: RawServer) -> None:
        options = {"headers": given["headers_sent"]} if "headers_sent" in given else {}
        if "subprotocols" in given:
            options["subprotocols"] = given["subprotocols"]
        url = server.url.rstrip("/") + given.get("path", "/")
        async with opened(url, seen, **options) as connection:
            await connection.wait_closed()

    with RawServer(script) as server:
        run(check(server))
    told(seen)
    (failure,) = seen.failures
    assert failure.code == "ws.auth_expired"
    assert "the token it was opened with" in failure.message
    assert failure.evidence["token_expires_at"].endswith("Z")
    assert -GENEROUS * 1000 < failure.evidence["token_left_ms"] < 5000
    for part in token.split("."):
        assert part not in repr(failure)


def test_a_token_that_is_still_good_is_told_so() -> None:
    token = jwt(exp=time.time() + 3600)
    seen = Recording()

    async def check(server: RawServer) -> None:
        headers = (("Authorization", f"Bearer {token}"),)
        async with opened(server.url, seen, headers=headers) as connection:
            await connection.wait_closed()

    def script(peer: Peer) -> None:
        peer.handshake()
        peer.say_goodbye(4401)

    with RawServer(script) as server:
        run(check(server))
    (failure,) = seen.failures
    assert failure.code == "ws.closed"
    assert "was good for another" in failure.message
    assert failure.evidence["token_left_ms"] > 3_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer abc",
        "eyJhbGciOiJub25lIn0.eyJ.c2ln",
        "eyJhbGciOiJub25lIn0." + urlsafe_b64encode(b'{"exp": "soon"}').decode() + ".c2ln",
        jwt(sub="nobody"),
        jwt(exp=10**15),
        jwt(exp=-1),
    ],
)
def test_what_says_no_time_has_none(text: str) -> None:
    assert expiry_of([text]) is None


def test_the_first_of_several_counts() -> None:
    assert expiry_of([f"a={jwt(exp=3000)}; b={jwt(exp=2000)}", jwt(exp=4000.5)]) == 2000


# Timers


def silence(end: Callable[[Peer], None], pause: float = 0.3) -> Script:
    """Ends it after a silence."""

    def script(peer: Peer) -> None:
        peer.send(text("hello"))
        peer.delivered()
        time.sleep(pause)
        end(peer)

    return script


IDLE = Timer("a test's proxy", 0.3, "either", "its_timeout", "https://example", GENEROUS)
LIFETIME = Timer("a test's gateway", 0.3, "life", "", "https://example", GENEROUS)


@pytest.mark.parametrize(
    "end",
    [Peer.fin, Peer.reset, lambda peer: peer.say_goodbye(1001), lambda p: p.say_goodbye(1011)],
    ids=["fin", "reset", "1001", "1011"],
)
def test_an_end_after_a_known_silence_is_the_timers(end: Callable[[Peer], None]) -> None:
    (failure,) = ended_by(silence(end), timers=(IDLE,)).failures
    assert failure.code == "ws.idle_timeout"
    assert "0.3 s is the idle timeout of a test's proxy" in failure.message
    assert "of silence" in failure.message
    assert "await ws.ping()" in failure.hint
    assert "its_timeout" in failure.hint
    evidence = failure.evidence
    assert evidence["timer"] == ["a test's proxy"]
    assert evidence["timer_s"] == 0.3
    assert evidence["ping_every_s"] == pytest.approx(0.15)
    assert evidence["measured_ms"] >= 250
    assert evidence["idle_ms"] == evidence["measured_ms"]


@pytest.mark.parametrize(
    "end", [Peer.fin, Peer.reset, lambda peer: peer.say_goodbye(1001)], ids=["fin", "rst", "1001"]
)
def test_an_end_at_a_known_age_is_the_timers(end: Callable[[Peer], None]) -> None:
    (failure,) = ended_by(silence(end), timers=(LIFETIME,)).failures
    assert failure.code == "ws.lifetime_limit"
    assert "0.3 s is as long as a test's gateway lets a connection live" in failure.message
    assert "ping" not in failure.hint
    assert failure.evidence["timer"] == ["a test's gateway"]


@pytest.mark.parametrize("code", [1008, 1011])
def test_a_close_at_a_known_age_is_only_a_timers_if_the_server_goes_away(code: int) -> None:
    """A server may well end after half a minute for reasons of its own."""

    def end(peer: Peer) -> None:
        peer.say_goodbye(code)

    (failure,) = ended_by(silence(end, 0.01), timers=(LIFETIME,)).failures
    assert failure.code == "ws.closed"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(1012, ""), (1013, ""), (4000, ""), (1011, "crash"), (1008, "token expired"), (1002, "")],
)
def test_a_close_that_says_why_is_no_timers(code: int, reason: str) -> None:
    def end(peer: Peer) -> None:
        peer.say_goodbye(code, reason)

    (failure,) = ended_by(silence(end, 0.01), timers=(IDLE, LIFETIME)).failures
    assert failure.code in ("ws.closed", "ws.draining", "ws.auth_expired")


def test_a_normal_close_after_a_known_silence_is_told_to_who_waits() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake()
        peer.say_goodbye(1000)

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timers=(IDLE,)) as connection:
            with pytest.raises(ConnectionClosed) as caught:
                await connection.receive(10)
            assert caught.value.failure.code == "ws.idle_timeout"
            assert caught.value.code == 1000

    with RawServer(script) as server:
        run(check(server))
    assert seen.failures == []  # It is only one for who waited.


def test_a_ping_ends_the_silence() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake()
        peer.read_frame()
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            await asyncio.sleep(0.3)
            connection.start_ping()
            await connection.wait_closed()

    with RawServer(script) as server:
        run(check(server))
    (failure,) = seen.failures
    assert failure.evidence["idle_ms"] <= failure.evidence["lifetime_ms"] - 290


def test_a_close_frame_does_not_end_the_silence_before_it() -> None:
    seen = ended_by(silence(lambda peer: peer.say_goodbye(1011)))
    assert seen.failures[0].evidence["idle_ms"] >= 250


def test_an_end_while_this_side_closes_is_no_timers() -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake()
        while peer.read_frame().opcode != frames.CLOSE:
            pass
        peer.fin()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, timers=(IDLE, LIFETIME)) as connection:
            await connection.close()

    with RawServer(script) as server:
        run(check(server))
    assert seen.warned == ["ws.closed_abnormally"]
    assert seen.warnings[0].evidence["initiator"] == "local"
    assert seen.warnings[0].evidence["sent_code"] == 1000


@pytest.mark.parametrize(
    ("lapse", "code", "said", "ping"),
    [
        (Lapse(lifetime=61, sent=60, received=61), "ws.idle_timeout", "nginx", 30),
        (Lapse(lifetime=900, sent=350.4, received=351), "ws.idle_timeout", "AWS Network", 120),
        (Lapse(lifetime=7200, sent=5, received=5), "ws.lifetime_limit", "2 h is as long as", None),
        (Lapse(lifetime=45, sent=44, received=44), "ws.closed_abnormally", "of silence", None),
    ],
)
def test_real_timers_are_named_with_a_ping_well_before(
    lapse: Lapse, code: str, said: str, ping: float | None
) -> None:
    about = Circumstances(place="192.0.2.1:443", lapse=lapse)
    failure = diagnose_loss(None, about, 0, None)
    assert failure.code == code
    assert said in failure.message
    assert failure.evidence.get("ping_every_s") == ping
    if code == "ws.idle_timeout":
        assert f"Send a ping at least every {'30 s' if ping == 30 else '2 min'}" in failure.hint


def test_a_frame_that_is_cut_is_no_timers() -> None:
    about = Circumstances(place="here", lapse=Lapse(lifetime=61, sent=60, received=60))
    assert diagnose_loss(None, about, 2, 3).code == "ws.closed_abnormally"
