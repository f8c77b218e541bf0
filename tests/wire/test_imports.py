"""What the measured connection does not import, since each check would pay for it."""

from __future__ import annotations

import subprocess
import sys


def test_nothing_is_imported_in_vain_and_nothing_is_missing_later() -> None:
    program = (
        "import sys, checkwire.wire.opening\n"
        "assert 'importlib.metadata' not in sys.modules\n"
        "assert 'email' not in sys.modules\n"
        "import importlib.metadata\n"
        "print(importlib.metadata.version('websockets'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("17.")
