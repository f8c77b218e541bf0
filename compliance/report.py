"""The results as a table, as sentences, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from compliance.run import Result, Target
from compliance.sections import TITLES

__all__ = ["as_json", "failures", "table"]


def table(results: Sequence[Result], targets: Sequence[Target]) -> str:
    """Passed of all, a line for each section and a column for each target, as Markdown."""
    rows = [["section", *(target.name for target in targets)]]
    for number, title in TITLES.items():
        of_section = [result for result in results if result.case.section == number]
        if of_section:
            rows.append([f"{number} {title}", *(_share(of_section, t) for t in targets)])
    rows.append(["**all**", *(_share(results, target) for target in targets)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(
        f"| {row[0]:{widths[0]}} | "
        + " | ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        + " |"
        for row in rows
    )


def _share(results: Iterable[Result], target: Target) -> str:
    passed = [not result.problems for result in results if result.target == target]
    return f"{sum(passed)}/{len(passed)}" if passed else "–"


def failures(results: Iterable[Result]) -> list[str]:
    """What failed, and how."""
    lines = []
    for result in results:
        if result.problems:
            case = result.case
            lines.append(f"{case.id} on {result.target.name}: {case.title} (RFC {case.rfc})")
            lines += (f"    {problem}" for problem in result.problems)
    return lines


def as_json(results: Iterable[Result]) -> str:
    """Every result, in order."""
    told = [
        {
            "case": result.case.id,
            "title": result.case.title,
            "rfc": result.case.rfc,
            "target": result.target.name,
            "passed": not result.problems,
            "problems": result.problems,
        }
        for result in results
    ]
    return json.dumps(told, indent=1, ensure_ascii=False)
