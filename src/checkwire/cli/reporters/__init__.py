"""How ``checkwire test`` tells what happened: one file per reporter, found by its name.

A command does this::

    reporters = open_reporters(parse_reporters(values), verbosity=verbose)
    try:
        reporters.start(Start(checks, load_failures, workers, root))
        ...                     # check_started, event, run_finished; tick() if reporters.live
        reporters.finish(Finish(runs, duration_ns, exit_code, interrupted))
    finally:
        reporters.close()

Importing this package loads none of them.
"""

from __future__ import annotations

from checkwire.cli.reporters.base import Finish, Reporter, Start
from checkwire.cli.reporters.registry import (
    NAMES,
    Choice,
    Reporters,
    open_reporters,
    parse_reporters,
)

__all__ = [
    "NAMES",
    "Choice",
    "Finish",
    "Reporter",
    "Reporters",
    "Start",
    "open_reporters",
    "parse_reporters",
]
