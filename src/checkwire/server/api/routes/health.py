"""Is it alive, does it work: for supervisors and load balancers, without a token."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from checkwire.server.api.models.server import Alive, Ready
from checkwire.server.api.parameters import known_parameters
from checkwire.server.monitor import Monitor

__all__ = ["create_health"]

_PATIENCE = 2.0
_log = logging.getLogger("checkwire.server")


def create_health(monitor: Monitor) -> APIRouter:
    """``/healthz`` and ``/readyz``."""
    router = APIRouter(tags=["health"], dependencies=[Depends(known_parameters)])

    @router.get("/healthz", operation_id="alive")
    async def alive() -> Alive:
        """Whether the process answers. This looks at nothing else."""
        return Alive()

    @router.get(
        "/readyz",
        operation_id="ready",
        response_model=Ready,
        responses={503: {"model": Ready, "description": "It does not do all of its work."}},
    )
    async def ready() -> JSONResponse:
        """Whether the database answers, and runs are planned and stored."""
        health = monitor.health()
        problems = [*health.problems, *health.untold]
        database = await _answers(monitor)
        if not database:
            problems.insert(0, "The database does not answer.")
        stopping = monitor.stopping.is_set()
        if stopping:
            problems.insert(0, "The server is stopping.")
        well = health.ok and health.database and database and not stopping
        answer = Ready(
            status="ready" if well else "not ready",
            database=database,
            backlog=health.backlog,
            problems=problems,
        )
        return JSONResponse(answer.model_dump(), 200 if well else 503)

    for path, operation in (("/healthz", alive), ("/readyz", ready)):
        router.add_api_route(path, operation, methods=["HEAD"], include_in_schema=False)
    return router


async def _answers(monitor: Monitor) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE), monitor.store.reading() as tx:
            return await monitor.store.healthy(tx)
    except Exception as error:
        _log.warning("The database does not answer: %s", error)
        return False
