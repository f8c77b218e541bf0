"""When a check runs, and how it is tried again."""

from __future__ import annotations

from typing import Any, Final

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap

__all__ = ["every_of", "retries_of"]

_USUAL: Final = 10
"""Minutes, where nothing says how often."""

_NETWORK: Final = ["dns", "tcp", "proxy", "tls", "http.timeout", "http.closed"]
_WITHOUT_RETRIES: Final = ("Monitor", "TcpCheck")


def every_of(check: Effective) -> tuple[str | None, list[Gap]]:
    """Time between runs; ``None`` for a check that is only run by hand."""
    if check.get("testOnly"):
        return None, []
    frequency: Any = check.get("frequency")
    offset: Any = None
    if isinstance(frequency, dict):
        frequency, offset = frequency.get("frequency"), frequency.get("frequencyOffset")
    if frequency is None:
        frequency = _USUAL
    seconds = float(frequency) * 60 if frequency else float(offset or 0)
    if not 10 <= seconds <= 86400:
        why = "here a check runs every 10 s to 24 h"
        todo = "write every, or cron, by hand"
        return None, [Gap(check.place("frequency"), check.whose("frequency"), why, todo)]
    return _duration(seconds), []


def retries_of(check: Effective) -> tuple[Any, list[Gap]]:
    """The option ``retries``; ``None`` if there is nothing to say, since there are none."""
    strategy = check.get("retryStrategy")
    if not isinstance(strategy, dict):
        double = check.get("doubleCheck")
        if double is None:  # What Checkly does with a check that says nothing.
            double = not check.kind.endswith(_WITHOUT_RETRIES)
        return ({"max": 1, "delay": "0s", "location": "other"} if double else None), []
    kind = strategy.get("type")
    if kind == "NO_RETRIES":
        return None, []
    base, most = strategy.get("baseBackoffSeconds", 60), strategy.get("maxRetries", 2)
    gaps: list[Gap] = []
    place = check.place("retryStrategy")
    retries: dict[str, Any] = {"max": 1 if kind == "SINGLE_RETRY" else most, "delay": f"{base}s"}
    if kind in ("LINEAR", "EXPONENTIAL"):
        retries = {"strategy": kind.lower(), **retries}
    if kind == "EXPONENTIAL" and most > 1 and base != 2:
        waits = ", ".join(f"{base**n} s" for n in range(1, min(most, 3) + 1))
        why = f"Checkly waits {waits}; here each wait is twice the one before"
        todo = "look whether the waits suit; delay is the first of them"
        gaps.append(Gap(place, check.whose("retryStrategy"), why, todo))
    if (longest := strategy.get("maxDurationSeconds", 600)) != 600:
        retries["max_duration"] = f"{longest}s"
    only = strategy.get("onlyOn")
    only = only if isinstance(only, list) else [only] if only else []
    if only == ["NETWORK_ERROR"]:
        retries["only"] = _NETWORK
    elif only:
        why = f"it is not known what {', '.join(map(str, only))} means here"
        todo = "write only = [...] with codes of docs/failures.md"
        gaps.append(Gap(place, f"onlyOn in {check.whose('retryStrategy')}", why, todo))
    if strategy.get("sameRegion") is False:
        retries["location"] = "other"
    return retries, gaps


def _duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
