"""Who did something on a server, in words for people."""

from __future__ import annotations

__all__ = ["LOCAL", "by_whom"]

LOCAL = "local"
"""The name of whoever asks where no token is required, and nobody has a name."""


def by_whom(name: str | None) -> str:
    """The end of ``paused``: `` by ops``; nothing if nobody knows.

    Args:
        name: of the token; ``local`` is nobody's, and a location's, too.
    """
    if not name:
        return ""
    return " from this machine" if name == LOCAL else f" by {name}"
