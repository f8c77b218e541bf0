"""``openssl s_server``: a TLS server that can be told to change keys or to negotiate again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator

from support.frames import SeenFrame, parse
from support.pki import Pki
from support.rawserver import PATIENCE, accept_key

__all__ = ["OpenSslServer", "openssl_server"]


class OpenSslServer:
    """One that runs.

    Attributes:
        heard: all it has printed, which includes the plain text it received.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.heard = b""
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="openssl output")
        self._reader.start()
        self.url = f"wss://127.0.0.1:{self.wait_for(rb'ACCEPT 127.0.0.1:([0-9]+)')[1].decode()}/"

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 65536):
            with self._more:
                self.heard += data
                self._more.notify_all()

    def wait_for(self, pattern: bytes) -> re.Match[bytes]:
        """Until it has printed this."""
        with self._more:
            if not self._more.wait_for(lambda: re.search(pattern, self.heard), PATIENCE):
                raise AssertionError(f"{pattern!r} never came: {self.heard!r}")
            found = re.search(pattern, self.heard)
            assert found is not None
            return found

    def frames(self) -> list[SeenFrame]:
        """The whole frames that came after the request."""
        rest = self.heard.partition(b"\r\n\r\n")[2]
        rest = re.sub(rb"SSL_do_handshake -> 1\n|Read BLOCK\n", b"", rest)
        found = []
        while (parsed := parse(rest)) is not None:
            found.append(parsed[0])
            rest = parsed[1]
        return found

    def say(self, data: bytes) -> None:
        """Send this to the client; ``k``, ``K`` and ``r`` with a line feed are commands."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    def accept(self) -> None:
        """Answer the upgrade request."""
        request = self.wait_for(rb"Sec-WebSocket-Key: (\S+)\r\n(?:\S.*\r\n)*\r\n")
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(request[1].decode())}",
        ]
        self.say("\r\n".join([*lines, "", ""]).encode())

    def close(self) -> None:
        self._process.kill()
        self._reader.join()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def openssl_server(pki: Pki, *arguments: str) -> Iterator[OpenSslServer]:
    """A server of ``openssl`` on loopback, for as long as the block lasts."""
    program = shutil.which("openssl")
    assert program is not None
    certificate = pki.server_pem()
    command = [program, "s_server", "-accept", "127.0.0.1:0", "-cert", certificate]
    process = subprocess.Popen(
        [*command, "-key", certificate, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    )
    server = OpenSslServer(process)
    try:
        yield server
    finally:
        server.close()
