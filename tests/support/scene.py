"""A check's code and a server, played together as in an attempt; and what was told of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from checkwire.model.events import Event, Excused, Failed, Logged, decode_event, encode_event
from checkwire.model.failures import Failure
from checkwire.sdk import context as contexts
from checkwire.sdk.context import Context, enter
from checkwire.sdk.forgotten import notice_forgotten_awaits
from support.loops import LOOPS
from support.rawserver import RawServer, Script
from support.sentences import assert_explained
from support.wsserver import Handler, served, serving

__all__ = ["Outcome", "play", "refusing_url"]

E = TypeVar("E")
PATIENCE = 30.0


class Outcome:
    """What an attempt told.

    Attributes:
        events: everything, each as it came out of the stream.
        result: what the check returned.
        error: what it raised.
        verifications: how many things it verified.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.result: Any = None
        self.error: BaseException | None = None
        self.verifications = 0

    def take(self, event: Event) -> None:
        """An event; it must survive the stream."""
        self.events.append(decode_event(encode_event(event)))

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def counting(self) -> list[Failed]:
        """The failures and degradations that were not excused."""
        excused = {event.number for event in self.of(Excused)}
        told = [failed for failed in self.of(Failed) if failed.number not in excused]
        for failed in told:
            assert_explained(failed.failure)
        return [failed for failed in told if failed.severity != "warning"]

    @property
    def codes(self) -> list[str]:
        """Their codes."""
        return [failed.failure.code for failed in self.counting]

    @property
    def failure(self) -> Failure:
        """The only one that counts."""
        (failed,) = self.counting
        return failed.failure

    @property
    def warnings(self) -> list[Failure]:
        """What was told without failing the check."""
        return [failed.failure for failed in self.of(Failed) if failed.severity == "warning"]

    @property
    def logs(self) -> list[str]:
        """What the check said."""
        return [event.message for event in self.of(Logged)]

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and nothing was raised."""
        return self.error is None and not self.counting


def play(
    check: Callable[..., Any],
    server: Handler | None = None,
    *,
    raw: Script | None = None,
    loop: str = "asyncio",
    options: dict[str, Any] | None = None,
    **context: Any,
) -> Outcome:
    """Run a check's function as an attempt. It is given the server's URL, if there is a server.

    Whatever happens, no task, thread, or descriptor may be left.

    Args:
        check: ``async def`` or ``def``.
        server: handles the connections of a server that runs meanwhile.
        raw: the same, byte by byte.
        loop: which event loop.
        options: of the server.
        context: arguments of the attempt's :class:`Context`.
    """
    outcome = Outcome()
    attempt = Context(outcome.take, **context)
    if raw is not None:
        check = _beside(check, raw)
    gc.collect()
    LOOPS[loop]().close()  # libuv keeps a pipe for signals from its first loop on
    before = _held()
    hook, everywhere = warnings._warn_unawaited_coroutine, contexts._everywhere  # type: ignore[attr-defined]
    depth = sys.get_coroutine_origin_tracking_depth()
    token = contexts._current.set(attempt)
    try:
        enter(attempt, everywhere=True)
        notice_forgotten_awaits()
        if asyncio.iscoroutinefunction(check):
            with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
                runner.run(_play(check, server, options or {}, attempt, outcome))
        else:
            _play_plain(check, server, options or {}, outcome)
        attempt.end(returned=outcome.error is None)
    finally:
        warnings._warn_unawaited_coroutine = hook  # type: ignore[attr-defined]
        sys.set_coroutine_origin_tracking_depth(depth)
        contexts._everywhere = everywhere
        contexts._current.reset(token)
    outcome.verifications = attempt.ledger.verifications
    left = _held()
    assert left == before, f"{before} became {left}"
    return outcome


async def _play(
    check: Callable[..., Any],
    server: Handler | None,
    options: dict[str, Any],
    attempt: Context,
    outcome: Outcome,
) -> None:
    async with asyncio.timeout(PATIENCE):
        if server is None:
            await _guarded(check(), outcome)
            await attempt.close_sockets(asyncio.get_running_loop())
            return
        async with serving(server, **options) as url:
            before = asyncio.all_tasks()
            await _guarded(check(url), outcome)
            if outcome.error is None:
                await attempt.close_sockets(asyncio.get_running_loop())
            attempt.end(returned=outcome.error is None)
            own = {task for task in asyncio.all_tasks() - before if not _of_server(task)}
            assert not own, f"left: {own}"


def _beside(check: Callable[..., Any], script: Script) -> Callable[..., Any]:
    """The check, with a server of that script running meanwhile."""
    if asyncio.iscoroutinefunction(check):

        async def whole() -> Any:
            with RawServer(script) as server:
                return await check(server.url)
    else:

        def whole() -> Any:
            with RawServer(script) as server:
                return check(server.url)

    return whole


def _of_server(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and any(
        room in code.co_filename for room in ("websockets", "asyncio/selector_events")
    )


async def _guarded(check: Any, outcome: Outcome) -> None:
    try:
        outcome.result = await check
    except Exception as error:
        outcome.error = error


def _play_plain(
    check: Callable[..., Any], server: Handler | None, options: dict[str, Any], outcome: Outcome
) -> None:
    try:
        if server is None:
            outcome.result = check()
        else:
            with served(server, **options) as url:
                outcome.result = check(url)
    except Exception as error:
        outcome.error = error


def _held() -> list[str]:
    """Descriptors and threads of this process."""
    held = [thread.name for thread in threading.enumerate() if "asyncio" not in thread.name]
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):  # that of the listing itself
            held.append(re.sub(r"\d+", "", os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115
    return sorted(held)


def refusing_url() -> str:
    """A URL at which nothing listens."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    return f"ws://127.0.0.1:{port}/"
