"""Whether what is told fits what is explained."""

from __future__ import annotations

import re

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import Failure

__all__ = ["assert_explained"]

_AFTER = re.compile(r"(?: \(after [\d.]+ (?:ns|µs|ms|s)\)|, after [\d.]+ (?:ns|µs|ms|s)\))$")
"""What is added to any message of an opening."""


def assert_explained(failure: Failure) -> None:
    """Its message fits one of the explanation's, and each field of its evidence is explained."""
    explanation = explanation_of(failure.code)
    if explanation is None:
        return
    added = _AFTER.search(failure.message)
    said = failure.message[: added.start()] if added else failure.message
    if added and added[0].startswith(","):
        said += ")"
    parts = [said, *said.split("; ")]  # Addresses that failed otherwise come behind.
    patterns = [pattern_of(template) for template in explanation.messages]
    assert any(p.fullmatch(part) for p in patterns for part in parts), (failure, said)
    unknown = set(failure.evidence) - set(explanation.evidence)
    assert not unknown, f"{failure.code}: {unknown} in the evidence are not explained"


def pattern_of(template: str) -> re.Pattern[str]:
    literal = re.split(r"\{\w+\}", template)
    return re.compile(".*".join(map(re.escape, literal)), re.DOTALL)
