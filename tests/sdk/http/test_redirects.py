"""Redirects are reported, and followed on request (RFC 9110 section 15.4)."""

from __future__ import annotations

import pytest

from checkwire import http
from support.attempt import attempt
from support.httpserver import HttpServer, SeenRequest, reply


def _redirecting(status: int, location: str = "/there", *headers: str):
    def handler(request: SeenRequest) -> bytes:
        if request.path == "/here":
            return reply(f"{status} Go", b"moved", f"Location: {location}", *headers)
        return reply("200 OK", b"arrived")

    return handler


def test_a_redirect_is_not_followed_by_itself():
    with HttpServer(_redirecting(302)) as server:

        async def check():
            return await http.get(f"{server.url}/here")

        told = attempt(check)
    assert told.result.status == 302
    assert told.result.headers["location"] == "/there"
    assert told.told == []


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"), (301, "POST", "GET"), (301, "PUT", "PUT"), (301, "HEAD", "HEAD"),
        (302, "POST", "GET"), (302, "DELETE", "DELETE"),
        (303, "POST", "GET"), (303, "PUT", "GET"), (303, "HEAD", "HEAD"),
        (307, "POST", "POST"), (308, "POST", "POST"), (308, "GET", "GET"),
    ],
)  # fmt: skip
def test_the_method_is_rewritten_as_the_rfc_says(status, method, then):
    body = {"json": {"a": 1}} if method in ("POST", "PUT") else {}
    with HttpServer(_redirecting(status)) as server:

        async def check():
            return await http.request(method, f"{server.url}/here", follow_redirects=True, **body)

        told = attempt(check)
    answer, second = told.result, server.seen[1]
    assert answer.status == 200
    assert answer.url == f"{server.url}/there"
    assert second.method == answer.method == then
    kept = bool(body) and then == method
    assert second.body == (b'{"a":1}' if kept else b"")
    assert second.header("Content-Type") == ("application/json" if kept else None)


def test_each_step_is_in_the_history_and_in_the_transcript():
    with HttpServer(_redirecting(302)) as server:

        async def check():
            return await http.get(f"{server.url}/here", follow_redirects=True)

        told = attempt(check)
    (moved,) = told.result.history
    assert (moved.status, moved.text, moved.url) == (302, "moved", f"{server.url}/here")
    assert [exchange.status for exchange in told.exchanges] == [302, 200]
    assert server.connections == 1
    assert "tcp" not in told.result.timings
    assert told.result.timings.total >= moved.timings.total + told.exchanges[1].duration_ns / 1e9


def test_cookies_set_on_the_way_are_sent_on():
    with HttpServer(_redirecting(303, "/there", "Set-Cookie: s=1")) as server:

        async def check():
            await http.post(f"{server.url}/here", follow_redirects=True)

        attempt(check)
    assert server.seen[1].header("Cookie") == "s=1"


@pytest.mark.parametrize("how", ["auth", "header", "url"])
def test_another_origin_gets_no_credentials(how):
    with HttpServer() as other, HttpServer(_redirecting(307, f"{other.url}/x")) as server:

        async def check():
            url = f"{server.url}/here"
            odd = {"X-Api-Key": "k", "X-Auth-Token": "t", "X-Odd": "s3cr3t-value"}
            options: dict[str, object] = {"headers": {"Cookie": "c=1", "X-Kept": "1", **odd}}
            if how == "auth":
                options["auth"] = ("ada", "pw")
            elif how == "header":
                options["headers"] = {**options["headers"], "Authorization": "Bearer t"}
            else:
                url = url.replace("//", "//ada:pw@")
            await http.get(url, follow_redirects=True, **options)

        attempt(check, secrets={"ODD": "s3cr3t-value"})
    assert server.seen[0].header("Authorization") is not None
    assert server.seen[0].header("X-Odd") == "s3cr3t-value"
    (request,) = other.seen
    assert not {"X-Api-Key", "X-Auth-Token", "X-Odd"} & dict(request.headers).keys()
    assert request.header("Authorization") is None
    assert request.header("Cookie") is None
    assert request.header("X-Kept") == "1"
    assert request.header("Host") == other.place


def test_the_same_origin_keeps_credentials():
    with HttpServer(_redirecting(307)) as server:

        async def check():
            await http.get(f"{server.url}/here", follow_redirects=True, auth=("ada", "pw"))

        attempt(check)
    assert server.seen[1].header("Authorization") == server.seen[0].header("Authorization")


def test_redirects_in_a_circle_end():
    with HttpServer(lambda _: reply("302 Found", b"", "Location: /again")) as server:

        async def check():
            await http.get(f"{server.url}/again", follow_redirects=True)

        told = attempt(check)
    assert told.failure.code == "http.too_many_redirects"
    assert "more than 10 redirects in a circle" in told.failure.message
    assert len(server.seen) == 11
    assert len(told.exchanges) == 11


def test_the_number_of_redirects_can_be_set():
    with HttpServer(_redirecting(302, "/here")) as server:

        async def check():
            await http.get(f"{server.url}/here", follow_redirects=2)

        told = attempt(check)
    assert told.failure.code == "http.too_many_redirects"
    assert len(server.seen) == 3


@pytest.mark.parametrize("location", ["ftp://files.example/", "http://:80/", "http://[zz]/"])
def test_a_redirect_to_nowhere_is_not_valid(location):
    with HttpServer(_redirecting(302, location)) as server:

        async def check():
            await http.get(f"{server.url}/here", follow_redirects=True)

        told = attempt(check)
    assert told.failure.code == "http.protocol"
    assert told.failure.evidence["location"] == location


def test_a_redirect_without_location_is_an_answer():
    with HttpServer(lambda _: reply("302 Found")) as server:

        async def check():
            return await http.get(server.url, follow_redirects=True)

        assert attempt(check).result.status == 302


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("../up?x=1", "/up?x=1"),
        ("?only=query", "/a/here?only=query"),
        ("/sp ace#frag", "/sp%20ace"),
        ("//{place}/net", "/net"),
    ],
)
def test_a_location_is_relative_to_the_request(location, target):
    def handler(request: SeenRequest) -> bytes:
        if request.target == "/a/here":
            return reply("302 Found", b"", f"Location: {location.format(place=server.place)}")
        return reply()

    with HttpServer(handler) as server:

        async def check():
            await http.get(f"{server.url}/a/here", follow_redirects=True)

        attempt(check)
    assert server.seen[1].target == target


def test_the_timeout_is_for_all_of_it():
    def handler(request: SeenRequest) -> bytes:
        if request.path == "/there":
            server.over.wait(20)
        return _redirecting(302)(request)

    with HttpServer(handler) as server:

        async def check():
            await http.get(f"{server.url}/here", follow_redirects=True, timeout="300ms")

        told = attempt(check)
    assert told.failure.code == "http.timeout"
    assert "GET /there" in told.failure.message


@pytest.mark.parametrize(
    ("options", "what"),
    [({"headers": {"X-Api-Key": "k"}}, "X-Api-Key"), ({"content": "pw"}, "a body")],
)
def test_credentials_do_not_go_from_https_to_http(pki, options, what):
    with HttpServer() as plain:
        location = f"{plain.url}/x"
        with HttpServer(_redirecting(307, location), tls=pki.server()) as server:

            async def check():
                url = f"{server.url}/here"
                await http.request("PUT", url, follow_redirects=True, ca=pki.ca, **options)

            told = attempt(check)
    assert told.failure.code == "http.insecure_redirect"
    assert f"from TLS to plain text, {location}: a request with {what} is" in told.failure.message
    assert plain.seen == []


def test_a_request_that_says_nothing_of_who_asks_may_go_from_https_to_http(pki):
    with (
        HttpServer() as plain,
        HttpServer(_redirecting(302, f"{plain.url}/x"), tls=pki.server()) as server,
    ):

        async def check():
            return await http.get(f"{server.url}/here", follow_redirects=True, ca=pki.ca)

        assert attempt(check).result.ok


def test_another_origin_sees_no_client_certificate(pki):
    shown: list[bool] = []

    class Remembering(HttpServer):
        def _converse(self, peer):
            shown.append(bool(peer.sock.getpeercert()))
            super()._converse(peer)

    with (
        Remembering(tls=pki.asking_client()) as other,
        Remembering(_redirecting(302, f"{other.url}/x"), tls=pki.asking_client()) as server,
    ):

        async def check():
            options = {"ca": pki.ca, "client_cert": pki.client()}
            await http.get(f"{server.url}/here", follow_redirects=True, **options)

        attempt(check)
    assert shown == [True, False]


@pytest.mark.parametrize(
    ("location", "target"), [("/gr\xc3\xbcn", "/gr%C3%BCn"), ("/gr\xfcn", "/gr%FCn")]
)
def test_a_location_beyond_ascii_is_taken_as_browsers_take_it(location, target):
    with HttpServer(_redirecting(302, location)) as server:

        async def check():
            return await http.get(f"{server.url}/here", follow_redirects=True)

        assert attempt(check).result.text == "arrived"
    assert server.seen[1].target == target
