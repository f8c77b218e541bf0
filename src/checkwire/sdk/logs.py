"""What a check wants to say."""

from __future__ import annotations

import json
from typing import Any, Literal

from checkwire.model.events import Logged
from checkwire.sdk.context import current, encodable
from checkwire.sdk.values import show

__all__ = ["log"]

_LONGEST = 16 * 1024
"""Characters of a line; a longer one is cut."""


class _Log:
    """``log("subscribed", channel=channel)``: a line in the transcript, with its time.

    ``log.debug``, ``log.info``, ``log.warning`` and ``log.error`` set the level; ``log(...)`` is
    ``info``. Further keywords are appended as ``name=value``.
    """

    def __call__(self, *parts: object, **fields: Any) -> None:
        self._say("info", parts, fields)

    def debug(self, *parts: object, **fields: Any) -> None:
        """Say something of interest only when looking for a fault."""
        self._say("debug", parts, fields)

    def info(self, *parts: object, **fields: Any) -> None:
        """Say something."""
        self._say("info", parts, fields)

    def warning(self, *parts: object, **fields: Any) -> None:
        """Say that something looks wrong."""
        self._say("warning", parts, fields)

    def error(self, *parts: object, **fields: Any) -> None:
        """Say that something is wrong. It does not fail the check: an ``assert`` does."""
        self._say("error", parts, fields)

    def _say(
        self,
        level: Literal["debug", "info", "warning", "error"],
        parts: tuple[object, ...],
        fields: dict[str, Any],
    ) -> None:
        context = current()
        words = [*map(_text, parts), *(f"{name}={_show(value)}" for name, value in fields.items())]
        message = context.masker.text(encodable(" ".join(words)))
        if len(message) > _LONGEST:
            message = f"{message[:_LONGEST]}… ({len(message):,} characters)"
        context.emit(
            Logged(
                at_ns=context.timeline.now(),
                message=message,
                level=level,
                step=context.step,
            )
        )


def _show(value: Any) -> str:
    if isinstance(value, str) and value and value.isprintable() and " " not in value:
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _text(value) if isinstance(value, BaseException) else show(value, _LONGEST)


def _text(value: object) -> str:
    """What ``print`` would show; a check does not fail for what it only wanted to say."""
    try:
        return str(value)
    except Exception as error:
        return f"<{type(value).__name__} whose __str__ raised {type(error).__name__}>"


log = _Log()
