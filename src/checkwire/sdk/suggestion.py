"""Did you mean ...? The closest known name to one that is not known."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["closest", "closest_ones", "did_you_mean"]


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name most like ``name``, or ``None`` if none is like it.

    Args:
        name: what was written.
        known: what may have been meant.
        cutoff: how alike they must be, from 0 to 1; the more names are known, the more.
    """
    found = closest_ones(name, known, 1, cutoff)
    return found[0] if found else None


def closest_ones(name: str, known: Iterable[str], n: int, cutoff: float = 0.6) -> list[str]:
    """Up to ``n`` of the known names that are like ``name``, the most alike first.

    The other arguments are those of :func:`closest`.
    """
    from difflib import get_close_matches  # 6 ms, and only ever needed for an error

    by_lower = {candidate.lower(): candidate for candidate in known}
    return [by_lower[match] for match in get_close_matches(name.lower(), by_lower, n, cutoff)]


def did_you_mean(name: str, known: Iterable[str], quote: str = '"', cutoff: float = 0.6) -> str:
    """The end of an error's sentence: ``; did you mean "every"?``, or nothing."""
    found = closest(name, known, cutoff)
    return "" if found is None else f"; did you mean {quote}{found}{quote}?"
