"""What happens, as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from checkwire.server.api.openapi import event_stream
from checkwire.server.api.parameters import LastEventId
from checkwire.server.api.streams import EventStream, event, listening, waited
from checkwire.server.auth import Auth
from checkwire.server.monitor import Monitor
from checkwire.server.problems import Problem

__all__ = ["create_events"]

_KINDS = (
    "run_started",
    "run_finished",
    "state_changed",
    "opened",
    "closed",
    "reloaded",
    "load_failed",
    "event",
    "finished",
    "missed",
)
_USUAL = ["runs", "incidents", "projects"]
Topic = Annotated[str, Query(pattern="^(runs|incidents|projects|run:[0-9A-Z]{26})$")]


def create_events(monitor: Monitor, auth: Auth) -> APIRouter:
    """``/events``."""
    router = APIRouter(tags=["events"], dependencies=[Depends(auth.require("read"))])

    @router.get(
        "/events",
        operation_id="watch",
        response_class=Response,
        responses={
            200: {
                "description": "The event's name is its kind; its data are JSON, with the topic: "
                "a run, an incident without its notices, a project, or one of a check's states "
                "with `check_uid`, `check` and `project`. "
                "`missed`: the reader was too slow or away for too long; it looks anew.",
                "content": event_stream(_KINDS),
            }
        },
    )
    async def watch(
        request: Request,
        topic: Annotated[
            list[Topic] | None,
            Query(
                max_length=20,
                description="Only these; can be given several times. Otherwise `runs` "
                "(run_started, run_finished, state_changed), `incidents` (opened, closed) and "
                "`projects` (reloaded, load_failed).",
            ),
        ] = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """What happens to runs, incidents and projects, as it happens."""
        after = _number(last_event_id)
        return EventStream(_events(request, topic or _USUAL, after))

    async def _events(
        request: Request, topics: list[str], after: int | None
    ) -> AsyncGenerator[bytes, None]:
        async with listening(monitor.hub, topics, monitor.stopped, after) as subscription:
            async for message in waited(subscription, lambda: auth.holds(request)):
                if isinstance(message, bytes):
                    yield message
                else:
                    data = {"topic": message.topic, **message.data}
                    yield event(message.kind, data, message.id)

    return router


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise Problem.of_field(
            400, "malformed_event_id", "Last-Event-ID", "This is not the id of an event: a number."
        )
    return int(text)
