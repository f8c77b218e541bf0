"""The reader of the event stream takes whatever comes."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.events import Event, Logged, encode_event
from checkwire.runner.stream import EventReader
from support.run_events import events, passing_stream


def read(*pieces: bytes, max_line: int = 1024) -> tuple[list[Event], EventReader]:
    reader = EventReader(max_line)
    return [event for piece in pieces for event in reader.feed(piece)], reader


@given(st.lists(events, max_size=5), st.lists(st.integers(0, 3000), max_size=8))
def test_events_survive_however_the_stream_is_cut_into_pieces(
    told: list[Event], cuts: list[int]
) -> None:
    data = b"".join(map(encode_event, told))
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    read_back, reader = read(*(data[a:b] for a, b in pairwise(bounds)), max_line=10**6)
    assert read_back == told
    assert reader.faults == 0


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_bytes_make_the_reader_raise(pieces: list[bytes]) -> None:
    read(*pieces)


def test_a_malformed_line_is_counted_and_the_next_ones_are_read() -> None:
    good = encode_event(Logged(at_ns=1, message="hello"))
    read_back, reader = read(good + b"this is not an event\n" + b'{"type":"logged"}\n' + good)
    assert len(read_back) == 2
    assert reader.faults == 2
    assert "this is not an event" in reader.fault


@pytest.mark.parametrize("pieces", [[b"x" * 5000 + b"\n"], [b"x" * 600] * 5 + [b"x\n"]])
def test_an_overlong_line_is_one_fault_however_it_arrives(pieces: list[bytes]) -> None:
    good = encode_event(Logged(at_ns=1, message="hello"))
    read_back, reader = read(*pieces, good)
    assert [type(event) for event in read_back] == [Logged]
    assert reader.faults == 1
    assert "longer than 1,024 bytes" in reader.fault


def test_a_line_without_end_takes_no_memory() -> None:
    reader = EventReader(1024)
    for _ in range(1000):
        reader.feed(b"x" * 10_000)
    assert reader.faults == 1
    assert len(reader._rest) == 0


def test_an_unknown_type_and_unknown_members_are_skipped() -> None:
    read_back, reader = read(
        b'{"type":"telepathy","at_ns":1}\n{"type":"logged","at_ns":1,"message":"m","mood":2}\n'
    )
    assert read_back == [Logged(at_ns=1, message="m")]
    assert reader.faults == 0


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"logged","at_ns":-1,"message":"m"}',
        b'{"type":"logged","at_ns":99999999999999999999999,"message":"m"}',
        b'{"type":"frames_skipped","at_ns":1,"connection":1,"count":99999999999999999999,"size":1}',
        b'{"type":"phase","at_ns":1,"connection":1,"name":"tcp","duration_ns":1,"details":{"x":'
        + b"[" * 5000
        + b"]" * 5000
        + b"}}",
        b'{"type":"logged","at_ns":1,"message":"\\ud800"}',
    ],
)
def test_what_could_not_be_stored_is_a_fault(line: bytes) -> None:
    read_back, reader = read(line + b"\n", max_line=100_000)
    assert read_back == []
    assert reader.faults == 1


def test_a_secret_that_is_read_is_no_event() -> None:
    read_back, reader = read(b'{"type":"secret_read","at_ns":1,"name":"TOKEN"}\n')
    assert read_back == []
    assert reader.secrets == {"TOKEN"}
    assert reader.faults == 0
    _, reader = read(b'{"type":"secret_read","at_ns":1}\n')
    assert reader.faults == 1


def test_what_is_cut_off_at_the_end_is_no_fault() -> None:
    data = b"".join(map(encode_event, passing_stream()))
    read_back, reader = read(data[:-3])
    assert len(read_back) == len(passing_stream()) - 1
    assert reader.faults == 0


def test_long_numbers_in_text_are_no_fault() -> None:
    event = Logged(at_ns=1, message="1" * 100)
    assert read(encode_event(event))[0] == [event]
    assert msgspec.json.encode(event)
