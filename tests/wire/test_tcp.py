"""Phase tcp: to an address, or to the first of several that answers."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.errors import UsageError
from checkwire.model.explanations import explanation_of
from checkwire.model.places import host_and_port
from checkwire.wire.clock import Timeline
from checkwire.wire.dial.diagnosis import diagnose_tcp
from checkwire.wire.dial.queue import waiting_at
from checkwire.wire.dial.race import Try, connect_first, interleave
from checkwire.wire.dial.resolve import Endpoint
from checkwire.wire.opening import open_connection
from support.connecting import SOON, SOON_NS, opened, options, refused
from support.loops import Run, run, until
from support.observing import Recording
from support.ports import free_port
from support.rawserver import Peer, RawServer, dead_address, upgraded


def resolver_of(*places: tuple[str, int]) -> Any:
    """A resolver that gives these places, whatever is asked for."""

    def look_up(name: str, port: int) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in host else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (host, port, 0, 0) if ":" in host else (host, port),
            )
            for host, port in places
        ]

    return look_up


def test_a_closed_port_refuses(on_each_loop: Run[Any]) -> None:
    port = free_port()
    seen = Recording()
    failure = on_each_loop(refused(f"ws://127.0.0.1:{port}/", seen))
    assert (failure.code, failure.phase) == ("tcp.refused", "tcp")
    assert f"127.0.0.1:{port}" in failure.message
    assert failure.evidence["errno"] == errno.ECONNREFUSED
    (attempt,) = failure.evidence["tries"]
    assert attempt["result"] == "connection refused"
    assert not seen.phases


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_of_this_machine_that_accepts_nothing_is_known_by_its_queue(
    on_each_loop: Run[Any], host: str
) -> None:
    with dead_address(host) as port:
        seen, place = Recording(), host_and_port(host, port)
        failure = on_each_loop(refused(f"ws://{place}/", seen, timeouts={"tcp": SOON}))
    assert (failure.code, failure.phase) == ("tcp.queue_full", "tcp")
    assert f"{place} has a full accept queue" in failure.message
    assert failure.evidence["waiting"] >= 1
    assert failure.evidence["errno"] is None
    assert failure.evidence["place"] == place
    assert failure.evidence["tries"][0]["result"] == "no answer"
    assert seen.closed.at_ns >= SOON_NS


def test_a_queue_is_found_whatever_address_is_listened_at() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", 0))
        listener.listen(5)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert waiting_at(Endpoint(socket.AF_INET, ("127.0.0.1", port))) == 1
            assert waiting_at(Endpoint(socket.AF_INET6, ("::1", port, 0, 0))) == 1
            assert waiting_at(Endpoint(socket.AF_INET, ("192.0.2.1", port))) is None
    assert waiting_at(Endpoint(socket.AF_INET, ("127.0.0.1", port))) is None


_IN_A_NAMESPACE = """
import asyncio
from support.connecting import refused
failure = asyncio.run(refused("ws://{place}/", timeouts={{"tcp": 0.3}}))
print(failure.code, failure.phase, failure.evidence["errno"])
"""


def in_a_namespace(place: str, setup: str = "true") -> list[str]:
    """What a connection fails with, in a network of its own that a few commands set up."""
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", f'{setup} && exec "$0" -c "$1"']
    command += [sys.executable, _IN_A_NAMESPACE.format(place=place)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("network namespaces are not allowed here")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_an_address_without_a_route_is_unreachable() -> None:
    """In a network namespace of its own a process has no route at all, not even to itself."""
    assert in_a_namespace("127.0.0.1:9") == ["tcp.unreachable", "tcp", str(errno.ENETUNREACH)]


def test_a_route_that_forbids_is_this_machines_own_rule() -> None:
    setup = "ip link set lo up && ip route add prohibit 192.0.2.0/24"
    assert in_a_namespace("192.0.2.1:9", setup) == ["tcp.prohibited", "tcp", str(errno.EACCES)]


def test_silence_of_a_place_elsewhere_may_be_a_firewall_or_a_full_queue() -> None:
    """Packets go into a link that has nothing at its other end."""
    setup = (
        "ip link add one type veth peer name two && ip link set one up && ip link set two up && "
        "ip address add 192.0.2.2/24 dev one && "
        "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev one nud permanent"
    )
    assert in_a_namespace("192.0.2.1:9", setup) == ["tcp.timeout", "tcp", "None"]


@pytest.mark.parametrize("secure", [False, True])
def test_what_is_thrown_away_at_once_was_reset(on_each_loop: Run[Any], secure: bool) -> None:
    with RawServer(Peer.reset) as server:
        url = f"{'wss' if secure else 'ws'}://{server.place}/"
        failure = on_each_loop(refused(url))
    # It may come before the connection is known to be made.
    assert failure.code == "tcp.reset"
    assert failure.phase in ("tcp", "tls" if secure else "upgrade")
    assert f"{server.place} reset the connection" in failure.message
    assert failure.evidence["errno"] == errno.ECONNRESET


def test_a_message_says_what_happened_where_and_after_how_long() -> None:
    port = free_port()
    given = {"resolver": resolver_of(("127.0.0.1", port))}
    failure = run(refused("ws://name.test/", **given))
    assert re.fullmatch(
        rf"Nothing listens on 127\.0\.0\.1:{port} \(name\.test, after [\d.]+ [µm]?s\)",
        failure.message,
    )
    assert failure.evidence["place"] == f"127.0.0.1:{port}"
    assert 0 < failure.evidence["elapsed_ms"] < 10_000


def test_what_the_kernel_says_otherwise_is_in_the_message(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        failure = run(refused("ws://name.test/", unix_socket=path))
    assert (failure.code, failure.phase) == ("tcp.failed", "tcp")
    assert failure.evidence["errno"] == errno.EPROTOTYPE
    assert os.strerror(errno.EPROTOTYPE).lower() in failure.message


def test_no_descriptor_left_is_a_failure_with_a_name() -> None:
    explanation_of("runner.files")  # It is read from a file.

    async def check() -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        os.close(lowest := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            failure = await refused("ws://127.0.0.1:9/")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert failure.code == "runner.files"
        assert failure.evidence["errno"] == errno.EMFILE

    run(check())


def test_connecting_is_a_phase_timed_by_the_kernel(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen) as connection:
            host, port = connection.handshake.local_address.rsplit(":", 1)
            assert host == "127.0.0.1"
            assert int(port)

    with RawServer(upgraded(Peer.read_to_end)) as server:
        on_each_loop(check(server))
    tcp, upgrade, whole = (seen.phases[name] for name in ("tcp", "upgrade", "open"))
    assert tcp.clock == "kernel"
    assert tcp.duration_ns > 0
    assert whole.at_ns <= tcp.at_ns <= tcp.at_ns + tcp.duration_ns <= upgrade.at_ns
    assert whole.duration_ns == tcp.duration_ns + upgrade.duration_ns
    assert not tcp.details


def test_without_the_kernels_clock_connecting_is_timed_here() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, kernel_clock=False):
            pass

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))
    assert seen.phases["tcp"].clock == "user"
    assert seen.phases["tcp"].duration_ns > 0


@pytest.mark.parametrize("several", [False, True])
def test_a_connection_that_the_check_was_too_busy_to_see_is_made(
    on_each_loop: Run[Any], several: bool
) -> None:
    async def check() -> None:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(4):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            endpoints = [Endpoint(socket.AF_INET, ("127.0.0.1", port))]
            if several:
                dead = stack.enter_context(dead_address("::1"))
                endpoints.append(Endpoint(socket.AF_INET6, ("::1", dead, 0, 0)))
            tries: list[Try] = []
            connecting = asyncio.ensure_future(
                connect_first(endpoints, tries, Timeline(), timeout=SOON, delay=0.01)
            )
            await until(lambda: len(tries) == len(endpoints))
            await asyncio.sleep(0.02)
            # The kernel sends the lost request again, after a second, while the check is busy.
            listener.setblocking(False)
            while f":{port:04X} 02" in Path("/proc/net/tcp").read_text():  # noqa: ASYNC240
                with suppress(BlockingIOError):
                    stack.enter_context(listener.accept()[0])
                time.sleep(0.01)  # noqa: ASYNC251
            stack.enter_context((await connecting).sock)

    on_each_loop(check())


def test_a_lost_connection_request_counts_in_full() -> None:
    """The kernel sends it again after a second; its own round trip is that of the second one."""
    seen = Recording()

    async def check() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            try:
                for filler in fillers:
                    filler.setblocking(False)
                    filler.connect_ex(("127.0.0.1", port))
                url = f"ws://127.0.0.1:{port}/"
                task = asyncio.create_task(open_connection(url, options(), seen))
                # Its first SYN has been dropped when it waits to be sent again.
                await until(lambda: f":{port:04X} 02" in Path("/proc/net/tcp").read_text())
                await asyncio.sleep(0.1)
                listener.setblocking(False)
                accepted: list[socket.socket] = []

                def accept() -> bool:
                    with suppress(BlockingIOError):
                        accepted.append(listener.accept()[0])
                    return "tcp" in seen.phases

                await until(accept)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                for sock in accepted:
                    sock.close()
            finally:
                for filler in fillers:
                    filler.close()

    run(check())
    assert seen.phases["tcp"].duration_ns > 500_000_000
    assert seen.phases["tcp"].clock == "user"


# Happy Eyeballs


def test_a_dead_family_costs_a_moment_and_is_warned_of(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer, dead: int) -> None:
        resolver = resolver_of(("::1", dead), ("127.0.0.1", server.port))
        async with opened("ws://name.test/", seen, resolver=resolver) as connection:
            assert connection.place == server.place

    with RawServer(upgraded(Peer.read_to_end)) as server, dead_address("::1") as dead:
        on_each_loop(check(server, dead))
    assert seen.codes == []
    (warning,) = seen.warnings
    assert (warning.code, warning.phase) == ("tcp.family_broken", "tcp")
    assert f"[::1]:{dead} (IPv6) did not answer" in warning.message
    assert warning.connection == 1
    first, second = seen.phases["tcp"].details["tries"]
    assert (first["result"], second["result"]) == ("no answer", "connected")
    assert second["started_ns"] - first["started_ns"] >= 245_000_000
    assert seen.phases["tcp"].duration_ns >= 245_000_000


def test_a_dead_ipv4_is_warned_of_too() -> None:
    seen = Recording()

    async def check(server: RawServer, dead: int) -> None:
        resolver = resolver_of(("127.0.0.1", dead), ("::1", server.port))
        async with opened("ws://name.test/", seen, resolver=resolver, happy_eyeballs=0.05):
            pass

    with RawServer(upgraded(Peer.read_to_end), host="::1") as server, dead_address() as dead:
        run(check(server, dead))
    assert "(IPv4) did not answer" in seen.warnings[0].message


def test_a_family_that_refuses_is_not_broken(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        resolver = resolver_of(("::1", free_port("::1")), ("127.0.0.1", server.port))
        async with opened("ws://name.test/", seen, resolver=resolver):
            pass

    with RawServer(upgraded(Peer.read_to_end)) as server:
        on_each_loop(check(server))
    assert seen.warnings == []
    first, second = seen.phases["tcp"].details["tries"]
    # The next address had not to wait.
    assert first["result"] == "connection refused"
    assert second["started_ns"] - first["started_ns"] < 250_000_000


def test_a_dead_address_of_the_same_family_is_passed_by_without_a_warning() -> None:
    seen = Recording()

    async def check(server: RawServer, dead: int) -> None:
        resolver = resolver_of(("127.0.0.1", dead), ("127.0.0.1", server.port))
        async with opened("ws://name.test/", seen, resolver=resolver, happy_eyeballs=0.05):
            pass

    with RawServer(upgraded(Peer.read_to_end)) as server, dead_address() as dead:
        run(check(server, dead))
    assert seen.warnings == []


def test_when_all_addresses_fail_the_one_that_answered_tells_most(
    on_each_loop: Run[Any],
) -> None:
    port = free_port("::1")
    with dead_address() as dead:
        resolver = resolver_of(("127.0.0.1", dead), ("::1", port))
        failure = on_each_loop(
            refused(
                "ws://name.test/", resolver=resolver, happy_eyeballs=0.05, timeouts={"tcp": SOON}
            )
        )
    assert failure.code == "tcp.refused"
    nothing, silent = failure.message.split("; ")
    assert nothing == f"Nothing listens on [::1]:{port} (name.test)"
    assert silent.startswith(f"127.0.0.1:{dead} (name.test) has a full accept queue")
    assert {t["result"] for t in failure.evidence["tries"]} == {"no answer", "connection refused"}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (
            errno.ECONNREFUSED,
            "tcp.refused",
            "Nothing listens on 192.0.2.2:1 (name.test)",
        ),
        (errno.ECONNRESET, "tcp.reset", "192.0.2.2:1 (name.test) reset the connection"),
    ],
)
def test_each_address_has_its_own_reason_whatever_the_order(
    answer: int, code: str, said: str, order: int
) -> None:
    """A machine without IPv6 must not hide that the server is down on IPv4."""
    reasons = {"192.0.2.1": None, "2001:db8::1": errno.ENETUNREACH, "192.0.2.2": answer}
    tries = [
        Try(
            Endpoint(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, 1)),
            0,
            error=None if number is None else OSError(number, os.strerror(number)),
        )
        for host, number in reasons.items()
    ]
    others = "192.0.2.1:1 (name.test) did not answer the connection request within 2 s; "
    others += "there is no route to [2001:db8::1]:1 (name.test)"
    failure = diagnose_tcp(tries[::order], "name.test", timeout=2)
    assert (failure.code, failure.message) == (code, f"{said}; {others}")
    assert failure.evidence["errno"] == answer
    failure = diagnose_tcp(tries[:2][::order], "name.test", timeout=2)
    assert (failure.code, failure.message) == ("tcp.timeout", others)
    assert failure.evidence["errno"] is None


def test_when_no_address_answers_all_are_named() -> None:
    with dead_address() as four, dead_address("::1") as six:
        resolver = resolver_of(("127.0.0.1", four), ("::1", six))
        failure = run(
            refused(
                "ws://name.test/", resolver=resolver, happy_eyeballs=0.05, timeouts={"tcp": SOON}
            )
        )
    assert failure.code == "tcp.queue_full"
    assert f"127.0.0.1:{four}" in failure.message
    assert f"[::1]:{six}" in failure.message


def test_when_all_refuse_all_were_tried() -> None:
    resolver = resolver_of(("127.0.0.1", free_port()), ("::1", free_port("::1")))
    failure = run(refused("ws://name.test/", resolver=resolver))
    assert failure.code == "tcp.refused"
    assert len(failure.evidence["tries"]) == 2


def test_families_take_turns() -> None:
    def endpoints(*hosts: str) -> list[Endpoint]:
        return [Endpoint(socket.AF_INET6 if ":" in h else socket.AF_INET, (h, 1)) for h in hosts]

    given = endpoints("::1", "::2", "::3", "1.1.1.1", "2.2.2.2")
    assert interleave(given) == endpoints("::1", "1.1.1.1", "::2", "2.2.2.2", "::3")


# The way out


def test_a_source_address_is_used() -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, local_address="127.0.0.2") as connection:
            assert connection.handshake.local_address.startswith("127.0.0.2:")
        await until(lambda: server.peers)

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))


def test_a_source_address_chooses_the_family() -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        resolver = resolver_of(("::1", server.port), ("127.0.0.1", server.port))
        url = f"ws://name.test:{server.port}/"
        async with opened(url, seen, resolver=resolver, local_address="127.0.0.1") as connection:
            assert connection.place == server.place

    with RawServer(upgraded(Peer.read_to_end)) as server:
        run(check(server))
    assert not seen.phases["tcp"].details


@pytest.mark.parametrize(("url", "source"), [("127.0.0.1", "192.0.2.7"), ("127.0.0.1", "::1")])
def test_a_source_address_that_cannot_be_used_is_named(url: str, source: str) -> None:
    failure = run(refused(f"ws://{url}:9/", local_address=source))
    assert (failure.code, failure.phase) == ("tcp.local_address", "tcp")


def test_a_source_address_is_not_looked_up() -> None:
    with pytest.raises(UsageError, match="local_address is an IP address"):
        run(open_connection("ws://127.0.0.1:9/", options(local_address="localhost")))


# Unix sockets


def test_a_unix_socket_is_connected_to(on_each_loop: Run[Any], tmp_path: Path) -> None:
    seen = Recording()
    path = str(tmp_path / "s")

    async def check() -> None:
        async with opened("ws://name.test:81/x", seen, unix_socket=path) as connection:
            connection.send("hello")
            assert (await connection.receive(5)).data == "hello"
            assert connection.place == path
            assert not connection.kernel_clock
            await connection.close()

    with RawServer(upgraded(Peer.echo), path=path) as server:
        on_each_loop(check())
    assert server.peers[0].header("Host") == "name.test:81"
    assert list(seen.phases) == ["tcp", "upgrade", "open", "first_message", "close"]
    assert {phase.clock for phase in seen.phases.values()} == {"user"}
    assert {frame.clock for frame in seen.frames} == {"user"}
    assert seen.closed.clock == "user"
    assert seen.delivered == []


def test_a_unix_socket_that_is_not_there_refuses(tmp_path: Path) -> None:
    path = str(tmp_path / "missing")
    failure = run(refused("ws://name.test/", unix_socket=path))
    assert failure.code == "tcp.refused"
    assert path in failure.message
    assert failure.evidence["errno"] == errno.ENOENT


def test_a_unix_socket_that_nobody_listens_on_refuses(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        failure = run(refused("ws://name.test/", unix_socket=path))
    assert failure.code == "tcp.refused"
    assert failure.evidence["errno"] == errno.ECONNREFUSED


def test_a_path_that_no_unix_socket_can_have_is_a_failure_with_a_name() -> None:
    failure = run(refused("ws://name.test/", unix_socket="/tmp/" + "x" * 200))
    assert failure.code == "tcp.failed"
    assert "too long" in failure.message


def test_a_unix_socket_with_a_full_queue_is_waited_for(
    on_each_loop: Run[Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as filler:
        listener.bind(path)
        listener.listen(0)
        filler.connect(path)
        failure = on_each_loop(refused("ws://name.test/", unix_socket=path, timeouts={"tcp": SOON}))
    assert failure.code == "tcp.queue_full"
