"""What keeps checks apart from each other and from us."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from checkwire.cli.diagnosis.finding import Finding
from checkwire.runner.python.linux import adopt_orphans

__all__ = ["isolation_findings"]


def isolation_findings() -> list[Finding]:
    """Pidfds, the adoption of orphans, and sandboxes: each tried."""
    if sys.platform != "linux":
        return [
            Finding(
                "isolation",
                "note",
                "a process for each attempt; this system has neither pidfds nor subreapers",
                "What a check leaves behind by leaving its process group may live on",
            )
        ]
    return [_pidfds(), _subreaper(), _sandbox()]


def _pidfds() -> Finding:
    subject = "pidfds"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except AttributeError:
        why, advice = "this Python was built without them", "Use a Python built for Linux 5.3"
    except OSError as error:
        why = f"the kernel gives none: {error.strerror}"
        advice = "Use Linux 5.3 or later"
        if error.errno == errno.EPERM:
            advice = "Let the container's seccomp profile allow pidfd_open"
    else:
        return Finding(subject, "good", "a check that hangs is killed, and no other process")
    return Finding(subject, "bad", why, advice)


def _subreaper() -> Finding:
    subject = "subreaper"
    try:
        adopt_orphans()
    except OSError as error:
        return Finding(
            subject,
            "bad",
            f"the kernel does not let us adopt orphans: {error.strerror}",
            "Let the container's seccomp profile allow prctl",
        )
    return Finding(subject, "good", "processes that checks leave behind are found")


def _sandbox() -> Finding:
    """Whether checks can have ``isolation = "sandbox"``. Call it when orphans are adopted."""
    from checkwire.runner.python.sandbox.refusal import NoSandbox
    from checkwire.runner.python.sandbox.sandboxes import Sandboxes

    subject = "sandbox"
    try:
        # Any folder that every installation has will do to try it.
        sandboxes = Sandboxes(str(Path(__file__).parent))
        try:
            sandboxes.try_out()
        finally:
            sandboxes.cells.close()
    except NoSandbox as refusal:
        fact, _, advice = str(refusal).partition(": ")
        return Finding(subject, "note", fact, f"For checks that want one: {advice}")
    who = "a user of its own" if sandboxes.cells.rooted else "in a user namespace"
    return Finding(subject, "good", f"checks can have one: {who}, its own processes and files")
