"""Runs as they come out of real life, made by hand: for whatever shows or exports them.

:func:`trading` is one small project; :func:`everything` has a run of every kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from checkwire.cli.reporters.base import Finish, Start
from checkwire.model.attempt import Run, Unfinished
from checkwire.model.failures import Failure, Location
from support.sample_extremes import NASTY, huge, nasty, two_connections
from support.sample_failures import (
    closed_by_server,
    expired,
    failed,
    forbidden,
    no_match,
    refused,
    script_error,
)
from support.story import STARTED_NS, Story, check, ns, renumbered, run_of

__all__ = [
    "NASTY",
    "Story",
    "check",
    "closed_by_server",
    "degraded",
    "everything",
    "expired",
    "failed",
    "finish_of",
    "flaky",
    "forbidden",
    "huge",
    "load_failures",
    "nasty",
    "no_match",
    "passed",
    "refused",
    "repeating",
    "run_of",
    "script_error",
    "skipped",
    "start_of",
    "trading",
    "two_connections",
    "with_warnings",
]


def skipped(name: str = "presence-fanout", reason: str = "needs CHAT_TOKEN") -> Run:
    definition = check(name, "checks/chat.py", 30)
    return Run(
        id=f"run-{definition.function}",
        check=definition,
        status="skipped",
        started_ns=STARTED_NS,
        duration_ns=0,
        skipped=reason,
    )


def passed(name: str = "orderbook-snapshot", path: str = "checks/trading.py") -> Run:
    story = Story().open()
    story.frame(187.4, "in", '{"op":"hello","session":"s_9f2c","heartbeat_ms":15000}')
    story.phase("first_message", 138.0, 49.4)
    story.frame(188.1, "out", '{"op":"subscribe","channel":"book","symbol":"BTC-USD"}')
    story.frame(243.9, "in", '{"op":"subscribed","channel":"book","id":7}').reply(243.9, 2, 3, 55.8)
    story.frame(390.0, "out", "1000", "close").frame(411.8, "in", "1000", "close")
    story.phase("close", 390.0, 21.8).close(412.0)
    return run_of(check(name, path), story.attempt("passed", 412.0))


def repeating(*, fails: bool = False) -> Run:
    """It left fifty connections open at one place, and one at another."""
    story = Story().open()
    for number in range(51):
        failure = Failure(
            code="check.unclosed_connection",
            message="The check left a connection open",
            location=Location(
                "checks/trading.py", 20 + number // 50, "leaky", "await connect(URL)"
            ),
            connection=number,
        )
        story.fail(200.0 + number, failure, "warning")
    story.fail(300.0, Failure(code="check.no_assertion", message="It verified nothing"), "warning")
    if fails:
        story.fail(305.0, Failure(code="assertion.failed", message="It was 1"))
    story.close(310.0)
    return run_of(check("leaky"), story.attempt("failed" if fails else "passed", 310.0))


def with_warnings() -> Run:
    """It passes, and verified nothing, and an address family is broken."""
    story = Story().open().close(655.0)
    story.fail(
        260.0,
        Failure(
            code="tcp.family_broken",
            message="IPv6 of stream.acme.example does not answer; IPv4 does",
            evidence={
                "tries": [
                    {"address": "[2001:db8::24]:443", "duration_ns": None, "result": "no answer"},
                    {"address": "203.0.113.24:443", "duration_ns": ns(17.8), "result": "connected"},
                ]
            },
        ),
        "warning",
    )
    story.fail(
        655.0, Failure(code="check.no_assertion", message="The check verified nothing"), "warning"
    )
    return run_of(check("private-fills"), story.attempt("passed", 655.0, 0))


def degraded() -> Run:
    story = Story().open().frame(1580.0, "in", '{"room":"lobby","members":12}')
    story.phase("first_message", 138.0, 1442.0)
    story.frame(1890.0, "out", "1000", "close").frame(1909.0, "in", "1000", "close")
    story.phase("close", 1890.0, 19.0).close(1910.0)
    story.fail(
        1910.0,
        Failure(
            code="assertion.too_slow",
            message="The check took 1.91 s; above 1.50 s it counts as degraded",
            evidence={"duration_ns": ns(1910), "limit_ns": ns(1500)},
        ),
        "degraded",
    )
    return run_of(check("room-join", "checks/chat.py", 8), story.attempt("degraded", 1910.0))


def flaky() -> Run:
    first = refused().attempts[0]
    second = passed("positions").attempts[0]
    return run_of(check("reconnect", line=60), first, renumbered(second, 2), lasts=1415.0)


def load_failures() -> tuple[Failure, ...]:
    return (
        Failure(
            code="script.syntax",
            message="checks/broken.py, line 7, is not valid Python: '(' was never closed.",
            details="await ws.send_json({'op': 'ping'}\n                  ^",
            location=Location("checks/broken.py", 7, "", "await ws.send_json({'op': 'ping'}"),
        ),
        Failure(
            code="script.import",
            message="checks/imports.py cannot be imported: ModuleNotFoundError: acme.",
            details="checks/imports.py:1\n  import acme\nModuleNotFoundError: acme",
            hint="Install acme where checkwire runs; a module of the project is found in its root",
            location=Location("checks/imports.py", 1, "", "import acme"),
        ),
    )


def trading() -> tuple[Run, ...]:
    """The runs of the picture: two pass, one is slow, one fails, one is skipped."""
    return (passed(), failed(), with_warnings(), degraded(), skipped())


def everything() -> tuple[Run, ...]:
    """A run of every kind."""
    return (
        passed(),
        failed(),
        with_warnings(),
        flaky(),
        refused(),
        script_error(),
        degraded(),
        skipped(),
        no_match(),
        closed_by_server(),
        expired(),
        forbidden(),
        huge(),
    )


def start_of(runs: Sequence[Run], broken: Sequence[Failure] = ()) -> Start:
    """What a reporter is told before these runs."""
    return Start(tuple(run.check for run in runs), tuple(broken), workers=4, root=".")


def finish_of(
    runs: Sequence[Run],
    *,
    exit_code: int = 1,
    interrupted: bool = False,
    stopped: Sequence[Run] = (),
    not_run: Sequence[Run] = (),
) -> Finish:
    """What a reporter is told after them; the last two are runs that never came to be."""
    unfinished = (
        *(Unfinished(check=run.check, duration_ns=ns(1250)) for run in stopped),
        *(Unfinished(check=run.check) for run in not_run),
    )
    return Finish(tuple(runs), ns(2300), exit_code, interrupted, unfinished)
