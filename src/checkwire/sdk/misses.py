"""Messages that came and were not the one awaited, and which of them came closest."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from checkwire.model.failures import Failure
from checkwire.sdk.matching import Pattern, closeness, describe, project
from checkwire.sdk.values import show

if TYPE_CHECKING:
    from checkwire.model.masking import Masker

__all__ = ["Misses"]

_REMEMBERED: Final = 200
_SHOWN: Final = 3
_LENGTH: Final = 500
"""Characters of a message that are shown."""


class _Miss(NamedTuple):
    """A message: its frame's number, its content, and what the pattern raised for it, if so."""

    frame: int
    value: Any
    reason: Exception | bool | None


class Misses:
    """What did not match a pattern while a message was awaited. The last 200 are remembered.

    Attributes:
        count: how many there were.
    """

    __slots__ = ("_latest", "_where", "count")

    def __init__(self, where: Pattern) -> None:
        self._where = where
        self._latest: deque[_Miss] = deque(maxlen=_REMEMBERED)
        self.count = 0

    def add(self, frame: int, value: Any, reason: Exception | bool | None) -> None:
        """A message did not match; ``reason`` is what the pattern raised, if it did."""
        self._latest.append(_Miss(frame, value, reason))
        self.count += 1

    def failure(self, within: float, masker: Masker) -> Failure:
        """Messages came, but none that matches: ``timeout.no_match``.

        Args:
            within: seconds for which one was awaited.
            masker: hides secrets.
        """
        messages = "message" if self.count == 1 else "messages"
        none = "it does not match" if self.count == 1 else "none matches"
        wanted = describe(self._where)
        named = isinstance(wanted, str) and not isinstance(self._where, str)
        shown = wanted if named else show(wanted, masker=masker)
        return Failure(
            code="timeout.no_match",
            message=f"{self.count} {messages} came within {within:g} s, and {none} {shown}",
            hint=self._hint(),
            details=self.report(masker),
            evidence={
                "messages": self.count,
                "closest_frame": self._ranked()[0].frame,
                "expected": wanted,
            },
        )

    def report(self, masker: Masker) -> str:
        """The messages that came closest, each with its difference from what is wanted.

        If none came close, the last one.
        """
        lines: list[str] = []
        for miss in self._ranked()[:_SHOWN]:
            if fits := self._fits(miss):
                lines += [""] if lines else []
                lines.append(f"frame {miss.frame}, {fits}% of what is wanted:")
                lines += [f"  {line}" for line in self._compared(miss, masker)]
        if not lines:
            last = self._latest[-1]
            lines = [f"frame {last.frame}, the last one:"]
            lines += [f"  {line}" for line in self._shown(last, masker)]
        return "\n".join(lines)

    def _fits(self, miss: _Miss) -> int:
        """How many percent of what is wanted it has."""
        return round(100 * closeness(self._where, miss.value))

    def _ranked(self) -> list[_Miss]:
        # The latest of equally close ones: it is the one to be found at the transcript's end.
        return sorted(
            self._latest,
            key=lambda miss: (closeness(self._where, miss.value), miss.frame),
            reverse=True,
        )

    def _compared(self, miss: _Miss, masker: Masker) -> list[str]:
        from checkwire.sdk.diff import diff

        where, value = self._where, miss.value
        if isinstance(where, dict | list | tuple) and isinstance(value, dict | list):
            changes = diff(describe(where), project(where, value), masker=masker)
            if changes:
                return changes
        return self._shown(miss, masker)

    def _shown(self, miss: _Miss, masker: Masker) -> list[str]:
        lines = [show(miss.value, _LENGTH, masker)]
        if isinstance(miss.reason, Exception):
            raised = f"where= raised {type(miss.reason).__name__}: {miss.reason}"
            lines.append(masker.text(raised))
        return lines

    def _hint(self) -> str:
        where = self._where
        if isinstance(where, str) and any(
            isinstance(miss.value, str) and where in miss.value for miss in self._latest
        ):
            return f"where= is the whole message; for a part of it write re.compile({where!r})"
        if not any(map(self._fits, self._latest)):
            return "What did come is in the transcript; the last one is shown"
        return ""
