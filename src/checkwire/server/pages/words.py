"""How a status looks and reads: a shape, a tone and a word, never colour alone."""

from __future__ import annotations

from typing import NamedTuple

from checkwire.model.definition import CheckDefinition
from checkwire.model.due import Cause
from checkwire.model.failures import Blame, Severity, code_of

__all__ = ["ASKED", "BLAME", "MARKS", "PHASES", "Mark", "mark_of_failure", "schedule", "when_of"]


class Mark(NamedTuple):
    """A shape, by the name that the templates draw it by and as a character; a tone; a word."""

    shape: str
    glyph: str
    tone: str
    word: str


MARKS = {
    "passed": Mark("disc", "●", "ok", "passed"),
    "degraded": Mark("triangle", "▲", "warn", "degraded"),
    "failed": Mark("cross", "✕", "fail", "failed"),
    "error": Mark("cross", "✕", "fail", "error"),
    "skipped": Mark("ring", "○", "none", "skipped"),
    "missed": Mark("ring", "○", "none", "missed"),
    "none": Mark("ring", "○", "none", "no data"),
    "running": Mark("dashes", "◌", "none", "running"),
    "waiting": Mark("dashes", "◌", "none", "waiting"),
    "paused": Mark("bars", "‖", "none", "paused"),
    "flaky": Mark("again", "↻", "warn", "flaky"),
    "warning": Mark("triangle", "▲", "warn", "warning"),
    "maintenance": Mark("diamond", "◆", "maint", "maintenance"),
    "open": Mark("cross", "✕", "fail", "open"),
    "closed": Mark("disc", "●", "ok", "closed"),
}
"""By status of a run, a step, a check, an incident, or severity of a failure."""

PHASES = {
    "dns": "DNS",
    "tcp": "TCP",
    "proxy": "Proxy",
    "tls": "TLS",
    "upgrade": "Upgrade",
    "first_message": "First message",
    "open": "Open",
    "reply": "Reply",
    "close": "Close",
    "wait": "Wait",
    "receive": "Receive",
}
"""Phases as a reader calls them, in the order in which they happen."""

BLAME: dict[Blame, str] = {
    "target": "The target is at fault.",
    "path": "The network on the way is at fault.",
    "probe": "This machine is at fault, not the target.",
    "check": "The check is at fault, not the target.",
}


ASKED: dict[Cause, str] = {
    "schedule": "by schedule",
    "manual": "by hand",
    "first": "as the first run of a new check",
}
"""Why a run takes place, after "Asked for"."""


def mark_of_failure(code: str, severity: Severity = "failed") -> Mark:
    """The mark of one failure."""
    if severity == "failed" and code_of(code).is_error:
        return MARKS["error"]
    return MARKS[severity]


def schedule(check: CheckDefinition) -> tuple[str, str]:
    """When a check runs, as a fact: ``Every``, ``1 min``; ``Cron``, ``0 4 * * *, UTC``."""
    if check.cron is not None:
        return "Cron", f"{check.cron}, {check.timezone}"
    if check.every is not None:
        return "Every", _interval(check.every)
    return "Schedule", "none"


def when_of(check: CheckDefinition) -> str:
    """The same by itself: ``every 1 min``, ``cron 0 4 * * *, Europe/Berlin``; ``not scheduled``."""
    name, value = schedule(check)
    return f"{name.lower()} {value}" if check.is_scheduled else "not scheduled"


def _interval(seconds: float) -> str:
    for unit, word in ((86400, "day"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            count = int(seconds // unit)
            if word == "day":
                return "day" if count == 1 else f"{count} days"
            return f"{count} {word}"
    return f"{seconds:g} s"
