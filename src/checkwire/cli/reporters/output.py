"""Where a report goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import TextIO

from checkwire.model.errors import CheckwireError, UsageError

__all__ = ["Output"]


class Output:
    """A stream to write a report to.

    A file is written under another name beside its own, which :meth:`commit` gives it; so a
    reader never sees half a report, and a run that is killed leaves the last one as it was. What
    is there and is not a regular file (``/dev/fd/3``, a named pipe) is written to as it is.

    Args:
        path: the file; ``None`` is standard output. Missing folders are made.

    Raises:
        UsageError: the file cannot be written.
    """

    def __init__(self, path: str | None = None, *, stdout: TextIO | None = None) -> None:
        self._path = path
        self._target: str | None = None
        self._temporary: str | None = None
        self.stdout: TextIO = stdout or sys.stdout
        self.stream: TextIO = self.stdout
        if path is not None:
            try:
                self.stream = self._open(path)
            except OSError as error:
                raise UsageError(
                    f"cannot write the report {path}: {error.strerror or error}"
                ) from None

    def _open(self, path: str) -> TextIO:
        from pathlib import Path  # costs start-up time, and most reports go to standard output

        target = os.path.realpath(path)
        try:
            mode = Path(target).stat().st_mode
        except FileNotFoundError:
            mode = None
            Path(target).parent.mkdir(parents=True, exist_ok=True)
        if mode is not None and not stat.S_ISREG(mode):
            return Path(path).open("w", encoding="utf-8")
        if mode is not None:
            # Renaming would replace a file that its owner has protected.
            os.close(os.open(target, os.O_WRONLY | os.O_CLOEXEC))
        folder, name = os.path.split(target)
        temporary = f"{folder}/.{name}.{os.getpid()}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666 if mode is None else stat.S_IMODE(mode))
        self._target, self._temporary = target, temporary
        return os.fdopen(descriptor, "w", encoding="utf-8")

    @property
    def is_stdout(self) -> bool:
        """Whether it is standard output."""
        return self._path is None

    def write(self, text: str) -> None:
        """Add to the report. A reader of standard output that went away (``| head``) is no error.

        Raises:
            CheckwireError: the report cannot be written.
        """
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self._write_nowhere()
        except OSError as error:
            if self.is_stdout:
                self._write_nowhere()
            raise self._unwritable(error) from None

    def _write_nowhere(self) -> None:
        """What is buffered would be written, and fail once more, when the interpreter exits."""
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self.stream.fileno())
        os.close(devnull)

    def _unwritable(self, error: OSError) -> CheckwireError:
        name = self._path or "on standard output"
        return CheckwireError(f"the report {name} could not be written: {error.strerror or error}")

    def commit(self) -> None:
        """The report is complete.

        Raises:
            CheckwireError: it could not be written after all.
        """
        if self._path is None:
            return
        try:
            self.stream.close()
            if self._temporary is not None and self._target is not None:
                os.replace(self._temporary, self._target)  # noqa: PTH105
                self._temporary = None
        except OSError as error:
            raise self._unwritable(error) from None

    def discard(self) -> None:
        """Leave nothing of an incomplete report; does nothing after :meth:`commit`."""
        if self._path is not None:
            with suppress(OSError):
                self.stream.close()
        if self._temporary is not None:
            with suppress(OSError):
                os.unlink(self._temporary)  # noqa: PTH108
            self._temporary = None
