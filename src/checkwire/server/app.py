"""The application that answers requests: API, pages, metrics."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Response

from checkwire.server import api, pages
from checkwire.server.auth import Auth
from checkwire.server.metrics import Metrics
from checkwire.server.monitor import Monitor

__all__ = ["create_app"]


def create_app(monitor: Monitor, auth: Auth, metrics: Metrics) -> FastAPI:
    """Put it together."""
    return api.create_app(
        monitor,
        auth,
        [_create_metrics(metrics, auth), pages.create_pages(monitor, auth)],
        login=pages.draw_login,
        error_page=pages.error_page,
    )


def _create_metrics(metrics: Metrics, auth: Auth) -> APIRouter:
    router = APIRouter()

    @router.get("/metrics", dependencies=[Depends(auth.require("read"))])
    async def exposition() -> Response:
        return Response(
            await metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    return router
