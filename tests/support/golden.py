"""Expected texts that live in files, to be read by people and compared by tests.

After a change that is meant, write them anew and look at the difference::

    CHECKWIRE_GOLDEN=write pytest tests/cli/test_reporter_list.py
    git diff tests/cli/golden
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["assert_golden"]


def assert_golden(text: str, path: Path) -> None:
    """The text is what the file holds; or the file is written, if that was asked for."""
    if os.environ.get("CHECKWIRE_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"see {path}, and tests/support/golden.py"
