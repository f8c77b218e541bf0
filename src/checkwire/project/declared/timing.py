"""How long a step may take before the check is degraded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import Scope, literal
from checkwire.project.declared.source import Source, string
from checkwire.project.positions import Path

__all__ = ["timed"]


@contextmanager
def timed(
    step: dict[str, Any], path: Path, scope: Scope, reading: Reading, out: Source
) -> Iterator[None]:
    """Write, around what is written meanwhile, that it takes no longer than the step says."""
    limit = step.get("degraded")
    if limit is None or "url" in step:  # Of a whole check, its option says so.
        yield
        return
    origin = reading.line((*path, "degraded"))
    out.add(f"began = {scope.use('time', '')}.monotonic()", origin)
    yield
    name = string(str(step.get("name", "the step")).strip())
    elapsed = f"{scope.use('expect')}(time.monotonic() - began, {name})"
    out.add(f"{elapsed}.below({_as_text(limit)})", origin)


def _as_text(limit: Any) -> str:
    """The limit with a unit: so a number is known to be a time."""
    return str(literal(limit if isinstance(limit, str) else f"{limit}s"))
