"""``list``: a line per check, grouped by file; then a block for each that did not pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from checkwire.cli.reporters.base import Finish, Start
from checkwire.cli.reporters.check_line import (
    check_line,
    failure_line,
    file_line,
    name_column,
    notes,
)
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.live import LiveArea
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.cli.reporters.progress import Progress
from checkwire.cli.reporters.summary import summary_lines, title_line
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event

__all__ = ["ListReporter"]

_GRAVITY = {"skipped": 0, "passed": 0, "degraded": 1, "failed": 2, "error": 2}


class ListReporter:
    """Tells people, as it goes.

    On a terminal the lines come in the order of the files, whatever finishes first; what is still
    running, or waits for its place, is drawn below them. Elsewhere each line is written when its
    run finishes, and the file's name is repeated where lines of several files mix.

    Args:
        output: where to write.
        verbosity: 1 shows the transcript of every attempt, 2 headers and whole payloads too.
        environ: for colours and width.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        output: Output,
        verbosity: int = 0,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._output = output
        self._verbosity = verbosity
        self._console = Console(output, environ)
        self.live = self._console.live
        self._area = LiveArea(self._console, self._live_lines) if self.live else None
        self._progress = Progress(clock)
        self._start = Start(())
        self._printed: set[str] = set()
        self._waiting: dict[str, Run] = {}
        self._file: str | None = None

    def start(self, start: Start) -> None:
        self._start = start
        self._progress.start(start.checks)
        lines = [title_line(start), Text()]
        for failure in start.load_failures:
            lines += self._heading(failure.location.path if failure.location else "")
            lines.append(failure_line(failure, self._console.width))
        self._print(lines)

    def check_started(self, definition: CheckDefinition) -> None:
        self._progress.started(definition)

    def event(self, definition: CheckDefinition, event: Event) -> None:
        self._progress.event(definition, event)

    def tick(self) -> None:
        if self._area is not None:
            self._area.draw()

    def run_finished(self, run: Run) -> None:
        self._progress.finished(run)
        if self._area is None:
            self._print(self._run_lines(run))
            return
        self._waiting[run.check.id] = run
        lines: list[Text] = []
        for check in self._start.checks:
            if check.id in self._printed:
                continue
            due = self._waiting.pop(check.id, None)
            if due is None:
                break
            lines += self._run_lines(due)
        self._area.draw(lines)

    def finish(self, finish: Finish) -> None:
        if self._area is not None:
            self._area.erase()
        # Those that waited for one which never finished.
        rest = [line for run in self._waiting.values() for line in self._run_lines(run)]
        self._waiting.clear()
        self._print(rest)
        for block in self._blocks(finish):
            self._print([Text(), *block])
        width = self._console.width
        names = name_column(self._start.checks, width)
        if stopped := self._progress.stopped(finish.stopped, names, width):
            self._print([Text(), *stopped])
        summary = summary_lines(self._start, finish, width)
        nothing = not (finish.runs or self._start.load_failures or stopped)
        self._print(summary if nothing else [Text(), *summary])
        self._output.commit()

    def close(self) -> None:
        if self._area is not None:
            self._area.erase()
        self._output.discard()

    def _print(self, lines: list[Text]) -> None:
        if lines:
            self._console.lines(lines)

    def _heading(self, path: str) -> Iterator[Text]:
        if path != self._file:
            self._file = path
            yield file_line(path)

    def _run_lines(self, run: Run) -> list[Text]:
        self._printed.add(run.check.id)
        width = self._console.width
        names = name_column(self._start.checks, width)
        heading = self._heading(run.check.path)
        return [*heading, check_line(run, names, width), *notes(run, width)]

    def _blocks(self, finish: Finish) -> Iterator[Iterator[Text]]:
        """Load failures, then runs, the gravest last: that is where the eye is at the end."""
        width = self._console.width
        runs = [run for run in finish.runs if run.attempts]
        if not self._verbosity:
            runs = [run for run in runs if _GRAVITY[run.status]]
        if not runs and not self._start.load_failures:
            return
        # When all is well, this is not loaded.
        from checkwire.cli.reporters.failure_block import load_failure_block, run_block

        for failure in self._start.load_failures:
            yield load_failure_block(failure, width)
        order = {check.id: index for index, check in enumerate(self._start.checks)}
        runs.sort(key=lambda run: (_GRAVITY[run.status], order.get(run.check.id, len(order))))
        for run in runs:
            yield run_block(run, width, self._verbosity, self._start.root, finish.again)

    def _live_lines(self, width: int, room: int) -> list[Text]:
        names = name_column(self._start.checks, width)
        waiting = [
            check_line(run, names, width)
            for check in self._start.checks
            if (run := self._waiting.get(check.id)) is not None
        ]
        return self._progress.lines(waiting, names, width, room)
