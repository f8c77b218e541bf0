"""Forgotten awaits: a coroutine that nobody awaits does nothing, and must not do so in silence."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from types import CoroutineType
from typing import Any, Final

from checkwire.model.errors import UsageError
from checkwire.sdk.context import Context, Site, current, is_ours

__all__ = ["notice_forgotten_awaits", "tell_forgotten"]

_DEPTH: Final = 6
"""Frames remembered of a coroutine's making: those of the SDK, and the script's above them."""


def notice_forgotten_awaits() -> None:
    """From now on a coroutine that is dropped without having been awaited is ``check.usage``.

    For the process, and for coroutines made in the calling thread. Python calls the hook used here
    for every such coroutine (``PyErr_WarnUnawaitedCoroutine``), where a warning could be filtered
    away by any library.
    """
    sys.set_coroutine_origin_tracking_depth(_DEPTH)
    warnings._warn_unawaited_coroutine = _forgotten  # type: ignore[attr-defined]


def tell_forgotten(values: Iterable[object]) -> UsageError | None:
    """Tell of each of these values that is a coroutine of the script's that nobody awaited.

    Returns:
        What to raise for the first one told; ``None`` if there was none.
    """
    mistake: UsageError | None = None
    for value in values:
        if isinstance(value, CoroutineType) and _is_new(value):
            told = _tell(current(), value)
            value.close()
            mistake = mistake or told
    return mistake


def _is_new(coroutine: CoroutineType[Any, Any, Any]) -> bool:
    return coroutine.cr_frame is not None and coroutine.cr_frame.f_lasti < 1


def _forgotten(coroutine: CoroutineType[Any, Any, Any]) -> None:
    with suppress(Exception):  # Wherever it is dropped, nobody could handle an exception.
        _tell(current(), coroutine)


def _tell(context: Context, coroutine: CoroutineType[Any, Any, Any]) -> UsageError | None:
    site, name = _origin(coroutine)
    if is_ours(site[0]) or not context.owns(site[0]):
        return None
    return context.misused(
        f"{name}() was called without await, so it did nothing: write `await` before it", site
    )


def _origin(coroutine: CoroutineType[Any, Any, Any]) -> tuple[Site, str]:
    """Where in the script the coroutine was made, and the function called for it there."""
    name = coroutine.__name__
    for path, line, function in coroutine.cr_origin or ():
        if not is_ours(path):
            return (path, line), name
        name = function
    return ("", 0), name
