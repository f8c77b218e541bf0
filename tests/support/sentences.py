"""Whether what a failure says is one of the sentences that its explanation has."""

from __future__ import annotations

import re
from functools import cache

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import CODES, Failure

__all__ = ["assert_explained", "fits"]

_AFTER = re.compile(r"(?: \(after [\d.]+ (?:ns|µs|ms|s)\)|, after [\d.]+ (?:ns|µs|ms|s)\))$")
_PARTS = re.compile(r"\{[^}]*\}|\[|\]|[^{}\[\]]+")


@cache
def _pattern(template: str) -> re.Pattern[str]:
    written = {"[": "(?:", "]": ")?"}
    parts = (
        written.get(part) or (".+" if part.startswith("{") else re.escape(part))
        for part in _PARTS.findall(template)
    )
    return re.compile("".join(parts), re.DOTALL)


def fits(code: str, message: str) -> bool:
    """Whether a failure of this code may say so."""
    explanation = explanation_of(code)
    assert explanation is not None, code
    said = _without_time(message)
    parts = {message, said, *message.split("; "), *said.split("; ")}  # Others stand behind.
    patterns = [_pattern(template) for template in explanation.messages]
    return any(pattern.fullmatch(part) for pattern in patterns for part in parts)


def _without_time(message: str) -> str:
    """Without what is added to any message of an opening: after how long it came."""
    added = _AFTER.search(message)
    if added is None:
        return message
    return message[: added.start()] + (")" if added[0].startswith(",") else "")


def assert_explained(failure: Failure) -> None:
    """A failure that was told has a code; what it says and carries is what is told of that."""
    assert failure.code in CODES, failure
    assert fits(failure.code, failure.message), failure
    explanation = explanation_of(failure.code)
    assert explanation is not None
    for key in failure.evidence:
        of_a_phase = key.endswith("_ns") and "PHASE_ns" in explanation.evidence
        assert key in explanation.evidence or of_a_phase, f"{failure.code}: {key} is not explained"
