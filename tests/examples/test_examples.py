"""Every example passes, against the stand-ins, as a reader would run it."""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path

from support.program import checkwire

EXAMPLES = Path(__file__).parents[2] / "examples"
PORTS = range(9000, 9006)


def test_every_example_passes(tmp_path: Path) -> None:
    root = tmp_path / "examples"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns("__pycache__", ".ca.pem"))
    _move_to_free_ports(root)
    report = tmp_path / "report.json"
    result = checkwire("test", "--reporter", "list", "--reporter", f"json={report}", cwd=root)
    assert result.status == 0, result.out + result.err
    runs = json.loads(report.read_text())["runs"]
    assert {run["status"] for run in runs} == {"passed"}, result.out
    files = {run["check"]["path"] for run in runs}
    check_files = [*EXAMPLES.rglob("*_check.py"), *EXAMPLES.rglob("*.check.toml")]
    assert files == {str(path.relative_to(EXAMPLES)) for path in check_files}


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
