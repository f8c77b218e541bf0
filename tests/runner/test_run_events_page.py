"""The page on run events says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from checkwire.model.events import Certificate, Event, decode_event, encode_event
from checkwire.model.failures import Failure, Location
from checkwire.runner.fold import Fold
from checkwire.runner.stream import MAX_LINE
from support.run_events import definition, ended

PAGE = (Path(__file__).parents[2] / "docs" / "run-events.md").read_text()

STRUCTS: dict[str, type[msgspec.Struct]] = {
    **{kind.__struct_config__.tag: kind for kind in get_args(Event)},
    "failure": Failure,
    "location": Location,
    "certificate": Certificate,
}


def documented() -> dict[str, dict[str, str]]:
    """The members of each event on the page, with their defaults."""
    found = {}
    for title, text in re.findall(r"^### `?(\w+)`?\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S):
        rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*)\|", text, re.M)
        found[title] = {name: default.strip() for name, default in rows}
    return found


def as_shown(default: Any) -> str:
    """A default as the page writes it."""
    if default is msgspec.NODEFAULT:
        return ""
    match default:
        case None:
            return "null"
        case bool():
            return str(default).lower()
        case "":
            return "empty"
        case str():
            return f"`{default}`"
        case ():
            return "[]"
        case _:
            return str(default)


def test_every_event_is_on_the_page_and_no_other() -> None:
    assert documented().keys() == STRUCTS.keys()


@pytest.mark.parametrize("name", STRUCTS)
def test_every_member_is_on_the_page_with_its_default(name: str) -> None:
    fields = {
        field.name: as_shown(
            field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        )
        for field in msgspec.structs.fields(STRUCTS[name])
        if field.name != "at_ns"
    }
    assert documented()[name] == fields


def test_the_example_is_a_stream_of_an_attempt_that_passed() -> None:
    (example,) = re.findall(r"```jsonl\n(.*?)```", PAGE, re.S)
    fold = Fold(definition())
    for line in example.splitlines():
        event = decode_event(line.encode())
        assert encode_event(event).decode() == line + "\n"
        fold.feed(event)
    attempt = fold.finish(ended())
    assert attempt.status == "passed"
    assert attempt.steps[0].name == "subscribe"
    assert attempt.connections[0].closed is not None


def test_the_longest_line_is_as_the_page_says() -> None:
    assert MAX_LINE == 1024 * 1024
    assert "at most 1 MiB" in PAGE
