"""What tests need from npm, installed once as tests/node/package-lock.json has it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from checkwire.runner.node.runtime import find_runtime

__all__ = ["npm_folder"]

_HERE = Path(__file__).parents[1] / "node"


def npm_folder() -> Path:
    """The ``node_modules`` with everything in it. Only the first call of all waits for npm."""
    modules = _HERE / "node_modules"
    lock = _HERE / "package-lock.json"
    mark = modules / ".installed"
    modules.mkdir(exist_ok=True)
    with (_HERE / "node_modules" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != lock.read_text():
            _install()
            mark.write_text(lock.read_text())
    return modules


def _install() -> None:
    node = Path(find_runtime(os.environ).path)
    npm = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # "install", for "ci" would take away the folder that the lock is in.
    command = [str(node), str(npm)] if npm.exists() else ["npm"]
    subprocess.run(
        [*command, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"],
        cwd=_HERE,
        check=True,
        timeout=120,
        stdout=subprocess.DEVNULL,
    )
