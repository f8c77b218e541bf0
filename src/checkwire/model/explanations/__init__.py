"""What each failure code means at length: for ``checkwire explain`` and ``docs/failures.md``.

The texts of a family are in the file of its name, and are only imported when somebody asks.
"""

from __future__ import annotations

from importlib import import_module

from checkwire.model.explanations.base import Explanation, Look

__all__ = ["Explanation", "Look", "explanation_of"]


def explanation_of(code: str) -> Explanation | None:
    """What a code means; ``None`` if this version does not know it.

    Args:
        code: its name.
    """
    family = code.partition(".")[0]
    if not family.isidentifier() or family == "base":
        return None
    try:
        texts = import_module(f"checkwire.model.explanations.{family}")
    except ModuleNotFoundError:
        return None
    found: Explanation | None = texts.EXPLANATIONS.get(code)
    return found
