"""The description of the API: OpenAPI 3.1, made of the routes and of the model's own types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from checkwire._version import __version__
from checkwire.model.attempt import Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.failures import Failure
from checkwire.server.api.models.base import COMPONENT
from checkwire.server.problems import MEDIA_TYPE, openapi_component

__all__ = ["PREFIX", "PROBLEMS", "describe", "event_stream", "problem", "reference"]

PREFIX = "/api/v1"

_DESCRIPTION = """\
What Checkwire knows and does. Instants are integers, nanoseconds since 1970, in members that end
in `_ns`; so are spans. Members are added without notice, never changed or taken away. Every error
is a problem document, RFC 9457. See docs/api.md.
"""
_TAGS = [
    {"name": "projects", "description": "What is watched, and by what."},
    {"name": "checks", "description": "Which there are and how they stand."},
    {"name": "runs", "description": "What came of them, and what is under way."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "statistics", "description": "Uptime and times over a period."},
    {"name": "failures", "description": "What goes wrong, and what the codes mean."},
    {"name": "incidents", "description": "When checks were down."},
    {"name": "health", "description": "For supervisors; needs no token."},
]


def reference(name: str) -> dict[str, str]:
    """A reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def event_stream(kinds: Sequence[str]) -> dict[str, Any]:
    """The content of a stream of server-sent events; the schema is that of one of them."""
    event = {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string", "enum": list(kinds)},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
    }
    return {"text/event-stream": {"schema": event}}


def problem(description: str) -> dict[str, Any]:
    """A response that is a problem document."""
    return {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": reference("ProblemDocument")}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: problem("A parameter is unknown, or given twice, or the cursor is malformed."),
    401: problem("There is no token, or it is not good."),
    403: problem("The token lacks the scope, or a page of another site sent this."),
    404: problem("There is no such thing."),
    413: problem("The body is larger than 1 MiB."),
    421: problem("This is not a name that the server answers to."),
    422: problem("A parameter or the body is not what it must be."),
    429: problem("Too many failed attempts with bad tokens: see Retry-After."),
    500: problem("The server made a mistake."),
    503: problem("The database does not answer: see Retry-After."),
}
"""What any route may answer with; only some of it where that is said."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Checkwire",
            version=__version__,
            openapi_version="3.1.0",
            description=_DESCRIPTION,
            routes=app.routes,
            tags=_TAGS,
        )
        components = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            components.pop(unused, None)
        _, ours = msgspec.json.schema_components(
            [Run, CheckDefinition, Failure], ref_template="#/components/schemas/{name}"
        )
        components["Transcript"] = ours.pop("Run")
        for name, schema in {**ours, **openapi_component()}.items():
            if name in components:
                raise RuntimeError(f"two schemas are named {name}")
            components[name] = schema
        app.openapi_schema = _resolved(document)
    return app.openapi_schema


def _resolved(value: Any) -> Any:
    if isinstance(value, dict):
        if COMPONENT in value:
            return reference(value[COMPONENT])
        return {key: _resolved(item) for key, item in value.items()}
    return [_resolved(item) for item in value] if isinstance(value, list) else value
