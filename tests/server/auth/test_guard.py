"""What holds for every request: whose name it bears, who sent it, how large it is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from checkwire.server.auth.hosts import host_name, is_loopback, sent_from_elsewhere
from support.server.running import Running
from support.server.shop import BOOKS, shop

MIB = 1024 * 1024
PAUSE = f"/api/v1/checks/{BOOKS}/pause"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "shop.localhost",
        "localhost.",
        "127.0.0.1:1",
        "127.8.9.1",
        "[::1]:8080",
        "[::1]",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/checks", "/healthz"])
def test_names_of_this_machine_are_answered_to(reading: Running, host: str, path: str) -> None:
    assert reading.get(path, Host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[2001:db8::1]",
        "127.1",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/checks", "/healthz", "/login", "/nothing"])
def test_a_name_that_was_made_to_point_here_is_not(reading: Running, host: str, path: str) -> None:
    reply = reading.get(path, Host=host)
    assert (reply.status, reply.kind) == (421, "wrong_host")


@pytest.mark.parametrize("host", ["a b", "localhost/evil", "", "[::1", "local@host", "a,b"])
def test_a_host_that_is_none_is_refused(reading: Running, host: str) -> None:
    assert reading.get("/api/v1/checks", Host=host).status == 400


def test_a_name_can_be_allowed(tmp_path: Path) -> None:
    with shop(tmp_path, hosts=["Checks.Example"]) as server:
        assert server.get("/api/v1/checks", Host="checks.example:443").status == 200
        assert server.get("/api/v1/checks", Host="other.example").status == 421
        origin = {"Host": "127.0.0.1:80", "Origin": "https://checks.example"}
        assert server.post(PAUSE, **origin).status == 200


def test_any_name_will_do_where_tokens_are_required(guarded: Running) -> None:
    assert guarded.get("/healthz", Host="checks.example").status == 200
    assert guarded.get("/api/v1/checks", Host="checks.example").status == 401


def test_a_request_without_a_host_is_of_no_browser(reading: Running) -> None:
    with socket.create_connection(("127.0.0.1", reading.port), timeout=20) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b" 200 " in client.makefile("rb").readline()


def test_two_hosts_are_refused(reading: Running) -> None:
    with socket.create_connection(("127.0.0.1", reading.port), timeout=20) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 400 " in client.makefile("rb").readline()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:99999"},
        {"Host": "localhost:80", "Origin": "https://localhost:443"},
    ],
)
def test_what_a_page_elsewhere_sends_changes_nothing(
    server: Running, headers: dict[str, str]
) -> None:
    for path in (PAUSE, f"/api/v1/checks/{BOOKS}/runs", "/api/v1/projects/shop/reload", "/logout"):
        reply = server.ask("POST", path, headers={"Host": "localhost", **headers})
        assert (reply.status, reply.kind) == (403, "cross_site"), path
    assert server.get(f"/api/v1/checks/{BOOKS}").json["paused"] is False


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://LOCALHOST:8080"},
        {"Host": "localhost", "Origin": "http://localhost"},
        {"Host": "localhost:80", "Origin": "http://localhost"},
        {"Host": "[::1]:7", "Origin": "http://[::1]:7"},
    ],
)
def test_our_own_pages_and_programs_may(server: Running, headers: dict[str, str]) -> None:
    sent = {"Host": "localhost:8080", **headers}
    assert server.ask("POST", PAUSE, headers=sent).status == 200


def test_reading_is_not_changing(reading: Running) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    reply = reading.get("/api/v1/checks", **headers)
    assert reply.status == 200
    # The browser keeps the answer from the page that asked.
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/checks", "/nothing", "/login"])
def test_every_answer_keeps_browsers_from_mischief(guarded: Running, path: str) -> None:
    headers = guarded.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_a_refusal_has_the_headers_too(reading: Running) -> None:
    assert reading.get("/", Host="evil.example").headers["x-frame-options"] == "DENY"


def _chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 65536):
        yield b" " * 65536
    yield b" " * (size % 65536) or b" "


@pytest.mark.parametrize("size", [MIB + 1, 10 * MIB])
def test_a_body_that_announces_too_much_is_refused_unread(reading: Running, size: int) -> None:
    with socket.create_connection(("127.0.0.1", reading.port), timeout=20) as client:
        client.sendall(
            b"POST /api/v1/checks/%b/runs HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: %d\r\n\r\n" % (BOOKS.encode(), size)
        )
        answer = client.makefile("rb").read()
    assert b" 413 " in answer.splitlines()[0]
    assert b"urn:checkwire:problem:too_large" in answer


@pytest.mark.parametrize("path", [f"/api/v1/checks/{BOOKS}/runs", "/login"])
def test_a_body_that_grows_too_large_is_refused(guarded: Running, path: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        reply = guarded.ask("POST", path, body=_chunks(3 * MIB), headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        return  # The answer came before the body was sent, and this client does not look for it.
    assert (reply.status, reply.kind) == (413, "too_large")


def test_a_body_of_just_the_limit_is_taken(reading: Running) -> None:
    body = b'{"locations": ["' + b"x" * (MIB - 19) + b'"]}'
    assert len(body) == MIB
    reply = reading.ask(
        "POST",
        f"/api/v1/checks/{BOOKS}/runs",
        body=body,
        headers={"Content-Type": "application/json"},
    )
    assert reply.status == 409


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("localhost:80", "localhost"),
        ("[::1]:80", "::1"),
        ("A.Example.", "a.example"),
        ("a:b", None),
        ("a:80:90", None),
        ("user@a", None),
    ],
)
def test_the_name_in_a_host_header(value: str, name: str | None) -> None:
    assert host_name(value) == name


def test_loopback_is_this_machine_only() -> None:
    assert is_loopback("127.255.0.1")
    assert not is_loopback("128.0.0.1")
    assert not is_loopback("localhost.example")


def test_what_browsers_say_of_the_site_counts_more_than_the_origin() -> None:
    headers = Headers({"host": "a", "sec-fetch-site": "same-origin", "origin": "http://b"})
    assert not sent_from_elsewhere(headers)
