"""The codes of ends are explained, with all that their failures have."""

from __future__ import annotations

import pytest

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import CLOSES, CODES


@pytest.mark.parametrize("code", sorted(CLOSES))
def test_every_end_is_explained(code: str) -> None:
    explanation = explanation_of(code)
    assert explanation is not None
    assert explanation.confirm
    assert CODES[code].phase in ("open", "close")
    assert CODES[code].retryable
