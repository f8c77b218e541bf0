"""Why there is no sandbox to be had."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["NoSandbox", "part"]


class NoSandbox(Exception):  # noqa: N818 - what is the matter
    """A part of the sandbox is not to be had here; the message says which, why, and what to do."""


@contextmanager
def part(name: str, advice: str) -> Iterator[None]:
    """Tell what the kernel refuses in here as the lack of that part of a sandbox."""
    try:
        yield
    except OSError as error:
        why = "as many as may be" if error.errno == errno.ENOSPC else error.strerror
        raise NoSandbox(f"no {name} ({why}): {advice}") from None
