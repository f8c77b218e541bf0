"""The first process of a cell."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final, NoReturn

from checkwire.runner.python.linux import die_with_parent
from checkwire.runner.python.sandbox import kernel
from checkwire.runner.python.sandbox.mounts import PrivateFolders, cover
from checkwire.runner.python.sandbox.refusal import NoSandbox, part
from checkwire.runner.python.sandbox.view import View

__all__ = ["AS_NEW", "READY", "be_init"]

READY: Final = b"ready"
"""What it says when others can be let in; anything else is why they cannot."""
AS_NEW: Final = b"n"
"""What it says, once it was told that an attempt is over, if the cell can be used again."""
_USED: Final = b"u"

_CONTROL: Final = 0
_ADVICE_MOUNTS: Final = (
    "give the process CAP_SYS_ADMIN, or let it have user namespaces (sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0); it takes Linux 5.13"
)


def be_init(control: int, view: View) -> NoReturn:
    """Make the cell's file system. Then, each time a byte comes, kill all others in the cell.

    Args:
        control: descriptor of the socket to whoever made the cell; it ends with that.
        view: what is to be seen in the cell.
    """
    try:
        _be_alone(control)
        try:
            with part("mount namespace", _ADVICE_MOUNTS):
                kernel.unshare(kernel.CLONE_NEWNS)
                cover(view)
            folders = PrivateFolders()
        except NoSandbox as refusal:
            os.write(_CONTROL, str(refusal).encode())
            os._exit(0)
        os.write(_CONTROL, READY)
        while os.read(_CONTROL, 1):
            _kill_all_others()
            os.write(_CONTROL, AS_NEW if folders.are_as_before() else _USED)
    finally:
        os._exit(0)


def _be_alone(control: int) -> None:
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        # Orphans that come here and end are nobody's concern.
        wanted = signal.SIG_IGN if number == signal.SIGCHLD else signal.SIG_DFL
        with suppress(OSError):
            signal.signal(number, wanted)
    os.dup2(control, _CONTROL)
    os.closerange(_CONTROL + 1, os.sysconf("SC_OPEN_MAX"))
    die_with_parent()


def _kill_all_others() -> None:
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
