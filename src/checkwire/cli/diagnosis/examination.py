"""All that is looked at, in order, and how it is told."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from checkwire._version import __version__
from checkwire.cli.diagnosis.clock import clock_finding, zones_finding
from checkwire.cli.diagnosis.data import (
    channels_finding,
    database_finding,
    folder_findings,
    secrets_finding,
)
from checkwire.cli.diagnosis.finding import Finding, State
from checkwire.cli.diagnosis.isolation import isolation_findings
from checkwire.cli.diagnosis.limits import files_finding, processes_finding
from checkwire.cli.diagnosis.software import extras_findings, node_finding, trust_finding
from checkwire.cli.diagnosis.stamps import stamp_findings
from checkwire.cli.places import data_folder, database_url, secrets_key
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.marks import MARKS, Mark
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, wrap
from checkwire.project.discovery import find_project

__all__ = ["examine", "tell"]

_MARKS: dict[State, Mark] = {
    "good": MARKS["passed"],
    "note": MARKS["warning"],
    "unknown": MARKS["skipped"],
    "bad": MARKS["failed"],
}
_PAGE = 100


def examine(data: Path | None, database: str | None) -> list[Finding]:
    """Look at everything.

    Args:
        data: what ``--data`` says.
        database: what ``--database`` says.

    Raises:
        DefinitionError: the project's settings are not as they must be.
    """
    project = find_project(())
    folder = data_folder(data, project)
    url = database_url(database, folder)
    return [
        *stamp_findings(),
        clock_finding(),
        files_finding(),
        processes_finding(),
        *isolation_findings(),
        *folder_findings(folder),
        database_finding(url),
        secrets_finding(url, secrets_key(folder)),
        channels_finding(project, url),
        trust_finding(),
        zones_finding(),
        node_finding(),
        *extras_findings(),
    ]


def tell(findings: Sequence[Finding], status: int, *, as_json: bool) -> None:
    """Write them to standard output.

    Args:
        findings: what was found.
        status: what the command is about to exit with.
        as_json: as a document for programs.
    """
    output = Output()
    if as_json:
        import msgspec

        from checkwire.cli.reporters.json import format_document

        document = {
            "checkwire": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "exit_code": status,
            "findings": msgspec.to_builtins(list(findings)),
        }
        output.write(format_document(document))
        return
    console = Console(output)
    console.lines(_lines(findings, console.width))


def _lines(findings: Sequence[Finding], width: int) -> Iterator[Text]:
    title = Text("checkwire", "bold").add(f" {__version__}", "dim")
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    yield title.add(f"  Python {platform.python_version()}, {system}", "dim")
    yield Text()
    column = 4 + max(len(finding.subject) for finding in findings) + 2
    room = min(width, _PAGE) - column
    for finding in findings:
        mark = _MARKS[finding.state]
        line = Text("  ").add(mark.shape, mark.style).add(" ")
        line.add(finding.subject, "fail bold" if finding.state == "bad" else "").pad(column)
        style = {"good": "dim", "unknown": "dim"}.get(finding.state, "")
        for text in wrap(finding.fact, room):
            yield line.add(text, style)
            line = Text().pad(column)
        if finding.advice:
            for number, text in enumerate(wrap(finding.advice, room - 2)):
                yield Text().pad(column).add("  " if number else "→ ", "dim").add(text, "dim")
