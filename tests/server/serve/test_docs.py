"""What docs/server.md says is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.serve import Server

_ROOT = Path(__file__).parents[3]
_ROW = re.compile(r"^\| `(checkwire_\w+)` \| (\w+) \| ([\w, ]*) ?\|", re.MULTILINE)


def test_the_documented_metrics_are_those_that_are_served(checks: Callable[..., Path]) -> None:
    documented = {
        name.removesuffix("_total"): (kind, set(labels.replace(",", " ").split()))
        for name, kind, labels in _ROW.findall((_ROOT / "docs/server.md").read_text())
    }
    source = """
        import asyncio, os
        from checkwire import check, connect

        @check(every="10s")
        async def refused():
            async with connect("ws://127.0.0.1:1/"):
                pass
    """
    with Server(checks(one_check=source)) as server:
        server.wait_for(lambda: server.runs() or None)
        families = {
            family.name: (
                family.type,
                {label for s in family.samples for label in s.labels if label != "le"},
            )
            for family in text_string_to_metric_families(server.ask("/metrics"))
        }
    # No phase ended, so its labels cannot be seen.
    phase = "checkwire_phase_duration_seconds"
    assert documented.pop(phase)[0] == families.pop(phase)[0]
    for name in ("checkwire_notices_waiting", "checkwire_notices_given_up"):  # none was written
        assert documented.pop(name)[0] == families.pop(name)[0]
    assert families == documented


def _one(pattern: str, text: str) -> float:
    """The one number that is found."""
    (found,) = re.findall(pattern, text)
    return float(found.replace(",", ""))


@pytest.mark.parametrize(
    ("documented", "measured", "unit"),
    [
        (r"a run \| (\d+) ms of CPU", r"CPU per run, ms \(checks included\) \| ([\d.]+)", 1),
        (r"CPU, (\d+) MB of memory", r"memory, idle / most of it when busy, MB \| (\d+)", 1),
        (r"under way \| (\d+) MB", r"memory per attempt under way, MB \| ([\d.]+)", 1),
        (r"a million runs \| (\d+) MB", r"a million runs take (\d+) MB without transcripts", 1),
        (r"a transcript \| ([\d.]+) kB", r"transcript in the database, bytes \| ([\d,]+)", 1000),
        (r"rolled up, and a day \| ([\d.]+) kB", r"the roll-up of an hour ([\d,]+) bytes", 1000),
        (r"SQLite takes ([\d,]+) runs", r"\| SQLite \| [\d,]+ \| [\d.]+ \| ([\d,]+) \|", 1),
    ],
)
def test_how_much_machine_is_what_was_measured(documented: str, measured: str, unit: int) -> None:
    said = _one(documented, (_ROOT / "docs/server.md").read_text()) * unit
    found = _one(measured, (_ROOT / "bench/README.md").read_text())
    assert said == pytest.approx(found, rel=0.2)


def test_the_example_of_how_much_machine_is_reckoned_right() -> None:
    text = (_ROOT / "docs/server.md").read_text()
    checks, days, row, transcript, hour = 200, 30, 200e6 / 1e6, 1.2e3, 1.4e3
    a_day = checks * 60 * 24
    assert f"{a_day:,} a day" in text
    assert f"{a_day * days / 1e6:.1f} million in {days} days" in text
    assert f"{a_day / 86400:.1f} × 20 ms: {a_day / 86400 * 2:.0f} % of one" in text
    parts = (a_day * days * row, 7 * a_day * transcript, checks * 24 * days * hour)
    rows, transcripts, hours = (f"{part / 1e9:.1f} GB" for part in parts)
    assert f"= {rows}, transcripts" in text
    assert f"= {transcripts}, hours" in text
    assert f"= {hours} |" in text
    assert f"{sum(parts) / 1e9:.1f} GB: rows" in text
    last = (90 * a_day * row, 400 * 24 * checks * hour, 1830 * checks * hour)
    assert f"{last[0] / 1e9:.1f} GB of rows after 90 days" in text
    assert f"{last[1] / 1e9:.1f} GB of hours after 400 days" in text
    assert f"{last[2] / 1e9:.1f} GB of days after five years" in text
    assert f"{(sum(last) + parts[1]) / 1e9:.0f} GB: {last[0] / 1e9:.1f}" in text
