"""Scales: from nanoseconds to a share of the width, and ticks at round numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Scale", "label_of", "step_for", "ticks"]


class Scale(NamedTuple):
    """Maps ``start``..``end`` to ``left``..``right``, shares of the width."""

    start: float
    end: float
    left: float = 0.0
    right: float = 1.0

    def __call__(self, value: float) -> float:
        """Where a value lies; one outside lies at the border."""
        if self.end <= self.start:
            return self.left
        share = (value - self.start) / (self.end - self.start)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def step_for(length: float, count: int) -> float:
    """A round step (1, 2 or 5 times a power of ten) that divides a length into ``count`` or less.

    Args:
        length: of what is to be divided; nothing comes of one that is not above 0.
        count: how many parts at most.
    """
    if length <= 0:
        return 1.0
    rough = length / count
    power = 10.0
    while power > rough:
        power /= 10
    while power * 10 <= rough:
        power *= 10
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.9999)


def ticks(start: float, end: float, count: int) -> Iterator[float]:
    """Round values between two, both included."""
    step = step_for(end - start, count)
    value = -(-start // step) * step
    while value <= end + step / 1000:
        yield value
        value += step


def label_of(ns: float, step: float) -> str:
    """A tick's label, in the unit that its step calls for: ``50 ms``, ``1.5 s``, ``0``."""
    if not round(ns):
        return "0"
    if step >= 1e8 and ns >= 1e8:
        return f"{round(ns / 1e9, 3):,g} s"
    return f"{round(ns / 1e6, 6):,g} ms"
