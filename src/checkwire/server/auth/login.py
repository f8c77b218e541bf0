"""Logging in to the pages, and out."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from checkwire.server.auth.auth import Auth, local_path, set_cookie

__all__ = ["LoginForm", "create_login"]


class LoginForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the login page is to show.

    Attributes:
        next: where to go afterwards, a path of this server; to be sent as ``next``.
        error: what was wrong with the token sent (as ``token``); empty at first.
    """

    next: str
    error: str = ""


Drawn = Callable[[Request, LoginForm, int], Response]
"""Draws the form, with a status."""


def create_login(auth: Auth, draw: Drawn | None = None) -> APIRouter:
    """``/login`` and ``/logout``.

    Args:
        auth: whose sessions these are.
        draw: how the form looks, by default plain.
    """
    router = APIRouter(include_in_schema=False)
    draw = draw or _plain

    @router.get("/login")
    async def form(
        request: Request, to: Annotated[str | None, Query(alias="next")] = None
    ) -> Response:
        path = local_path(to)
        if not auth.required:
            return RedirectResponse(path, 303)
        return draw(request, LoginForm(next=path), 200)

    @router.post("/login")
    async def log_in(
        request: Request,
        token: Annotated[str, Form()] = "",
        to: Annotated[str, Form(alias="next")] = "/",
    ) -> Response:
        path = local_path(to)
        if not auth.required:
            return RedirectResponse(path, 303)
        session = await auth.log_in(request, token.strip())
        if session is None:
            error = "This token is not known here, has expired or was revoked."
            return draw(request, LoginForm(next=path, error=error), 401)
        response = RedirectResponse(path, 303)
        set_cookie(response, request, *session)
        return response

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        await auth.log_out(request)
        response = RedirectResponse("/login", 303)
        set_cookie(response, request, "", 0)
        return response

    return router


def _plain(request: Request, form: LoginForm, status: int) -> Response:
    error = f"<p role=alert>{escape(form.error)}</p>" if form.error else ""
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><title>Log in - Checkwire</title>"
        f"<h1>Checkwire</h1>{error}<form method=post action=/login>"
        f"<input type=hidden name=next value='{escape(form.next)}'>"
        "<p><label>Token <input type=password name=token autocomplete=current-password required "
        "autofocus></label></p><p><button>Log in</button></p></form>"
        "<p>The server printed a token when it was started first; "
        "<code>checkwire token create my-browser --scope trigger</code> makes another.</p></html>",
        status,
    )
