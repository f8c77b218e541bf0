"""Latency over time: a chart of p50 and p95 with an axis, and small ones without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.pages.svg.markup import pc, tag, title
from checkwire.server.pages.svg.scale import Scale, label_of, step_for, ticks

__all__ = ["Failure", "Sample", "chart", "sparkline"]

_AXIS = 20
_TOP = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """The runs of a stretch of time. Without any, ``p50_ns`` and ``p95_ns`` are None."""

    start_ns: int
    end_ns: int
    p50_ns: float | None
    p95_ns: float | None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed, marked on the axis."""

    at_ns: int
    href: str
    title: str


def chart(
    samples: Sequence[Sample],
    failures: Sequence[Failure] = (),
    *,
    times: Sequence[tuple[int, str]] = (),
    label: str,
    height: int = 148,
) -> Markup:
    """Draw p50 as a line, and up to p95 as a band; a gap where there are no runs.

    Args:
        samples: in the order of time, of equal length.
        failures: runs that failed.
        times: instants for the axis, with their labels.
        label: what it is, for those who do not see it.
        height: in pixels, without the axis.
    """
    across, down = _scales(samples, height)
    step = step_for(down.end, 3)
    parts: list[Markup] = []
    for value in ticks(step, down.end, 3):
        y = _y(value, down, height)
        parts.append(tag("line", x1="0", x2="100%", y1=y, y2=y, class_="grid"))
        parts.append(
            tag("text", label_of(value, step), x=-8, y=y + 4, text_anchor="end", class_="axis")
        )
    parts.append(tag("line", x1="0", x2="100%", y1=height, y2=height, class_="wire"))
    for instant, text in times:
        x = across(instant)
        parts.append(tag("line", x1=pc(x), x2=pc(x), y1=height, y2=height + 4, class_="wire"))
        if x < 0.97:
            parts.append(tag("text", text, x=pc(x), dx=3, y=height + 15, class_="axis"))
    parts += _lines(samples, across, down, height)
    for failure in failures:
        cross = tag("path", d="M-3.5 -3.5l7 7m0 -7l-7 7", class_="broke cross")
        hit = tag("rect", x=-6, y=-8, width=12, height=14, class_="hit")
        drawn = tag(
            "svg",
            cross,
            hit,
            x=pc(across(failure.at_ns)),
            y=height - 7,
            width=1,
            height=1,
            overflow="visible",
        )
        parts.append(
            tag("a", title(failure.title), drawn, href=failure.href, tabindex=-1, class_="fail")
        )
    return _drawing(parts, "latency", height + _AXIS, label)


def sparkline(samples: Sequence[Sample], *, label: str, height: int = 26) -> Markup:
    """The same small, without an axis; to its own scale."""
    across, down = _scales(samples, height)
    parts = [tag("line", x1="0", x2="100%", y1=height - 0.5, y2=height - 0.5, class_="rail")]
    parts += _lines(samples, across, down, height - 1)
    return _drawing(parts, "latency small", height, label)


def _drawing(parts: Sequence[Markup], kind: str, height: int, label: str) -> Markup:
    return tag(
        "svg",
        *parts,
        class_=kind,
        width="100%",
        height=height,
        role="group" if "small" not in kind else "img",
        aria_label=label,
    )


def _scales(samples: Sequence[Sample], height: int) -> tuple[Scale, Scale]:
    start = samples[0].start_ns if samples else 0
    end = samples[-1].end_ns if samples else 1
    tallest = max((sample.p95_ns or sample.p50_ns or 0.0 for sample in samples), default=0.0)
    return Scale(start, end), Scale(0, (tallest or 1.0) * 1.08)


def _y(value: float, down: Scale, height: int) -> float:
    return height - down(value) * (height - _TOP if height > 60 else height - 2)


def _lines(samples: Sequence[Sample], across: Scale, down: Scale, height: int) -> Iterator[Markup]:
    """Each sample is a step as wide as the time it is of: nothing is drawn between two facts."""
    before: float | None = None
    for sample in samples:
        left, right = across(sample.start_ns), across(sample.end_ns)
        if sample.p50_ns is None:
            before = None
            continue
        y50 = _y(sample.p50_ns, down, height)
        parts = [title(sample.title)] if sample.title else []
        if sample.p95_ns is not None:
            y95 = _y(sample.p95_ns, down, height)
            parts.append(
                tag(
                    "rect",
                    x=pc(left),
                    width=pc(right - left),
                    y=y95,
                    height=max(y50 - y95, 0.0),
                    class_="band",
                )
            )
            parts.append(tag("line", x1=pc(left), x2=pc(right), y1=y95, y2=y95, class_="p95"))
        if before is not None:
            parts.append(tag("line", x1=pc(left), x2=pc(left), y1=before, y2=y50, class_="p50"))
        parts.append(tag("line", x1=pc(left), x2=pc(right), y1=y50, y2=y50, class_="p50"))
        if height > 60:
            parts.append(
                tag("rect", x=pc(left), width=pc(right - left), y=0, height=height, class_="hit")
            )
        before = y50
        yield tag("g", *parts, class_="sample")
