"""Each request is an event, whatever came of it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from checkwire import UsageError, http
from checkwire.model.events import StepStarted, decode_event, encode_event
from checkwire.model.masking import MASK
from checkwire.sdk.steps import step
from support.attempt import attempt
from support.httpserver import HttpServer, json_reply, reply
from support.loops import until
from support.rawserver import Peer, RawServer


def test_a_request_is_told_with_everything_about_it():
    with HttpServer(lambda _: json_reply('{"id": 7}', "201 Created")) as server:

        async def check():
            async with step("create"):
                return await http.post(f"{server.url}/orders?x=1", json={"n": 1})

        told = attempt(check)
    exchange = told.exchange
    assert decode_event(encode_event(exchange)) == exchange
    assert (exchange.method, exchange.url) == ("POST", f"{server.url}/orders?x=1")
    assert (exchange.status, exchange.reason) == (201, "Created")
    assert exchange.step == told.of(StepStarted)[0].step
    assert exchange.request_body == '{"n":1}'
    assert exchange.request_size == 7
    assert exchange.response_body == '{"id": 7}'
    assert exchange.response_size == 9
    assert ("Content-Type", "application/json") in exchange.response_headers
    assert exchange.remote_address == server.place
    assert set(exchange.phases) == {"tcp", "wait", "receive"}


def test_phases_fit_into_the_duration_and_are_those_of_the_reply():
    with HttpServer(lambda _: reply("200 OK", b"x" * 3_000_000)) as server:

        async def check():
            return await http.get(server.url.replace("127.0.0.1", "localhost"))

        told = attempt(check)
    exchange, timings = told.exchange, told.result.timings
    assert set(exchange.phases) == {"dns", "tcp", "wait", "receive"}
    assert all(ns >= 0 for ns in exchange.phases.values())
    assert exchange.phases["receive"] > 0
    assert sum(exchange.phases.values()) <= exchange.duration_ns
    assert timings.dns == exchange.phases["dns"] / 1e9
    assert timings.wait == exchange.phases["wait"] / 1e9
    assert timings.total == exchange.duration_ns / 1e9
    assert set(timings) == {*exchange.phases, "total"}


def test_a_phase_that_did_not_take_place_says_why():
    with HttpServer() as server:

        async def check():
            return (await http.get(server.url)).timings

        timings = attempt(check).result
    with pytest.raises(UsageError, match=r'if "tls" in reply\.timings'):
        _ = timings.tls


def test_the_wait_is_at_least_as_long_as_the_server_held_the_answer_back():
    held_ns = []
    asked = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        began = time.monotonic_ns()
        asked.set()
        peer.wait(peer.server.go)
        held_ns.append(time.monotonic_ns() - began)
        peer.send(reply())
        peer.stay()

    with RawServer(script) as server:

        async def check():
            task = asyncio.create_task(http.get(f"http://{server.place}/"))
            await until(asked.is_set)
            server.go.set()
            await task

        phases = attempt(check).exchange.phases
    assert phases["wait"] > held_ns[0] - 200_000  # Two clocks are read one after the other.
    assert phases["receive"] == 0


def test_the_wait_ends_with_the_answer_not_with_what_comes_before_it():
    held_ns = []
    hinted = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        began = time.monotonic_ns()
        hinted.set()
        peer.wait(peer.server.go)
        held_ns.append(time.monotonic_ns() - began)
        peer.send(reply())
        peer.stay()

    with RawServer(script) as server:

        async def check():
            task = asyncio.create_task(http.get(f"http://{server.place}/"))
            await until(hinted.is_set)
            server.go.set()
            return await task

        told = attempt(check)
    assert told.result.status == 200
    assert told.exchange.phases["wait"] > held_ns[0] - 200_000


def test_the_wait_begins_when_the_whole_request_has_left():
    """The kernel says when: a large body leaves long after it was handed over."""
    reading_ns = []

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.wait(peer.server.go)
        began = time.monotonic_ns()
        peer.read(int(peer.header("Content-Length") or 0))
        reading_ns.append(time.monotonic_ns() - began)
        peer.send(reply())
        peer.stay()

    with RawServer(script, receive_buffer=4096) as server:

        async def check():
            url = f"http://{server.place}/"
            task = asyncio.create_task(http.post(url, content=bytes(4_000_000), timeout=40))
            await until(lambda: server.peers and server.peers[0].head)
            server.go.set()
            await task

        exchange = attempt(check).exchange
    # Most of the body must be read before its end can leave: what is waited for is the rest.
    assert exchange.phases["wait"] < reading_ns[0] / 2


def test_long_bodies_are_cut_and_their_sizes_are_exact():
    with HttpServer(lambda _: reply("200 OK", "€".encode() * 50_000)) as server:

        async def check():
            await http.post(server.url, content="ж" * 9_000)

        exchange = attempt(check).exchange
    assert exchange.request_body == "ж" * 4096
    assert exchange.request_size == 18_000
    assert exchange.response_body == "€" * 4096
    assert exchange.response_size == 150_000


def test_binary_bodies_have_a_size_only():
    with HttpServer(lambda _: reply("200 OK", b"\x89PNG\r\n\x1a\n\x00\xff")) as server:

        async def check():
            await http.post(server.url, content=b"\x00\x01")

        exchange = attempt(check).exchange
    assert (exchange.request_body, exchange.request_size) == (None, 2)
    assert (exchange.response_body, exchange.response_size) == (None, 10)


def test_secrets_are_masked_in_every_part():
    secret = "s3cr3t +/é value"
    with HttpServer(
        lambda request: reply("200 OK", request.body, f"X-Echo: {request.target}")
    ) as server:

        async def check():
            await http.post(
                f"{server.url}/a",
                params={"key": secret},
                json={"password": secret},
                headers={"X-Key": "s3cr3t +/ value", "Authorization": "Bearer abcdef"},
                auth=None,
            )
            await http.post(server.url, data={"key": secret})

        told = attempt(check, secrets={"A": secret, "B": "s3cr3t +/ value"})
    assert len(told.exchanges) == 2
    for exchange in told.exchanges:
        assert "s3cr3t" not in repr(exchange)
        assert "abcdef" not in repr(exchange)
        assert MASK in (exchange.request_body or "")
        assert MASK in (exchange.response_body or "")
    assert f"key={MASK}" in told.exchanges[0].url


@pytest.mark.parametrize("before", range(4040, 4220, 7))
def test_no_part_of_a_secret_survives_the_cut(before):
    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"
    body = (secret + " ") * 20 + "." * (before - 20 * 47) + secret + "." * 500
    with HttpServer(lambda _: reply("200 OK", body.encode())) as server:

        async def check():
            await http.get(server.url)

        exchange = attempt(check, secrets={"A": secret}).exchange
    shown = (exchange.response_body or "").replace(MASK, "")
    assert "0123" not in shown
    assert "GHIJ" not in shown


def test_cookies_and_credentials_are_masked_by_their_names():
    with HttpServer(lambda _: reply("200 OK", b"", "Set-Cookie: session=abcdef")) as server:

        async def check():
            await http.get(server.url, headers={"Cookie": "old=ghijkl"})

        told = attempt(check)
    assert "abcdef" not in repr(told.events)
    assert "ghijkl" not in repr(told.events)


def test_a_reply_shows_the_start_of_its_body():
    with HttpServer(lambda _: reply("500 Oops", b"the database\nis down " * 50)) as server:

        async def check():
            return await http.get(server.url)

        shown = repr(attempt(check).result)
    assert shown.startswith("<Response 500 Oops: the database is down the")
    assert len(shown) < 200


def test_a_reply_shows_no_control_characters_of_its_reason():
    with HttpServer(lambda _: reply("500 \x9b31mred")) as server:

        async def check():
            return await http.get(server.url)

        assert repr(attempt(check).result) == r"<Response 500 \x9b31mred>"
