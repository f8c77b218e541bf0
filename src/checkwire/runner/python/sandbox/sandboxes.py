"""The sandboxes of a project: what a zygote has to do with them."""

from __future__ import annotations

import os
import platform
import select
import sys
from collections.abc import Iterable, Mapping
from typing import Final

from checkwire.runner.python.linux import die_with_parent
from checkwire.runner.python.sandbox import seccomp
from checkwire.runner.python.sandbox.cells import Cells
from checkwire.runner.python.sandbox.enter import enter, seal
from checkwire.runner.python.sandbox.refusal import NoSandbox
from checkwire.runner.python.sandbox.view import view_of

__all__ = ["Sandboxes"]

_PATIENCE_MS: Final = 10_000


class Sandboxes:
    """Forks children that are to be in a sandbox. For a process of one thread that adopts orphans.

    Args:
        root: the project's folder, absolute.
        more: other files and folders that checks read.
        env: their environment.

    Raises:
        NoSandbox: there is none to be had on such a machine. Whether there is on this one, only
            :meth:`try_out` tells.
    """

    def __init__(
        self, root: str, more: Iterable[str] = (), env: Mapping[str, str] = os.environ
    ) -> None:
        if sys.platform != "linux":
            raise NoSandbox(f"no Linux: sandboxes are made of what it has, and {sys.platform} not")
        try:
            self._filter = seccomp.program()
        except KeyError:
            raise NoSandbox(
                f"no list of system calls for {platform.machine()}: use x86_64 or aarch64"
            ) from None
        self._view = view_of(root, more, env)
        self.cells = Cells(self._view)

    def enter(self, attempt: int) -> None:
        """Put this process, forked by :meth:`Cells.fork`, into its sandbox, for ever.

        Raises:
            NoSandbox: the kernel refuses a part of it. The process must end then.
        """
        cells = self.cells
        enter(self._view, cells.mounts(attempt), self._filter, cells.uid(attempt))

    def seal(self) -> None:
        """Let this process, which has entered, open nothing but what it may see.

        Raises:
            NoSandbox: the kernel refuses. The process must end then.
        """
        seal(self._view)

    def try_out(self, files: Iterable[str] = ()) -> None:
        """Have a process enter one, and look whether it can do its work in it.

        Args:
            files: what it must be able to read, beside the project's folder.

        Raises:
            NoSandbox: it cannot.
        """
        told, tell = os.pipe()
        try:
            pid = self.cells.fork(0)
        except OSError as error:
            raise NoSandbox(f"no process for it: {error.strerror}") from None
        if pid == 0:
            try:
                die_with_parent()
                os.write(tell, self._try(files).encode()[: select.PIPE_BUF])
            finally:
                os._exit(0)
        os.close(tell)
        with open(told, "rb", closefd=True) as pipe:
            answer = pipe.read().decode()
        os.waitpid(pid, 0)
        emptying = self.cells.empty(0)
        assert emptying is not None
        poll = select.poll()
        poll.register(emptying, select.POLLIN)
        if poll.poll(_PATIENCE_MS):
            self.cells.emptied(emptying)
        if answer != "good":
            raise NoSandbox(answer or "no sandbox: the process that tried one died")

    def _try(self, files: Iterable[str]) -> str:
        try:
            self.enter(0)
            self.seal()
            for path in (self._view.root, os.__file__, *files):
                os.close(os.open(path, os.O_RDONLY))
        except NoSandbox as refusal:
            return str(refusal)
        except OSError as error:
            uid = self.cells.uid(0)
            who = "it" if uid is None else f"user {uid}, as which it runs,"
            return (
                f"no way to its files: {who} cannot read {error.filename} ({error.strerror}); let "
                f"others read them: chmod -R o+rX {self._view.root}"
            )
        return "good"
