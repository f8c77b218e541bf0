"""The report of an import: what was taken over, and what has no equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from checkwire.importers.checkly.translating import Imported

__all__ = ["report_as_json", "write_report"]

SCHEMA = 1


def write_report(imported: Imported, folder: Path, output: Path | None) -> None:
    """Write the report for people to standard error."""
    taken = imported.taken
    if taken:
        _say(click.style("Taken over", bold=True))
        place = max(len(one.place) for one in taken)
        what = max(len(one.what) for one in taken)
        for one in taken:
            _say(f"  {one.place:<{place}}  {one.what:<{what}}  {one.became}")
        _say("")
    if imported.gaps:
        _say(click.style("Without an exact equal", bold=True))
        for gap in imported.gaps:
            _say(f"  {click.style(gap.place, bold=True)}: {gap.what}: {gap.why}: {gap.todo}")
        _say("")
    if not imported.checks:
        _say(f"Nothing was written: no check of {folder} could be taken over.")
        return
    checks = "1 check" if imported.checks == 1 else f"{imported.checks} checks"
    points = "1 point has" if len(imported.gaps) == 1 else f"{len(imported.gaps)} points have"
    rest = f"{points} no exact equal." if imported.gaps else "Everything has an equal."
    where = "" if output is None else f" in {output}"
    _say(f"{checks}{where}. {rest}")
    if output is not None:
        _say(f"Next: checkwire test --list {output.parent}")


def report_as_json(imported: Imported, output: Path | None) -> str:
    """The report for scripts; with the text itself, if it was not written to a file."""
    report: dict[str, Any] = {
        "schema": SCHEMA,
        "checks": imported.checks,
        "output": None if output is None else str(output),
        "taken": [
            {**_place(one.place), "what": one.what, "as": one.became} for one in imported.taken
        ],
        "without_equal": [
            {**_place(one.place), "what": one.what, "why": one.why, "todo": one.todo}
            for one in imported.gaps
        ],
    }
    if output is None:
        report["toml"] = imported.text if imported.checks else None
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def _place(place: str) -> dict[str, Any]:
    file, _, line = place.rpartition(":")
    return {"file": file, "line": int(line)}


def _say(line: str) -> None:
    click.echo(line, err=True)
