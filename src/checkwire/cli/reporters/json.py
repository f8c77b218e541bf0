"""``json``: everything, as one document for programs; docs/reporters.md says what is in it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from checkwire.cli.reporters.at_end import ReporterAtEnd
from checkwire.cli.reporters.base import Finish, Tally
from checkwire.model.attempt import Attempt, Run
from checkwire.model.failures import Failure, code_of

__all__ = ["SCHEMA", "JsonReporter", "format_document", "run_document"]

SCHEMA = 1
"""Version of the document. Members are added without a new version, never changed or removed."""

_MAX_EVENTS = 2000
"""Of each attempt: half of them from its beginning, half from its end."""

_STEERING = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Characters that JSON allows as they are, and that a terminal or an editor may obey."""


class JsonReporter(ReporterAtEnd):
    """Writes the document when all is over."""

    def write(self, finish: Finish) -> None:
        from checkwire._version import __version__

        document: dict[str, Any] = {
            "schema": SCHEMA,
            "checkwire": __version__,
            "exit_code": finish.exit_code,
            "interrupted": finish.interrupted,
            "duration_ns": finish.duration_ns,
            "summary": {
                **Tally.of(finish.runs)._asdict(),
                "stopped": len(finish.stopped),
                "not_run": len(finish.unfinished) - len(finish.stopped),
            },
            "load_failures": [_failure(failure) for failure in self._start.load_failures],
            "unfinished": [one.check.id for one in finish.unfinished],
            "stopped": [one.check.id for one in finish.stopped],
            "runs": [run_document(run) for run in finish.runs],
        }
        if finish.error:
            document["error"] = finish.error
        if finish.left:
            document["left"] = [run._asdict() for run in finish.left]
        self._output.write(format_document(document))


def format_document(document: Any) -> str:
    """The document as text for programs, which does no harm on a terminal either."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return _STEERING.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def run_document(run: Run) -> dict[str, Any]:
    """A run as the document has it."""
    document: dict[str, Any] = msgspec.to_builtins(run)
    document["flaky"] = run.flaky
    document["attempts"] = [_attempt(attempt) for attempt in run.attempts]
    return document


def _attempt(attempt: Attempt) -> dict[str, Any]:
    omitted = len(attempt.events) - _MAX_EVENTS
    if omitted > 0:
        half = _MAX_EVENTS // 2
        events = attempt.events[:half] + attempt.events[-half:]
        attempt = msgspec.structs.replace(attempt, events=events)
    document: dict[str, Any] = msgspec.to_builtins(attempt)
    if omitted > 0:
        document["events_omitted"] = omitted
    if attempt.failure is not None:
        document["failure"] = _failure(attempt.failure)
    for told, failed in zip(document.get("failures", ()), attempt.failures, strict=False):
        told["failure"] = _failure(failed.failure)
    return document


def _failure(failure: Failure) -> dict[str, Any]:
    """The failure with what its code means: title, blame, whether a retry can help, and a hint."""
    known = code_of(failure.code)
    document: dict[str, Any] = msgspec.to_builtins(failure)
    document["title"] = known.title
    document["blame"] = known.blame
    document["retryable"] = known.retryable
    if hint := failure.hint or known.hint:
        document["hint"] = hint
    return document
