"""When an attempt is followed by another one."""

from __future__ import annotations

import asyncio

import pytest

from checkwire.model.attempt import Attempt, Status
from checkwire.model.definition import CheckDefinition, Retries
from checkwire.model.failures import Failure, code_of
from checkwire.model.run_id import new_run_id
from checkwire.runner.retries import delay_before_retry, location_of_retry
from checkwire.runner.run import run_attempts


def attempt(number: int = 1, status: Status = "failed", code: str = "tcp.refused") -> Attempt:
    failure = None if status == "passed" else Failure(code=code, message="m")
    return Attempt(number=number, status=status, started_ns=0, duration_ns=0, failure=failure)


@pytest.mark.parametrize(
    ("strategy", "delays"),
    [
        ("none", [None]),
        ("fixed", [2.0, 2.0, 2.0, None]),
        ("linear", [2.0, 4.0, 6.0, None]),
        ("exponential", [2.0, 4.0, 8.0, None]),
    ],
)
def test_each_strategy_waits_its_own_way(strategy: str, delays: list[float | None]) -> None:
    retries = Retries(strategy=strategy, max=3, delay=2.0)  # type: ignore[arg-type]
    found = [delay_before_retry(retries, attempt(number + 1), 0.0) for number in range(len(delays))]
    assert found == delays


@pytest.mark.parametrize("status", ["passed", "degraded", "skipped"])
def test_what_did_not_fail_is_not_tried_again(status: Status) -> None:
    assert delay_before_retry(Retries("fixed", 3), attempt(status=status), 0.0) is None


def test_what_trying_again_cannot_help_is_not_tried_again() -> None:
    retries = Retries("fixed", 3)
    assert delay_before_retry(retries, attempt(code="tls.certificate_expired"), 0.0) is None
    assert delay_before_retry(retries, attempt(code="runner.cancelled"), 0.0) is None
    assert delay_before_retry(retries, attempt(code="runner.lost", status="error"), 0.0) == 1.0


@pytest.mark.parametrize(
    ("only", "code", "retried"),
    [
        ("tcp.refused", "tcp.refused", True),
        ("tcp.refused", "tcp.reset", False),
        ("tcp.*", "tcp.reset", True),
        ("tcp", "tcp.reset", True),
        ("tc", "tcp.reset", False),
        ("tcp.re", "tcp.refused", False),
        ("target", "tcp.refused", True),
        ("path", "tcp.refused", False),
        ("path", "tcp.timeout", True),
        ("probe", "runner.lost", True),
        ("check", "script.crashed", True),
        ("check.*", "script.crashed", False),
        ("tls.*", "tls.certificate_expired", False),
        ("tcp.*", "tcp.of_a_newer_version", True),
    ],
)
def test_only_what_is_named_is_tried_again(only: str, code: str, retried: bool) -> None:
    retries = Retries("fixed", 3, only=("ws.*", only))
    status: Status = "error" if code_of(code).is_error else "failed"
    found = delay_before_retry(retries, attempt(code=code, status=status), 0.0)
    assert (found is not None) is retried


def test_no_retry_starts_after_the_time_for_all() -> None:
    retries = Retries("fixed", 9, delay=1.0, max_duration=10.0)
    assert delay_before_retry(retries, attempt(), 9.0) == 1.0
    assert delay_before_retry(retries, attempt(), 9.5) is None


def test_run_ids_are_unique_and_sort_by_time() -> None:
    ids = [new_run_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(len(one) == 26 for one in ids)
    stamps = [one[:10] for one in ids]
    assert stamps == sorted(stamps)


def places(retries: Retries) -> CheckDefinition:
    return CheckDefinition(
        id="c",
        name="c",
        path="c.py",
        line=1,
        function="c",
        locations=("eu", "us", "ap"),
        retries=retries,
    )


def test_another_location_is_the_next_in_turn() -> None:
    definition = places(Retries("fixed", 5, location="other"))
    found = [location_of_retry(definition, "us", retry) for retry in range(5)]
    assert found == ["us", "ap", "eu", "us", "ap"]
    assert location_of_retry(definition, "elsewhere", 1) == "elsewhere"
    assert location_of_retry(places(Retries("fixed", 5)), "us", 1) == "us"


def test_an_attempt_says_where_it_was_made_if_not_at_its_runs_location() -> None:
    async def failing(number: int) -> Attempt:
        return attempt(number)

    retries = Retries("fixed", 3, delay=0.0, location="other")
    run = asyncio.run(run_attempts(places(retries), failing, location="eu", run_id="R"))
    assert (run.id, run.location) == ("R", "eu")
    assert [made.location for made in run.attempts] == ["", "us", "ap", ""]
