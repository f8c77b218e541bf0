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
    stopped: Sequence[Run] = (),
    not_run: Sequence[Run] = (),
) -> str:
    """What these reporters write to standard output, which is a pipe.

    Args:
        stopped: runs that begin, and are interrupted before their last event.
        not_run: runs that never begin.
    """
    if stopped or not_run:
        finish = samples.finish_of(
            runs, exit_code=130, interrupted=True, stopped=stopped, not_run=not_run
        )
    stdout = io.StringIO()
    told = open_reporters(
        parse_reporters(reporters),
        verbosity=verbosity,
        stdout=stdout,
        environ={"COLUMNS": str(width), **(environ or {})},
    )
    try:
        told.start(samples.start_of([*runs, *stopped, *not_run], broken))
        for run in stopped:
            told.check_started(run.check)
            for event in run.attempts[0].events[:-1]:
                told.event(run.check, event)
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
