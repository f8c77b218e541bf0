"""The session of an attempt, as a drawing."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from markupsafe import Markup

from checkwire.model.attempt import Attempt, Connection, Step
from checkwire.model.events import Failed, FrameSeen, HttpExchange
from checkwire.server.pages.figures import at, counted, ms, size
from checkwire.server.pages.svg.session import (
    Dial,
    Exchange,
    Lane,
    Point,
    Stem,
    StepSpan,
    session,
)
from checkwire.server.pages.views.transcript import culprit_of

__all__ = ["timeline"]

_LANES = 4
"""With more connections than these, all are drawn on one wire."""


def timeline(attempt: Attempt, *, href: str, magnified: bool = False) -> Markup | None:
    """Draw it; None if nothing happened that could be drawn.

    Args:
        attempt: whose session.
        href: of a frame's detail, with ``{}`` where its key stands.
        magnified: whether the first handshake stands beside it, magnified.
    """
    frames = [event for event in attempt.events if isinstance(event, FrameSeen)]
    exchanges = [event for event in attempt.events if isinstance(event, HttpExchange)]
    if not attempt.connections and not exchanges:
        return None
    culprit = culprit_of(attempt)
    failed = next((f for f in attempt.failures if f.failure == attempt.failure), None)
    if failed is not None and failed.severity != "failed":
        failed = None
    start_ns = min(
        [one.at_ns for one in attempt.connections]
        + [one.at_ns for one in exchanges]
        + [step.at_ns for step in attempt.steps]
    )
    end_ns = max(
        [start_ns + 1, *(frame.at_ns for frame in frames), *(step_end(s) for s in attempt.steps)]
        + [one.at_ns + one.duration_ns for one in exchanges]
        + [end_of_dial(one, attempt) for one in attempt.connections]
        + ([failed.at_ns] if failed is not None else [])
    )
    # The last frame is not to stand on the very border.
    end_ns += (end_ns - start_ns) // 100
    ended = max(end_ns, attempt.duration_ns) if not attempt.duration_ns else end_ns
    parents = {step.number: step.parent for step in attempt.steps}
    return session(
        start_ns,
        end_ns,
        steps=[_step(step, parents, ended) for step in attempt.steps],
        lanes=list(_lanes(attempt, frames, culprit, failed, href)),
        exchanges=[_exchange(one) for one in exchanges],
        failure=_point(failed, culprit) if failed is not None else None,
        magnified=magnified,
        label=f"Timeline: {counted(len(attempt.steps), 'step')}, "
        f"{counted(len(frames), 'frame')}, to scale over {ms(end_ns - start_ns)} ms",
    )


def step_end(step: Step) -> int:
    """Where a step ended, or began if it did not."""
    return step.at_ns + (step.duration_ns or 0)


def end_of_dial(connection: Connection, attempt: Attempt) -> int:
    """When it was open, or when it turned out that it would not be."""
    upgraded = connection.phase("upgrade")
    if upgraded is not None:
        return upgraded.at_ns + upgraded.duration_ns
    failed = next((f for f in attempt.failures if f.failure.connection == connection.number), None)
    if failed is not None:
        return failed.at_ns
    ends = [phase.at_ns + phase.duration_ns for phase in connection.phases]
    return max(ends, default=connection.at_ns)


def _step(step: Step, parents: dict[int, int], ended: int) -> StepSpan:
    depth, parent = 0, step.parent
    while parent and depth < 3:
        depth += 1
        parent = parents.get(parent, 0)
    tone = {"passed": "ok", "failed": "fail"}.get(step.status, "none")
    return StepSpan(
        number=step.number,
        name=step.name,
        start_ns=step.at_ns,
        end_ns=step_end(step) if step.duration_ns is not None else ended,
        tone=tone,
        figure="" if step.duration_ns is None else f"{ms(step.duration_ns)} ms",
        depth=depth,
    )


def _lanes(
    attempt: Attempt,
    frames: Iterable[FrameSeen],
    culprit: tuple[int, int] | None,
    failed: Failed | None,
    href: str,
) -> Iterable[Lane]:
    many = len(attempt.connections) > 1
    stems: dict[int, list[Stem]] = {}
    for frame in frames:
        stems.setdefault(frame.connection, []).append(_stem(frame, culprit, failed, many, href))
    dials = {one.number: _dial(one, attempt) for one in attempt.connections}
    if len(dials) > _LANES:
        every = tuple(stem for part in stems.values() for stem in part)
        return [Lane(counted(len(dials), "connection"), tuple(dials.values()), every)]
    return [
        Lane(f"connection {number}" if many else "", (dial,), tuple(stems.get(number, ())))
        for number, dial in dials.items()
    ]


def _dial(connection: Connection, attempt: Attempt) -> Dial:
    opened = connection.phase("open")
    end_ns = end_of_dial(connection, attempt)
    phases = tuple(
        (phase.at_ns, phase.at_ns + phase.duration_ns)
        for phase in connection.phases
        if phase.name in ("dns", "tcp", "proxy", "tls", "upgrade")
    )
    if opened is None:
        title = f"{connection.url} did not open"
        return Dial(connection.at_ns, end_ns, title, phases, "fail")
    title = f"Open after {ms(opened.duration_ns)} ms"
    own_ns = end_ns - connection.at_ns - opened.duration_ns
    if own_ns > opened.duration_ns // 20:
        title += f"; this process needed another {ms(own_ns)} ms, which do not count"
    return Dial(connection.at_ns, end_ns, title, phases)


def _stem(
    frame: FrameSeen, culprit: tuple[int, int] | None, failed: Failed | None, many: bool, href: str
) -> Stem:
    key = f"{frame.connection}.{frame.number}"
    tone = ""
    if (frame.connection, frame.number) == culprit:
        tone = "fail"
    elif failed is not None and frame.at_ns > failed.at_ns:
        tone = "late"
    way = "sent" if frame.direction == "out" else "received"
    return Stem(
        key=key,
        at_ns=frame.at_ns,
        sent=frame.direction == "out",
        opcode=frame.opcode,
        size=frame.size,
        title=f"{key if many else frame.number} {frame.opcode}, {size(frame.size)}, "
        f"{way} at {at(frame.at_ns)} ms",
        href=href.format(key),
        tone=tone,
    )


def _exchange(event: HttpExchange) -> Exchange:
    path = urlsplit(event.url).path or "/"
    answer = "no answer" if event.status is None else str(event.status)
    return Exchange(
        start_ns=event.at_ns,
        end_ns=event.at_ns + event.duration_ns,
        labels=(
            f"{event.method} {path} → {answer}, {ms(event.duration_ns)} ms",
            f"{event.method} {path} → {answer}",
            f"{event.method} {path}",
            event.method,
        ),
        tone="fail" if event.status is None or event.status >= 400 else "",
    )


def _point(failed: Failed, culprit: tuple[int, int] | None) -> Point:
    where = f"message {culprit[1]}" if culprit is not None else "failed here"
    return Point(failed.at_ns, where, failed.failure.message)
