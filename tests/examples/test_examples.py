"""Every example passes, against the stand-ins, as a reader would run it."""

from __future__ import annotations

import json
import shutil
import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.once import once
from support.program import checkwire
from support.sandboxes import why_there_is_none

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTS = range(9000, 9006)
VARYING = ("delivered", "round_trip")
"""Of these there are as many as the kernel has told of."""


@pytest.fixture(scope="module")
def in_processes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return once(tmp_path_factory, "examples", lambda folder: _reported(folder, "process"))


def test_every_example_passes(in_processes: dict[str, object]) -> None:
    files = {check.partition("::")[0] for check in in_processes}
    check_files = [*EXAMPLES.rglob("*_check.py"), *EXAMPLES.rglob("*.check.toml")]
    assert files == {str(path.relative_to(EXAMPLES)) for path in check_files}


@pytest.mark.parametrize("isolation", ["shared", "sandbox"])
def test_every_example_is_the_same(
    tmp_path: Path, in_processes: dict[str, object], isolation: str
) -> None:
    if isolation == "sandbox" and (reason := why_there_is_none()):
        pytest.skip(reason)
    otherwise = _reported(tmp_path, isolation)
    assert otherwise.keys() == in_processes.keys()
    for check, told in in_processes.items():
        assert otherwise[check] == told, check


def _reported(folder: Path, isolation: str) -> dict[str, object]:
    """What is told of each example with this isolation, but for times and what is random."""
    root = folder / "examples"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns("__pycache__", ".ca.pem"))
    _move_to_free_ports(root)
    settings = root / "checkwire.toml"
    chosen = f'[defaults]\nisolation = "{isolation}"'
    settings.write_text(settings.read_text().replace("[defaults]", chosen))
    report = folder / "report.json"
    result = checkwire("test", "--reporter", "list", "--reporter", f"json={report}", cwd=root)
    assert result.status == 0, result.out + result.err
    runs = json.loads(report.read_text())["runs"]
    assert {run["status"] for run in runs} == {"passed"}, result.out
    assert {run["check"].get("isolation", "process") for run in runs} == {isolation}
    return {
        run["check"]["id"]: [
            (attempt["status"], _failures(attempt), _transcript(attempt))
            for attempt in run["attempts"]
        ]
        for run in runs
    }


def _failures(attempt: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (one["failure"]["code"], one.get("severity", "")) for one in attempt.get("failures", ())
    ]


def _transcript(attempt: dict[str, Any]) -> list[tuple[object, ...]]:
    """How often what happened, in whatever order: feeds send what they like when they like.

    What the runner remarks is left out: how long the examples got in each other's way.
    """
    shown = ("type", "connection", "step", "name", "direction", "opcode", "status", "code")
    counts = Counter(
        tuple(str(event.get(field)) for field in shown)
        for event in attempt["events"]
        if event["type"] not in VARYING and event.get("source") != "checkwire"
    )
    return sorted(
        (*kind, "" if kind[0] == "frame_seen" else count) for kind, count in counts.items()
    )


def test_the_scripts_of_declared_examples_pass_too(tmp_path: Path) -> None:
    root = tmp_path / "examples"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns("__pycache__", "*_check.py"))
    _move_to_free_ports(root)
    declared = sorted(root.rglob("*.check.toml"))
    assert declared
    ids = {one for file in declared for one in _ids(file.relative_to(root), root)}
    for file in declared:
        script = file.with_name(file.name.replace(".check.toml", "_check.py"))
        ejected = checkwire("eject", str(file), "-o", str(script), cwd=root)
        assert ejected.status == 0, ejected.err
        file.unlink()
    report = tmp_path / "report.json"
    result = checkwire("test", "--reporter", "list", "--reporter", f"json={report}", cwd=root)
    assert result.status == 0, result.out + result.err
    runs = json.loads(report.read_text())["runs"]
    assert {run["status"] for run in runs} == {"passed"}, result.out
    assert {run["check"]["id"] for run in runs} == ids


def _ids(file: Path, root: Path) -> list[str]:
    lines = checkwire("test", "--list", str(file), cwd=root).out.splitlines()
    return [line.partition("  #")[0] for line in lines]  # without the tags


def _move_to_free_ports(root: Path) -> None:
    """The ports of the examples may be taken where the tests run, not least by other tests."""
    with ExitStack() as held:
        free = {}
        for port in PORTS:
            sock = held.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            free[str(port)] = str(sock.getsockname()[1])
    for file in (root / "checkwire.toml", root / "servers" / "all.py"):
        text = file.read_text()
        for port, other in free.items():
            text = text.replace(f":{port}", f":{other}").replace(f": {port}", f": {other}")
        file.write_text(text)
