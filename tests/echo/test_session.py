"""The conversation does not depend on the pieces in which its bytes arrive."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from checkwire.echo.session import EchoSession
from support.echo_server import frame

frames = st.builds(
    frame,
    st.sampled_from([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x88, 0x89, 0x8A]),
    st.binary(max_size=100) | st.binary(min_size=126, max_size=200),
)
conversations = st.lists(frames | st.binary(max_size=20), max_size=8).map(b"".join)


def answers(pieces: list[bytes]) -> tuple[bytes, bool, int | None, int]:
    session = EchoSession()
    buffer = bytearray(10_000)  # reused, as the server's is
    sent = b""
    for piece in pieces:
        if session.ended:
            break
        buffer[: len(piece)] = piece
        sent += session.receive(memoryview(buffer)[: len(piece)])
        buffer[: len(piece)] = b"\xee" * len(piece)
    return sent, session.ended, session.close_code, session.messages


@given(conversations, st.lists(st.integers(0, 2000), max_size=20))
def test_any_pieces_give_the_same_answer(data, cuts):
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert answers(pieces) == answers([data])


@given(conversations)
def test_single_bytes_give_the_same_answer(data):
    assert answers([data[i : i + 1] for i in range(len(data))]) == answers([data])
