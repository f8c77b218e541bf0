"""Everything about a run that did not pass, so that it need not be run again to be understood."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from checkwire.cli.reporters.again import Again, again_lines
from checkwire.cli.reporters.evidence import evidence_lines
from checkwire.cli.reporters.excerpt import excerpt
from checkwire.cli.reporters.marks import MARKS, Mark, fate_of, mark_of_failed, mark_of_run
from checkwire.cli.reporters.paint import Text, wrap
from checkwire.cli.reporters.phases import phase_lines
from checkwire.cli.reporters.transcript import transcript
from checkwire.model.attempt import Attempt, Connection, Run, Step, folded
from checkwire.model.durations import format_ns
from checkwire.model.events import Failed, Logged
from checkwire.model.failures import CODES, SELF_TELLING, Failure, Location, code_of

__all__ = ["load_failure_block", "run_block"]

_PAGE = 100
"""Sentences are not wider than this, however wide the terminal is."""

_MAX_LOGS = 10
_MAX_STEPS = 12
_INDENT = "  "


def run_block(
    run: Run, width: int, verbosity: int = 0, root: str = ".", again: Again | None = None
) -> Iterator[Text]:
    """The block of one run.

    Args:
        run: one that has at least one attempt.
        width: columns of the terminal.
        verbosity: 0 shows the last messages, 1 all transcripts, 2 headers and payloads too.
        root: the project's folder, for the command that runs it again from the current one.
        again: the options of that command.
    """
    attempt = run.attempts[-1]
    headline = next((f for f in attempt.failures if f.failure == attempt.failure), None)
    yield from _headline(run, attempt, headline, width)
    if headline is not None:
        connection = _connection(attempt, headline)
        yield Text()
        yield from _failure(headline.failure, connection, attempt, width)
    else:
        connection = attempt.connections[0] if attempt.connections else None
    yield from _section(_others(attempt, headline, width))
    if verbosity:
        for one in run.attempts:
            if len(run.attempts) > 1:
                yield Text()
                line = Text(_INDENT).add("attempt ", "dim")
                yield _attempt_line(one, line, attempt).cut(width)
            yield from _section(transcript(one, width, everything=verbosity > 1))
    elif headline is not None:
        yield from _section(iter(excerpt(attempt, headline, width)))
    if connection is not None:
        yield from _section(iter(phase_lines(connection, headline, width)))
    facts = _facts(run, attempt, width, verbosity)
    more = _explained(headline.failure if headline is not None else None)
    command = again_lines(run.check, again or Again(), root, width)
    yield from _section(chain(facts, more, command))


def load_failure_block(failure: Failure, width: int) -> Iterator[Text]:
    """The block of a load failure."""
    place = _place(failure.location)
    name = failure.location.path if failure.location else "checkwire"
    yield from _title(MARKS["error"], name, fate_of(failure), place, width)
    yield Text()
    yield from _failure(failure, None, None, width)
    yield from _section(_explained(failure))


def _explained(failure: Failure | None) -> Iterator[Text]:
    """Where more on the code is to be had."""
    if failure is not None and failure.code in CODES and failure.code not in SELF_TELLING:
        line = Text(_INDENT).add("explain", "dim").pad(12)
        yield line.add(f"checkwire explain {failure.code}", "dim")


def _section(lines: Iterator[Text]) -> Iterator[Text]:
    """The lines with a blank one before them, if there are any."""
    for number, line in enumerate(lines):
        if number == 0:
            yield Text()
        yield line


def _headline(run: Run, attempt: Attempt, headline: Failed | None, width: int) -> Iterator[Text]:
    location = headline.failure.location if headline is not None else None
    place = _place(location) or f"{run.check.path}:{run.check.line}"
    step = _step(attempt, headline)
    what = f"step {step.number}, {step.name}" if step is not None else ""
    if run.status == "error":
        what = f"error in {what}" if what else "error"
    yield from _title(mark_of_run(run), run.check.name, what, place, width)


def _title(mark: Mark, name: str, what: str, place: str, width: int) -> Iterator[Text]:
    """``✕ name  what                     place``; the place on a line of its own if need be."""
    page = min(width, _PAGE)
    bold = f"{mark.style} bold" if mark.style in ("fail", "warn") else "bold"
    line = Text(mark.shape, mark.style).add(" ").add(name, bold)
    if what:
        line.add("  ").add(what, "bold")
    shown = Text(place)
    if line.width + 2 + shown.width <= page:
        yield line.pad(page - shown.width).join(shown)
        return
    yield line.cut(page)
    yield Text(_INDENT).join(shown).cut(page)


def _failure(
    failure: Failure, connection: Connection | None, attempt: Attempt | None, width: int
) -> Iterator[Text]:
    page = min(width, _PAGE) - len(_INDENT)
    *lines, last = wrap(failure.message, page)
    for line in lines:
        yield Text(_INDENT).add(line)
    end = Text(_INDENT).add(last)
    if end.width + 2 + len(failure.code) > page:
        yield end
        end = Text(_INDENT).add(failure.code, "dim")
    else:
        end.add("  ").add(failure.code, "dim")
    yield end
    if hint := failure.hint or code_of(failure.code).hint:
        for number, line in enumerate(wrap(hint, page - 2)):
            yield Text(_INDENT).add("  " if number else "→ ", "dim").add(line, "dim")
    yield from _section(_details(failure, width))
    if attempt is not None:
        yield from _section(evidence_lines(failure, connection, attempt, min(width, _PAGE)))


def _details(failure: Failure, width: int) -> Iterator[Text]:
    """The source line at fault, and the lines that explain it; those of a diff in its colours."""
    source = failure.location.text.strip() if failure.location else ""
    details = failure.details.rstrip("\n")
    if source and source.partition("\n")[0] not in details:
        yield Text("    ").add(source, "bold").cut(width)
    for line in details.expandtabs(4).splitlines():
        bare = line.lstrip(" ")
        style = ""
        if bare.startswith("+ "):
            style = "pass"
        elif bare.startswith("- ") or (bare and not bare.strip("^~ ")):
            style = "fail"
        elif source and bare.startswith(source[:60]):
            style = "bold"
        elif line.startswith("  ") and " = " not in bare:
            style = "dim"
        indent = line[: len(line) - len(bare)]
        room = max(width - 4 - len(indent), 20)
        parts = wrap(bare, room - 2)
        for index, part in enumerate(parts):
            yield Text("    ").add(indent).add("  " if index else "").add(part, style).cut(width)


def _others(attempt: Attempt, headline: Failed | None, width: int) -> Iterator[Text]:
    """The failures that do not lead, with their hints; a warning's may be what matters."""
    page = min(width, _PAGE) - 4
    for failed in folded(one for one in attempt.failures if one is not headline):
        mark = mark_of_failed(failed)
        first, *rest = wrap(failed.failure.message, page - len(mark.word) - 4)
        line = Text(_INDENT).add(f"{mark.shape} {mark.word}", mark.style).add("  ").add(first)
        if rest or line.width + 2 + len(failed.failure.code) > page:
            yield line
            for text in rest:
                yield Text("    ").add(text)
            yield Text("    ").add(failed.failure.code, "dim")
        else:
            yield line.add("  ").add(failed.failure.code, "dim")
        for text in wrap(failed.failure.hint or code_of(failed.failure.code).hint, page):
            if text:
                yield Text("    ").add(text, "dim")


def _facts(run: Run, attempt: Attempt, width: int, verbosity: int) -> Iterator[Text]:
    """What stands beside: steps, what the script said, earlier attempts."""
    if len(attempt.steps) > 1:
        yield from _steps(attempt, width)
    if not verbosity:
        yield from _logs(attempt, width)
    if len(run.attempts) > 1 and not verbosity:
        for number, one in enumerate(run.attempts):
            label = "" if number else "attempts"
            line = Text(_INDENT).add(label, "dim").pad(12)
            yield _attempt_line(one, line, attempt).cut(width)


def _steps(attempt: Attempt, width: int) -> Iterator[Text]:
    line = Text(_INDENT).add("steps", "dim").pad(12)
    begin = line.width
    for step in attempt.steps[:_MAX_STEPS]:
        mark = MARKS.get(step.status, MARKS["failed"])
        lasted = "did not end" if step.duration_ns is None else format_ns(step.duration_ns)
        part = Text(mark.shape, mark.style).add(f" {step.name} ").add(lasted, "dim")
        if line.width > begin and line.width + 2 + part.width > width:
            yield line
            line = Text().pad(begin)
        line.add("  " if line.width > begin else "").join(part.cut(width - begin))
    if len(attempt.steps) > _MAX_STEPS:
        line.add(f"  … {len(attempt.steps) - _MAX_STEPS} more", "dim")
    yield line.cut(width)


def _logs(attempt: Attempt, width: int) -> Iterator[Text]:
    logs = [event for event in attempt.events if isinstance(event, Logged)]
    source = ""
    for number, event in enumerate(logs[-_MAX_LOGS:]):
        label = "" if event.source == source else event.source
        source = event.source
        if number == 0 and len(logs) > _MAX_LOGS:
            line = Text(_INDENT).add(label, "dim").pad(12).add("│ ", "dim")
            yield line.add(f"… {len(logs) - _MAX_LOGS:,} lines before", "dim")
            label = ""
        style = {"warning": "warn", "error": "fail"}.get(event.level, "")
        for text in event.message.rstrip("\n").splitlines()[:_MAX_LOGS] or [""]:
            line = Text(_INDENT).add(label, "dim").pad(12).add("│ ", "dim")
            yield line.add(text.expandtabs(4), style).cut(width)
            label = ""


def _attempt_line(attempt: Attempt, line: Text, last: Attempt) -> Text:
    mark = MARKS[attempt.status]
    line.add(f"{attempt.number} ", "dim").add(mark.shape, mark.style)
    line.add(f" {format_ns(attempt.duration_ns)}")
    if attempt.failure is not None:
        if attempt is last:
            return line.add("  as above", "dim")
        told = last.failure
        if told is not None and (attempt.failure.code, attempt.failure.message) == (
            told.code,
            told.message,
        ):
            return line.add("  the same", "dim")
        line.add("  ").add(attempt.failure.message, "dim")
        return line.add("  ").add(attempt.failure.code, "dim")
    return line.add("  ").add(attempt.status, "dim")


def _step(attempt: Attempt, headline: Failed | None) -> Step | None:
    number = headline.step if headline is not None else 0
    return next((step for step in attempt.steps if step.number == number), None)


def _connection(attempt: Attempt, headline: Failed) -> Connection | None:
    number = headline.failure.connection
    if number is None:
        return attempt.connections[-1] if attempt.connections else None
    return next((one for one in attempt.connections if one.number == number), None)


def _place(location: Location | None) -> str:
    return "" if location is None else f"{location.path}:{location.line}"
