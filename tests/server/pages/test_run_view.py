"""The page of a run: its headline, its facts, its parts."""

from __future__ import annotations

import msgspec
import pytest

from checkwire.model.attempt import Run
from checkwire.model.due import Cause, DueRun
from checkwire.server.monitor import RunningRun
from checkwire.server.pages.progress import attempts_so_far
from checkwire.server.pages.views.failure import failure_view, sentence
from checkwire.server.pages.views.handshake import connection_view
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.views.run import RunView, Wanted, run_view, running_view
from checkwire.store import runs
from checkwire.store.records import RunRecord
from support import samples
from support.story import STARTED_NS, Story, check, ns, run_of

NOW = STARTED_NS + 240_000_000_000


def record_of(run: Run) -> RunRecord:
    due = DueRun(
        run_id="01RUN",
        project="acme",
        check=run.check.id,
        location="eu-north",
        due_ns=STARTED_NS,
        holds_ns=1,
        grace_ns=1,
    )
    return runs.record_of(run, due, 1)


def view_of(run: Run, wanted: Wanted | None = None, **more: object) -> RunView:
    return run_view(record_of(run), run, run.check, now_ns=NOW, wanted=wanted, **more)  # type: ignore[arg-type]


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def facts(view: RunView) -> dict[str, str]:
    return {fact.name: fact.value for fact in view.facts}


def test_the_headline_is_the_failure_with_code_told_apart() -> None:
    message = 'trade["data"]["price"] was "67120.50", of type str. The check expects float.'
    source = 'assert isinstance(trade["data"]["price"], float)'
    expected = [
        Piece("code", 'trade["data"]["price"]'),
        Piece("", " was "),
        Piece("quoted", '"67120.50"'),
        Piece("", ", of type str. The check expects float."),
    ]
    assert sentence(message, source) == expected
    assert sentence(message) == expected


def test_a_sentence_that_quotes_nothing_stays_as_it_is_and_ends() -> None:
    assert sentence("Nothing listens on 127.0.0.1:1") == [
        Piece("", "Nothing listens on 127.0.0.1:1.")
    ]


def test_a_failed_run_says_what_whose_fault_and_what_next() -> None:
    view = view_of(samples.refused())
    assert view.mark.word == "failed"
    assert view.code == "tcp.refused"
    assert view.blame == "The target is at fault."
    assert view.hint
    assert view.title.startswith("✕ ")
    assert facts(view)["From"] == "eu-north"


def test_what_a_code_means_stands_beside_it_unless_the_failure_says_all() -> None:
    meaning = view_of(samples.refused()).meaning
    assert meaning is not None
    assert meaning.code == "tcp.refused"
    assert meaning.cause
    assert meaning.confirm
    assert meaning.remedy
    assert view_of(samples.script_error()).meaning is None
    assert view_of(samples.forbidden()).meaning != meaning


def test_an_error_blames_the_check() -> None:
    view = view_of(samples.script_error())
    assert view.mark.word == "error"
    assert view.blame == "The check is at fault, not the target."


def test_a_run_that_passed_after_a_retry_says_so_and_has_tabs() -> None:
    view = view_of(samples.flaky())
    assert view.mark.word == "flaky"
    assert "after one attempt that did not" in said(view.sentence)
    assert [(tab.number, tab.current) for tab in view.tabs] == [(1, False), (2, True)]
    first = view_of(samples.flaky(), Wanted(attempt=1))
    assert first.attempt is not None
    assert first.attempt.number == 1


def test_a_run_without_its_transcript_says_why_and_keeps_its_times() -> None:
    record = record_of(samples.passed())
    view = run_view(record, None, None, now_ns=NOW)
    assert view.gone == "The transcript has expired. What happened, and the times, are kept."
    assert [phase.name for phase in view.phases][:3] == ["DNS", "TCP", "TLS"]
    assert view.attempt is None


def test_missed_runs_are_told_in_a_sentence() -> None:
    due = DueRun(
        run_id="01M",
        project="acme",
        check="c",
        location="eu",
        due_ns=STARTED_NS,
        holds_ns=1,
        grace_ns=1,
    )
    view = run_view(
        runs.missed_record(due, 1, 3, STARTED_NS + ns(120_000)), None, check("c"), now_ns=NOW
    )
    assert said(view.sentence).startswith("3 due runs in a row were missed, the first at ")
    assert "never began" in view.gone
    single = run_view(runs.missed_record(due, 1, 1, STARTED_NS), None, check("c"), now_ns=NOW)
    assert said(single.sentence).startswith("Missed: it was due at ")


def test_a_skipped_run_has_its_reason() -> None:
    view = view_of(samples.skipped())
    assert said(view.sentence) == "Skipped: needs CHAT_TOKEN."


def test_phases_carry_their_difference_to_what_is_usual() -> None:
    attempt = samples.passed().attempts[0]
    usual = {"dns": ns(12.1), "tcp": ns(17.2), "upgrade": ns(41.5)}
    view = connection_view(attempt.connections[0], attempt, usual)
    phases = {phase.name: phase for phase in view.phases}
    assert phases["DNS"].delta == "−0.3"
    assert (phases["Upgrade"].delta, phases["Upgrade"].tone) == ("+25.3", "hot")
    assert phases["TLS"].delta == ""


def test_the_phase_that_broke_is_drawn_as_such() -> None:
    attempt = samples.refused().attempts[0]
    view = connection_view(attempt.connections[0], attempt)
    assert [(phase.name, phase.tone) for phase in view.phases][-1] == ("TCP", "fail")
    assert [one.good for one in view.tries] == [False] * len(view.tries)
    assert view.tries


def test_a_certificate_says_how_long_it_is_valid() -> None:
    attempt = samples.passed().attempts[0]
    view = connection_view(attempt.connections[0], attempt)
    assert "valid 61 more days" in view.tls
    expired = samples.expired().attempts[-1]
    chain = connection_view(expired.connections[0], expired).chain
    assert chain[0].role == "Certificate"


def test_a_refused_upgrade_shows_what_the_server_said() -> None:
    attempt = samples.forbidden().attempts[-1]
    view = connection_view(attempt.connections[0], attempt)
    assert view.summary_tone == "fail"
    assert view.status_line.startswith("HTTP/1.1 4")
    assert view.response_headers


def test_details_become_values_differences_and_lines() -> None:
    failure = samples.no_match().attempts[-1].failure
    assert failure is not None
    tones = {line.tone for line in failure_view(failure).lines}
    assert {"add", "del"} <= tones


def test_warnings_stand_beside() -> None:
    view = view_of(samples.with_warnings())
    assert view.attempt is not None
    assert [other.code for other in view.attempt.others] == [
        "tcp.family_broken",
        "check.no_assertion",
    ]


@pytest.mark.parametrize(
    ("cause", "asked"),
    [
        ("schedule", "by schedule"),
        ("manual", "by hand"),
        ("first", "as the first run of a new check"),
    ],
)
def test_a_run_says_why_it_took_place(cause: Cause, asked: str) -> None:
    run = samples.refused()
    record = msgspec.structs.replace(record_of(run), cause=cause)
    assert facts(run_view(record, run, run.check, now_ns=NOW))["Asked for"] == asked


def test_a_run_under_way_tells_what_it_does() -> None:
    story = Story().open().step("listen", 140.0, None).frame(150.0, "in", "hello")
    waiting = RunningRun(
        run_id="01R",
        check_uid="u",
        check="c",
        project="acme",
        location="eu",
        due_ns=STARTED_NS,
        cause="manual",
    )
    definition = check("slow-feed")
    view = running_view(waiting, [], definition, now_ns=NOW)
    assert (said(view.sentence), view.attempt) == ("Waiting for its turn.", None)
    assert facts(view)["Asked for"] == "by hand"
    running = msgspec.structs.replace(waiting, started_ns=STARTED_NS, attempt=1)
    told = attempts_so_far((1, event) for event in story.events)
    view = running_view(running, told, definition, now_ns=NOW)
    assert said(view.sentence) == "Running: step 1, listen."
    assert view.running
    assert view.attempt is not None
    assert view.attempt.transcript.frames == 1


def test_a_frame_that_is_asked_for_is_shown() -> None:
    view = view_of(samples.passed(), Wanted(frame="1.2"))
    assert view.attempt is not None
    assert view.attempt.frame is not None
    assert view.attempt.frame.name == "Message 2"


def test_every_kind_of_run_can_be_shown() -> None:
    for run in (*samples.everything(), samples.nasty(), samples.huge()):
        view = view_of(run)
        assert said(view.sentence)
        assert view.mark.tone in ("ok", "warn", "fail", "none")


def test_a_run_without_any_connection_has_no_drawing() -> None:
    run = run_of(check("nothing"), Story().attempt("passed", 3.0))
    view = view_of(run)
    assert view.attempt is not None
    assert view.attempt.drawing is None
