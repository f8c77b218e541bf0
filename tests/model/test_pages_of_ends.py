"""docs/timers.md and docs/close-codes.md are what the data says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("script", "page"), [("timers.py", "timers.md"), ("close_codes.py", "close-codes.md")]
)
def test_the_page_is_what_is_made_of_the_data(script: str, page: str) -> None:
    made = runpy.run_path(str(DOCS / script))["page"]()
    assert (DOCS / page).read_text() == made, f"write it anew: python docs/{script}"
    for table in made.split("\n\n"):
        assert len({line.count("|") for line in table.splitlines() if line[:1] == "|"}) <= 1
