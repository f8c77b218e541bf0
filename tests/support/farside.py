"""A WebSocket server in a process of its own: to be stopped, or on a network that can be cut.

Run as a program it serves ``python -m support.farside HOST``: it prints its port, does as the lines
on its input say (a command of ``ip``), says so, and ends with its input.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.processes import wait_until

__all__ = ["FarSide", "across_a_network", "in_a_namespace", "in_a_process"]

_HERE, _THERE = "10.77.0.1", "10.77.0.2"


class FarSide:
    """The server's process.

    It echoes what it is sent, answers pings, and says nothing by itself.
    """

    def __init__(self, process: subprocess.Popen[str], host: str) -> None:
        self.process = process
        self.url = f"ws://{host}:{self._told()}/"

    def _told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def freeze(self) -> None:
        """Stop the process; its kernel goes on."""
        self.process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{self.process.pid}/stat")
        wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        """Unplug its cable."""
        assert self.process.stdin is not None
        self.process.stdin.write("link set far down\n")
        self.process.stdin.flush()
        assert self._told() == "done"


@contextmanager
def in_a_process() -> Iterator[FarSide]:
    """A server on loopback."""
    with _serving("127.0.0.1", []) as process:
        yield FarSide(process, "127.0.0.1")


@contextmanager
def across_a_network() -> Iterator[FarSide]:
    """A server in a network namespace of its own, with a cable to the one that this is called in.

    To be called where :func:`in_a_namespace` runs its script.
    """
    _ip("link add near type veth peer name far")
    with _serving(_THERE, ["unshare", "--net"]) as process:
        assert process.stdin is not None
        ours, theirs = Path("/proc/self/ns/net"), Path(f"/proc/{process.pid}/ns/net")
        wait_until(lambda: theirs.readlink() != ours.readlink())
        _ip(f"link set far netns {process.pid}")
        _ip(f"address add {_HERE}/24 dev near")
        _ip("link set near up")
        process.stdin.write(f"address add {_THERE}/24 dev far\nlink set far up\n\n")
        process.stdin.flush()
        side = FarSide(process, _THERE)
        # The first packets wait until the link is up and the neighbour known: not those of a test.
        socket.create_connection((_THERE, int(side.url.rpartition(":")[2].strip("/"))), 20).close()
        yield side


@contextmanager
def _serving(host: str, prefix: list[str]) -> Iterator[subprocess.Popen[str]]:
    command = [*prefix, sys.executable, "-m", "support.farside", host]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environ()
    ) as process:
        if not prefix:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        try:
            yield process
        finally:
            process.kill()


def in_a_namespace(script: str) -> list[str]:
    """What a script prints that runs where it is root of a network with nothing in it."""
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c"]
    done = subprocess.run(
        [*command, textwrap.dedent(script)],
        env=_environ(),
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def _serve(host: str) -> None:
    from support.rawserver import Peer, RawServer, upgraded

    # Before it listens, its network is set up: up to an empty line.
    for line in iter(sys.stdin.readline, "\n"):
        _ip(line)
    with RawServer(upgraded(Peer.echo), host=host) as server:
        print(server.port, flush=True)
        for line in sys.stdin:
            _ip(line)
            print("done", flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
