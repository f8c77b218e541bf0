"""The same for checks that are plain functions."""

from __future__ import annotations

import pytest

from checkwire import FailureError, UsageError
from checkwire.sdk.steps import step
from checkwire.sync import http
from support.attempt import plain_attempt
from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.rawserver import Peer, RawServer


def test_a_plain_function_gets_a_plain_answer():
    with HttpServer(lambda _: json_reply('{"a": 1}')) as server:

        def check():
            with step("fetch"):
                return http.post(server.url, json=[1])

        told = plain_attempt(check)
    assert told.result.json() == {"a": 1}
    assert server.seen[0].body == b"[1]"
    assert told.exchange.step == 1


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_each_method_is_there(method):
    with HttpServer() as server:

        def check():
            getattr(http, method)(server.url)
            with http.session(base_url=server.url) as api:
                getattr(api, method)("/")

        assert plain_attempt(check).error is None
    assert [request.method for request in server.seen] == [method.upper()] * 2


def test_a_session_keeps_its_connection_and_its_cookies():
    def handler(request: SeenRequest) -> bytes:
        return reply("200 OK", b"", "Set-Cookie: a=1; Path=/")

    with HttpServer(handler) as server:

        def check():
            with http.session(base_url=server.url) as api:
                api.get("/")
                api.get("/")
                return dict(api.cookies)

        told = plain_attempt(check)
    assert told.result == {"a": "1"}
    assert server.connections == 1
    assert server.seen[1].header("Cookie") == "a=1"


def test_a_failure_is_told_at_the_line_of_the_request():
    with RawServer(Peer.fin) as server:

        def check():
            try:
                http.get(f"http://{server.place}/swallowed")
            except FailureError as error:
                return error

        told = plain_attempt(check)
    assert isinstance(told.result, http.HttpError)
    assert told.counting == ["http.closed"]
    assert told.failure.location is not None
    assert "/swallowed" in told.failure.location.text


def test_a_mistake_is_told():
    def check():
        http.session().get("http://127.0.0.1:1/")

    told = plain_attempt(check)
    assert isinstance(told.error, UsageError)
    assert told.failure.code == "check.usage"
