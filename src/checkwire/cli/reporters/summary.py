"""The last line: how many runs ended how, how long it took, and the exit code."""

from __future__ import annotations

from checkwire.cli.reporters.base import Finish, Start, Tally
from checkwire.cli.reporters.figures import counted
from checkwire.cli.reporters.marks import FLAKY, MARKS
from checkwire.cli.reporters.paint import Text
from checkwire.model.durations import format_ns

__all__ = ["summary_line", "summary_lines", "title_line"]

_STYLES = {"passed": "bold", "skipped": "", "error": "fail bold", "failed": "fail bold"}


def title_line(start: Start) -> Text:
    """The first line: what is about to run."""
    from checkwire._version import __version__

    files = len({check.path for check in start.checks})
    line = Text("checkwire", "bold").add(f" {__version__}", "dim")
    if start.checks:
        line.add(f"  {counted(len(start.checks), 'check')} in {counted(files, 'file')}", "dim")
        if start.workers > 1 and len(start.checks) > 1:
            line.add(f", {min(start.workers, len(start.checks))} at a time", "dim")
    if start.deselected:
        line.add(f", {start.deselected:,} deselected", "dim")
    return line


def summary_line(start: Start, finish: Finish) -> str:
    """The summary in one line, however long, as plain text."""
    (line,) = summary_lines(start, finish, 10**6)
    return line.plain


def summary_lines(start: Start, finish: Finish, width: int) -> list[Text]:
    """``2 passed, 1 degraded, 1 failed, 3 not run  in 2.3 s  exit 1``; two lines if it is long."""
    lines: list[Text] = []
    tally = Tally.of(finish.runs)
    parts: list[Text] = []
    for name in ("passed", "degraded", "failed", "error", "skipped"):
        count: int = getattr(tally, name)
        if not count:
            continue
        word = counted(count, "error") if name == "error" else f"{count:,} {name}"
        part = Text(word, _STYLES.get(name, MARKS[name].style))
        parts.append(part)
    if tally.flaky:
        parts[0].add(" (").add(f"{tally.flaky:,} {FLAKY.word}", FLAKY.style).add(")")
    doubles = {
        failure.evidence.get("id")
        for failure in start.load_failures
        if failure.code == "check.duplicate_id"
    }
    if files := sum(failure.code != "check.duplicate_id" for failure in start.load_failures):
        parts.append(Text(f"{counted(files, 'file')} not loaded", "fail bold"))
    if doubles:
        parts.append(Text(f"{counted(len(doubles), 'id')} used twice", "fail bold"))
    if stopped := len(finish.stopped):
        parts.append(Text(f"{stopped:,} stopped", "warn"))
    if not_run := len(finish.unfinished) - stopped:
        parts.append(Text(f"{not_run:,} not run", "warn"))
    line = Text()
    if finish.interrupted:
        line.add("interrupted  ", "warn bold")
    if not parts:
        parts.append(Text("no checks found", "bold"))
    took = Text("in ", "dim").add(format_ns(finish.duration_ns))
    took.add(f"  exit {finish.exit_code}", "dim")
    for number, part in enumerate((*parts, took)):
        comma = 0 < number < len(parts)
        if line.width + 3 + part.width > width:
            lines.append(line.add("," if comma else ""))
            line = Text("  ").join(part)
        else:
            line.add(", " if comma else "  " if number else "").join(part)
    return [*lines, line]
