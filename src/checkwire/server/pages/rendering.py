"""Templates, and the responses made of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from checkwire.server.pages.assets import ASSETS
from checkwire.server.pages.words import MARKS

__all__ = ["environment", "render", "render_text"]

_TEMPLATES = Path(__file__).parent / "templates"
_THEMES = ("light", "dark")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


@cache
def environment() -> Environment:
    """The templates. A name that a template uses and nobody gave is an error."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.globals["asset"] = ASSETS.url
    made.globals["marks"] = MARKS
    return made


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page.

    Args:
        request: whose answer it is; its cookie says whether light or dark was chosen.
        template: name of the file.
        context: what the template shows.
        status: of the response.
        headers: further ones.
    """
    theme = request.cookies.get("theme", "")
    text = render_text(template, {**context, "theme": theme if theme in _THEMES else ""})
    return HTMLResponse(text, status, headers={**_HEADERS, **(headers or {})})


def render_text(template: str, context: Mapping[str, Any]) -> str:
    """A template as text."""
    defaults = {
        "theme": "",
        "live": "",
        "who": None,
        "required": False,
        "here": "",
        "find": "",
        "rendered_ns": time.time_ns(),
    }
    return environment().get_template(template).render({**defaults, **context})
