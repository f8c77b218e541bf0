"""What is said of a run that waited too long for its turn: it is the probe's fault."""

from __future__ import annotations

from checkwire.dispatch.room import Key
from checkwire.model.due import DueRun
from checkwire.model.durations import format_ns

__all__ = ["OVERLOADED", "why_missed"]

OVERLOADED = "probe.overloaded"


def why_missed(due: DueRun, behind: Key | None, bound: int, now_ns: int) -> str:
    """Why a run has been missed that was waiting for its turn.

    Args:
        due: which.
        behind: the check or location that had no room for it; ``None`` if nothing had.
        bound: how many attempts there was room for.
        now_ns: the time.
    """
    waited, grace = format_ns(now_ns - due.due_ns), format_ns(due.grace_ns)
    it = f"It waited {waited} for its turn, longer than its grace of {grace}"
    many = "one attempt" if bound == 1 else f"{bound} attempts"
    match behind:
        case None:
            return f"{it}: there are --workers for {many} at a time, and all had others to run"
        case Key(kind="check"):
            return f"{it}: of one check {many} may be under way at a time, and those took too long"
        case Key(name=name):
            return f"{it}: at {name} {many} may be under way at a time, and all were others"
