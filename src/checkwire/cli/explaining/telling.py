"""Codes and what they mean: lines for a terminal, or a document for programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from checkwire.cli.explaining.commands import command_lines
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, wrap
from checkwire.faults import faults_of
from checkwire.model.explanations import FAMILIES, Explanation, explanation_of
from checkwire.model.failures import Blame, FailureCode

__all__ = ["tell_all", "tell_one"]

_PAGE = 100
_COLUMN = 10
_BLAMES: dict[Blame, str] = {
    "target": "the service that is checked",
    "path": "the network on the way to it",
    "probe": "the machine that checks",
    "check": "the check itself",
}
_PHASES = {
    "dns": "while the name was looked up",
    "tcp": "while TCP connected",
    "proxy": "while the proxy was asked",
    "tls": "in the TLS handshake",
    "upgrade": "in the HTTP upgrade",
    "first_message": "before the first message",
    "open": "while the WebSocket was open",
    "close": "as the WebSocket was closed",
}
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")


def tell_one(code: FailureCode, *, as_json: bool) -> None:
    """Write all about a code to standard output."""
    _write(_member(code) if as_json else None, lambda width: _sections(code, width))


def tell_all(codes: Sequence[FailureCode], *, as_json: bool) -> None:
    """Write a list of codes to standard output; as a document, with all about each."""
    document = {"codes": [_member(code) for code in codes]} if as_json else None
    _write(document, lambda width: _listed(codes, width))


def _write(document: dict[str, Any] | None, lines: Callable[[int], Iterator[Text]]) -> None:
    output = Output()
    if document is not None:
        from checkwire.cli.reporters.json import format_document

        output.write(format_document(document))
        return
    console = Console(output)
    # Not console.lines(), which cuts: a command with a long word must stay whole to be copied.
    told = lines(min(console.width, _PAGE))
    console.write("".join(f"{console.render(line)}\n" for line in told))


def _member(code: FailureCode) -> dict[str, Any]:
    explanation = explanation_of(code.code)
    assert explanation is not None
    return {
        "code": code.code,
        "title": code.title,
        "blame": code.blame,
        "phase": code.phase,
        "retryable": code.retryable,
        "hint": code.hint,
        "messages": list(explanation.messages),
        "cause": explanation.cause,
        "confirm": [{"command": look.command, "shows": look.shows} for look in explanation.confirm],
        "faults": [fault.name for fault in faults_of(code.code)],
        "remedy": explanation.remedy,
        "evidence": explanation.evidence,
        "see": list(explanation.see),
    }


# A list


def _listed(codes: Sequence[FailureCode], width: int) -> Iterator[Text]:
    column = max(len(code.code) for code in codes) + 4
    family = ""
    for code in codes:
        own = code.code.partition(".")[0]
        if own != family:
            if family:
                yield Text()
            yield from _hanging(Text(own, "bold"), FAMILIES[own], _COLUMN, width)
            family = own
        yield from _hanging(Text("  ").add(code.code), code.title, column, width, "dim")
    if len(codes) > 1:
        yield Text()
        yield Text("checkwire explain CODE", "bold").add(" says more on one", "dim")


# One code


def _sections(code: FailureCode, width: int) -> Iterator[Text]:
    explanation = explanation_of(code.code)
    assert explanation is not None
    title = Text(code.code, "bold").add("  ").add(code.title)
    if title.width <= width:
        yield title
    else:
        yield Text(code.code, "bold")
        yield from (Text(line) for line in wrap(code.title, width))
    yield Text()
    yield from _facts(code, width)
    yield from _section("What it says", _messages(explanation, width))
    yield from _section("Cause", _prose(explanation.cause, width))
    yield from _section("How to confirm it", _looks(explanation, width))
    yield from _section("See it happen", _served(code, width))
    yield from _section("What to do", _prose(explanation.remedy, width))
    yield from _section("Evidence", _evidence(explanation, width))
    yield from _section("See", _prose(", ".join(explanation.see), width))


def _served(code: FailureCode, width: int) -> Iterator[Text]:
    """How to have it on purpose."""
    for fault in faults_of(code.code):
        said = fault.does if fault.serves else f"prints a check that {fault.does}"
        yield Text("  ").add("$ ", "dim").add(fault.command, "sent")
        for number, line in enumerate(wrap(said, width - 6)):
            yield Text("    ").add("  " if number else "→ ", "dim").add(line)


def _facts(code: FailureCode, width: int) -> Iterator[Text]:
    facts: list[tuple[str, str, str]] = [("blame", code.blame, _BLAMES[code.blame])]
    if code.phase is not None:
        facts.append(("phase", code.phase, _PHASES.get(code.phase, "")))
    retry = (
        ("yes", "trying again can help")
        if code.retryable
        else ("no", "it fails so until something changes")
    )
    facts.append(("retry", *retry))
    for name, value, meaning in facts:
        line = Text("  ").add(name, "dim")
        yield from _hanging(line, f"{value}: {meaning}", _COLUMN, width)


def _section(heading: str, lines: Iterable[Text]) -> Iterator[Text]:
    for number, line in enumerate(lines):
        if number == 0:
            yield Text()
            yield Text(heading, "bold")
        yield line


def _messages(explanation: Explanation, width: int) -> Iterator[Text]:
    for message in explanation.messages:
        said = _PLACEHOLDER.sub(r"<\1>", message)
        for number, line in enumerate(wrap(said, width - 4)):
            yield Text("    " if number else "  ").add(line)


def _prose(text: str, width: int) -> Iterator[Text]:
    for number, paragraph in enumerate(text.split("\n\n") if text else ()):
        if number:
            yield Text()
        for part in paragraph.split("\n"):
            item = part.startswith("- ")
            for at, line in enumerate(wrap(part.removeprefix("- "), width - (4 if item else 2))):
                yield Text("  ").add(("- " if at == 0 else "  ") if item else "").add(line)


def _looks(explanation: Explanation, width: int) -> Iterator[Text]:
    for look in explanation.confirm:
        for number, line in enumerate(command_lines(look.command, width - 6)):
            yield Text("  ").add("      " if number else "$ ", "dim").add(line, "sent")
        for number, line in enumerate(wrap(look.shows, width - 6)):
            yield Text("    ").add("  " if number else "→ ", "dim").add(line)


def _evidence(explanation: Explanation, width: int) -> Iterator[Text]:
    column = max(map(len, explanation.evidence), default=0) + 4
    for key, meaning in explanation.evidence.items():
        yield from _hanging(Text("  ").add(key), meaning, column, width, "dim")


def _hanging(line: Text, text: str, column: int, width: int, style: str = "") -> Iterator[Text]:
    """A text beside what the line has, its further lines below its first; on a narrow terminal
    below it."""
    column = max(column, line.width + 1)
    if width - column < 30:
        yield line
        line, column = Text("    "), 4
    line.pad(column)
    for part in wrap(text, width - column):
        yield line.add(part, style)
        line = Text().pad(column)
