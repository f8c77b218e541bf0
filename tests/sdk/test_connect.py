"""Opening a WebSocket: the forms, the keywords, what goes wrong and where it is told."""

from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire import ConnectError, FailureError, UsageError, WebSocket, connect
from checkwire.model.events import ConnectionClosed, ConnectionStarted, Handshake, Logged, Phase
from checkwire.sdk.facts import Seconds
from support import frames
from support.pki import Pki
from support.rawserver import accept_key
from support.scene import play, refusing_url
from support.wsserver import closing, echo, silent, speaking


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_block_opens_and_closes(loop: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            assert ws.ready_state is ws.OPEN == WebSocket.OPEN == 1
            assert ws.url == url
        assert ws.ready_state is WebSocket.CLOSED
        assert ws.close_code == 1000

    outcome = play(check, echo, loop=loop)
    assert outcome.passed
    (closed,) = outcome.of(ConnectionClosed)
    assert (closed.code, closed.initiator, closed.clean) == (1000, "local", True)


def test_awaited_it_is_closed_by_hand() -> None:
    async def check(url: str) -> None:
        ws = await connect(url)
        assert ws.ready_state is ws.OPEN
        await ws.close(4000, "enough")
        assert ws.ready_state is ws.CLOSED
        await ws.close()  # harmless

    outcome = play(check, echo)
    assert outcome.passed
    assert outcome.of(ConnectionClosed)[0].sent_code == 4000


def test_closing_once_more_with_another_code_is_told_in_the_transcript() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.close(4000, "enough")
            await ws.close(4000, "enough")
            await ws.close(4001)

    outcome = play(check, echo)
    assert outcome.passed
    (said,) = outcome.of(Logged)
    assert (said.level, said.source) == ("warning", "checkwire")
    assert said.message == (
        "this close() has no effect: the check has closed with 4000 enough already"
    )


def test_closing_what_the_server_has_closed_is_no_mistake() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            await ws.receive_close(within="5s")
            await ws.close(4001)
            await ws.close(4002)

    outcome = play(check, closing(1000, "bye"))
    assert outcome.passed
    assert not outcome.of(Logged)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"ca": "/nowhere.pem"}, "ca= has"),
        ({"verify": False}, "verify= has"),
        ({"verify": True, "server_name": "a.example"}, "verify=, server_name= have"),
        ({"client_cert": "/a.pem", "client_key": "/b.pem"}, "client_cert=, client_key= have"),
    ],
)
def test_options_of_tls_without_tls_are_a_warning(options: Any, names: str) -> None:
    async def check(url: str) -> None:
        async with connect(url, **options) as ws:
            await ws.send("x")
            await ws.receive()

    outcome = play(check, echo)
    assert outcome.passed
    (warning,) = outcome.warnings
    assert warning.code == "check.no_effect"
    assert warning.message.startswith(f"{names} no effect on ws://127.0.0.1:")
    assert warning.location is not None
    assert warning.location.text == "async with connect(url, **options) as ws:"


def test_options_of_tls_that_may_yet_have_an_effect_are_none() -> None:
    async def check(url: str) -> None:
        async with connect(url, ca=None, follow_redirects=1) as ws:
            await ws.send("x")
            await ws.receive()
        async with connect(url, verify=False, follow_redirects=1) as ws:
            await ws.send("x")
            await ws.receive()
        with suppress(ConnectError):
            await connect(url, verify=False, proxy=refusing_url().replace("ws", "https"))

    outcome = play(check, echo, ca="/of/the/command/line.pem")
    assert not outcome.warnings


def test_a_websocket_made_by_hand_opens_as_well() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        assert ws.ready_state is ws.CONNECTING == 0
        async with ws:
            await ws.send("x")
            assert await ws.receive() == "x"

    assert play(check, echo).passed


def test_a_websocket_opens_once() -> None:
    async def check(url: str) -> None:
        ws = await connect(url)
        await ws.close()
        await ws.open()

    outcome = play(check, echo)
    assert isinstance(outcome.error, UsageError)
    assert str(outcome.error) == "a WebSocket opens once; make a new one to connect again"
    assert outcome.codes == ["check.usage"]


def test_a_connection_left_open_is_closed_and_told() -> None:
    async def check(url: str) -> None:
        await connect(url)

    outcome = play(check, echo)
    assert outcome.passed
    (warning,) = outcome.warnings
    assert warning.code == "check.unclosed_connection"
    assert warning.location is not None
    assert warning.location.text == "await connect(url)"
    assert outcome.of(ConnectionClosed)[0].clean


def test_a_connection_left_open_by_a_check_that_raised_is_let_go_of_silently() -> None:
    async def check(url: str) -> None:
        await connect(url)
        raise LookupError

    outcome = play(check, echo)
    assert not outcome.warnings
    assert len(outcome.of(ConnectionClosed)) == 1


def test_every_keyword_reaches_the_server_or_the_connection(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def server(ws: ServerConnection) -> None:
        assert ws.request is not None
        seen.update(ws.request.headers)
        await ws.wait_closed()

    async def check(url: str) -> None:
        port = int(url.rstrip("/").rpartition(":")[2])
        async with connect(
            f"ws://orders.example:{port}/",
            headers={"X-Tenant": "7"},
            subprotocols=["chat.v2", "chat.v1"],
            origin="https://orders.example",
            user_agent="probe/1",
            compression=False,
            follow_redirects=False,
            proxy=None,
            resolve={f"orders.example:{port}": "127.0.0.1"},
            local_address="127.0.0.1",
            verify=True,
            server_name=None,
            timeouts={"tcp": "5s", "upgrade": 5, "pong": "1s"},
            max_size=1000,
            max_queue=10,
            transcript=5,
        ) as ws:
            assert ws.subprotocol == "chat.v1"
            assert ws.extensions == ()
            assert ws.remote_address == f"127.0.0.1:{port}"
            assert ws.response.status == 101
            assert ws.response.headers["UPGRADE"] == ws.response.headers["upgrade"] == "websocket"

    outcome = play(check, server, options={"subprotocols": ["chat.v1"]})
    assert outcome.passed, outcome.error
    assert seen["x-tenant"] == "7"
    assert seen["origin"] == "https://orders.example"
    assert seen["user-agent"] == "probe/1"
    assert "sec-websocket-extensions" not in seen
    assert seen["sec-websocket-protocol"] == "chat.v2, chat.v1"


def test_headers_may_be_pairs_and_numbers() -> None:
    seen: list[str] = []

    async def server(ws: ServerConnection) -> None:
        assert ws.request is not None
        seen.extend(ws.request.headers.get_all("X-Tag"))
        await ws.wait_closed()

    async def check(url: str) -> None:
        async with connect(url, headers=[("X-Tag", "a"), ("X-Tag", "b")], user_agent=None):
            pass

    assert play(check, server).passed
    assert seen == ["a", "b"]


def test_a_private_authority_is_trusted_with_ca(tmp_path: Path) -> None:
    pki = Pki(tmp_path)

    async def check(url: str) -> None:
        url = url.replace("127.0.0.1", "localhost")
        async with connect(url, ca=pki.ca, resolve={url[6:].rstrip("/"): "127.0.0.1"}) as ws:
            assert ws.tls is not None
            assert ws.tls.version == "TLSv1.3"
            assert ws.tls.certificate is not None
            assert "localhost" in ws.tls.certificate.names
            assert ws.tls.days_left > 0
            assert ws.timings.tls > 0
        with pytest.raises(ConnectError) as caught:
            await connect(url, resolve={url[6:].rstrip("/"): "127.0.0.1"})
        assert caught.value.failure.code.startswith("tls.")

    outcome = play(check, echo, options={"ssl": pki.server("localhost")})
    assert outcome.error is None
    assert [code[:4] for code in outcome.codes] == ["tls."]


MISTAKEN = [
    ({"heders": {}}, "connect() does not take 'heders'; did you mean headers?"),
    ({"additional_headers": {}}, "does not take 'additional_headers'; write headers={...}"),
    ({"timeout": 5}, "does not take 'timeout'; write timeouts={"),
    ({"headers": "X: 1"}, "headers: write a dict"),
    ({"headers": {"X": None}}, "headers: the value of X is None, not a string"),
    ({"headers": {"X": "a\r\nY: b"}}, "headers: the value of X holds a line break"),
    ({"headers": {"X Y": "a"}}, "headers: 'X Y' is not a header's name"),
    ({"subprotocols": "chat"}, "subprotocols: it is a list of names: write ['chat']"),
    ({"subprotocols": ["a", "a"]}, "subprotocols: 'a' is in it twice"),
    ({"subprotocols": ["a b"]}, "subprotocols: 'a b' is not a subprotocol's name"),
    ({"verify": "no"}, "verify: it is True or False, not 'no'"),
    ({"compression": "deflate"}, "compression: it is True or False"),
    ({"resolve": {"orders.example": "127.0.0.1"}}, "resolve: 'orders.example' has no port"),
    ({"resolve": "127.0.0.1"}, "resolve: write a dict"),
    ({"timeouts": {"connect": 1}}, "timeouts: there is none for 'connect'; there are dns, tcp"),
    ({"timeouts": {"tcp": "soon"}}, "timeouts['tcp']: \"soon\" is not a duration"),
    ({"timeouts": 5000}, 'timeouts=5000 would be 5,000 seconds: write "5000ms"'),
    ({"max_size": "1MB"}, "max_size: it is a number, not a string"),
    ({"transcript": 0}, "transcript: it is at least 1"),
    ({"follow_redirects": -1}, "follow_redirects: it is at least 0"),
    ({"ca": 7}, "ca: it is a path, not a number"),
    ({"origin": 7}, "origin: it is a string, not a number"),
]


@pytest.mark.parametrize(("keywords", "message"), MISTAKEN, ids=lambda value: str(value)[:40])
def test_a_mistaken_keyword_is_told_in_one_line(keywords: dict[str, Any], message: str) -> None:
    async def check() -> None:
        connect("ws://127.0.0.1:9/", **keywords)

    outcome = play(check)
    assert isinstance(outcome.error, UsageError)
    assert message in str(outcome.error)
    assert "\n" not in str(outcome.error)
    assert outcome.failure.code == "check.usage"
    assert outcome.failure.location is not None
    assert "connect(" in outcome.failure.location.text


def test_a_url_that_is_none_is_told_even_if_swallowed() -> None:
    async def check() -> None:
        for url in ("http://127.0.0.1/", "ws://127.0.0.1/#part", "ws:///path", "127.0.0.1:80"):
            with suppress(FailureError):
                await connect(url)

    outcome = play(check)
    assert outcome.error is None
    assert outcome.codes == ["check.bad_url"] * 4


def test_a_url_that_is_no_string_is_a_mistake() -> None:
    async def check() -> None:
        connect(None)  # type: ignore[arg-type]

    assert str(play(check).error) == "a URL is a string, not None"


def test_a_refused_connection_is_told_with_its_place_even_if_swallowed() -> None:
    async def check() -> None:
        with suppress(ConnectError):
            async with connect(refusing_url()):
                raise AssertionError

    outcome = play(check)
    assert outcome.error is None
    assert outcome.failure.code == "tcp.refused"
    assert outcome.failure.location is not None
    assert outcome.failure.location.text == "async with connect(refusing_url()):"
    assert len(outcome.of(ConnectionStarted)) == len(outcome.of(ConnectionClosed)) == 1


def test_connecting_again_at_the_same_place_makes_up_for_a_refusal() -> None:
    async def check(url: str) -> None:
        port = int(url.rstrip("/").rpartition(":")[2])
        target = {"here": "127.0.0.1:1"}
        for _ in range(2):
            try:
                resolve = {"orders.example:80": target["here"]}
                async with connect("ws://orders.example/", resolve=resolve) as ws:
                    await ws.receive(within="5s")
            except ConnectError:
                target["here"] = f"127.0.0.1:{port}"

    outcome = play(check, speaking("hello"))
    assert outcome.passed
    assert outcome.verifications == 1


def test_another_url_at_the_same_place_makes_up_for_nothing() -> None:
    async def check(url: str) -> None:
        for target in (refusing_url(), url):
            try:
                async with connect(target) as ws:
                    await ws.receive(within="5s")
            except ConnectError:
                pass

    assert play(check, speaking("hello")).codes == ["tcp.refused"]


def test_two_that_are_under_way_at_once_do_not_make_up_for_each_other() -> None:
    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            good = f"127.0.0.1:{server.getsockname()[1]}"

            async def visit(address: str) -> None:
                async with connect("ws://orders.example/", resolve={"orders.example:80": address}):
                    pass

            slow = asyncio.create_task(visit(good))
            pending, _ = await asyncio.get_running_loop().sock_accept(server)
            with pending:
                await asyncio.gather(visit("127.0.0.1:1"), return_exceptions=True)
                await asyncio.to_thread(_accept_and_close, pending)
                await slow

    assert play(check).codes == ["tcp.refused"]


def _accept_and_close(sock: socket.socket) -> None:
    sock.settimeout(10)
    head = sock.recv(65536).decode()
    key = next(line[19:] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: "))
    sock.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n" + frames.close(1000)
    )
    while sock.recv(65536):
        pass


def test_cancelling_while_it_opens_leaves_nothing() -> None:
    async def check() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            async with asyncio.timeout(0.1):
                await connect(f"ws://127.0.0.1:{server.getsockname()[1]}/")

    outcome = play(check)
    assert isinstance(outcome.error, TimeoutError)
    assert len(outcome.of(ConnectionClosed)) == 1


def test_closed_before_it_was_opened_it_does_not_open() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        await ws.close()
        assert ws.ready_state is ws.CLOSED
        await ws.open()

    outcome = play(check, echo)
    assert isinstance(outcome.error, UsageError)
    assert not outcome.of(ConnectionStarted)


def test_timings_are_seconds_that_read_well() -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            assert ws.timings.open >= ws.timings.upgrade > 0
            assert ws.timings["tcp"] == ws.timings.tcp
            assert repr(Seconds(0.0123)) == "12.3 ms"
            assert "dns" not in ws.timings
            assert ws.timings.get("tls") is None
            await ws.receive()
            assert set(ws.timings) == {"tcp", "upgrade", "open", "first_message"}
            assert ws.timings.first_message >= 0
        assert ws.timings.close > 0

    outcome = play(check, speaking("hello"))
    assert outcome.passed, outcome.error
    assert {phase.name for phase in outcome.of(Phase)} >= {"tcp", "upgrade", "open", "close"}


@pytest.mark.parametrize(
    ("phase", "why"),
    [
        ("tls", "there was no TLS handshake (ws:// is not encrypted)"),
        ("dns", "no name was looked up"),
        ("proxy", "no proxy was used"),
        ("first_message", "no message has come yet"),
        ("close", "no closing handshake"),
    ],
)
def test_a_phase_that_did_not_take_place_says_why(phase: str, why: str) -> None:
    async def check(url: str) -> None:
        async with connect(url) as ws:
            getattr(ws.timings, phase)

    outcome = play(check, silent)
    assert isinstance(outcome.error, UsageError)
    assert str(outcome.error).startswith(f"timings.{phase}: {why}")


def test_facts_before_it_is_open_are_a_mistake() -> None:
    async def check(url: str) -> None:
        ws = WebSocket(url)
        assert ws.close_code is None
        assert len(ws.timings) == 0
        assert repr(ws) == f"<WebSocket {url} CONNECTING>"
        assert ws.subprotocol

    outcome = play(check, echo)
    assert str(outcome.error).startswith(
        "WebSocket is not open: readyState 0 (CONNECTING); write `async with connect(url) as ws:`"
    )


def test_credentials_in_a_url_are_sent_as_basic_authentication() -> None:
    seen = []

    async def server(ws: ServerConnection) -> None:
        assert ws.request is not None
        seen.append(ws.request.headers["Authorization"])
        await ws.wait_closed()

    async def check(url: str) -> None:
        async with connect(url.replace("ws://", "ws://me:hush@")):
            pass

    outcome = play(check, server)
    assert seen == [f"Basic {base64.b64encode(b'me:hush').decode()}"]
    headers = dict(outcome.of(Handshake)[0].request_headers)
    assert "hush" not in str(headers)
