from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.server.api.cursors import (
    CheckPosition,
    IncidentPlace,
    IncidentPosition,
    RunPosition,
    read_cursor,
    write_cursor,
)
from checkwire.server.problems import Problem

INTEGERS = st.integers(0, 2**63 - 1)
WORDS = st.text(st.characters(blacklist_characters="\x00", codec="utf-8"), max_size=80)
POSITIONS = (
    st.builds(RunPosition, INTEGERS, INTEGERS, WORDS)
    | st.builds(CheckPosition, WORDS, WORDS)
    | st.builds(IncidentPosition, INTEGERS, WORDS)
    | st.builds(IncidentPlace, st.booleans(), INTEGERS, WORDS)
)
KINDS = (RunPosition, CheckPosition, IncidentPosition, IncidentPlace)
Position = RunPosition | CheckPosition | IncidentPosition | IncidentPlace


@given(POSITIONS)
def test_what_is_written_is_read(position: Position) -> None:
    text = write_cursor(position)
    assert read_cursor(text, type(position)) == position
    assert text.isascii()
    assert not set(text) & set("+/=&?#% ")


@given(POSITIONS)
def test_a_cursor_is_of_one_list(position: Position) -> None:
    for kind in KINDS:
        if kind is not type(position):
            with pytest.raises(Problem) as refused:
                read_cursor(write_cursor(position), kind)
            assert refused.value.status == 400


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True))
def test_any_other_text_is_refused_with_the_field(text: str) -> None:
    for kind in KINDS:
        with pytest.raises(Problem) as refused:
            read_cursor(text, kind)
        assert (refused.value.status, refused.value.kind) == (400, "malformed_cursor")
        assert [error.field for error in refused.value.errors] == ["cursor"]


@given(POSITIONS, st.data())
def test_a_cursor_with_one_other_character_is_refused(
    position: Position, data: st.DataObject
) -> None:
    text = write_cursor(position)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(sorted({*"Ab0_-=. ", chr(233)} - {text[at]})))
    with pytest.raises(Problem):
        read_cursor(text[:at] + other + text[at + 1 :], type(position))


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor(None, RunPosition) is None


def test_positions_beyond_what_the_database_holds_are_refused() -> None:
    with pytest.raises(Problem):
        read_cursor(write_cursor(RunPosition(2**63, 1, "eu")), RunPosition)
    with pytest.raises(Problem):
        read_cursor(write_cursor(RunPosition(-1, 1, "eu")), RunPosition)
    with pytest.raises(Problem):
        read_cursor(write_cursor(CheckPosition("a\0", "b")), CheckPosition)
