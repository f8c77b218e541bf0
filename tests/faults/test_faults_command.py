"""``checkwire faults``: what there is, serving it, and the check that meets it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.faults import all_faults
from checkwire.model.failures import CODES
from support.program import checkwire, environment, report


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The program as it serves; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "checkwire", "faults", *arguments, "--port", "0"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix("Listening on ").strip(), process
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in said


def test_all_are_listed_by_family(tmp_path: Path) -> None:
    result = checkwire("faults", cwd=tmp_path)
    assert (result.status, result.err) == (0, "")
    for fault in all_faults():
        assert f"  {fault.name} " in result.out
        assert fault.does in result.out
    assert "\x1b" not in result.out


def test_a_family_is_listed_alone(tmp_path: Path) -> None:
    for name in ("tls", "tls.", "tls.*"):
        lines = checkwire("faults", name, cwd=tmp_path).out.splitlines()
        assert lines[0] == "tls"
        assert {line.split()[0].partition(".")[0] for line in lines} <= {"tls", "ws"}
        assert len(lines) > 10


def test_they_are_listed_for_programs(tmp_path: Path) -> None:
    listed = json.loads(checkwire("faults", "--json", cwd=tmp_path).out)
    assert [one["name"] for one in listed] == [fault.name for fault in all_faults()]
    assert {one["made_by"] for one in listed} == {"server", "check"}
    assert all(one["title"] == CODES[one["code"]].title for one in listed)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("ws.nopong", "ws.no_pong"), ("expired", "tls.certificate_expired"), ("zzz", "lists all")],
)
def test_an_unknown_one_has_near_matches(tmp_path: Path, name: str, meant: str) -> None:
    result = checkwire("faults", name, cwd=tmp_path)
    assert (result.status, result.out) == (2, "")
    assert f"there is no fault {name}" in result.err
    assert meant in result.err
    assert len(result.err.splitlines()) == 1


def test_a_code_that_nobody_can_make_is_no_unknown_one(tmp_path: Path) -> None:
    result = checkwire("faults", "runner.start", cwd=tmp_path)
    assert (result.status, result.out) == (2, "")
    assert "checkwire explain runner.start" in result.err
    assert len(result.err.splitlines()) == 1


def test_one_that_only_a_check_makes_says_how(tmp_path: Path) -> None:
    result = checkwire("faults", "script.crashed", cwd=tmp_path)
    assert result.status == 2
    assert "checkwire faults script.crashed --check" in result.err


def test_a_fault_and_its_check_meet(tmp_path: Path) -> None:
    printed = checkwire("faults", "tls.certificate_expired", "--check", cwd=tmp_path)
    (tmp_path / "fault_check.py").write_text(printed.out)
    ca = tmp_path / "ca.pem"
    with serving("tls.certificate_expired", "--ca-out", str(ca)) as (url, _):
        assert url.startswith("wss://127.0.0.1:")
        for _ in range(2):
            found = report("fault_check.py", cwd=tmp_path, URL=url, CA=str(ca))
            (run,) = found["runs"]
            assert run["attempts"][0]["failure"]["code"] == "tls.certificate_expired"


def test_any_other_client_meets_it_too() -> None:
    with serving("upgrade.status/429", "--quiet") as (url, _):
        host, port = url.removeprefix("ws://").rstrip("/").split(":")
        with socket.create_connection((host, int(port)), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"429 Too Many Requests\r\n" in client.recv(4096)


def test_dns_faults_answer_queries() -> None:
    with serving("dns.not_found", "--quiet") as (url, _):
        port = int(url.rstrip("/").rpartition(":")[2])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            query = struct.pack("!6H", 77, 0x0100, 1, 0, 0, 0) + b"\1x\4test\0\0\1\0\1"
            for datagram in (b"", b"no query at all", query):
                client.sendto(datagram, ("127.0.0.1", port))
            number, flags, asked, answers = struct.unpack("!4H", client.recv(512)[:8])
    assert (number, flags & 0xF, asked, answers) == (77, 3, 1, 0)


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = checkwire("faults", "ws.no_pong", "--port", port, cwd=tmp_path)
    assert result.status == 2
    assert f"port {port} on 127.0.0.1 is in use" in result.err


def test_it_ends_with_connections_open(tmp_path: Path) -> None:
    with serving("ws.no_pong", "--quiet") as (url, process):
        port = int(url.rstrip("/").rpartition(":")[2])
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.sendall(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 101 ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        client.close()
