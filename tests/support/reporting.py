"""Letting a reporter tell of sample runs, and catching what it says."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from checkwire.cli.reporters import Finish, open_reporters, parse_reporters
from checkwire.model.attempt import Run
from checkwire.model.failures import Failure
from support import samples

__all__ = ["report"]


def report(
    runs: Sequence[Run],
    *reporters: str,
    width: int = 100,
    verbosity: int = 0,
    broken: Sequence[Failure] = (),
    environ: Mapping[str, str] | None = None,
    finish: Finish | None = None,
) -> str:
    """What these reporters write to standard output, which is a pipe."""
    stdout = io.StringIO()
    told = open_reporters(
        parse_reporters(reporters),
        verbosity=verbosity,
        stdout=stdout,
        environ={"COLUMNS": str(width), **(environ or {})},
    )
    try:
        told.start(samples.start_of(runs, broken))
        for run in runs:
            if run.status != "skipped":
                told.check_started(run.check)
            for attempt in run.attempts:
                for event in attempt.events:
                    told.event(run.check, event)
            told.run_finished(run)
        told.finish(finish or samples.finish_of(runs))
    finally:
        told.close()
    return stdout.getvalue()
