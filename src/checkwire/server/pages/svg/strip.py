"""The strip of runs: a bar for each, as tall as it took long; shape and tone say how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.pages.svg.markup import pc, tag, title

__all__ = ["Bar", "strip"]

_NOTCH = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """A run, from the oldest to the newest. ``duration_ns`` is None if it never began."""

    href: str
    tone: str
    title: str
    duration_ns: int | None
    current: bool = False


def strip(bars: Sequence[Bar], *, label: str, room: int = 48, height: int = 30) -> Markup:
    """Draw the runs, the newest at the right, whether or not there are as many as there is room.

    Links are for the pointer: those who use the keyboard have the list of runs, and ``[`` ``]``.
    """
    shown = list(bars)[-room:]
    times = sorted(bar.duration_ns for bar in shown if bar.duration_ns)
    # A bar of the usual duration stands at a bit more than half of the height.
    usual = times[len(times) // 2] if times else 1
    first = room - len(shown)
    parts = [_bar(bar, (first + i) / room, 1 / room, height, usual) for i, bar in enumerate(shown)]
    rail = tag("line", x1="0", x2="100%", y1=height - 0.5, y2=height - 0.5, class_="rail")
    return tag(
        "svg",
        rail,
        *parts,
        class_="strip",
        width="100%",
        height=height,
        role="group",
        aria_label=label,
    )


def _bar(bar: Bar, left: float, width: float, height: int, usual: int) -> Markup:
    if bar.duration_ns is None:
        tall = 3.0
    elif bar.tone == "fail":
        tall = height - 1.0
    else:
        tall = min(max(bar.duration_ns / usual * 0.55, 0.25), 0.9) * height
    top = height - tall
    parts = [title(bar.title)]
    inner = (pc(left + width * 0.12), pc(width * 0.76))
    parts.append(tag("rect", x=inner[0], width=inner[1], y=top, height=tall, class_="run"))
    if bar.tone == "fail":
        # The notch: a failed run shows without its colour, too.
        notch = tag("path", d="M0 0h10L5 5z", class_="notch")
        parts.append(
            tag(
                "svg",
                notch,
                x=inner[0],
                y=top,
                width=inner[1],
                height=_NOTCH,
                viewBox="0 0 10 5",
                preserveAspectRatio="none",
            )
        )
    if bar.current:
        parts.append(tag("rect", x=inner[0], width=inner[1], y=0, height=height, class_="current"))
    hit = tag("rect", x=pc(left), width=pc(width), y=0, height=height, class_="hit")
    return tag(
        "a",
        *parts,
        hit,
        href=bar.href,
        tabindex=-1,
        class_=bar.tone,
        aria_label=bar.title,
        aria_current="true" if bar.current else None,
    )
