"""The form that asks for a token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from checkwire.server.auth.login import LoginForm
from checkwire.server.pages.rendering import render

__all__ = ["draw_login"]


def draw_login(request: Request, form: LoginForm, status: int) -> Response:
    """Draw it, for :func:`checkwire.server.auth.login.create_login`."""
    return render(request, "login.html", {"form": form}, status=status)
