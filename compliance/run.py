"""Playing cases on an event loop, in each of their ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from compliance import client, echo
from compliance.case import CLIENT, ECHO, Case, Cut

__all__ = ["TARGETS", "Result", "Target", "applies", "run"]

_TLS_SECTIONS: Final = (1, 2, 5, 7, 12)
"""Those that are played over TLS too: it cuts what is sent in its own way, and ends otherwise."""


def _uvloop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


class Target(NamedTuple):
    """What is under test, and how."""

    name: str
    on: str
    loop: Callable[[], asyncio.AbstractEventLoop]
    tls: bool = False


TARGETS: Final = (
    Target("asyncio", CLIENT, asyncio.SelectorEventLoop),
    Target("uvloop", CLIENT, _uvloop),
    Target("asyncio-tls", CLIENT, asyncio.SelectorEventLoop, tls=True),
    Target("uvloop-tls", CLIENT, _uvloop, tls=True),
    Target("echo", ECHO, asyncio.SelectorEventLoop),
)


class Result(NamedTuple):
    """What came of a case. It passed if there are no problems."""

    case: Case
    target: Target
    problems: tuple[str, ...]
    plays: int


def applies(case: Case, target: Target) -> bool:
    """Whether the case is for this target."""
    return target.on in case.on and (not target.tls or case.section in _TLS_SECTIONS)


def run(case: Case, target: Target) -> Result:
    """Play the case in each way in which what is sent can be cut."""
    problems: list[str] = []
    for cut in case.ways:
        how = cut.value if isinstance(cut, Cut) else f"in pieces of {cut} octets"
        problems += (f"{how}: {problem}" for problem in _play(case, target, cut))
    return Result(case, target, tuple(problems), len(case.ways))


def _play(case: Case, target: Target, cut: Cut | int) -> list[str]:
    unhandled: list[str] = []

    def note(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        unhandled.append(f"{context['message']}: {context.get('exception')!r}")

    async def whole() -> list[str]:
        asyncio.get_running_loop().set_exception_handler(note)
        if target.on == ECHO:
            return await echo.play(case, cut)
        return await client.play(case, cut, tls=target.tls)

    with asyncio.Runner(loop_factory=target.loop) as runner:
        problems = runner.run(whole())
    return problems + unhandled
