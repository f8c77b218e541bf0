"""Checkwire keeps to RFC 6455 and RFC 7692: the cases of ``compliance/``, one test for each."""

from __future__ import annotations

import pytest

from compliance.case import Case
from compliance.run import TARGETS, Target, applies, run
from compliance.sections import CASES


@pytest.mark.parametrize(
    ("case", "target"),
    [
        pytest.param(case, target, id=f"{case.id}-{target.name}")
        for target in TARGETS
        for case in CASES
        if applies(case, target)
    ],
)
def test_a_case_is_passed(case: Case, target: Target) -> None:
    assert run(case, target).problems == (), f"{case.id}: {case.title} (RFC {case.rfc})"
