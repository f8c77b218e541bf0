"""Why an attempt did not pass: a sentence, the place, the values, the evidence."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from checkwire.model.failures import Failure, Severity, code_of
from checkwire.server.pages.figures import in_ms, lasts
from checkwire.server.pages.views.payload import Piece
from checkwire.server.pages.words import BLAME, Mark, mark_of_failure

__all__ = ["DetailLine", "FailureView", "failure_view", "sentence"]

_KNOWN = {
    "frame", "closest_frame", "expected", "status", "reason", "headers", "body", "chain", "tries",
    "duration_ns", "limit_ns", "messages", "code", "verify_code", "verify_message",
    "place", "lifetime_ms", "messages_in", "messages_out", "bytes_in", "bytes_out",
}  # fmt: skip
"""Shown by other means: with the connection, in the transcript, or in the sentence itself."""
_MAX_VALUE = 300
_QUOTED = re.compile(r'\{.*\}|"(?:[^"\\]|\\.)*+"')
_EXPRESSION = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\]|\.[A-Za-z_]\w*)+(?:\(\))?(?= )")
_VALUE = re.compile(r"^  (?P<what>\S.*?) = (?P<value>.+)$")


@dataclass(frozen=True, slots=True)
class DetailLine:
    """A line of a failure's details. ``tone``: ``add``, ``del``, ``caret``, ``source``, ``""``."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class FailureView:
    """A failure.

    Attributes:
        values: parts of what was verified, and what they were.
        lines: all other details.
        facts: names and values of the evidence.
    """

    mark: Mark
    sentence: list[Piece]
    code: str
    title: str
    hint: str
    blame: str
    place: str
    source: str
    values: list[tuple[str, str]]
    lines: list[DetailLine]
    facts: list[tuple[str, str]]


def failure_view(failure: Failure, severity: Severity = "failed") -> FailureView:
    """Make it."""
    code = code_of(failure.code)
    values, lines = _details(failure)
    location = failure.location
    source = location.text.strip() if location is not None else ""
    return FailureView(
        mark=mark_of_failure(failure.code, severity),
        sentence=sentence(failure.message, source),
        code=failure.code,
        title=code.title,
        hint=failure.hint or code.hint,
        blame=BLAME[code.blame] if severity == "failed" else "",
        place=f"{location.path}:{location.line}" if location is not None else "",
        source=source,
        values=values,
        lines=lines,
        facts=list(_facts(failure)),
    )


def sentence(message: str, source: str = "") -> list[Piece]:
    """A failure's sentence, with what is code in it apart: what it quotes, and what the check
    calls the value at fault.

    Args:
        message: the sentence.
        source: the line of the check, if it is known.
    """
    subject = _subject(message, source)
    found = [Piece("code", subject)] if subject else []
    end = len(subject)
    for match in _QUOTED.finditer(message, end):
        if match.start() > end:
            found.append(Piece("", in_ms(message[end : match.start()])))
        found.append(Piece("quoted", match[0]))
        end = match.end()
    if end < len(message):
        found.append(Piece("", in_ms(message[end:])))
    if found and found[-1].kind == "" and message[-1:] not in ".!?…":
        found[-1] = Piece("", f"{found[-1].text}.")
    return found


def _subject(message: str, source: str) -> str:
    """The words at the beginning of the message that stand in the source as they are."""
    if not source:
        found = _EXPRESSION.match(message)
        return found[0] if found is not None else ""
    subject = ""
    position = message.find(" ")
    while position > 0 and message[:position] in source:
        subject = message[:position]
        position = message.find(" ", position + 1)
    return subject if re.search(r"[A-Za-z_]", subject) else ""


def _details(failure: Failure) -> tuple[list[tuple[str, str]], list[DetailLine]]:
    source = failure.location.text.strip() if failure.location else ""
    values: list[tuple[str, str]] = []
    lines: list[DetailLine] = []
    for text in failure.details.rstrip("\n").expandtabs(4).splitlines():
        bare = text.strip()
        if value := _VALUE.match(text):
            values.append((value["what"], value["value"]))
        elif bare.startswith("+ "):
            lines.append(DetailLine("add", text))
        elif bare.startswith("- "):
            lines.append(DetailLine("del", text))
        elif bare and not bare.strip("^~ "):
            lines.append(DetailLine("caret", text))
        elif not bare or bare == source:
            continue  # it stands above
        else:
            lines.append(DetailLine("", text))
    return values, lines


def _facts(failure: Failure) -> Iterator[tuple[str, str]]:
    for name, value in failure.evidence.items():
        if name in _KNOWN or value in (None, "", (), [], {}):
            continue
        if name == "errno" and failure.evidence.get("tries"):
            continue
        yield name.removesuffix("_ns").replace("_", " "), _value(name, value)


def _value(name: str, value: Any) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        return lasts(value)
    if name == "errno" and isinstance(value, int) and value in errno.errorcode:
        return errno.errorcode[value]
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
