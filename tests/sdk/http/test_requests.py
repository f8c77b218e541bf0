"""What is sent, and what comes back."""

from __future__ import annotations

import asyncio
import threading

import pytest

from checkwire import UsageError, http
from support.attempt import attempt
from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.rawserver import RawServer


def test_a_json_request_gets_a_json_answer():
    with HttpServer(lambda _: json_reply('{"token": "t-1", "roles": ["reader"]}')) as server:

        async def check():
            return await http.post(f"{server.url}/login", json={"key": "ключ", "n": 1.5})

        told = attempt(check)
    answer = told.result
    assert (answer.status, answer.reason, answer.ok) == (200, "OK", True)
    assert answer.json() == {"token": "t-1", "roles": ["reader"]}
    assert answer.url == f"{server.url}/login"
    assert answer.headers["CONTENT-TYPE"] == "application/json"
    (request,) = server.seen
    assert (request.method, request.target) == ("POST", "/login")
    assert request.body == '{"key":"ключ","n":1.5}'.encode()
    assert request.header("Content-Type") == "application/json"
    assert request.header("Host") == server.place
    assert (request.header("User-Agent") or "").startswith("checkwire/")


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", None), ("HEAD", None), ("POST", "0"), ("PUT", "0"), ("PATCH", "0"), ("DELETE", None),
     ("OPTIONS", None)],
)  # fmt: skip
def test_each_method_is_sent_and_says_how_long_its_body_is(method, body):
    with HttpServer() as server:

        async def check():
            return await getattr(http, method.lower())(server.url)

        answer = attempt(check).result
    assert server.seen[0].method == method
    assert server.seen[0].target == "/"
    assert server.seen[0].header("Content-Length") == body
    assert answer.method == method


def test_any_method_can_be_sent_by_name():
    with HttpServer() as server:

        async def check():
            await http.request("propfind", server.url)

        attempt(check)
    assert server.seen[0].method == "PROPFIND"


def test_params_are_added_to_the_query_that_is_there():
    with HttpServer() as server:

        async def check():
            params = {"q": "a b&c", "id": [1, 2], "deep": True, "none": None}
            await http.get(f"{server.url}/find?first=1#part", params=params)

        attempt(check)
    assert server.seen[0].target == "/find?first=1&q=a%20b%26c&id=1&id=2&deep=true"


def test_a_form_is_sent_as_a_form():
    with HttpServer() as server:

        async def check():
            await http.post(server.url, data=[("user", "ada"), ("pass", "p&q=é")])

        attempt(check)
    (request,) = server.seen
    assert request.body == b"user=ada&pass=p%26q%3D%C3%A9"
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "sent", "kind"),
    [
        ("<π/>", "<π/>".encode(), "text/plain; charset=utf-8"),
        (b"\x00\xff", b"\x00\xff", "application/octet-stream"),
    ],
)
def test_content_is_sent_as_it_is(content, sent, kind):
    with HttpServer() as server:

        async def check():
            await http.put(server.url, content=content)

        attempt(check)
    assert server.seen[0].body == sent
    assert server.seen[0].header("Content-Type") == kind


def test_headers_replace_those_that_would_be_sent():
    with HttpServer() as server:

        async def check():
            headers = {"user-agent": "mine", "content-type": "application/cbor", "X-One": "1"}
            await http.post(server.url, content=b"\xa0", headers=headers)

        attempt(check)
    (request,) = server.seen
    assert request.header("User-Agent") == "mine"
    assert request.header("Content-Type") == "application/cbor"
    assert request.header("X-One") == "1"


def test_a_chunked_request_body_is_sent_when_the_check_says_so():
    seen = []

    def serve(peer):
        peer.read_head()
        seen.append((peer.header("Content-Length"), peer.read_until(b"0\r\n\r\n")))
        peer.send(reply())
        peer.fin()

    with RawServer(serve) as server:

        async def check():
            headers = {"Transfer-Encoding": "chunked"}
            await http.post(f"http://{server.place}/", content=b"abc", headers=headers)

        assert attempt(check).error is None
    assert seen == [(None, b"3\r\nabc\r\n0\r\n\r\n")]


@pytest.mark.parametrize("in_url", [False, True])
def test_basic_auth_is_sent_and_never_shown(in_url):
    with HttpServer() as server:

        async def check():
            if in_url:
                return await http.get(server.url.replace("//", "//ada:p%40ss@"))
            return await http.get(server.url, auth=("ada", "p@ss"))

        told = attempt(check)
    assert server.seen[0].header("Authorization") == "Basic YWRhOnBAc3M="
    for shown in (repr(told.events), told.result.url, repr(told.result)):
        assert "p@ss" not in shown
        assert "p%40ss" not in shown
        assert "YWRhOnBAc3M" not in shown


def test_repeated_headers_are_joined_and_can_be_had_one_by_one():
    with HttpServer(lambda _: reply("200 OK", b"", "X-A: 1", "Set-Cookie: a=1", "x-a: 2",
                                    "Set-Cookie: b=2; Path=/")) as server:  # fmt: skip

        async def check():
            return await http.get(server.url)

        answer = attempt(check).result
    assert answer.headers["x-a"] == "1, 2"
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2; Path=/"]
    assert answer.cookies == {"a": "1", "b": "2"}
    assert "X-A" in answer.headers
    assert "X-B" not in answer.headers


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=no-such", "é".encode(), "é"),
        ("text/plain; charset=hex", b"65", "65"),
        ("text/plain", b"\xef\xbb\xbfx", "x"),
        ("text/plain", b"a\xffb", "a�b"),
    ],
)
def test_text_is_decoded_by_the_charset_that_is_named(content_type, body, text):
    with HttpServer(lambda _: reply("200 OK", body, f"Content-Type: {content_type}")) as server:

        async def check():
            return (await http.get(server.url)).text

        assert attempt(check).result == text


def test_requests_run_at_the_same_time():
    both = threading.Barrier(2, timeout=20)

    def handler(_: SeenRequest) -> bytes:
        both.wait()
        return reply()

    with HttpServer(handler) as server:

        async def check():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(http.get(server.url)) for _ in range(2)]
            return [task.result().status for task in tasks]

        assert attempt(check).result == [200, 200]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jsn": 1}, "http.post() does not take 'jsn'; did you mean json?"),
        ({"json": {1, 2}}, "json= cannot be written as JSON"),
        ({"json": float("nan")}, "json= cannot be written as JSON"),
        ({"json": 1, "content": "x"}, "a request has one body: give json or content, not both"),
        ({"data": "a=b"}, "for text or bytes use content="),
        ({"content": {"a": 1}}, "for JSON use json="),
        ({"auth": "token"}, "auth= takes (user, password)"),
        ({"timeout": "soon"}, "timeout: "),
        ({"timeout": 5000}, 'write "5000ms" for milliseconds'),
        ({"follow_redirects": "yes"}, "True, False or a number"),
        ({"max_size": "1MB"}, "a number of bytes"),
        ({"verify": "no"}, "http.post(): verify: "),
        ({"params": "a=b"}, "a dict of its fields"),
        ({"headers": "X: 1"}, "a dict, or a list of pairs"),
        ({"headers": {"X": None}}, "'X' cannot be None"),
        ({"headers": {"X": "a\r\nB: c"}}, "not a valid request"),
        ({"headers": {"Content-Length": "1"}, "content": "xyz"}, "not a valid request"),
        ({"resolve": {"host": "::1"}}, "has no port"),
        ({"ca": "/no/such/file"}, "cannot use /no/such/file as ca"),
    ],
)
def test_a_mistake_is_explained_and_told_once_even_if_swallowed(options, said, pki):
    with HttpServer(tls=pki.server()) as server:

        async def check():
            try:
                await http.post(server.url, **options)
            except UsageError as error:
                return str(error)

        told = attempt(check)
    assert told.error is None
    assert said in told.result
    assert told.failure.code == "check.usage"
    assert told.failure.location is not None
    assert told.failure.location.path == __file__


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("127.0.0.1/x", "a scheme is missing"),
        ("http:///x", "a host is missing"),
        ("ftp://127.0.0.1/", "is not one of http://, https://"),
        ("ws://127.0.0.1/", "a WebSocket address"),
        ("http://127.0.0.1/a b", "white space"),
    ],
)
def test_a_bad_url_fails_the_check_even_if_swallowed(url, said):
    async def check():
        try:
            await http.get(url)
        except Exception as error:
            return error

    told = attempt(check)
    assert said in str(told.result)
    assert told.failure.code == "check.bad_url"
