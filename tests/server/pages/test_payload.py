"""What a frame held, taken apart for readers."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from checkwire.model.events import FrameSeen
from checkwire.server.pages.views.payload import decoded, hex_lines, pieces, pretty, preview

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def frame(payload: str | None, opcode: str = "text", **more: object) -> FrameSeen:
    fields = {"at_ns": 0, "connection": 1, "number": 1, "direction": "in", "wire_size": 1}
    size = len((payload or "").encode())
    return FrameSeen(**(fields | {"opcode": opcode, "size": size, "payload": payload} | more))  # type: ignore[arg-type]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in pieces(text)]


def test_names_and_values_are_told_apart() -> None:
    assert kinds('{"op": "hello", "n": -1.5e3, "x": null}') == [
        ("", "{"),
        ("key", '"op"'),
        ("", ": "),
        ("string", '"hello"'),
        ("", ", "),
        ("key", '"n"'),
        ("", ": "),
        ("number", "-1.5e3"),
        ("", ", "),
        ("key", '"x"'),
        ("", ": "),
        ("word", "null"),
        ("", "}"),
    ]


def test_what_is_masked_shows_as_such_in_json_and_in_plain_text() -> None:
    assert ("masked", "••••••") in kinds('{"token":"Bearer ••••••"}')
    assert kinds("token ••••••!") == [("", "token "), ("masked", "••••••"), ("", "!")]


@given(st.text())
def test_no_character_is_lost_or_added(text: str) -> None:
    assert "".join(piece.text for piece in pieces("{" + text)) == "{" + text
    assert "".join(piece.text for piece in pieces(text)) == text


@given(JSON.filter(lambda value: isinstance(value, dict | list)))
def test_json_is_laid_out_and_stays_what_it_is(value: object) -> None:
    laid_out = pretty(json.dumps(value))
    assert laid_out is not None
    assert json.loads(laid_out) == value


def test_json_is_not_written_anew() -> None:
    assert pretty('{"a":1.10,"a":[],"b":{"c":1E3}}') == (
        '{\n  "a": 1.10,\n  "a": [],\n  "b": {\n    "c": 1E3\n  }\n}'
    )


def test_what_is_no_json_has_no_tree() -> None:
    assert pretty("Request served by vm") is None
    assert pretty('{"a":') is None
    assert pretty("[" * 100_000) is None


def test_a_row_shows_bytes_in_hex_and_says_that_there_are_more() -> None:
    data = frame("gAcAAAAq", "binary", base64=True, size=6)
    assert preview(data)[0].text == "80 07 00 00 00 2a"
    assert preview(frame("gAcAAAAq", "binary", base64=True, size=600))[0].text.endswith("2a …")


def test_a_close_has_its_meaning() -> None:
    assert preview(frame("1011 shard lost", "close"))[0].text == (
        "1011 internal error · “shard lost”"
    )
    assert preview(frame(None, "close"))[0].text == "without a code"


def test_a_long_text_is_cut_in_its_row() -> None:
    row = "".join(piece.text for piece in preview(frame("x" * 10_000)))
    assert len(row) < 300
    assert row.endswith("…")


def test_broken_base64_is_shown_as_it_is() -> None:
    assert decoded(frame("not base64!", "binary", base64=True)) == b"not base64!"


def test_bytes_stand_beside_their_characters() -> None:
    first, second, third = hex_lines(b"GET / HTTP/1.1\r\nHost")
    assert (first.offset, first.text) == ("0000", "GET / HT")
    assert second.text == "TP/1.1··"
    assert (third.offset, third.hex, third.text) == ("0010", "48 6f 73 74", "Host")
