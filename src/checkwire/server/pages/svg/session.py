"""The session to scale: steps above, then each connection as a wire with its frames on it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from checkwire.server.pages.svg.markup import pc, tag, title
from checkwire.server.pages.svg.scale import Scale, label_of, step_for, ticks

__all__ = ["Dial", "Exchange", "Lane", "Point", "Stem", "StepSpan", "session"]

_NOMINAL = 860
"""Pixels that labels are measured against; where there are fewer they are cut, or hidden."""
_LETTER = 6.1
_STEP_ROW = 26
_LANE = (112, 84, 72, 64)
_AXIS = 20


@dataclass(frozen=True, slots=True)
class StepSpan:
    """A step; ``end_ns`` is where it ended, or where the attempt did."""

    number: int
    name: str
    start_ns: int
    end_ns: int
    tone: str
    figure: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Stem:
    """A frame. ``key`` names it, ``href`` leads to its detail."""

    key: str
    at_ns: int
    sent: bool
    opcode: str
    size: int
    title: str
    href: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Dial:
    """From dialling a connection until it was open, or until it failed.

    ``phases`` are its beginnings and ends; what lies between them is this process' own time.
    """

    start_ns: int
    end_ns: int
    title: str
    phases: tuple[tuple[int, int], ...] = ()
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """A connection; one without a number stands for HTTP alone."""

    label: str
    dials: tuple[Dial, ...] = ()
    stems: tuple[Stem, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """An HTTP exchange; of its labels the first one is shown for which there is room."""

    start_ns: int
    end_ns: int
    labels: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """Where it failed."""

    at_ns: int
    label: str
    title: str


def session(
    start_ns: int,
    end_ns: int,
    *,
    steps: Sequence[StepSpan] = (),
    lanes: Sequence[Lane] = (),
    exchanges: Sequence[Exchange] = (),
    failure: Point | None = None,
    magnified: bool = False,
    label: str,
) -> Markup:
    """Draw it.

    Args:
        start_ns, end_ns: what is drawn, on the attempt's timeline.
        steps: in the order of their numbers.
        lanes: one for each connection.
        exchanges: on the first lane.
        failure: marked across all lanes.
        magnified: whether the first dial stands to the left of this, magnified; a wedge leads
            there, across a gap of 46 pixels.
        label: what it is, for those who do not see it.
    """
    scale = Scale(start_ns, max(end_ns, start_ns + 1))
    depth = max((step.depth for step in steps), default=-1)
    top = (min(depth, 2) + 1) * _STEP_ROW + 6
    lanes = lanes or (Lane(""),)
    each = _LANE[min(len(lanes), len(_LANE)) - 1]
    bottom = top + each * len(lanes)
    height = bottom + _AXIS
    parts = list(_grid(scale, top, bottom))
    if magnified:
        middle = top + each // 2
        wedge = f"M-38 4L0 {middle - 7}V{middle + 7}L-38 {height - 4}Z"
        parts.append(tag("path", d=wedge, class_="wedge"))
    parts += (part for step in steps for part in _step(step, scale))
    for index, lane in enumerate(lanes):
        middle = top + each * index + each // 2
        parts += _lane(lane, scale, middle, each)
        if index == 0:
            parts += (part for one in exchanges for part in _exchange(one, scale, middle))
    if failure is not None:
        parts += _failure(failure, scale, top, bottom)
    return tag(
        "svg",
        *parts,
        class_="session",
        width="100%",
        height=height,
        role="group",
        aria_label=label,
    )


def _grid(scale: Scale, top: int, bottom: int) -> Iterator[Markup]:
    step = step_for(scale.end - scale.start, 7)
    for index, value in enumerate(ticks(0, scale.end - scale.start, 7)):
        x = scale(scale.start + value)
        yield tag("line", x1=pc(x), x2=pc(x), y1=top - 4, y2=bottom, class_="grid")
        last = x > 0.95
        yield tag(
            "text",
            label_of(value, step),
            x=pc(x),
            dx=-3 if last else 3,
            y=bottom + 14,
            text_anchor="end" if last else None,
            class_="axis minor" if index % 2 else "axis",
        )


def _step(step: StepSpan, scale: Scale) -> Iterator[Markup]:
    left, right = scale(step.start_ns), scale(step.end_ns)
    y = min(step.depth, 2) * _STEP_ROW + 5
    tone = f"step {step.tone}"
    yield tag("line", x1=pc(left), x2=pc(max(right, left + 0.002)), y1=y, y2=y, class_=tone)
    yield tag("line", x1=pc(left), x2=pc(left), y1=y, y2=y + 5, class_=tone)
    if right > left:
        yield tag("line", x1=pc(right), x2=pc(right), y1=y, y2=y + 5, class_=tone)
    name = f"{step.number} {step.name}"
    whole = title(f"{name}, {step.figure}" if step.figure else name)
    mark = "✕ " if step.tone == "fail" else ""
    full = f"{mark}{name}, {step.figure}" if step.figure else f"{mark}{name}"
    for text in (full, f"{mark}{name}", str(step.number)):
        if len(text) * _LETTER <= (right - left) * _NOMINAL - 4:
            break
    else:
        if step.tone != "fail":
            return
        text = full
    loose = len(text) * _LETTER > (right - left) * _NOMINAL
    if loose and left > 0.5:
        yield tag(
            "text", text, whole, x=pc(right), y=y + 17, text_anchor="end", class_=f"{tone} label"
        )
        return
    if loose:
        yield tag("text", text, whole, x=pc(left), dx=2, y=y + 17, class_=f"{tone} label")
        return
    # A drawing within the drawing cuts what does not fit into the step.
    label = tag("text", text, whole, x=2, y=13, class_=f"{tone} label")
    yield tag("svg", label, x=pc(left), y=y + 4, width=pc(right - left), height=18)


def _lane(lane: Lane, scale: Scale, middle: int, height: int) -> Iterator[Markup]:
    yield tag("line", x1="0", x2="100%", y1=middle, y2=middle, class_="wire")
    if lane.label:
        yield tag("text", lane.label, x=0, y=middle - height / 2 + 12, class_="axis lane")
    for dial in lane.dials:
        yield from _dial(dial, scale, middle)
    room = height / 2 - 8
    dense = len(lane.stems) > 150
    for stem in lane.stems:
        yield _stem(stem, scale, middle, room, dense)


def _dial(dial: Dial, scale: Scale, middle: int) -> Iterator[Markup]:
    left = scale(dial.start_ns)
    whole = {"x": pc(left), "width": pc(max(scale(dial.end_ns) - left, 0.003))}
    kind = f"dialling {dial.tone}".rstrip()
    yield tag("rect", title(dial.title), **whole, y=middle - 6.5, height=13, class_=kind)
    for start_ns, end_ns in dial.phases:
        left = scale(start_ns)
        yield tag(
            "rect",
            title(dial.title),
            x=pc(left),
            width=pc(max(scale(end_ns) - left, 0.002)),
            y=middle - 6.5,
            height=13,
            class_="dial",
        )


def _stem(stem: Stem, scale: Scale, middle: int, room: float, dense: bool) -> Markup:
    x = pc(scale(stem.at_ns))
    control = stem.opcode in ("ping", "pong")
    # Longer for more bytes, by their logarithm: up to 1 MiB.
    reach = 10 if control else min(14 + math.log2(1 + stem.size) / 20 * (room - 14), room)
    y = middle - reach if stem.sent else middle + reach
    parts = [
        title(stem.title),
        tag("line", x1=x, x2=x, y1=middle, y2=y),
    ]
    if not dense or stem.tone:
        parts.append(tag("circle", cx=x, cy=y, r=3.5))
    if not dense:
        hit = tag("rect", x=-6, y=0, width=12, height=room + 4, class_="hit")
        over = middle - room - 4 if stem.sent else middle
        parts.append(tag("svg", hit, x=x, y=over, width=1, height=1, overflow="visible"))
    way = "out" if stem.sent else "in"
    return tag(
        "a",
        *parts,
        href=stem.href,
        tabindex=-1,
        data_frame=stem.key,
        class_=f"stem {way} {stem.opcode} {stem.tone}".rstrip(),
        aria_label=stem.title,
    )


def _exchange(one: Exchange, scale: Scale, middle: int) -> Iterator[Markup]:
    left, right = scale(one.start_ns), scale(one.end_ns)
    width = max(right - left, 0.004)
    yield tag(
        "rect",
        title(one.labels[0]),
        x=pc(left),
        y=middle - 9,
        width=pc(width),
        height=18,
        class_=f"http {one.tone}".rstrip(),
    )
    room = width * _NOMINAL - 8
    label = next((label for label in one.labels if len(label) * _LETTER <= room), "")
    if label:
        text = tag("text", label, x=5, y=13, class_="axis")
        yield tag("svg", text, x=pc(left), y=middle - 9, width=pc(width), height=18)


def _failure(point: Point, scale: Scale, top: int, bottom: int) -> Iterator[Markup]:
    x = scale(point.at_ns)
    yield tag(
        "line", title(point.title), x1=pc(x), x2=pc(x), y1=top - 4, y2=bottom - 8, class_="broke"
    )
    cross = tag("path", d="M-5 -5l10 10m0 -10l-10 10", class_="broke cross")
    yield tag("svg", cross, x=pc(x), y=bottom - 8, width=1, height=1, overflow="visible")
    before = x > 0.7
    yield tag(
        "text",
        point.label,
        title(point.title),
        x=pc(x),
        dx=-10 if before else 10,
        y=bottom - 4,
        text_anchor="end" if before else None,
        class_="broke label",
    )
