"""One line per run: its mark, name, duration, and the facts that fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checkwire.cli.reporters.figures import counted, ms
from checkwire.cli.reporters.marks import FLAKY, Mark, fate_of, mark_of_run
from checkwire.cli.reporters.paint import Text, clean, width_of
from checkwire.model.attempt import Attempt, Run, folded
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_ns
from checkwire.model.events import HttpExchange
from checkwire.model.failures import Failure

__all__ = ["check_line", "failure_line", "file_line", "name_column", "notes"]

_DURATION = 8
_GAP = 2
_LONGEST_NAME = 48


def name_column(checks: Iterable[CheckDefinition], width: int) -> int:
    """Columns for the names, so that the durations of all checks stand under each other."""
    longest = max((width_of(clean(check.name)) for check in checks), default=0)
    return min(longest, _LONGEST_NAME, width // 2 - 6)


def file_line(path: str) -> Text:
    """The heading of the checks in one file."""
    return Text(path, "bold")


def check_line(run: Run, names: int, width: int) -> Text:
    """``● orderbook-snapshot  412 ms  connect 131  first 187  1 sent  2 received``."""
    mark = mark_of_run(run)
    line = _begin(mark, run.check.name, names)
    if run.status == "skipped":
        line.add("skipped".rjust(_DURATION), "dim").add("  ")
        return line.add(run.skipped, "dim").cut(width)
    bold = "bold" if run.status in ("passed", "degraded") else "fail bold"
    line.add(format_ns(run.duration_ns).rjust(_DURATION), bold)
    if run.status in ("passed", "degraded") and run.attempts:
        if run.flaky:
            line.add("  ").add(f"passed on attempt {len(run.attempts)}", FLAKY.style)
        if run.status == "degraded" and (failure := run.attempts[-1].failure):
            return line.add("  ").add(failure.message, "dim").cut(width)
        for fact in _facts(run.attempts[-1]):
            if line.width + _GAP + len(fact) > width:
                break
            line.add("  ").add(fact, "dim")
        return line.cut(width)
    if run.status == "error":
        line.add("  ").add("error", "fail bold")
    retried = f"  {len(run.attempts)} attempts" if len(run.attempts) > 1 else ""
    failure = run.attempts[-1].failure if run.attempts else None
    if failure is not None:
        line.add("  ").add(failure.message, "dim")
    return line.cut(width - len(retried)).add(retried, "dim")


def failure_line(failure: Failure, width: int) -> Text:
    """The line of a load failure: the file's name stands above."""
    mark = Text("  ").add("✕", "fail").add(f" {fate_of(failure)}", "fail bold")
    return mark.add("  ").add(failure.message, "dim").cut(width)


def notes(run: Run, width: int) -> Iterator[Text]:
    """What a passed run has to say beyond its line: earlier attempts, degradations, warnings."""
    if run.status not in ("passed", "degraded") or not run.attempts:
        return
    *earlier, last = run.attempts
    for attempt in earlier:
        message = attempt.failure.message if attempt.failure else attempt.status
        line = Text("    ").add(f"attempt {attempt.number}", "dim").add("  ✕ ", "fail")
        yield line.add(message, "dim").cut(width)
    if run.status == "passed":
        for failed in folded(last.failures):
            line = Text("    ").add("▲ warning  ", "warn").add(failed.failure.message)
            yield line.add("  ").add(failed.failure.code, "dim").cut(width)


def _begin(mark: Mark, name: str, names: int) -> Text:
    style = {"fail": "fail bold", "dim": "dim"}.get(mark.style, "")
    line = Text("  ").add(mark.shape, mark.style).add(" ")
    shown = Text(name, style).cut(names)
    return line.join(shown).pad(4 + names + _GAP)


def _facts(attempt: Attempt) -> Iterator[str]:
    connections = attempt.connections
    if len(connections) > 1:
        yield counted(len(connections), "connection")
    if connections:
        first = connections[0]
        if (opened := first.phase("open")) is not None:
            yield f"connect {ms(opened.duration_ns)}"
            if (message := first.phase("first_message")) is not None:
                yield f"first {ms(opened.duration_ns + message.duration_ns)}"
        ends = [connection.closed for connection in connections if connection.closed is not None]
        if ends:
            yield f"{sum(end.messages_out for end in ends):,} sent"
            yield f"{sum(end.messages_in for end in ends):,} received"
    requests = sum(isinstance(event, HttpExchange) for event in attempt.events)
    if requests:
        yield counted(requests, "request")
