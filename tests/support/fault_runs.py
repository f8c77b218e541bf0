"""Every fault met by a check, as a user would: servers, check files, and ``checkwire test``.

Run as a program it does so in a network namespace of its own, for the faults that need one::

    unshare --user --map-root-user --net --mount python fault_runs.py

and writes what came of them to standard output.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from checkwire.faults import Authority, Fault, FaultServer, all_faults, check_source
from support.program import checkwire, environment

_NETWORK = (
    "link set lo up",
    # A wire at whose end nobody is.
    "link add here type veth peer name there",
    "link set there up",
    "link set here up",
    "address add 10.77.0.1/24 dev here",
    "route add prohibit 10.78.0.0/24",
)

__all__ = ["Seen", "meet", "meet_in_namespace"]


class Seen(msgspec.Struct):
    """What a check said of a fault.

    Attributes:
        status: of the attempt; ``load`` if its file could not be loaded.
        failures: each with its ``severity``, the headline first.
        duration_ns: of the attempt.
        told_ns: of the attempt, until each code was told.
    """

    status: str
    failures: list[dict[str, Any]] = []
    duration_ns: int = 0
    told_ns: dict[str, int] = {}


def meet(
    faults: Iterable[Fault], folder: Path, *, port: int = 0, options: Sequence[str] = ()
) -> dict[str, Seen]:
    """Serve all of them, and run the checks that meet them, all in one project.

    Args:
        faults: which.
        folder: for the project.
        port: where to listen, if it matters.
        options: of ``checkwire test``.
    """
    (folder / "checkwire.toml").write_text('[project]\nid = "faults"\n')
    names = {}
    with contextlib.ExitStack() as stack:
        authority = stack.enter_context(Authority())
        for fault in faults:
            server = FaultServer(fault, authority, port=port)
            stack.enter_context(server)
            path = re.sub(r"\W", "_", fault.name) + "_check.py"
            names[path] = fault.name
            source = check_source(fault, url=server.url, ca=authority.ca, client=authority.client)
            (folder / path).write_text(source)
        result = checkwire("test", "--reporter", "json", *options, cwd=folder, timeout=300)
    try:
        document = json.loads(result.out)
    except json.JSONDecodeError:
        raise AssertionError(f"exit {result.status}: {result.out}{result.err}") from None
    return _seen(document, names)


def _seen(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    for run in document["runs"]:
        (attempt,) = run["attempts"]
        told = attempt.get("failures", [])
        failures = [
            {**each["failure"], "severity": each.get("severity", "failed")} for each in told
        ]
        if (headline := attempt.get("failure")) is not None:
            same = [one for one in failures if one["message"] == headline["message"]]
            others = [one for one in failures if one not in same]
            failures = [{"severity": "failed", **headline, **(same[0] if same else {})}, *others]
        name = names[run["check"]["path"]]
        told_ns = {each["failure"]["code"]: each["at_ns"] for each in reversed(told)}
        seen[name] = Seen(attempt["status"], failures, attempt["duration_ns"], told_ns)
    for failure in document["load_failures"]:
        name = names[failure["location"]["path"]]
        seen[name] = Seen("load", [{**failure, "severity": "failed"}])
    return seen


def meet_in_namespace() -> dict[str, Seen]:
    """What comes of those that need a network of their own.

    Raises:
        PermissionError: this machine lets nobody but root make one.
    """
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount", sys.executable, __file__]
    here = str(Path(__file__).parents[1])
    paths = os.pathsep.join([here, *environment()["PYTHONPATH"].split(os.pathsep)])
    done = subprocess.run(
        command, env=environment(PYTHONPATH=paths), capture_output=True, timeout=120, check=False
    )
    if done.returncode:
        words = done.stderr.decode()
        if "unshare" in words:
            raise PermissionError(words)
        raise AssertionError(words)
    return msgspec.json.decode(done.stdout, type=dict[str, Seen])


def _main() -> None:
    """One after another: they may want the same port, or change the network."""
    for line in _NETWORK:
        subprocess.run(["ip", *line.split()], check=True)
    found: dict[str, Seen] = {}
    with tempfile.TemporaryDirectory() as folder:
        _mount(folder, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        _mount(folder, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions attempts:1 timeout:9\n")
        for number, fault in enumerate(fault for fault in all_faults() if fault.needs):
            project = Path(folder, str(number))
            project.mkdir()
            found |= meet([fault], project, port=53 if fault.listening == "udp" else 0)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _mount(folder: str, path: str, text: str) -> None:
    file = Path(folder, Path(path).name)
    file.write_text(text)
    subprocess.run(["mount", "--bind", file, path], check=True)


if __name__ == "__main__":
    _main()
