"""Runs the cases, and tells by section what passed: ``python -m compliance``, see README.md."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from compliance.case import Case
from compliance.report import as_json, failures, table
from compliance.run import TARGETS, Result, Target, applies, run
from compliance.sections import CASES

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 if anything failed."""
    names = [target.name for target in TARGETS]
    parser = argparse.ArgumentParser(
        prog="python -m compliance", description="Does Checkwire keep to RFC 6455 and RFC 7692?"
    )
    add = parser.add_argument
    add("--case", action="append", default=[], help="6.4.1, or all of 6.4, or of 6; repeatable")
    add("--target", action="append", default=[], choices=names, help="all by default; repeatable")
    add("--json", action="store_true", help="the results as JSON")
    add("-v", "--verbose", action="store_true", help="a line for each case")
    options = parser.parse_args(arguments)
    cases = [case for case in CASES if _wanted(case, options.case)]
    if not cases:
        parser.error(f"there is no case {', '.join(options.case)}")
    targets = [target for target in TARGETS if target.name in (options.target or names)]
    started = time.monotonic()
    results = []
    for target in targets:
        for case in cases:
            if applies(case, target):
                results.append(run(case, target))
                if options.verbose:
                    _tell(results[-1])
    if options.json:
        print(as_json(results))
    else:
        _summarize(results, targets, time.monotonic() - started)
    return 1 if any(result.problems for result in results) else 0


def _wanted(case: Case, prefixes: Sequence[str]) -> bool:
    return not prefixes or any(f"{case.id}.".startswith(f"{prefix}.") for prefix in prefixes)


def _tell(result: Result) -> None:
    mark = "✕" if result.problems else "●"
    case = result.case
    line = f"{mark} {result.target.name:12} {case.id:10} {case.title} (RFC {case.rfc})"
    print(line, file=sys.stderr, flush=True)


def _summarize(results: Sequence[Result], targets: Sequence[Target], seconds: float) -> None:
    if lines := failures(results):
        print("\n".join([*lines, ""]))
    print(table(results, targets))
    cases = len({result.case.id for result in results})
    plays = sum(result.plays for result in results)
    failed = sum(1 for result in results if result.problems)
    print(f"\n{cases} cases, {len(results)} runs, {plays} connections in {seconds:.0f} s: "
          f"{failed} failed")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
