"""``checkwire echo`` as a process."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from support.program import checkwire, environment


class Echo:
    """The program, listening."""

    def __init__(self, process: subprocess.Popen[bytes], first: bytes) -> None:
        self.process = process
        self.url = first.decode().removeprefix("Listening on ").strip()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send it a signal; its status, and the rest of its output."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out.decode(), err.decode()


@contextlib.contextmanager
def echoing(*arguments: str, cwd: Path) -> Iterator[Echo]:
    process = subprocess.Popen(
        [sys.executable, "-m", "checkwire", "echo", "--port", "0", *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # so that reading the first line takes no more than that
    )
    with process:
        try:
            assert process.stdout is not None
            yield Echo(process, process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


def test_it_tells_the_port_it_took_and_what_to_try(tmp_path):
    with echoing(cwd=tmp_path) as echo:
        assert re.fullmatch(r"ws://127\.0\.0\.1:[1-9]\d*", echo.url)
        with connect(echo.url, proxy=None) as ws:
            assert ws.recv() == f"Request served by {socket.gethostname()}"
            ws.send("hello")
            assert ws.recv() == "hello"
        _, out, _ = echo.stop()
    page = echo.url.replace("ws://", "http://") + "/.ws"
    assert page in out
    assert f"checkwire test --env ECHO_URL={echo.url}" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_open_websockets_with_1001_and_exits_0(tmp_path, number):
    with echoing(cwd=tmp_path) as echo, connect(echo.url, proxy=None) as ws:
        ws.recv()
        echo.process.send_signal(number)
        for _ in ws:
            pass
        assert ws.close_code == 1001
        assert echo.process.wait(20) == 0


def test_it_logs_one_line_for_each_connection_on_stderr(tmp_path):
    with echoing(cwd=tmp_path) as echo:
        with connect(f"{echo.url}/orders?x=1", proxy=None) as ws:
            ws.recv()
            ws.send("one")
            ws.recv()
        with socket.create_connection(("127.0.0.1", int(echo.url.rpartition(":")[2]))) as client:
            client.sendall(b"GET /path HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n")
            while client.recv(4096):
                pass
        _, _, err = echo.stop()
    first, second = err.splitlines()
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+ +GET /orders\?x=1  101  1 message, closed 1000  \S+ \S+", first
    )
    assert re.fullmatch(r"127\.0\.0\.1:\d+ +GET /path  200  \S+ \S+", second)


def test_quiet_it_prints_one_line(tmp_path):
    with echoing("--quiet", cwd=tmp_path) as echo:
        with connect(echo.url, proxy=None):
            pass
        assert echo.stop() == (0, "", "")


def test_without_greeting_the_echo_comes_first(tmp_path):
    with (
        echoing("--no-greeting", cwd=tmp_path) as echo,
        connect(echo.url, proxy=None) as ws,
    ):
        ws.send("first")
        assert ws.recv() == "first"


def test_with_tls_it_writes_the_authority_to_trust(tmp_path):
    arguments = ("--tls", "--tls-cert-out", "ca.pem", "--tls-name", "feed.internal")
    with echoing(*arguments, cwd=tmp_path) as echo:
        assert echo.url.startswith("wss://")
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with connect(echo.url, ssl=context, server_hostname="feed.internal", proxy=None) as ws:
            ws.recv()
            ws.send(b"hello")
            assert ws.recv() == b"hello"
        status, out, _ = echo.stop()
    assert status == 0
    assert "checkwire test --ca ca.pem" in out
    assert "--cacert ca.pem https://127.0.0.1:" in out


def test_a_port_in_use_is_one_line_that_says_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert checkwire("echo", "--port", str(port), cwd=tmp_path) == (
            2,
            "",
            f"checkwire: error: port {port} on 127.0.0.1 is in use: choose another one with "
            "--port, or any free one with --port 0\n",
        )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--host", "192.0.2.1"], "192.0.2.1 is not an address of this machine"),
        (["--tls-cert-out", "missing/ca.pem"], "cannot write missing/ca.pem: No such file"),
        (["--tls-name", "not a name"], "cannot make a certificate for not a name"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path, arguments, error):
    status, out, err = checkwire("echo", "--port", "0", *arguments, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith(f"checkwire: error: {error}")
    assert err.count("\n") == 1
