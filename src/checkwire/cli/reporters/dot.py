"""``dot``: one character per run, then what the others say at the end."""

from __future__ import annotations

from collections.abc import Mapping

from checkwire.cli.reporters.base import Finish, Start
from checkwire.cli.reporters.list import ListReporter
from checkwire.cli.reporters.marks import mark_of_run
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.cli.reporters.summary import title_line
from checkwire.model.attempt import Run

__all__ = ["DotReporter"]


class DotReporter(ListReporter):
    """``●`` passed, ``▲`` degraded, ``✕`` failed, ``E`` error, ``○`` skipped, ``↻`` flaky.

    In the order in which the runs finish.
    """

    def __init__(
        self, output: Output, verbosity: int = 0, environ: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(output, verbosity, environ)
        self.live = False
        self._area = None
        self._column = 0

    def start(self, start: Start) -> None:
        self._start = start
        self._print([title_line(start), Text()])

    def run_finished(self, run: Run) -> None:
        mark = mark_of_run(run)
        dot = Text("E" if run.status == "error" else mark.shape, mark.style)
        if self._column >= self._console.width:
            self._console.write("\n")
            self._column = 0
        self._column += 1
        self._console.write(self._console.render(dot))

    def finish(self, finish: Finish) -> None:
        if self._column:
            self._console.write("\n")
        super().finish(finish)
