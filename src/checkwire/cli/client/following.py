"""Watching runs on a server until they are over."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from checkwire.cli.client.answers import RunAnswer, decoded
from checkwire.cli.client.server import CannotAsk, Server
from checkwire.model.errors import CheckwireError
from checkwire.model.events import Event

__all__ = ["Follower", "Happened"]

_PATIENCE = 30.0
"""Seconds: a server that is started again is back before."""
_PAUSE = 0.5
_MOST = 64
"""Streams at a time; the other runs wait for one of them to end."""


class Happened(NamedTuple):
    """Something that happened in a run: an event; its record, when it is over; or why nothing
    more can be known."""

    run_id: str
    what: Event | RunAnswer | CheckwireError


class Follower:
    """Reads the event streams of runs, in threads of its own::

        with Follower(server, run_ids) as follower:
            happened = follower.next(0.1)

    A stream that breaks is taken up where it broke.

    Args:
        server: whose runs they are.
        run_ids: which.
        patience: seconds for which a server that does not answer any more is asked again.
    """

    def __init__(self, server: Server, run_ids: Iterable[str], patience: float = _PATIENCE) -> None:
        self._server = server
        self._patience = patience
        self._happened: queue.SimpleQueue[Happened] = queue.SimpleQueue()
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._count = 0
        for run_id in run_ids:
            self._waiting.put(run_id)
            self._count += 1

    def __enter__(self) -> Follower:
        for _ in range(min(self._count, _MOST)):
            # Not waited for in the end: they may be reading what will never come.
            threading.Thread(target=self._work, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        while not self._waiting.empty():
            self._waiting.get()

    def next(self, within: float) -> Happened | None:
        """What happened next; ``None`` if nothing did for so many seconds."""
        try:
            return self._happened.get(timeout=within)
        except queue.Empty:
            return None

    def _work(self) -> None:
        while True:
            try:
                run_id = self._waiting.get_nowait()
            except queue.Empty:
                return
            try:
                for what in self._follow(run_id):
                    self._happened.put(Happened(run_id, what))
            except CheckwireError as error:
                self._happened.put(Happened(run_id, error))

    def _follow(self, run_id: str) -> Iterator[Event | RunAnswer]:
        last_id, broken_since = "", None
        while True:
            why = CannotAsk(f"{self._server.access.server} ended the stream of run {run_id}")
            try:
                with self._server.stream(f"/runs/{run_id}/events", last_id) as response:
                    for event_id, kind, data in _events(response):
                        broken_since, last_id = None, event_id or last_id
                        if kind == "finished":
                            yield decoded(data, RunAnswer, self._server)
                            return
                        if kind == "event":
                            yield from self._event(data)
            except (OSError, http.client.HTTPException):
                pass  # the connection broke
            except CannotAsk as error:
                if not error.passing:
                    raise
                why = error
            broken_since = broken_since or time.monotonic()
            if time.monotonic() - broken_since > self._patience:
                raise why
            time.sleep(_PAUSE)

    def _event(self, data: dict[str, Any]) -> Iterator[Event]:
        data.pop("attempt", None)
        # A newer server may know more; the result will tell.
        with contextlib.suppress(msgspec.ValidationError):
            yield msgspec.convert(data, Event)


def _events(response: http.client.HTTPResponse) -> Iterator[tuple[str, str, Any]]:
    """Id, kind and data of each event, https://html.spec.whatwg.org/#parsing-an-event-stream ."""
    event_id, kind, parts = "", "message", []
    for raw in response:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                event_id = value
            elif field == "event":
                kind = value
            elif field == "data":
                parts.append(value)
            continue
        if parts:
            try:
                data = json.loads("\n".join(parts))
            except ValueError:
                raise http.client.HTTPException("not JSON") from None
            yield event_id, kind, data
        kind, parts = "message", []
