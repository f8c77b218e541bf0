"""``checkwire doctor``: whether this machine has what Checkwire needs."""

from __future__ import annotations

from pathlib import Path

import click

from checkwire.cli.help import ExampleCommand
from checkwire.cli.places import data_options

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire doctor", "this machine, and the data of this project's server"),
        ("checkwire doctor --data /var/lib/checkwire", "data elsewhere"),
        ("checkwire doctor --json", "for programs"),
    ),
)
@data_options
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
def command(data: Path | None, database: str | None, as_json: bool) -> int:
    """Look whether this machine has what Checkwire needs.

    Each line is a fact: ● good, ▲ works but worth a look, ✕ Checkwire cannot do its work, ○ not
    there, or cannot be told. What can be done about it stands below.

    Exit status: 0, or 1 if there is a ✕.
    """
    from checkwire.cli.diagnosis.examination import examine, tell

    findings = examine(data, database)
    status = 1 if any(finding.state == "bad" for finding in findings) else 0
    tell(findings, status, as_json=as_json)
    return status
