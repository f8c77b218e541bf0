"""What a check prints becomes log lines, bounded and masked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.events import Logged
from checkwire.model.masking import MASK, Masker
from checkwire.runner.output import OutputCapture


def capture(*pieces: bytes, secrets: tuple[str, ...] = (), **limits: int) -> list[Logged]:
    output = OutputCapture("stdout", Masker(secrets), **limits)
    lines = [line for at_ns, piece in enumerate(pieces) for line in output.feed(piece, at_ns)]
    return lines + output.finish(len(pieces))


def texts(lines: list[Logged]) -> list[str]:
    return [line.message for line in lines]


def test_lines_are_told_as_they_arrive_with_their_time() -> None:
    output = OutputCapture("stderr", Masker())
    assert output.feed(b"one\ntw", 10) == [Logged(at_ns=10, message="one", source="stderr")]
    assert output.feed(b"o\r\n", 20) == [Logged(at_ns=20, message="two", source="stderr")]
    assert output.feed(b"three", 30) == []
    assert output.finish(40) == [Logged(at_ns=40, message="three", source="stderr")]


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 200), st.integers(1, 200))
def test_no_line_is_lost_without_being_counted(pieces: list[bytes], first: int, last: int) -> None:
    data = b"".join(pieces)
    lines = capture(*pieces, first=first, last=last)
    if not any(line.source == "checkwire" for line in lines):
        whole = data.decode("utf-8", "replace").split("\n")
        expected = whole if whole[-1] else whole[:-1]
        assert [text.replace("\r", "") for text in texts(lines)] == [
            text.replace("\r", "") for text in expected
        ]


def test_the_middle_of_a_flood_is_counted() -> None:
    pieces = [f"line {number}\n".encode() * 100 for number in range(1000)]
    lines = capture(*pieces, first=2000, last=3000)
    assert lines[0].message == "line 0"
    assert lines[-1].message == "line 999"
    (note,) = [line for line in lines if line.source == "checkwire"]
    kept = len([line for line in lines if line.message[-1].isdecimal()])
    assert f"{100_000 - kept:,} lines" in note.message
    assert kept < 1000


def test_a_flood_without_newlines_is_counted_too() -> None:
    lines = capture(*[b"x" * 10_000] * 1000)
    assert len(lines) == 2
    assert lines[0].message.startswith("xxx")
    assert lines[0].message.endswith("…")
    assert "bytes) here are not kept" in lines[1].message


def test_single_bytes_are_held_in_few_pieces() -> None:
    output = OutputCapture("stdout", Masker(), first=0, last=32_000)
    for at_ns in range(30_000):
        output.feed(b"x", at_ns)
    assert len(output._tail) < 40


def test_secrets_are_masked_across_pieces() -> None:
    lines = capture(b"token=hunt", b"er2 ok\n", secrets=("hunter2",))
    assert texts(lines) == [f"token={MASK} ok"]


def test_no_part_of_a_secret_is_left_where_a_line_is_cut() -> None:
    secret = "correct-horse-battery"
    for length in range(3900, 4100):
        lines = capture(b"y" * length + secret.encode() + b"z" * 100_000 + b"\n", secrets=(secret,))
        assert "cor" not in "".join(texts(lines))


def test_no_part_of_a_secret_is_left_where_a_flood_is_cut() -> None:
    secret = "correct-horse-battery"
    data = (secret * 3000).encode()
    for size in (7, 100, 1009):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        lines = capture(*pieces, secrets=(secret,), first=1000, last=1000)
        assert "cor" not in "".join(texts(lines))
        assert "tery" not in "".join(texts(lines))


def test_each_line_of_a_secret_of_several_lines_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n}\n-----END KEY-----"
    lines = capture(key.encode() + b"\n{}\n", secrets=(key,))
    assert texts(lines) == [MASK, MASK, MASK, "}", MASK, "{}"]


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert texts(capture(b"a\xffb\n")) == ["a�b"]


def test_many_short_lines_are_bounded_by_number() -> None:
    lines = capture(*[b"x\n" * 1000] * 10)
    assert len(lines) == 801
    assert "9,200 lines (18,400 bytes)" in lines[400].message
    assert lines[400].source == "checkwire"
