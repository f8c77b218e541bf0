"""How many attempts the limit of open descriptors has room for."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["DescriptorLimit", "lower_limit", "open_descriptors"]

_ENOUGH: Final = 65_536
"""More would be of no use; and where the limit is beyond all bounds, programs that close every
descriptor they might have would never come to an end."""
_PER_ATTEMPT: Final = 10
"""Four pipes, both ends while it is forked, a descriptor of its process, and one to spare."""
_MOST_WAITING: Final = 64
_FOR_OTHERS: Final = 64
"""For what this program opens beside: files, sockets, libraries."""


class DescriptorLimit:
    """Raises this process's soft limit of open descriptors as far as it may.

    Attributes:
        before: the soft limit as it was, which is what the checks' processes get.
        attempts: how many attempts may be under way at a time.
        waiting: how many processes may wait for theirs beside them.
    """

    def __init__(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.before = soft
        wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
        if soft != resource.RLIM_INFINITY and wanted > soft:
            with suppress(OSError, ValueError):  # macOS has a limit below the hard one
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                soft = wanted
        room = _ENOUGH if soft == resource.RLIM_INFINITY else soft
        processes = (room - len(open_descriptors()) - _FOR_OTHERS) // _PER_ATTEMPT
        self.waiting = max(0, min(_MOST_WAITING, processes // 4))
        self.attempts = max(1, processes - self.waiting)


def open_descriptors() -> list[int]:
    """Those of this process, and that with which they were found; none if nobody tells."""
    try:
        return [int(path.name) for path in Path("/dev/fd").iterdir()]
    except OSError:
        return []


def lower_limit(soft: int) -> None:
    """Set the soft limit of this process, if it may have that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
