from __future__ import annotations

from pathlib import Path

import pytest

from checkwire import __version__
from checkwire.model.failures import Failure
from support import samples
from support.golden import assert_golden
from support.reporting import report

GOLDEN = Path(__file__).parent / "golden"

FAILURES = {
    "refused": samples.refused,
    "certificate": samples.expired,
    "forbidden": samples.forbidden,
    "no_match": samples.no_match,
    "closed": samples.closed_by_server,
    "script_error": samples.script_error,
    "huge": samples.huge,
    "flaky": samples.flaky,
}


def _golden(text: str, name: str) -> None:
    assert_golden(text.replace(f"checkwire {__version__}", "checkwire VERSION"), GOLDEN / name)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_project_is_listed_by_file_with_a_block_for_each_run_that_did_not_pass(
    width: int,
) -> None:
    _golden(report(samples.trading(), width=width), f"trading-{width}.txt")


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_shows_all_that_is_needed_to_understand_it(kind: str) -> None:
    _golden(report([FAILURES[kind]()], width=90), f"{kind}.txt")


def test_files_that_could_not_be_loaded_are_shown_like_failures() -> None:
    text = report([samples.passed()], width=80, broken=samples.load_failures())
    _golden(text, "load_failures.txt")


def test_v_shows_the_whole_transcript_of_every_attempt_by_steps() -> None:
    _golden(report([samples.failed()], width=100, verbosity=1), "verbose.txt")


def test_vv_shows_headers_and_whole_payloads_too() -> None:
    _golden(report([samples.two_connections()], width=100, verbosity=2), "very_verbose.txt")


def test_lines_in_a_pipe_come_as_runs_finish_and_the_file_is_named_when_it_changes() -> None:
    runs = [samples.passed("one"), samples.passed("two", "checks/b.py"), samples.passed("three")]
    lines = report(runs).splitlines()
    assert [line.split()[:2] for line in lines[2:8]] == [
        ["checks/trading.py"],
        ["●", "one"],
        ["checks/b.py"],
        ["●", "two"],
        ["checks/trading.py"],
        ["●", "three"],
    ]


def test_what_this_machine_needs_between_the_phases_is_in_no_figure_of_a_line() -> None:
    story = samples.Story().dial(2.0)
    story.phase("open", 2.0, 30.0).phase("tcp", 2.0, 10.0).phase("upgrade", 1_500.0, 20.0)
    story.answer(1_520.0).phase("first_message", 1_520.0, 5.0).frame(1_525.0, "in", "hello")
    story.close(1_530.0)
    run = samples.run_of(samples.check("a"), story.attempt("passed", 1_540.0))
    assert "connect 30  first 35  " in report([run])


def test_a_warning_that_repeats_itself_stands_once_with_its_number() -> None:
    for fails in (False, True):
        text = report([samples.repeating(fails=fails)])
        assert text.count("left a connection open, 50 times") == 1
        assert text.count("left a connection open") == 2
        assert text.count("verified nothing") == 1


def test_an_answer_stands_beside_the_request_that_it_is_to() -> None:
    """And not beside that of a WebSocket which was open at the time."""
    request = {"request": "POST /items?page=2", "status": 200, "reason": "OK"}
    failure = Failure(code="http.invalid_json", message="It is not JSON", evidence=request)
    story = samples.Story().open().fail(300.0, failure).close(310.0)
    run = samples.run_of(samples.check("a"), story.attempt("failed", 310.0))
    text = report([run])
    assert "  POST /items?page=2 → 200 OK\n" in text
    assert "GET /v2/ws → 200" not in text


def test_what_was_stopped_is_told_with_what_it_was_doing_and_the_rest_is_counted() -> None:
    first, second, *others = samples.trading()
    text = report([first], stopped=[second], not_run=others)
    _, _, told = text.partition("\nstopped\n")
    assert told.split("\n") == [
        "  ◌ ticker-subscribe      1.25 s  expect trade  closed  8 messages",
        "",
        "interrupted  1 passed, 1 stopped, 3 not run  in 2.30 s  exit 130",
        "",
    ]


def test_the_dots_say_the_same_of_what_did_not_finish() -> None:
    first, second, *others = samples.trading()
    told = report([first], "dot", stopped=[second], not_run=others)
    assert "\nstopped\n  ◌ ticker-subscribe" in told
    assert told.endswith("interrupted  1 passed, 1 stopped, 3 not run  in 2.30 s  exit 130\n")


def test_of_many_that_were_stopped_ten_are_named() -> None:
    stopped = [samples.passed(f"number-{number}") for number in range(13)]
    told = report([], stopped=stopped, not_run=[samples.passed("last")])
    assert told.count("◌") == 10
    assert "    and 3 more\n\ninterrupted  13 stopped, 1 not run  in" in told


def test_after_fail_fast_nothing_is_called_interrupted() -> None:
    first, *others = samples.trading()
    finish = samples.finish_of([first], not_run=others)
    assert report([first], finish=finish).endswith("\n1 passed, 4 not run  in 2.30 s  exit 1\n")


def test_no_checks_found_is_said() -> None:
    finish = samples.finish_of([], exit_code=2)
    assert report([], finish=finish).endswith("no checks found  in 2.30 s  exit 2\n")


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_pipe_gets_colours_only_when_forced(environ: dict[str, str], coloured: bool) -> None:
    text = report(samples.trading(), environ=environ)
    assert ("\x1b[" in text) is coloured


def test_colour_is_never_the_only_sign() -> None:
    plain = report(samples.everything(), width=200)
    for mark in ("● orderbook", "▲ room-join", "✕ ticker", "✕ session", "○ presence", "↻ reconn"):
        assert mark in plain
    line = next(line for line in plain.splitlines() if "✕ session" in line)
    assert "error" in line


def test_frames_that_were_not_kept_are_counted_and_make_no_silence() -> None:
    text = report([samples.huge()], verbosity=1, width=120)
    skipped, following = _around(text, "199,940 frames, 58.4 MiB, counted but not kept")
    assert "quiet" not in following
    assert "+" not in following.partition("↓")[0]
    assert skipped.strip().startswith("230.0")


def _around(text: str, needle: str) -> tuple[str, str]:
    lines = text.splitlines()
    index = next(i for i, line in enumerate(lines) if needle in line)
    return lines[index], lines[index + 1]


def test_the_frame_that_the_evidence_names_is_marked_even_if_more_had_arrived() -> None:
    rows = [line for line in report([samples.failed()]).splitlines() if '"trade"' in line]
    assert [line.startswith("  ✕  9") for line in rows if "↓" in line] == [True, False]


def test_a_failure_without_a_frame_to_blame_is_marked_at_its_time() -> None:
    text = report([samples.no_match()])
    assert "✕    2,244.0  +2,034.0" in text
    assert "2.03 s quiet, 2 pings answered, then it failed" in text


def test_messages_the_kernel_delivered_together_are_marked_as_an_upper_bound() -> None:
    assert "≤30,280.0" in report([samples.huge()])


def test_a_fragmented_message_is_one_row_that_says_how_many_frames_it_took() -> None:
    story = samples.Story().open().frame(190.0, "in", None, "text", size=10, fin=False)
    story.frame(191.0, "out", "meanwhile").frame(192.0, "in", "p", "ping")
    story.frame(193.0, "in", None, "continuation", size=10, fin=False)
    story.frame(194.0, "in", '{"whole":"message"}', "continuation", size=30)
    failure = Failure(code="assertion.failed", message="no", connection=1)
    run = samples.run_of(
        samples.check("fragments"), story.fail(195.0, failure).attempt("failed", 1)
    )
    rows = [line for line in report([run]).splitlines() if "↓" in line]
    assert len(rows) == 1
    assert rows[0].endswith('in 3 frames  {"whole":"message"}')


def test_a_stream_that_is_not_unicode_gets_ascii_shapes() -> None:
    import io

    from checkwire.cli.reporters import open_reporters, parse_reporters

    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="ascii")
    runs = samples.everything()
    told = open_reporters(parse_reporters([]), stdout=stdout, environ={"COLUMNS": "80"})
    told.start(samples.start_of(runs))
    for run in runs:
        told.run_finished(run)
    told.finish(samples.finish_of(runs))
    told.close()
    text = raw.getvalue().decode("ascii")
    assert "  * orderbook-snapshot" in text
    assert "  x ticker-subscribe" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("early", [True, False])
def test_a_round_trip_stands_below_its_answer_whenever_it_was_told(early: bool) -> None:
    story = samples.Story().open().frame(200.0, "out", "ask")
    if early:
        story.reply(210.0, 1, 2, 10.0)
    story.frame(210.0, "in", "answer")
    if not early:
        story.reply(210.0, 1, 2, 10.0)
    run = samples.run_of(samples.check("asks"), story.attempt("passed", 220.0))
    answer, below = _around(report([run], verbosity=1), "↓ answer")
    assert below.strip() == "reply to 1 in 10 ms: network 4.0, server 6.0"
    assert answer.strip().startswith("2  210.0")
