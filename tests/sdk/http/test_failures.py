"""What keeps a request from being answered has a name, and is told whether it is raised or not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from checkwire import ConnectError, FailureError, TimedOut, expect, http
from support.attempt import Told, attempt
from support.httpserver import HttpServer, json_reply, reply
from support.loops import until
from support.pki import Pki
from support.rawserver import Peer, RawServer, answering, dead_address


def _get_from(script: Callable[[Peer], None], **options: object) -> Told:
    with RawServer(script) as server:

        async def check():
            return await http.get(f"http://{server.place}/data?key=1", **options)

        return attempt(check)


def test_a_refused_connection_keeps_its_code():
    with RawServer(Peer.fin) as server:
        port = server.port

    async def check():
        await http.get(f"http://127.0.0.1:{port}/")

    told = attempt(check)
    assert isinstance(told.error, ConnectError)
    assert told.failure.code == "tcp.refused"
    assert told.failure.connection is None
    assert told.error.failure == told.failure
    assert told.exchange.status is None
    assert told.exchange.url == f"http://127.0.0.1:{port}/"


def test_an_unknown_name_keeps_its_code():
    async def check():
        await http.get("http://no-such-host.invalid/")

    told = attempt(check)
    assert told.failure.code in ("dns.not_found", "dns.temporary")


def test_a_swallowed_failure_fails_the_check_at_the_line_of_the_request():
    with RawServer(Peer.fin) as server:
        port = server.port

    async def check():
        try:
            await http.get(f"http://127.0.0.1:{port}/swallowed")
        except Exception:
            return "all is well"

    told = attempt(check)
    assert told.error is None
    assert told.counting == ["tcp.refused"]
    assert told.failure.location is not None
    assert told.failure.location.path == __file__
    assert "/swallowed" in told.failure.location.text


def test_the_place_is_known_in_another_task():
    with RawServer(Peer.fin) as server:
        port = server.port

    async def check():
        pending = http.get(f"http://127.0.0.1:{port}/elsewhere")
        await asyncio.gather(pending, return_exceptions=True)

    location = attempt(check).failure.location
    assert location is not None
    assert "/elsewhere" in location.text


def test_the_same_request_that_is_answered_later_excuses_the_failure():
    with RawServer(Peer.fin, answering("HTTP/1.1 200 OK", "Content-Length: 0")) as server:

        async def check():
            for _ in range(2):
                try:
                    return await http.get(f"http://{server.place}/")
                except FailureError:
                    continue
            return None

        told = attempt(check)
    assert told.result.status == 200
    assert told.failure.code == "http.closed"
    assert told.counting == []
    assert told.verifications == 0  # An answer alone verifies nothing.


def test_another_request_of_the_same_line_excuses_nothing():
    with RawServer(Peer.fin, answering("HTTP/1.1 200 OK", "Content-Length: 0")) as server:

        async def check():
            for name in ("first", "second"):
                try:
                    await http.get(f"http://{server.place}/{name}")
                except FailureError:
                    continue

        told = attempt(check)
    assert told.counting == ["http.closed"]


def test_an_expected_failure_does_not_count():
    with RawServer(Peer.fin) as server:

        async def check():
            with expect.failure("http.closed"):
                await http.get(f"http://{server.place}/")

        told = attempt(check)
    assert told.error is None
    assert told.counting == []


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"])
def test_a_connection_that_ends_before_the_head_is_closed(sent):
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(sent)
        peer.fin()
        peer.read_to_end()

    told = _get_from(script)
    assert isinstance(told.error, http.HttpError)
    assert told.failure.code == "http.closed"
    assert told.failure.evidence["bytes_received"] == len(sent)
    assert "GET /data" in told.failure.message
    assert told.exchange.status is None


@pytest.mark.parametrize(
    "answer",
    [
        ("HTTP/1.1 200 OK", "Content-Length: 10", b"12345"),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", b"a\r\n12345"),
        ("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", b"5\r\n12345\r\n"),
    ],
)
def test_a_body_that_ends_too_early_is_closed_and_what_came_is_kept(answer):
    told = _get_from(answering(*answer))
    assert told.failure.code == "http.closed"
    assert told.failure.evidence["status"] == 200
    assert "5" in told.failure.message
    exchange = told.exchange
    assert exchange.status is None
    assert exchange.response_body == "12345"
    assert exchange.response_size == 5


def test_a_reset_is_closed():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.reset()

    told = _get_from(script)
    assert told.failure.code == "http.closed"
    assert "reset" in told.failure.message


@pytest.mark.parametrize(
    ("garbage", "said"),
    [
        (b"220 smtp.example ESMTP\r\n", "220 smtp.example ESMTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
        (b"HTTP/1.1 OK\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not valid HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "not valid HTTP"),
    ],
)
def test_what_is_not_http_is_shown(garbage, said):
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(garbage)
        peer.stay()

    told = _get_from(script)
    assert told.failure.code == "http.protocol"
    assert said in told.failure.message
    assert told.exchange.status is None


def test_what_breaks_tls_is_told_though_the_server_ends_tcp_at_once(pki: Pki):
    """Both are read before the check looks; the end of TCP says less."""

    def script(peer: Peer) -> None:
        peer.read_head()
        data = b"HTTP/1.1 500 plain text inside of TLS\r\n\r\n"
        socket.socket.send(peer.sock, data, socket.MSG_MORE)
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
        peer.stay()

    with RawServer(script, tls=pki.server()) as server:

        async def check():
            await http.get(f"https://{server.place}/", ca=pki.ca)

        told = attempt(check)
    assert told.failure.code == "tls.not_tls"
    assert told.counting == ["tls.not_tls"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_missing_or_refused_is_named(
    pki: Pki, tmp_path: Path, version: ssl.TLSVersion
):
    stranger = Pki(tmp_path)
    with RawServer(Peer.read_to_end, tls=pki.wanting_client(version)) as server:

        async def check():
            for ours in ({}, {"client_cert": stranger.client()}):
                with contextlib.suppress(ConnectError):
                    await http.get(f"https://{server.place}/", ca=pki.ca, **ours)

        told = attempt(check)
    assert told.counting == ["tls.client_certificate_required", "tls.client_certificate_rejected"]


def test_a_tls_port_is_recognized():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"\x15\x03\x01\x00\x02\x02\x46")
        peer.stay()

    told = _get_from(script)
    assert told.failure.code == "http.protocol"
    assert "TLS" in told.failure.message
    assert "https://" in told.failure.hint


def test_headers_without_end_are_too_large():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            peer.send(b"X-Pad: " + b"x" * 1000 + b"\r\n")

    told = _get_from(script)
    assert told.failure.code == "http.too_large"
    assert "headers" in told.failure.message


def test_a_silent_server_times_out():
    told = _get_from(Peer.stay, timeout="50ms")
    assert isinstance(told.error, http.HttpTimedOut)
    assert isinstance(told.error, TimedOut)
    assert isinstance(told.error, TimeoutError)
    assert told.failure.code == "http.timeout"
    assert "did not answer GET /data within 50.0 ms" in told.failure.message
    assert told.exchange.status is None
    assert "tcp" in told.exchange.phases


def test_a_stalled_body_times_out_and_says_how_far_it_came():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"x" * 40)
        peer.stay()

    told = _get_from(script, timeout="300ms")
    assert told.failure.code == "http.timeout"
    assert "40 of 100 bytes" in told.failure.message
    assert told.exchange.response_size == 40


def test_a_server_that_does_not_read_times_out_and_says_so():
    with RawServer(Peer.stay, receive_buffer=4096) as server:

        async def check():
            url = f"http://{server.place}/"
            await http.post(url, content=b"x" * 20_000_000, timeout="300ms")

        told = attempt(check)
    assert told.failure.code == "http.timeout"
    assert "did not read" in told.failure.message
    assert 0 < told.failure.evidence["bytes_unsent"] < 20_000_000
    assert told.exchange.request_size == 20_000_000


def test_a_connection_request_that_is_not_answered_keeps_its_code():
    with dead_address() as port:

        async def check():
            await http.get(f"http://127.0.0.1:{port}/", timeout="50ms")

        told = attempt(check)
    assert isinstance(told.error, ConnectError)
    assert told.failure.code == "tcp.timeout"
    assert told.failure.phase == "tcp"


def test_a_cancelled_request_is_in_the_transcript_and_is_no_failure():
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        asked.set()
        peer.stay()

    with RawServer(script) as server:

        async def check():
            task = asyncio.create_task(http.get(f"http://{server.place}/"))
            await until(asked.is_set)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

        told = attempt(check)
    assert told.result is True
    assert told.told == []
    assert told.exchange.status is None


def test_a_status_alone_is_no_failure():
    with HttpServer(lambda _: reply("503 Service Unavailable")) as server:

        async def check():
            return await http.get(server.url)

        told = attempt(check)
    assert told.result.status == 503
    assert not told.result.ok
    assert told.told == []


def test_raise_for_status_verifies():
    with HttpServer(lambda _: reply()) as server:

        async def check():
            return (await http.get(server.url)).raise_for_status()

        told = attempt(check)
    assert told.result.status == 200
    assert told.verifications == 1


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found", "500 "])
def test_raise_for_status_fails_unless_it_is_2xx_and_shows_the_body(status):
    with HttpServer(lambda _: reply(status, b"why it is", "Location: /there")) as server:

        async def check():
            answer = await http.get(f"{server.url}/here")
            try:
                answer.raise_for_status()
            except http.HttpError:
                return

        told = attempt(check)
    assert told.counting == ["http.status"]
    assert status.strip() in told.failure.message
    assert told.failure.details == "why it is"
    assert told.failure.location is not None
    assert told.failure.location.text == "answer.raise_for_status()"


def test_polling_without_sticky_sessions_is_told_as_that():
    lost = b'{"code":1,"message":"Session ID unknown"}'
    with HttpServer(lambda _: reply("400 Bad Request", lost)) as server:

        async def check():
            polled = await http.get(f"{server.url}/socket.io/?EIO=4&transport=polling&sid=gone")
            polled.raise_for_status()

        told = attempt(check)
    assert told.failure.code == "http.status"
    assert "sticky sessions" in told.failure.hint


def test_a_status_that_comes_right_later_is_excused():
    answers = iter([reply("503 Service Unavailable"), reply()])
    with HttpServer(lambda _: next(answers)) as server:

        async def check():
            for _ in range(2):
                try:
                    (await http.get(server.url)).raise_for_status()
                except http.HttpError:
                    continue

        told = attempt(check)
    assert told.failure.code == "http.status"
    assert told.counting == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": 1,}', "at character 8"),
        (b"", "empty"),
        (b"<html>down</html>", "text/html"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": "\xff"}', "byte 7 is not utf-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_an_answer_that_is_not_json_is_told_with_its_place(body, said):
    with HttpServer(lambda _: reply("200 OK", body, "Content-Type: text/html")) as server:

        async def check():
            answer = await http.get(f"{server.url}/items?page=2")
            try:
                answer.json()
            except http.HttpError:
                return

        told = attempt(check)
    assert told.counting == ["http.invalid_json"]
    assert told.failure.evidence["request"] == "GET /items?page=2"
    assert told.failure.evidence["reason"] == "OK"
    assert said in told.failure.message
    assert told.failure.evidence["status"] == 200


def test_json_that_comes_right_later_excuses_what_was_not():
    answers = iter([reply("200 OK", b"starting"), json_reply("{}")])
    with HttpServer(lambda _: next(answers)) as server:

        async def check():
            for _ in range(2):
                answer = await http.get(server.url)
                try:
                    answer.json()
                except http.HttpError:
                    continue

        told = attempt(check)
    assert told.failure.code == "http.invalid_json"
    assert told.counting == []
    assert told.verifications == 0  # Errors come as JSON, too.


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_json_is_read_in_every_utf(encoding):
    with HttpServer(lambda _: reply("200 OK", '{"ж": 1}'.encode(encoding))) as server:

        async def check():
            return (await http.get(server.url)).json()

        assert attempt(check).result == {"ж": 1}


def test_a_failure_hides_secrets():
    with HttpServer(lambda _: json_reply('oops "hunter22"')) as server:

        async def check():
            (await http.get(server.url)).json()

        told = attempt(check, secrets={"PASSWORD": "hunter22"})
    assert "hunter22" not in repr(told.events)
    assert "hunter22" not in str(told.error)
