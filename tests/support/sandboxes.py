"""Whether this machine has sandboxes, and projects whose checks try to get out of them."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from support.program import environment

__all__ = ["doctor", "why_there_is_none"]


def doctor(*before: str, **options: Any) -> dict[str, str]:
    """What ``checkwire doctor`` finds of sandboxes.

    Args:
        before: a command that runs it.
        options: for ``subprocess.run``.
    """
    done = subprocess.run(
        [*before, sys.executable, "-m", "checkwire", "doctor", "--json"],
        env=environment(),
        capture_output=True,
        timeout=50,
        check=False,
        **options,
    )
    findings = json.loads(done.stdout)["findings"]
    (found,) = (finding for finding in findings if finding["subject"] == "sandbox")
    return dict(found)


@cache
def why_there_is_none(*before: str) -> str:
    """Why tests that need a sandbox are skipped; empty if they are not.

    Args:
        before: a command that runs what needs it.
    """
    try:
        found = doctor(*before)
    except (OSError, ValueError) as error:
        return f"{before} cannot be run here: {error}"
    return "" if found["state"] == "good" else f"{found['fact']}: {found['advice']}"
