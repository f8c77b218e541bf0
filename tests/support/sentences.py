"""Whether what a failure says is one of the sentences that its explanation has."""

from __future__ import annotations

import re

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import Failure

__all__ = ["explained", "fits"]

_PARTS = re.compile(r"\{[^}]*\}|\[|\]|[^{}\[\]]+")


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
    return any(_pattern(template).fullmatch(message) for template in explanation.messages)


def explained(failure: Failure) -> None:
    """Sentence and evidence of a failure are among what the explanation of its code has."""
    explanation = explanation_of(failure.code)
    assert explanation is not None, failure.code
    assert fits(failure.code, failure.message), failure.message
    assert set(failure.evidence) <= set(explanation.evidence), failure
