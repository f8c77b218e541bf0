"""How a connection ended, as evidence: by a FIN or by an RST, with what the kernel calls it."""

from __future__ import annotations

import errno
from typing import Any

__all__ = ["end_of", "how_it_ended", "is_reset"]


def is_reset(error: BaseException) -> bool:
    """Whether the peer threw the connection away."""
    return isinstance(error, ConnectionResetError)


def how_it_ended(error: BaseException) -> str:
    """A verb: what the peer did with the connection."""
    return "reset" if is_reset(error) else "closed"


def end_of(error: BaseException) -> dict[str, Any]:
    """The end as evidence: ``ended`` (``fin`` or ``rst``), and ``errno`` if there is one."""
    number = getattr(error, "errno", None)
    broken = is_reset(error) or number in (errno.EPIPE, errno.ECONNABORTED)
    evidence: dict[str, Any] = {"ended": "rst" if broken else "fin"}
    if number:
        evidence["errno"] = number
    return evidence
