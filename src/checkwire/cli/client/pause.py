"""Taking checks out of the schedule, and back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import msgspec

from checkwire.cli.client.access import find_access
from checkwire.cli.client.answers import CheckAnswer, decoded, full_name, watches_several
from checkwire.cli.client.finding import find_checks
from checkwire.cli.client.server import Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import ago
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import MARKS
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text

__all__ = ["set_paused"]


def set_paused(
    names: Sequence[str], paused: bool, server: str | None, token: str | None, as_json: bool
) -> None:
    """Pause checks, or resume them; all of them are found before the first is changed.

    Raises:
        CheckwireError: a check is not known, or the server does not let us.
    """
    asked = Server(find_access(server, token))
    verb = "pause" if paused else "resume"
    checks = [
        decoded(asked.post(f"/checks/{check.uid}/{verb}"), CheckAnswer, asked)
        for check in find_checks(asked, names)
    ]
    output = Output()
    if as_json:
        document = {"server": asked.access.server, "checks": msgspec.to_builtins(checks)}
        output.write(format_document(document))
        return
    Console(output).lines(_lines(checks, watches_several(asked)))


def _lines(checks: Sequence[CheckAnswer], several: bool) -> Iterator[Text]:
    now_ns = time.time_ns()
    for check in checks:
        mark = MARKS["skipped" if check.paused else "passed"]
        line = Text("  ").add(mark.shape, mark.style).add(f" {full_name(check, several)}  ")
        if check.paused:
            yield line.add("paused: checkwire resume plans runs again", "dim")
        elif check.next_due_ns is None:
            scheduled = check.every is not None or check.cron is not None
            why = "no run is planned" if scheduled else "not scheduled: it has no every= or cron="
            yield line.add(f"not paused, and {why}", "dim")
        else:
            yield line.add(f"scheduled, due {ago(check.next_due_ns, now_ns)}", "dim")
