"""What reporters have in common that are silent until all is over."""

from __future__ import annotations

import os
from collections.abc import Mapping

from checkwire.cli.reporters.base import Finish, Start
from checkwire.cli.reporters.output import Output
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event

__all__ = ["ReporterAtEnd"]


class ReporterAtEnd:
    """Remembers the start; a subclass says in ``write`` what there is to say."""

    live = False

    def __init__(
        self, output: Output, verbosity: int = 0, environ: Mapping[str, str] | None = None
    ) -> None:
        self._output = output
        self._environ = os.environ if environ is None else environ
        self._start = Start(())

    def start(self, start: Start) -> None:
        self._start = start

    def check_started(self, definition: CheckDefinition) -> None:
        pass

    def event(self, definition: CheckDefinition, event: Event) -> None:
        pass

    def tick(self) -> None:
        pass

    def run_finished(self, run: Run) -> None:
        pass

    def finish(self, finish: Finish) -> None:
        self.write(finish)
        self._output.commit()

    def write(self, finish: Finish) -> None:
        """Write the report to the output."""
        raise NotImplementedError

    def close(self) -> None:
        self._output.discard()
