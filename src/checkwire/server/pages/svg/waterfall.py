"""The bars of a waterfall: one drawing per phase, all to one scale."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.pages.svg.markup import pc, tag
from checkwire.server.pages.svg.scale import Scale

__all__ = ["Span", "bar", "scale_of"]

_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time. ``tone``: empty, ``hot`` (slower than usual) or ``fail``."""

    start_ns: int
    end_ns: int
    tone: str = ""


def scale_of(spans: list[Span], *, last: int | None = None) -> Scale:
    """A scale for all of them.

    Args:
        spans: in the order of time.
        last: index of one that may be cut, so that a long wait for the first message leaves room
            to see how the connection was made: it gets half of the room at most.
    """
    if not spans:
        return Scale(0, 1)
    start = min(span.start_ns for span in spans)
    end = max(span.end_ns for span in spans)
    if last is not None:
        before = max(
            (span.end_ns for index, span in enumerate(spans) if index != last), default=start
        )
        if before > start:
            end = min(end, start + 2 * (before - start))
    return Scale(start, max(end, start + 1))


def bar(span: Span, scale: Scale) -> Markup:
    """The bar of one span, with a hairline across the whole width behind it."""
    left = min(scale(span.start_ns), 0.994)
    right = max(scale(span.end_ns), left + 0.006)
    parts = [
        tag("line", x1="0", x2="100%", y1=_HEIGHT / 2, y2=_HEIGHT / 2, class_="rail"),
        tag("rect", x=pc(left), width=pc(right - left), y=2, height=_HEIGHT - 4, class_="bar"),
    ]
    if span.end_ns > scale.end:
        # Torn off: it is longer than there is room.
        tear = tag("path", d="M-7 0l-4 5 4 4-4 5", class_="tear")
        parts.append(tag("svg", tear, x="100%", y=0, overflow="visible", width=1, height=_HEIGHT))
    return tag(
        "svg",
        *parts,
        class_=f"wf {span.tone}".rstrip(),
        width="100%",
        height=_HEIGHT,
        aria_hidden="true",
    )
