"""Type checkers know what the SDK returns, and see mistakes before a check is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "typing_sample.py"


def test_a_sample_check_is_typed_strictly(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    options = ["--strict", "--warn-unused-ignores", "--follow-imports=silent", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, f"--cache-dir={tmp_path}", str(SAMPLE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0, done.stderr
