"""Which status follows from what happened."""

from __future__ import annotations

import signal
from typing import Any

import msgspec
import pytest

from checkwire.model.attempt import Usage
from checkwire.model.events import Failed, Finished
from checkwire.runner.exit import Exit
from checkwire.runner.verdict import Verdict, judge
from support.run_events import MS, definition, ended, failed

RETURNED = Finished(at_ns=10 * MS, outcome="returned", verifications=1)


def verdict(
    *told: Failed,
    excused: tuple[int, ...] = (),
    finished: Finished | None = RETURNED,
    end: Exit | None = None,
    **options: Any,
) -> Verdict:
    return judge(
        definition(**options),
        told,
        excused=excused,
        finished=finished,
        end=end or ended(),
        duration_ns=10 * MS,
    )


def codes(verdict: Verdict) -> list[str]:
    return [failed.failure.code for failed in verdict.failures]


def test_a_check_that_returned_and_verified_something_passed() -> None:
    assert verdict() == Verdict("passed", None, (), ())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("tcp.refused", "failed"),
        ("tcp.timeout", "failed"),
        ("assertion.failed", "failed"),
        ("timeout.check", "failed"),
        ("script.exception", "error"),
        ("check.env_missing", "error"),
        ("runner.lost", "error"),
        ("check.from_the_future", "error"),
        ("ws.from_the_future", "failed"),
    ],
)
def test_the_blame_of_the_code_decides_between_failed_and_error(code: str, status: str) -> None:
    assert verdict(failed(code)).status == status


def test_the_first_failure_in_time_leads() -> None:
    result = verdict(failed("script.exception", 2, at_ms=7), failed("ws.closed", 1, at_ms=3))
    assert result.status == "failed"
    assert result.headline is not None
    assert codes(result) == ["ws.closed", "script.exception"]


STARVED = Finished(at_ns=10 * MS, outcome="raised", raised=1, verifications=1, starved_ns=6 * MS)


@pytest.mark.parametrize(
    ("code", "leads"),
    [
        ("timeout.open", "probe.overloaded"),
        ("timeout.check", "probe.overloaded"),
        ("script.timeout", "probe.overloaded"),
        ("tcp.refused", "tcp.refused"),
        ("assertion.failed", "assertion.failed"),
    ],
)
def test_who_waited_for_a_cpu_blames_nobody_for_being_late(code: str, leads: str) -> None:
    result = verdict(failed(code), finished=STARVED)
    assert codes(result)[0] == leads
    assert code in codes(result), "it is still told"
    assert verdict(
        failed(code), finished=msgspec.structs.replace(STARVED, starved_ns=4 * MS)
    ).headline
    ended_late = ended(cause="timeout", signal=signal.SIGKILL, starved_ns=6 * MS)
    late = verdict(failed(code), finished=None, end=ended_late)
    if leads == "probe.overloaded":
        assert codes(late)[0] == leads
        assert late.status == "error"


@pytest.mark.parametrize("code", ["script.blocked", "script.timeout"])
@pytest.mark.parametrize(("cpu_ms", "overloaded"), [(0.5, True), (2, True), (3.5, False)])
def test_who_spins_is_late_for_no_want_of_a_cpu(code: str, cpu_ms: float, overloaded: bool) -> None:
    usage = Usage(cpu_seconds=cpu_ms / 1000)
    end = ended(cause="timeout", signal=signal.SIGKILL, starved_ns=6 * MS, usage=usage)
    leads = "probe.overloaded" if overloaded else code
    assert codes(verdict(failed(code), finished=None, end=end))[0] == leads


def test_an_excused_failure_does_not_count() -> None:
    assert verdict(failed("tcp.refused"), excused=(1,)).status == "passed"


def test_an_excused_failure_that_ended_the_check_counts_if_nothing_else_does() -> None:
    raised = Finished(at_ns=10 * MS, outcome="raised", raised=2, verifications=1)
    told = failed("tcp.refused", 1), failed("timeout.no_match", 2)
    assert codes(verdict(*told, excused=(1, 2), finished=raised)) == ["timeout.no_match"]
    assert codes(verdict(*told, excused=(2,), finished=raised)) == ["tcp.refused"]


def test_a_check_that_raised_does_not_pass_even_if_it_does_not_say_what() -> None:
    result = verdict(finished=Finished(at_ns=10 * MS, outcome="raised", verifications=1))
    assert (result.status, codes(result)) == ("error", ["script.exception"])


def test_the_worst_stands_first_among_the_failures() -> None:
    result = verdict(
        failed("tcp.family_broken", 1, at_ms=1, severity="warning"),
        failed("assertion.too_slow", 2, at_ms=2, severity="degraded"),
        failed("ws.closed", 3, at_ms=3),
    )
    assert codes(result) == ["ws.closed", "assertion.too_slow", "tcp.family_broken"]


def test_a_degradation_degrades_and_leads() -> None:
    result = verdict(failed("assertion.too_slow", severity="degraded"))
    assert result.status == "degraded"
    assert result.headline is not None


def test_a_warning_leaves_the_status_alone() -> None:
    result = verdict(failed("tcp.family_broken", severity="warning"))
    assert result.status == "passed"
    assert result.headline is None
    assert codes(result) == ["tcp.family_broken"]


def test_a_pass_above_the_threshold_is_degraded() -> None:
    assert verdict(degraded=0.010).status == "passed"
    result = verdict(degraded=0.009)
    assert result.status == "degraded"
    assert codes(result) == ["assertion.too_slow"]
    assert "10.0 ms" in result.failures[0].failure.message


def test_a_failure_above_the_threshold_stays_a_failure_alone() -> None:
    assert codes(verdict(failed("ws.closed"), degraded=0.001)) == ["ws.closed"]


def test_a_pass_that_verified_nothing_gets_a_warning() -> None:
    nothing = Finished(at_ns=10 * MS, outcome="returned")
    result = verdict(finished=nothing)
    assert result.status == "passed"
    assert codes(result) == ["check.no_assertion"]
    assert result.failures[0].severity == "warning"
    assert codes(verdict(failed("ws.closed"), finished=nothing)) == ["ws.closed"]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (ended(code=0), "script.exited"),
        (ended(code=3), "script.exited"),
        (ended(code=None, signal=signal.SIGSEGV), "script.crashed"),
        (ended(code=None, signal=signal.SIGBUS), "script.crashed"),
        (ended(code=None, signal=signal.SIGILL), "script.crashed"),
        (ended(code=None, signal=signal.SIGFPE), "script.crashed"),
        (ended(code=None, signal=signal.SIGABRT), "script.crashed"),
        (ended(code=None, signal=signal.SIGALRM), "script.crashed"),
        (ended(code=None, signal=signal.SIGKILL), "runner.killed"),
        (ended(code=None, signal=signal.SIGTERM), "runner.killed"),
        (ended(code=None, signal=signal.SIGHUP), "runner.killed"),
        (ended(code=None, signal=signal.SIGKILL, out_of_memory=True), "runner.memory"),
        (ended(code=None, signal=signal.SIGXCPU), "runner.cpu"),
        (ended(code=None, signal=63), "runner.killed"),
        (ended(code=None, signal=signal.SIGKILL, cause="timeout"), "script.blocked"),
        (ended(code=None, cause="lost"), "runner.lost"),
        (ended(code=None, cause="cancelled"), "runner.cancelled"),
        (ended(code=None, cause="not_started", reason="no more processes"), "runner.start"),
    ],
)
def test_a_check_that_did_not_finish_is_an_error_whatever_its_exit(end: Exit, code: str) -> None:
    result = verdict(finished=None, end=end)
    assert result.status == "error"
    assert codes(result) == [code]
    assert result.added == result.failures


def test_a_signal_that_kills_a_finished_check_is_worth_a_warning() -> None:
    result = verdict(end=ended(code=None, signal=signal.SIGSEGV))
    assert result.status == "passed"
    assert [(f.failure.code, f.severity) for f in result.failures] == [
        ("script.crashed", "warning")
    ]


def test_a_crash_names_its_signal() -> None:
    result = verdict(finished=None, end=ended(code=None, signal=signal.SIGSEGV))
    assert "SIGSEGV" in result.failures[0].failure.message


def test_the_end_of_a_finished_check_does_not_matter() -> None:
    assert verdict(end=ended(code=None, signal=signal.SIGKILL, cause="timeout")).status == "passed"


def test_a_target_that_failed_before_the_check_died_stays_the_headline() -> None:
    result = verdict(failed("ws.closed"), finished=None, end=ended(code=1))
    assert result.status == "failed"
    assert codes(result) == ["ws.closed", "script.exited"]


def test_the_end_leads_over_the_checks_own_earlier_failures() -> None:
    result = verdict(
        failed("check.usage"), finished=None, end=ended(code=None, signal=signal.SIGSEGV)
    )
    assert result.status == "error"
    assert codes(result) == ["script.crashed", "check.usage"]


def test_a_soft_timeout_that_got_through_is_not_called_blocked() -> None:
    killed = ended(code=None, signal=signal.SIGKILL, cause="timeout")
    result = verdict(failed("timeout.check"), finished=None, end=killed)
    assert result.status == "failed"
    assert codes(result) == ["timeout.check"]


def test_added_failures_have_numbers_of_their_own() -> None:
    result = verdict(failed("ws.closed", 5), finished=None)
    assert sorted(one.number for one in result.failures) == [5, 6]
