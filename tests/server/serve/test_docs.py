"""What docs/server.md says is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

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
