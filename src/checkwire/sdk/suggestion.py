"""Did you mean ...? The closest known name to one that is not known."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["closest", "did_you_mean"]


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name most like ``name``, or ``None`` if none is like it.

    Args:
        name: what was written.
        known: what may have been meant.
        cutoff: how alike they must be, from 0 to 1; the more names are known, the more.
    """
    from difflib import get_close_matches  # 6 ms, and only ever needed for an error

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], quote: str = '"', cutoff: float = 0.6) -> str:
    """The end of an error's sentence: ``; did you mean "every"?``, or nothing."""
    found = closest(name, known, cutoff)
    return "" if found is None else f"; did you mean {quote}{found}{quote}?"
