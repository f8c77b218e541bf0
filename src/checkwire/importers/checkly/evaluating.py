"""Evaluates a Checkly project's own code under Node, with stand-ins for Checkly's constructs."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from checkwire.importers.checkly.recording import Broken, Construct, Recording
from checkwire.model.errors import CheckwireError, UsageError
from checkwire.runner.node.runtime import find_runtime

__all__ = ["evaluate"]

_RECORDER: Final = Path(__file__).parent / "recorder" / "main.mjs"
_OLDEST: Final = (22, 15, 0)
_PATIENCE: Final = 60.0
_CONFIGS: Final = tuple(
    f"checkly.config.{suffix}" for suffix in ("ts", "mts", "cts", "js", "mjs", "cjs")
)


def evaluate(folder: Path, env: Mapping[str, str], *, patience: float = _PATIENCE) -> Recording:
    """Read a Checkly project.

    Its code runs: with the rights of this user, as with ``npx checkly test``. A file that throws is
    told in what is returned, and keeps no other from being read.

    Args:
        folder: with the ``checkly.config.*``.
        env: the environment, for ``process.env``, and to find Node in.
        patience: seconds for all of it.

    Raises:
        UsageError: it is no folder of a Checkly project.
        NoRuntime: there is no Node.
        CheckwireError: Node is too old, or cannot be run.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name the one with checkly.config.ts")
    if not any((folder / name).is_file() for name in _CONFIGS):
        raise UsageError(
            f"{folder} is no Checkly project: it has no checkly.config.ts, nor .js{_near(folder)}"
        )
    runtime = find_runtime(env)
    if runtime.version < _OLDEST:
        oldest = ".".join(map(str, _OLDEST[:2]))
        raise CheckwireError(
            f"{runtime.path} is Node {runtime.shown}, and a Checkly project needs {oldest} or "
            "newer to be read: pip install 'checkwire[node]'"
        )
    arguments = (runtime.path, "--disable-warning=ExperimentalWarning", str(_RECORDER))
    return _Reading(folder.resolve()).read(_run(arguments, folder, env, patience))


def _near(folder: Path) -> str:
    """Where one may be meant."""
    found = sorted(one.parent for name in _CONFIGS for one in folder.glob(f"*/{name}"))
    return f"; there is one in {found[0]}" if found else ""


def _run(
    arguments: tuple[str, ...], folder: Path, env: Mapping[str, str], patience: float
) -> tuple[bytes, str]:
    """What the recorder told, and what it said of its end if it came to none of its own."""
    inlet, outlet = os.pipe()
    told: list[bytes] = []
    with os.fdopen(inlet, "rb") as records, tempfile.TemporaryFile() as errors:
        reader = threading.Thread(target=lambda: told.extend(records))
        try:
            process = subprocess.Popen(
                (*arguments, str(folder.resolve()), str(outlet)),
                cwd=folder,
                env={**env, "NODE_OPTIONS": ""},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(outlet,),
                start_new_session=True,
            )
        except OSError as error:
            raise CheckwireError(f"{arguments[0]} cannot be run: {error.strerror}") from None
        finally:
            os.close(outlet)
        reader.start()
        end = ""
        try:
            status = process.wait(patience)
            if status != 0:
                end = f"ended Node with {_shown(status)}{_last_line(errors)}"
        except subprocess.TimeoutExpired:
            end = f"did not finish within {patience:.0f} s"
        finally:
            _end(process)
        reader.join(5.0)  # what it left behind may hold the pipe open
    return b"".join(told), end


def _last_line(errors: IO[bytes]) -> str:
    """What Node said last, an error's message most likely."""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().split("\n")
    told = [line.strip() for line in lines if "Error" in line]
    return f" ({told[-1]})" if told else ""


def _shown(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and whatever it started."""
    import signal
    from contextlib import suppress

    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class _Reading:
    """From the recorder's lines to a recording."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._config: dict[str, Any] = {}
        self._config_file = next(name for name in _CONFIGS if (root / name).is_file())
        self._constructs: list[Construct] = []
        self._files: tuple[str, ...] = ()
        self._broken: list[Broken] = []
        self._variables: dict[str, str] = {}
        self._begun = ""
        self._ended = False

    def read(self, told: tuple[bytes, str]) -> Recording:
        lines, end = told
        for line in lines.split(b"\n"):
            try:
                record = msgspec.json.decode(line)
            except msgspec.DecodeError:  # the last line of one that was killed
                continue
            self._take(record)
        if not self._ended:
            self._cut_off(end or "ended Node")
        return Recording(
            root=str(self._root),
            config_file=self._config_file,
            config=self._config,
            constructs=tuple(self._constructs),
            files=self._files,
            broken=tuple(self._broken),
            variables=self._variables,
        )

    def _take(self, record: dict[str, Any]) -> None:
        match record["type"]:
            case "config":
                value = record["value"]
                self._config = value if isinstance(value, dict) else {}
            case "files":
                self._files = tuple(record["files"])
            case "begun":
                self._begun = record["file"]
            case "variable":
                self._variables[record["name"]] = record["value"]
            case "construct":
                self._constructs.append(msgspec.convert(record, Construct))
            case "failed":
                place = f"{record['place']['file']}:{record['place']['line']}"
                message = f"{record['name']}: {record['message']}"
                self._broken.append(Broken(record["file"], place, message, tuple(record["unset"])))
            case "end":
                self._ended = True

    def _cut_off(self, why: str) -> None:
        """The project's code ended the process, or hung: the file it was in, and those after it."""
        begun = self._begun or self._config_file
        self._broken.append(Broken(begun, f"{begun}:1", f"it {why} while it was read"))
        order = (self._config_file, *self._files)
        after = order[order.index(begun) + 1 :] if begun in order else ()
        self._broken.extend(
            Broken(one, f"{one}:1", f"not read, since {begun} {why}") for one in after
        )
