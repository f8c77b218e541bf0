from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.list import ListReporter
from checkwire.cli.reporters.live import LiveArea
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.model.events import AttemptStarted, ConnectionClosed, StepStarted
from support import samples
from support.reporting import report
from support.screen import Screen

TERMINAL = {"TERM": "xterm-256color"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen(80, 24)
    yield screen
    screen.close()


def reporter_on(screen: Screen, clock: Clock | None = None) -> ListReporter:
    return ListReporter(Output(stdout=screen.stream), 0, TERMINAL, clock or Clock())


def test_running_checks_are_shown_with_their_time_and_what_they_do(screen: Screen) -> None:
    clock = Clock()
    reporter = reporter_on(screen, clock)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    reporter.check_started(runs[1].check)
    for event in runs[1].attempts[0].events:
        if not isinstance(event, ConnectionClosed):
            reporter.event(runs[1].check, event)
    retry = AttemptStarted(at_ns=0, check="", started_ns=0, engine="python")
    reporter.check_started(runs[3].check)
    for event in (retry, retry, StepStarted(at_ns=0, step=1, name="join")):
        reporter.event(runs[3].check, event)
    clock.now += 1.44
    reporter.tick()
    assert screen.lines()[2:] == [
        "  ◌ ticker-subscribe       1.4 s  expect trade  8 messages",
        "  ◌ room-join              1.4 s  attempt 2  join",
        "",
        "0 of 5 checks  1.4 s",
    ]
    reporter.close()


def test_lines_stand_in_the_order_of_the_files_whatever_finishes_first(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    for run in runs[:4]:
        reporter.check_started(run.check)
    reporter.run_finished(runs[4])
    reporter.run_finished(runs[3])
    assert [line[:20].rstrip() for line in screen.lines()[2:]] == [
        "  ▲ room-join",
        "  ○ presence-fanout",
        "  ◌ orderbook-snapsh",
        "  ◌ ticker-subscribe",
        "  ◌ private-fills",
        "",
        "2 of 5 checks  0.0 s",
    ]
    for run in runs[:3]:
        reporter.run_finished(run)
    reporter.finish(samples.finish_of(runs))
    plain = report(runs, width=80).splitlines()
    assert screen.everything() == plain


def test_nothing_is_left_behind_when_it_is_interrupted(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    for run in runs[:4]:
        reporter.check_started(run.check)
    reporter.run_finished(runs[0])
    screen.stream.write("^C")
    reporter.finish(
        samples.finish_of(
            runs[:1], exit_code=130, interrupted=True, stopped=runs[1:4], not_run=runs[4:]
        )
    )
    reporter.close()
    assert screen.lines()[2:] == [
        "checks/trading.py",
        "  ● orderbook-snapshot    412 ms  connect 138  first 187  1 sent  2 received",
        "",
        "stopped",
        "  ◌ ticker-subscribe      1.25 s",
        "  ◌ private-fills         1.25 s",
        "  ◌ room-join             1.25 s",
        "",
        "interrupted  1 passed, 3 stopped, 1 not run  in 2.30 s  exit 130",
    ]


def test_close_without_finish_erases_what_was_live(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    reporter.check_started(runs[0].check)
    reporter.tick()
    assert len(screen.lines()) > 2
    reporter.close()
    reporter.close()
    assert len(screen.lines()) == 1
    assert screen.cursor == (0, 2)


def test_the_cursor_rests_at_the_first_live_line_and_is_never_hidden(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    for run in runs[:4]:
        reporter.check_started(run.check)
        reporter.tick()
    assert screen.cursor == (0, 2)
    assert b"\x1b[?25" not in screen.written
    reporter.close()


def test_more_checks_than_lines_are_counted_and_the_terminal_does_not_scroll() -> None:
    screen = Screen(80, 10)
    reporter = reporter_on(screen)
    runs = [samples.passed(f"check-{number}") for number in range(30)]
    reporter.start(samples.start_of(runs))
    for run in runs[:20]:
        reporter.check_started(run.check)
    for _ in range(3):
        reporter.tick()
    lines = screen.everything()
    assert lines[:3] == [lines[0], "", "  ◌ check-0      0.0 s"]
    assert lines[-3:] == ["    and 15 more running", "", "0 of 30 checks  0.0 s"]
    for run in runs[1:]:
        reporter.run_finished(run)
    assert "    and 25 more finished" in screen.lines()
    reporter.run_finished(runs[0])
    reporter.finish(samples.finish_of(runs))
    assert [line.split()[1] for line in screen.everything() if "●" in line] == [
        run.check.name for run in runs
    ]
    screen.close()


@pytest.mark.parametrize("columns", [40, 47, 61, 200])
def test_a_resized_terminal_gets_lines_of_its_new_width(screen: Screen, columns: int) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    reporter.check_started(runs[1].check)
    for event in runs[1].attempts[0].events:
        reporter.event(runs[1].check, event)
    reporter.run_finished(runs[4])
    reporter.tick()
    screen.lines()
    screen.resize(columns, 24)
    reporter.tick()
    lines = screen.lines()
    assert len(lines) == 6
    assert lines[2].startswith("  ○ presence-")
    assert max(map(len, lines[2:])) < columns
    reporter.close()


def test_a_terminal_that_knows_nothing_gets_plain_lines(screen: Screen) -> None:
    reporter = ListReporter(Output(stdout=screen.stream), 0, {"TERM": "dumb"})
    runs = samples.trading()
    assert not reporter.live
    reporter.start(samples.start_of(runs))
    for run in runs:
        reporter.check_started(run.check)
        reporter.tick()
        reporter.run_finished(run)
    reporter.finish(samples.finish_of(runs))
    screen.lines()
    assert b"\x1b" not in screen.written


def test_nothing_but_our_own_sequences_reaches_a_terminal(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = [samples.nasty(), samples.nasty("\x9b2J\x1bc\x07\x08")]
    reporter.start(samples.start_of(runs, samples.load_failures()))
    for run in runs:
        reporter.check_started(run.check)
        for event in run.attempts[0].events:
            reporter.event(run.check, event)
        reporter.tick()
    for run in runs:
        reporter.run_finished(run)
    reporter.finish(samples.finish_of(runs))
    screen.lines()
    ours = rb"\x1b\[[0-9;]*m|\x1b\[\?2026[hl]|\x1b\[[JK]|\x1b\[[0-9]+A|\x1b\]9;[0-9]+\x07|[\r\n]"
    rest = re.sub(ours, b"", screen.written).decode()
    assert all(char >= " " and not "\x7f" <= char <= "\x9f" for char in rest)


def test_lines_that_are_no_longer_there_are_erased(screen: Screen) -> None:
    content = ["one", "two", "three", "four"]
    console = Console(Output(stdout=screen.stream), TERMINAL)
    area = LiveArea(console, lambda width, room: [Text(line) for line in content])
    area.draw()
    assert screen.lines() == ["one", "two", "three", "four"]
    content[:] = ["2"]
    area.draw([Text("printed")])
    assert screen.lines() == ["printed", "2"]
    area.erase()
    assert screen.lines() == ["printed"]


def test_what_finished_behind_one_that_never_did_is_printed_at_the_end(screen: Screen) -> None:
    reporter = reporter_on(screen)
    runs = samples.trading()
    reporter.start(samples.start_of(runs))
    reporter.check_started(runs[0].check)
    reporter.run_finished(runs[2])
    reporter.finish(samples.finish_of(runs[2:3], exit_code=130, interrupted=True))
    assert screen.lines()[2:4] == [
        "checks/trading.py",
        "  ● private-fills         655 ms  connect 138  0 sent  0 received",
    ]
