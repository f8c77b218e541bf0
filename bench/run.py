"""The project's benchmarks, beside its peers: see README.md.

Usage: ``python bench/run.py [SUITE...] [--quick] [--write]``
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from harness.machine import describe
from harness.peers import BENCH, certificates

SUITES = (
    "fidelity",
    "saturated",
    "cycles",
    "throughput",
    "memory",
    "verdicts",
    "process",
    "isolation",
    "shared",
    "declared",
    "soak",
    "node",
    "planning",
    "storage",
    "serving",
)


def main() -> None:
    """Run what is asked for, and print its tables."""
    parser = argparse.ArgumentParser(description="Compare Checkwire with its peers.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: for a first look")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"there is no suite {', '.join(sorted(unknown))}: {', '.join(SUITES)}")
    with tempfile.TemporaryDirectory() as folder:
        files = certificates(Path(folder))
        for suite in arguments.suites or SUITES:
            machine = f"{time.strftime('%Y-%m-%d')}: {describe()}."
            measure = getattr(import_module(f"suites.{suite}"), suite)
            text = f"{machine}\n\n{measure(files, 2 if arguments.quick else 7)}"
            print(f"## {suite}\n\n{text}\n", flush=True)
            if arguments.write:
                _write(suite, text)


def _write(suite: str, text: str) -> None:
    readme = BENCH / "README.md"
    pattern = rf"(<!-- {suite} -->\n).*?(<!-- /{suite} -->)"
    old = readme.read_text()
    new = re.sub(pattern, lambda match: f"{match[1]}\n{text}\n\n{match[2]}", old, flags=re.DOTALL)
    if new == old:
        sys.exit(f"README.md has no place for {suite}")
    readme.write_text(new)


if __name__ == "__main__":
    main()
