"""Every fault that is served, met by a check through the program: rightly named, with its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkwire.faults import Fault, all_faults
from checkwire.model.durations import parse_duration
from checkwire.model.failures import CODES
from support.fault_runs import Seen, meet, meet_in_namespace
from support.once import once
from support.sentences import fits

pytestmark = pytest.mark.timeout(300)  # A part of it is waiting for others: see ``once``.

ELSEWHERE = {
    "assertion.degraded": "tests/node/test_playwright.py",  # Tests of Playwright's say so.
    "check.declaration": "tests/project/declared/test_mistakes.py",  # Faults are met by scripts.
    "probe.overloaded": "tests/server/serve/test_fairness.py",  # It takes a server with a schedule.
    "runner.cancelled": "tests/runner/test_leaks.py",  # Who cancels gets no report.
    "runner.start": "tests/runner/test_zygote_death.py",  # Nothing can run then.
    "tcp.denied": "tests/runner/test_network_policy.py",  # It takes settings.
}
"""Codes that no check can have on purpose, and where they are tested instead."""

LONG = 10.0
"""Seconds from which on a fault is met apart from the others, which would wait for it."""

FEW = ("--workers", "4")
"""At a time: other tests run beside these, and a check that gets no CPU is no fault's doing."""

_PATIENCE = 15
"""Seconds for which a check may get no CPU. How long verdicts really take is measured in bench/."""

HERE = [fault for fault in all_faults() if not fault.needs and fault.waits < LONG]
SLOW = [fault for fault in all_faults() if not fault.needs and fault.waits >= LONG]
APART = [fault for fault in all_faults() if fault.needs]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    return once(tmp_path_factory, "faults-here", lambda folder: meet(HERE, folder, options=FEW))


@pytest.fixture(scope="module")
def seen_slow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    return once(tmp_path_factory, "faults-slow", lambda folder: meet(SLOW, folder))


@pytest.fixture(scope="module")
def seen_apart(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    try:
        return once(tmp_path_factory, "faults-apart", lambda _: meet_in_namespace())
    except PermissionError as error:
        pytest.skip(f"network namespaces are not allowed here: {error}")


def judge(fault: Fault, seen: Seen) -> None:
    told = [failure for failure in seen.failures if failure["code"] == fault.code]
    assert told, [(failure["code"], failure["message"]) for failure in seen.failures]
    failure = told[0]
    assert failure["severity"] == fault.severity
    assert failure["blame"] == CODES[fault.code].blame
    assert set(fault.evidence) <= set(failure.get("evidence", {}))
    if fault.severity == "failed" and seen.status != "load":
        assert seen.failures[0] is failure, "it is the headline"
        assert seen.status == ("error" if CODES[fault.code].is_error else "failed")
        others = {other["code"] for other in seen.failures if other["severity"] == "failed"}
        assert others == {fault.code}, "and nothing else is told beside it"
    assert failure.get("hint"), "it says what to look at next"
    assert fits(fault.code, failure["message"]), failure["message"]


@pytest.mark.parametrize("fault", HERE, ids=lambda fault: fault.name)
def test_a_fault_is_rightly_named(fault: Fault, seen: dict[str, Seen]) -> None:
    judge(fault, seen[fault.name])


def test_faults_that_take_their_time_are_rightly_named(seen_slow: dict[str, Seen]) -> None:
    for fault in SLOW:
        judge(fault, seen_slow[fault.name])


@pytest.mark.namespace
@pytest.mark.parametrize("fault", APART, ids=lambda fault: fault.name)
def test_a_fault_of_the_network_is_rightly_named(fault: Fault, seen_apart: dict[str, Seen]) -> None:
    judge(fault, seen_apart[fault.name])


def test_no_code_is_without_a_fault() -> None:
    made = {fault.code for fault in all_faults()}
    assert set(CODES) - made == set(ELSEWHERE)
    for code, path in ELSEWHERE.items():
        assert code in Path(__file__).parents[2].joinpath(path).read_text(), (code, path)


def test_no_fault_is_of_an_unknown_code_or_named_twice() -> None:
    names = [fault.name for fault in all_faults()]
    assert len(names) == len(set(names))
    assert {fault.code for fault in all_faults()} <= set(CODES)
    for code in {fault.code for fault in all_faults()}:
        assert names.count(code) == 1, f"{code} has one usual way to it"


def test_a_verdict_comes_within_the_time_of_its_check(seen: dict[str, Seen]) -> None:
    for fault in HERE:
        if seen[fault.name].status != "load":
            limit = parse_duration(fault.timeout)
            assert seen[fault.name].duration_ns < (limit + _PATIENCE) * 1e9, fault.name
