"""What is running right now, and what it is doing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from checkwire.cli.reporters.base import Tally
from checkwire.cli.reporters.figures import counted
from checkwire.cli.reporters.marks import MARKS, RUNNING
from checkwire.cli.reporters.paint import Text
from checkwire.model.attempt import Run, Unfinished
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_ns, format_seconds
from checkwire.model.events import (
    AttemptStarted,
    ConnectionClosed,
    ConnectionStarted,
    Event,
    FrameSeen,
    Handshake,
    StepStarted,
)

__all__ = ["Progress"]

_DURATION = 8
_GAP = 2
_NAMED = 10


class _Running:
    """One check under way: kept by a few assignments per event."""

    __slots__ = ("attempt", "doing", "messages", "name", "since", "step")

    def __init__(self, name: str, since: float) -> None:
        self.name = name
        self.since = since
        self.attempt = 0
        self.step = ""
        self.doing = ""
        self.messages = 0

    def event(self, event: Event) -> None:
        match event:
            case FrameSeen():
                self.messages += event.opcode in ("text", "binary")
            case AttemptStarted():
                self.attempt += 1
                self.messages, self.step, self.doing = 0, "", ""
            case StepStarted():
                self.step = event.name
            case ConnectionStarted():
                self.doing = "connecting"
            case Handshake():
                self.doing = ""
            case ConnectionClosed():
                self.doing = "closed"
            case _:
                pass

    def facts(self) -> Iterable[str]:
        if self.attempt > 1:
            yield f"attempt {self.attempt}"
        if self.step:
            yield self.step
        if self.doing:
            yield self.doing
        if self.messages:
            yield counted(self.messages, "message")


class Progress:
    """Follows all checks, and draws those that run.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._checks: tuple[CheckDefinition, ...] = ()
        self._running: dict[str, _Running] = {}
        self._finished: list[Run] = []

    def start(self, checks: tuple[CheckDefinition, ...]) -> None:
        """These will run."""
        self._checks = checks
        self._begun = self._clock()

    def started(self, definition: CheckDefinition) -> None:
        """This one runs now."""
        self._running[definition.id] = _Running(definition.name, self._clock())

    def event(self, definition: CheckDefinition, event: Event) -> None:
        """Something happened in it."""
        running = self._running.get(definition.id)
        if running is not None:
            running.event(event)

    def finished(self, run: Run) -> None:
        """It is over."""
        self._running.pop(run.check.id, None)
        self._finished.append(run)

    def lines(self, waiting: list[Text], names: int, width: int, room: int) -> list[Text]:
        """The finished ones that wait for their place, those that run, and how far it all is."""
        now = self._clock()
        running = [
            _line(one, _elapsed(now - one.since), names, width) for one in self._running.values()
        ]
        foot = [Text(), self._foot(now)] if room > 3 else [self._foot(now)]
        room -= len(foot)
        # Those that run are what one waits for; the others will be seen for good soon.
        if len(running) > room:
            more = len(running) - room + 1
            running[room - 1 :] = [Text(f"    and {more} more running", "dim")]
        room -= len(running)
        if len(waiting) > room:
            more = len(waiting) - room + 1
            waiting = waiting[: max(0, room - 1)] if room > 0 else []
            if room > 0:
                waiting.append(Text(f"    and {more} more finished", "dim"))
        return [*waiting, *running, *foot]

    def stopped(self, stopped: Sequence[Unfinished], names: int, width: int) -> list[Text]:
        """Where the checks were that never came to their end."""
        if not stopped:
            return []
        lines = [Text("stopped", "warn bold")]
        for one in stopped[:_NAMED]:
            running = self._running.get(one.check.id) or _Running(one.check.name, 0.0)
            lines.append(_line(running, format_ns(one.duration_ns or 0), names, width))
        if len(stopped) > _NAMED:
            lines.append(Text(f"    and {len(stopped) - _NAMED} more", "dim"))
        return lines

    def _foot(self, now: float) -> Text:
        tally = Tally.of(self._finished)
        line = Text(f"{len(self._finished):,} of {counted(len(self._checks), 'check')}")
        line.add(f"  {_elapsed(now - self._begun)}", "dim")
        for name in ("passed", "degraded", "failed", "error", "skipped"):
            if count := getattr(tally, name):
                mark = MARKS[name]
                line.add("  ").add(f"{mark.shape} {count:,}", mark.style)
                # These two share a shape.
                line.add(f" {mark.word}" if name in ("failed", "error") else "", "dim")
        return line


def _line(one: _Running, elapsed: str, names: int, width: int) -> Text:
    line = Text("  ").add(RUNNING.shape, RUNNING.style).add(" ")
    line.join(Text(one.name).cut(names)).pad(4 + names + _GAP)
    line.add(elapsed.rjust(_DURATION), "dim")
    for fact in one.facts():
        line.add("  ").add(fact, "dim")
    return line.cut(width)


def _elapsed(seconds: float) -> str:
    """In tenths, so that the figure does not jump in width: ``1.4 s``, ``2 m 05 s``."""
    return f"{seconds:.1f} s" if seconds < 100 else format_seconds(seconds)
