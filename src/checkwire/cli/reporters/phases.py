"""Where the time of a connection went: a line of figures, or bars where there is room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checkwire.cli.reporters.figures import ms
from checkwire.cli.reporters.paint import Text, width_of
from checkwire.model.attempt import Connection
from checkwire.model.events import Failed

__all__ = ["LABELS", "phase_lines"]

LABELS = {
    "dns": "DNS",
    "tcp": "TCP",
    "proxy": "Proxy",
    "tls": "TLS",
    "upgrade": "Upgrade",
    "first_message": "First message",
    "close": "Close",
}
"""Phases in the order in which they happen; ``open`` is the sum of those up to ``upgrade``."""

_DIALLING = ("dns", "tcp", "proxy", "tls", "upgrade")
_WIDE = 100
_BARS = 56
_INDENT = "  "


class _Span(NamedTuple):
    """``duration_ns`` is ``None`` where only its failure is known."""

    label: str
    start_ns: int
    duration_ns: int | None
    failed: bool = False
    closing: bool = False

    @property
    def end_ns(self) -> int:
        return self.start_ns + (self.duration_ns or 0)

    @property
    def figure(self) -> str:
        return "" if self.duration_ns is None else ms(self.duration_ns)


def phase_lines(connection: Connection, failed: Failed | None, width: int) -> list[Text]:
    """The phases that took place, and the one in which it failed, if it failed in one."""
    spans = list(_spans(connection, failed))
    if not spans:
        return []
    return list(_waterfall(spans, width) if width >= _WIDE else _line(spans, width))


def _spans(connection: Connection, failed: Failed | None) -> Iterator[_Span]:
    dialled = connection.at_ns
    broken = _broken(connection, failed)
    for name, label in LABELS.items():
        closing = name == "close"
        if name == broken and failed is not None:
            if closing:
                yield _Span(label, dialled, None, failed=True, closing=True)
            else:
                yield _failed_span(label, failed, dialled)
        elif (phase := connection.phase(name)) is not None:
            yield _Span(label, phase.at_ns, phase.duration_ns, closing=closing)
            if name in _DIALLING:
                dialled = phase.at_ns + phase.duration_ns


def _broken(connection: Connection, failed: Failed | None) -> str | None:
    """The phase that did not end because of the failure."""
    if failed is None or failed.failure.connection not in (None, connection.number):
        return None
    phase = failed.failure.phase
    if failed.failure.code == "timeout.first_message":
        phase = "first_message"
    return phase if phase in LABELS and connection.phase(phase) is None else None


def _failed_span(label: str, failed: Failed, since_ns: int) -> _Span:
    """From the end of the phase before until the failure was told; or as its tries say."""
    tries = failed.failure.evidence.get("tries")
    if failed.failure.phase == "tcp" and isinstance(tries, list | tuple) and tries:
        first, last = tries[0], tries[-1]
        try:
            begun: int = first["started_ns"]
            return _Span(
                label, begun, last["started_ns"] + last["duration_ns"] - begun, failed=True
            )
        except (KeyError, TypeError):
            pass  # the last one was never answered
    return _Span(label, since_ns, max(0, failed.at_ns - since_ns), failed=True)


def _line(spans: list[_Span], width: int) -> Iterator[Text]:
    line = Text(_INDENT)
    for span in spans:
        part = Text(span.label, "fail" if span.failed else "dim").add(" ")
        if span.failed:
            part.add("✕ ", "fail")
        part.add(span.figure, "fail bold" if span.failed else "")
        if line.width + part.width > width and line.width > len(_INDENT):
            yield line
            line = Text(_INDENT)
        line.join(part).add("  ")
    yield line.add("ms", "dim").cut(width)


def _waterfall(spans: list[_Span], width: int) -> Iterator[Text]:
    """A bar for each phase, to one scale; the close comes long after, and has a figure only."""
    labels = max(width_of(span.label) for span in spans)
    figures = max(len(span.figure) for span in spans)
    shown = [span for span in spans if not span.closing]
    columns = min(_BARS, width - labels - figures - 12)
    begin = min((span.start_ns for span in shown), default=0)
    end = max((span.end_ns for span in shown), default=0)
    # A long wait for the first message would leave no room to see how the connection was made.
    dialled = max((span.end_ns for span in shown[:-1]), default=end)
    if shown:  # what lies between is time, too
        dialled = max(dialled, shown[-1].start_ns)
    room = max(end - begin, 1)
    if len(shown) > 1 and dialled > begin:
        room = min(room, 2 * (dialled - begin))
    for span in spans:
        style = "fail" if span.failed else "dim"
        line = Text(_INDENT).add(span.label.ljust(labels), style)
        line.add(" ✕ " if span.failed else "   ", "fail")
        line.add(span.figure.rjust(figures), "fail bold" if span.failed else "")
        line.add(" ms  " if span.figure else "", "dim")
        if not span.closing:
            left = (span.start_ns - begin) / room * columns
            right = (span.end_ns - begin) / room * columns
            line.join(_bar(left, right, columns, "fail" if span.failed else "pass"))
        yield line


def _bar(left: float, right: float, columns: int, style: str) -> Text:
    """A line from ``left`` to ``right``, in half columns."""
    first = min(round(left * 2), columns * 2 - 1)
    last = max(first + 1, round(right * 2))
    beyond = last > columns * 2
    last = min(last, columns * 2)
    bar = " " * (first // 2)
    body = ""
    if first % 2:
        body, first = "╺", first + 1
    body += "━" * ((last - first) // 2)
    if (last - first) % 2 and last > first:
        body += "╸"
    return Text(bar).add(body, style).add(" →" if beyond else "", style)
