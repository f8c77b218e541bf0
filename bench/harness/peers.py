"""Processes that take jobs on standard input: peers and servers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.machine import CLIENT_CPU, SERVER_CPU, pinned

__all__ = [
    "BENCH",
    "OURS",
    "PEERS",
    "Peer",
    "PeerKind",
    "Server",
    "certificates",
    "serving",
    "started",
]

BENCH = Path(__file__).parent.parent


class PeerKind(NamedTuple):
    """A client to compare: its name in tables, and what to run."""

    name: str
    command: tuple[str, ...]

    def variant(self, name: str, *arguments: str) -> PeerKind:
        """The same, run with further arguments."""
        return PeerKind(name, (*self.command, *arguments))


OURS = PeerKind("checkwire", (sys.executable, "peers/checkwire_wire.py", "{ca}"))
PEERS = (
    OURS,
    PeerKind("websockets", (sys.executable, "peers/websockets_asyncio.py", "{ca}")),
    PeerKind("aiohttp", (sys.executable, "peers/aiohttp_client.py", "{ca}")),
    PeerKind("Node ws", ("node", "--expose-gc", "peers/node_ws.mjs", "{ca}")),
)


class _Process:
    """A line of JSON goes in, a line comes out."""

    def __init__(self, command: Sequence[str], cpu: int) -> None:
        with pinned(cpu):
            self._process = subprocess.Popen(
                command, cwd=BENCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )

    def read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r} ended")
        return json.loads(line)

    def ask(self, question: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self.read()

    def stop(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(timeout=10)


class Peer(_Process):
    """A client under test."""

    def __init__(self, kind: PeerKind, ca: str) -> None:
        super().__init__([part.replace("{ca}", ca) for part in kind.command], CLIENT_CPU)
        self.name = kind.name
        self.version: str = self.read()

    def do(self, job: str, **options: Any) -> dict[str, Any]:
        """Have a job done (see peers/driver.py)."""
        result: dict[str, Any] = self.ask({"job": job, **options})
        return result


class Server(_Process):
    """The other side."""

    def __init__(self, script: str, certificate: str) -> None:
        super().__init__([sys.executable, f"servers/{script}", certificate], SERVER_CPU)
        ports = self.read()
        self.urls = {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}

    def collect(self) -> Any:
        """What the server tells when asked."""
        return self.ask(None)


@contextlib.contextmanager
def started(kinds: Sequence[PeerKind], files: tuple[str, str]) -> Iterator[list[Peer]]:
    """The peers, alive."""
    peers: list[Peer] = []
    try:
        peers.extend(Peer(kind, files[0]) for kind in kinds)
        yield peers
    finally:
        for peer in peers:
            peer.stop()


@contextlib.contextmanager
def serving(script: str, files: tuple[str, str]) -> Iterator[Server]:
    """A server, alive."""
    server = Server(script, files[1])
    try:
        yield server
    finally:
        server.stop()


def certificates(folder: Path) -> tuple[str, str]:
    """A P-256 authority, and a certificate of 127.0.0.1 with its key: two files."""
    import trustme

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    return str(folder / "ca.pem"), str(folder / "server.pem")
