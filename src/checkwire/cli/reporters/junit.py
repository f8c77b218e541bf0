"""``junit``: what CI servers read."""

from __future__ import annotations

from checkwire.cli.reporters.at_end import ReporterAtEnd
from checkwire.cli.reporters.base import Finish
from checkwire.exporters.junit import junit_xml

__all__ = ["JUnitReporter"]


class JUnitReporter(ReporterAtEnd):
    """Writes the document when all is over."""

    def write(self, finish: Finish) -> None:
        order = {check.id: index for index, check in enumerate(self._start.checks)}
        runs = sorted(finish.runs, key=lambda run: order.get(run.check.id, len(order)))
        document = junit_xml(
            runs,
            load_failures=self._start.load_failures,
            unfinished=finish.unfinished,
            ended_by=finish.ended_by,
            duration_ns=finish.duration_ns,
        )
        self._output.write(document)
