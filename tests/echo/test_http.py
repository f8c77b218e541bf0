"""What the echo server answers to those who want no WebSocket, or want it wrongly."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta

import pytest

from support.echo_server import KEY, running_echo

HOST = socket.gethostname()


@pytest.fixture(scope="module")
def echo():
    with running_echo() as server:
        yield server


def ask(client, *lines: str, body: bytes = b"") -> tuple[int, dict[str, str], str]:
    """Send a request; the status, headers in lower case, and body of the response."""
    client.send("\r\n".join([*lines, "", ""]).encode() + body)
    head, *fields = client.read_until(b"\r\n\r\n").decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (f.partition(": ") for f in fields)}
    if lines[0].startswith("HEAD "):
        return int(head.split()[1]), headers, ""
    return int(head.split()[1]), headers, client.read(int(headers["content-length"])).decode()


def test_any_other_request_is_described(echo):
    with echo.connect() as client:
        status, headers, body = ask(
            client,
            "PUT /some/path?x=1 HTTP/1.1",
            "x-zulu: last",
            "Host: echo.example",
            "X-ALPHA: one",
            "x-alpha: two",
            "Content-Length: 6",
            body="grüß".encode(),
        )
    assert status == 200
    assert headers["content-type"] == "text/plain"
    assert body == (
        f"Request served by {HOST}\n\n"
        "PUT /some/path?x=1 HTTP/1.1\n\n"
        "Host: echo.example\n"
        "Content-Length: 6\n"
        "X-Alpha: one\n"
        "X-Alpha: two\n"
        "X-Zulu: last\n"
        "\n"
        "grüß"
    )


def test_a_description_may_leave_out_the_host_name(echo):
    with echo.connect() as client:
        lines = ("GET / HTTP/1.1", "Host: echo", "X-Send-Server-Hostname: false")
        assert ask(client, *lines)[2].startswith("GET / HTTP/1.1\n\nHost: echo\n")


def test_a_chunked_body_is_put_together(echo):
    with echo.connect() as client:
        lines = ("POST / HTTP/1.1", "Host: echo", "Transfer-Encoding: chunked")
        _, _, body = ask(client, *lines, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert body.endswith("POST / HTTP/1.1\n\nHost: echo\n\nabcde")


def test_a_connection_serves_many_requests(echo):
    with echo.connect() as client:
        for number in range(3):
            lines = (f"PUT /{number} HTTP/1.1", "Host: echo", "Content-Length: 1")
            _, _, body = ask(client, *lines, body=b"%d" % number)
            assert body.endswith(
                f"PUT /{number} HTTP/1.1\n\nHost: echo\nContent-Length: 1\n\n{number}"
            )


def test_requests_sent_ahead_are_answered_in_order(echo):
    with echo.connect() as client:
        request = b"GET /%d HTTP/1.1\r\nHost: echo\r\nConnection: %s\r\n\r\n"
        client.send(request % (1, b"keep-alive") + request % (2, b"close"))
        assert re.findall(r"GET /(\d)", client.read_to_end().decode()) == ["1", "2"]


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(echo):
    with echo.connect() as client:
        client.send(
            b"POST / HTTP/1.1\r\nHost: echo\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        client.send(b"body")
        assert client.read_until(b"\n\nbody").startswith(b"HTTP/1.1 200 ")


def test_head_has_no_body(echo):
    with echo.connect() as client:
        for path in ("/.sse", "/.ws", "/"):
            assert ask(client, f"HEAD {path} HTTP/1.1", "Host: echo")[0] == 200


@pytest.mark.parametrize("path", ["/.ws", "/deep/down/.ws", "/.ws?query", "/%2Ews", "/.ws/"])
def test_dot_ws_under_any_path_is_a_page_that_needs_nothing_from_outside(echo, path):
    with echo.connect() as client:
        status, headers, body = ask(client, f"GET {path} HTTP/1.1", "Host: echo")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert body.startswith("<!doctype html>")
    assert "new WebSocket(" in body
    assert not re.search(r"(src|href)=\"(?!data:)|@import|url\(|//\w+\.\w+", body)


def test_dot_sse_streams_events_with_ids_from_one(echo):
    with echo.connect() as client:
        client.send(b"GET /any/.sse HTTP/1.1\r\nHost: echo\r\n\r\n")
        head = client.read_until(b"\r\n\r\n").decode()
        first, second, third, fourth = (events_chunk(client) for _ in range(4))
    for header in (
        "Content-Type: text/event-stream",
        "Cache-Control: no-cache",
        "Connection: keep-alive",
        "Access-Control-Allow-Origin: *",
    ):
        assert header in head
    assert first == f"event: server\ndata: {HOST}\nid: 1\n\n"
    assert second == (
        "event: request\ndata: GET /any/.sse HTTP/1.1\ndata: \ndata: Host: echo\ndata: \nid: 2\n\n"
    )
    times = []
    for number, event in ((3, third), (4, fourth)):
        found = re.fullmatch(rf"event: time\ndata: (\S+)\nid: {number}\n\n", event)
        assert found, event
        times.append(datetime.fromisoformat(found[1]))
    assert times[1] - times[0] >= timedelta(seconds=1)


def test_an_event_stream_may_leave_out_the_host_name(echo):
    with echo.connect() as client:
        client.send(b"GET /.sse HTTP/1.1\r\nHost: echo\r\nX-Send-Server-Hostname: false\r\n\r\n")
        client.read_until(b"\r\n\r\n")
        event = events_chunk(client)
    assert event.startswith("event: request\n")
    assert event.endswith("id: 1\n\n")


def events_chunk(client) -> str:
    """The next chunk of a chunked body: the server puts one event in each."""
    size = int(client.read_until(b"\r\n"), 16)
    return client.read(size + 2)[:-2].decode()


UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


@pytest.mark.parametrize(
    ("method", "changes", "status"),
    [
        ("GET", {"Sec-WebSocket-Version": "8"}, 400),
        ("GET", {"Sec-WebSocket-Version": None}, 400),
        ("GET", {"Sec-WebSocket-Key": None}, 400),
        ("GET", {"Sec-WebSocket-Key": ""}, 400),
        ("POST", {"Content-Length": "0"}, 405),
        ("DELETE", {}, 405),
        # These ask for no WebSocket at all.
        ("GET", {"Upgrade": "h2c"}, 200),
        ("GET", {"Connection": "keep-alive"}, 200),
    ],
)
def test_a_wrong_upgrade_is_refused_and_the_connection_lives_on(echo, method, changes, status):
    headers = {**UPGRADE, **changes}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    with echo.connect() as client:
        found, answer, body = ask(client, f"{method} / HTTP/1.1", "Host: echo", *lines)
        assert found == status
        if status != 200:
            assert body == {400: "Bad Request\n", 405: "Method Not Allowed\n"}[status]
            assert answer["sec-websocket-version"] == "13"
        client.upgrade()  # the same client, better


@pytest.mark.parametrize("noise", [b"hello\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET /\r\n\r\n"])
def test_what_is_not_http_is_answered_by_400_and_hanging_up(noise):
    with running_echo() as server, server.connect() as client:
        client.send(noise)
        assert client.read_to_end().startswith(b"HTTP/1.1 400 ")
    assert [(ex.method, ex.status) for ex in server.exchanges] == [("", 400)]


def test_a_body_that_is_wrong_is_refused_whatever_the_method():
    head = b" / HTTP/1.1\r\nHost: echo\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    with running_echo() as server:
        with server.connect() as client:
            client.send(b"POST" + head)
            assert client.read_to_end().endswith(b"400 Bad Request\n")
        with server.connect() as client:
            client.send(b"HEAD / HTTP/1.1\r\nHost: echo\r\n\r\n" + b"HEAD" + head)
            first, second, rest = client.read_to_end().split(b"\r\n\r\n")
            assert first.startswith(b"HTTP/1.1 200 ")
            assert second.startswith(b"HTTP/1.1 400 ")
            assert rest == b""
        with server.connect() as client:
            client.send(b"HEAD / HTTP/1.1\r\nHost: echo\r\n\r\n" + b"not HTTP\r\n\r\n")
            assert client.read_to_end().endswith(b"400 Bad Request\n")
    assert [exchange.status for exchange in server.exchanges] == [400, 200, 400, 200, 400]


def test_a_head_that_does_not_end_is_cut_off(echo):
    with echo.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nX: " + b"x" * 1_200_000)
        assert client.read_until(b"\r\n").startswith(b"HTTP/1.1 431 ")


def test_what_was_served_is_reported():
    with running_echo() as server:
        with server.connect() as client:
            ask(client, "GET /a?b HTTP/1.1", "Host: echo")
            ask(client, "GET /.ws HTTP/1.1", "Host: echo")
        with server.connect() as client:
            client.send(b"GET /.sse HTTP/1.1\r\nHost: echo\r\n\r\n")
            client.read_until(b"\r\n\r\n")
        with server.connect():
            pass  # says nothing, is not told of
    assert [(ex.method, ex.target, ex.status, ex.close_code) for ex in server.exchanges] == [
        ("GET", "/a?b", 200, None),
        ("GET", "/.ws", 200, None),
        ("GET", "/.sse", 200, None),
    ]
