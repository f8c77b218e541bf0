"""The transcript of an attempt, row by row."""

from __future__ import annotations

from checkwire.model.attempt import Attempt
from checkwire.model.events import Excused, FramesSkipped, HttpExchange
from checkwire.model.failures import Failure
from checkwire.server.pages.views.frame import default_frame, frame_detail
from checkwire.server.pages.views.rows import (
    FailureRow,
    FrameRow,
    GapRow,
    HttpRow,
    NoteRow,
    Row,
    StepRow,
)
from checkwire.server.pages.views.transcript import PAGE, Filter, transcript
from support import samples
from support.story import Story, ns


def rows(attempt: Attempt, wanted: Filter | None = None, page: int = 1) -> list[Row]:
    return [row for chunk in transcript(attempt, wanted, page).chunks for row in chunk]


def frames(attempt: Attempt, wanted: Filter | None = None) -> list[FrameRow]:
    return [row for row in rows(attempt, wanted) if isinstance(row, FrameRow)]


def talk() -> Attempt:
    """Two steps, a silence, a ping, and a message that was not what it should be."""
    story = Story().open()
    story.step("greet", 140.0, 200.0).frame(180.0, "in", '{"op":"hello"}')
    story.step("trade", 210.0, 1500.0, "failed").frame(211.0, "out", '{"op":"SUB"}')
    story.frame(212.0, "in", '{"op":"ack"}').reply(212.0, 2, 3, 0.9)
    story.frame(1000.0, "in", b"ok", "ping").frame(1000.3, "out", b"ok", "pong")
    story.frame(1400.0, "in", '{"op":"trade","price":"1"}')
    story.fail(
        1401.0,
        Failure(code="timeout.no_match", message="no", evidence={"frame": 6}, connection=1),
        step=2,
    )
    story.frame(1600.0, "in", '{"op":"trade","price":2}')
    return story.close(1700.0).attempt("failed", 1700.0)


def test_frames_stand_under_their_steps() -> None:
    shown = [
        f"step {row.number}" if isinstance(row, StepRow) else row.label
        for row in rows(talk())
        if isinstance(row, StepRow | FrameRow)
    ]
    assert shown == ["step 1", "1", "step 2", "2", "3", "4", "5", "6", "step 0", "7"]


def test_a_silence_is_a_row() -> None:
    gaps = [row.text for row in rows(talk()) if isinstance(row, GapRow)]
    assert gaps == ["788 ms quiet"]


def test_the_frame_at_fault_is_marked_and_later_ones_are_late() -> None:
    tones = {row.label: row.tone for row in frames(talk())}
    assert tones["6"] == "culprit"
    assert tones["7"] == "late"
    assert tones["1"] == ""


def test_a_row_tells_the_time_since_the_one_before_and_what_it_answers() -> None:
    third = frames(talk())[2]
    assert (third.at, third.after) == ("212.0", "+1.0")
    assert third.trip == "answers 2 in 0.90 ms"


def test_rows_can_be_asked_for_by_direction_text_and_kind() -> None:
    assert [row.label for row in frames(talk(), Filter(way="sent"))] == ["2", "5"]
    assert [row.label for row in frames(talk(), Filter(text="sub"))] == ["2"]
    without = frames(talk(), Filter(control=False))
    assert [row.label for row in without] == ["1", "2", "3", "6", "7"]


def test_a_filter_leaves_the_failure_and_no_empty_steps() -> None:
    shown = rows(talk(), Filter(text="hello"))
    assert any(isinstance(row, FailureRow) for row in shown)
    assert next(row.number for row in shown if isinstance(row, StepRow)) == 1
    assert not any(isinstance(row, GapRow) for row in shown)


def test_nothing_that_matches_is_said_in_a_sentence() -> None:
    passed = samples.passed().attempts[0]
    assert transcript(passed, Filter(text="zzz")).why_empty == (
        "Nothing in this transcript matches."
    )


def test_a_connection_that_never_opened_says_where_it_broke() -> None:
    attempt = Story().attempt("failed", 41.0)
    assert transcript(attempt).why_empty == "No frames: the check opened no connection."


def test_long_transcripts_come_in_pages_of_five_hundred() -> None:
    story = Story().open().step("listen", 139.0, 9000.0)
    for number in range(1200):
        story.frame(200.0 + number, "in", f'{{"seq":{number}}}')
    attempt = story.close(5000.0).attempt("passed", 9000.0)
    first = transcript(attempt)
    assert (first.page, first.pages, first.frames) == (1, 3, 1200)
    assert sum(map(len, first.chunks)) == PAGE
    second = rows(attempt, page=2)
    assert isinstance(second[0], StepRow)
    assert second[0].figure == "continued"
    assert transcript(attempt, page=99).page == 3
    assert transcript(attempt, frame="1.700").page == 2
    assert max(map(len, first.chunks)) <= 50


def test_frames_left_out_are_a_row_and_make_no_silence() -> None:
    story = Story().open().frame(150.0, "in", "a")
    story.events.append(FramesSkipped(at_ns=ns(160), connection=1, count=9000, size=100_000))
    attempt = story.frame(5000.0, "in", "b").close(5001.0).attempt("passed", 5001.0)
    notes = [
        row.text for row in rows(attempt) if isinstance(row, NoteRow) and row.name == "Left out"
    ]
    assert notes == ["9,000 frames, 97.7 KiB, counted but not kept"]
    assert not [row for row in rows(attempt) if isinstance(row, GapRow)]
    assert transcript(attempt).frames == 9002


def test_an_exchange_shows_its_bodies_laid_out() -> None:
    story = Story()
    story.events.append(
        HttpExchange(
            at_ns=ns(1),
            method="POST",
            url="https://acme.example/login",
            duration_ns=ns(12),
            status=403,
            reason="Forbidden",
            request_body='{"key":"••••••"}',
            response_size=9,
        )
    )
    (row,) = (row for row in rows(story.attempt("passed", 20.0)) if isinstance(row, HttpRow))
    assert (row.answer, row.tone, row.figure) == ("403 Forbidden", "fail", "12.0 ms")
    assert [piece.text for piece in row.request_body if piece.kind == "masked"] == ["••••••"]


def test_a_failure_that_the_check_expected_is_no_failure() -> None:
    story = Story().open()
    story.fail(150.0, Failure(code="ws.closed", message="Closed with 4001"))
    story.events.append(Excused(at_ns=ns(151), number=1, reason="expected"))
    story.failures.clear()
    attempt = story.close(160.0).attempt("passed", 160.0)
    (row,) = (row for row in rows(attempt) if isinstance(row, FailureRow))
    assert row.mark.word == "excused"
    assert row.text.startswith("Expected by the check")


def test_with_several_connections_frames_are_named_by_both_numbers() -> None:
    run = samples.two_connections()
    labels = {row.label for row in frames(run.attempts[-1])}
    assert any(label.startswith("2.") for label in labels)


def test_the_frame_shown_first_is_the_one_to_blame() -> None:
    assert default_frame(talk()) == "1.6"
    assert default_frame(samples.passed().attempts[0]) == "1.1"
    assert default_frame(Story().attempt("passed", 1.0)) == ""


def test_a_frame_is_told_in_full() -> None:
    detail = frame_detail(talk(), "1.3")
    assert detail is not None
    assert detail.name == "Message 3"
    facts = dict(detail.facts)
    assert facts["Frame"] == "text, final, 12 B"
    assert facts["Step"] == "2, trade"
    assert facts["Answers"].startswith("2 after 0.90 ms")
    assert "".join(piece.text for piece in detail.tree) == '{\n  "op": "ack"\n}'
    assert detail.lines[0].text == '{"op":"a'
    assert frame_detail(talk(), "1.99") is None
    assert frame_detail(talk(), "x") is None


def test_a_frame_that_was_cut_says_so() -> None:
    story = Story().open().frame(150.0, "in", "abc", size=1_000_000, truncated=True)
    detail = frame_detail(story.attempt("passed", 160.0), "1.1")
    assert detail is not None
    assert detail.cut == "Of 976.6 KiB the first 3 B are kept."


def test_every_kind_of_run_has_a_transcript() -> None:
    for run in samples.everything():
        for attempt in run.attempts:
            assert rows(attempt) or transcript(attempt).why_empty
