"""The application that answers requests: API, pages, metrics."""

from __future__ import annotations

from fastapi import FastAPI, Response

from checkwire.server.metrics import Metrics
from checkwire.server.monitor import Monitor

__all__ = ["create_app"]


def create_app(monitor: Monitor, metrics: Metrics) -> FastAPI:
    """Put it together."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app
