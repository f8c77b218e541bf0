"""Phase dns."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from checkwire.wire.dial.resolve import resolve
from support.connecting import SOON, SOON_NS, opened, refused
from support.loops import Run, run
from support.observing import Recording
from support.rawserver import Peer, RawServer, upgraded


def at(*hosts: str) -> Callable[[str, int], list[Any]]:
    """A resolver that knows one name, with these addresses."""

    def look_up(name: str, port: int) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (host, port, 0, 0) if ":" in host else (host, port),
            )
            for host in hosts
        ]

    return look_up


def failing(error: Exception) -> Callable[[str, int], list[Any]]:
    def look_up(name: str, port: int) -> list[Any]:
        raise error

    return look_up


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "dns.not_found"),
        (socket.gaierror(-5, "No address associated with hostname"), "dns.no_address"),
        (socket.gaierror(-9, "Address family for hostname not supported"), "dns.no_address"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "dns.temporary"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), "dns.failed"),
        (OSError(5, "Input/output error"), "dns.failed"),
        (UnicodeError("label too long"), "dns.not_found"),
    ],
)
def test_a_look_up_that_fails_has_a_name(error: Exception, code: str) -> None:
    failure = run(refused("ws://nowhere.test/", resolver=failing(error)))
    assert (failure.code, failure.phase) == (code, "dns")
    assert "nowhere.test" in failure.message
    assert failure.evidence["host"] == "nowhere.test"


def test_a_name_without_addresses_is_said_to_have_none() -> None:
    failure = run(refused("ws://nowhere.test/", resolver=at()))
    assert failure.code == "dns.no_address"


def test_a_label_that_no_resolver_takes_is_not_found() -> None:
    failure = run(refused(f"ws://{'a' * 64}.test/"))
    assert failure.code == "dns.not_found"


def test_a_zone_that_this_machine_does_not_have_is_a_failure_of_dns() -> None:
    failure = run(refused("ws://[fe80::1%25nosuch0]:9/"))
    assert failure.phase == "dns"
    assert failure.evidence["host"] == "fe80::1%nosuch0"


def test_a_resolver_that_stays_silent_is_given_up(on_each_loop: Run[Any]) -> None:
    done = threading.Event()

    def silent(name: str, port: int) -> list[Any]:
        done.wait(20)
        return []

    seen = Recording()
    failure = on_each_loop(
        refused("ws://nowhere.test/", seen, resolver=silent, timeouts={"dns": SOON})
    )
    assert (failure.code, failure.phase) == ("dns.timeout", "dns")
    assert seen.closed.at_ns >= SOON_NS
    done.set()


def test_looking_up_is_a_phase_with_the_addresses_found(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        url = f"ws://name.test:{server.port}/"
        async with opened(url, seen, resolver=at("127.0.0.1")) as connection:
            assert connection.phases["dns"] == seen.phases["dns"].duration_ns

    with RawServer(upgraded(Peer.read_to_end)) as server:
        on_each_loop(check(server))
        assert seen.phases["dns"].details == {"addresses": [f"127.0.0.1:{server.port}"]}
    assert list(seen.phases) == ["dns", "tcp", "upgrade", "open"]
    assert server.peers[0].header("Host") == f"name.test:{server.port}"


def test_the_operating_system_knows_localhost() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(f"ws://localhost:{server.port}/", seen):
            pass

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))
        assert f"127.0.0.1:{server.port}" in seen.phases["dns"].details["addresses"]


def test_an_ip_address_is_not_looked_up() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        resolver = failing(AssertionError("looked up"))
        async with opened(server.url, seen, resolver=resolver):
            pass

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))
    assert "dns" not in seen.phases


def test_resolve_goes_before_looking_up_and_may_change_the_port() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        resolver = failing(AssertionError("looked up"))
        resolve = {("name.test", 80): ("127.0.0.1", server.port)}
        async with opened("ws://name.test/", seen, resolve=resolve, resolver=resolver) as ws:
            assert ws.handshake.remote_address == server.place

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))
    assert "dns" not in seen.phases
    assert server.peers[0].header("Host") == "name.test"


def test_resolve_is_for_one_port_only() -> None:
    resolve = {("name.test", 81): ("127.0.0.1", 1)}
    error = socket.gaierror(socket.EAI_NONAME, "not known")
    failure = run(refused("ws://name.test/", resolve=resolve, resolver=failing(error)))
    assert failure.code == "dns.not_found"


def test_looking_up_several_at_once_does_not_count_as_looking_up_slowly() -> None:
    """Each has a thread: none waits for another, and if it did that would not be its own time."""
    at_once = 40
    barrier = threading.Barrier(at_once, timeout=20)

    def together(name: str, port: int) -> list[Any]:
        barrier.wait()
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    async def check() -> None:
        import asyncio

        tasks = [refused("ws://nowhere.test/", resolver=together) for _ in range(at_once)]
        failures = await asyncio.gather(*tasks)
        assert {failure.code for failure in failures} == {"dns.not_found"}

    run(check())


def test_an_answer_that_the_check_was_too_busy_to_see_is_in_time(on_each_loop: Run[Any]) -> None:
    answered = threading.Event()

    def look_up(name: str, port: int) -> list[Any]:
        answered.wait(20)
        return at("127.0.0.1")(name, port)

    async def check() -> None:
        looking = asyncio.ensure_future(resolve("a.test", 1, timeout=0.05, resolver=look_up))
        await asyncio.sleep(0.01)
        answered.set()
        time.sleep(0.1)  # noqa: ASYNC251 - until the time for the answer is over
        assert len((await looking).endpoints) == 1

    on_each_loop(check())
