"""A program on a terminal, and somebody who types."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

from support.program import Result, environment

__all__ = ["type_in"]


def type_in(
    *arguments: str, prompt: str, answer: str, cwd: Path, timeout: float = 30, **variables: str
) -> Result:
    """Run checkwire on a terminal of its own; type the answer once it shows the prompt.

    ``out`` is all that the terminal showed, with what it echoed.
    """
    master, slave = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [sys.executable, "-m", "checkwire", *arguments],
        cwd=cwd,
        env=environment(**variables),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(slave)
    shown, typed = b"", False
    deadline = time.monotonic() + timeout
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    part = os.read(master, 65536)
                except OSError:  # all its ends are closed
                    break
                if not part:
                    break
                shown += part
            if not typed and prompt.encode() in shown and not _echoes(master):
                os.write(master, answer.encode() + b"\n")
                typed = True
        return Result(process.wait(10), shown.decode().replace("\r\n", "\n"), "")
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _echoes(terminal: int) -> bool:
    """Whether it shows what is typed."""
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
