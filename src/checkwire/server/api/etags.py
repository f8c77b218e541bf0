"""Answers that a client may have already."""

from __future__ import annotations

import hashlib

from fastapi import Request
from starlette.responses import Response

from checkwire._version import __version__

__all__ = ["answer", "tag_of"]


def tag_of(*parts: str) -> str:
    """An entity tag of what these name; another version of the server gives another one."""
    named = "\0".join((__version__, *parts))
    return f'"{hashlib.blake2b(named.encode(), digest_size=12).hexdigest()}"'


def answer(request: Request, tag: str, headers: dict[str, str]) -> Response | None:
    """304 if the client has it; and the headers for the answer if it has not.

    RFC 9110 section 13.1.2.
    """
    headers["ETag"] = tag
    headers["Cache-Control"] = "private, no-cache"
    asked = request.headers.get("if-none-match", "")
    tags = {part.strip().removeprefix("W/") for part in asked.split(",")}
    if tag in tags or asked.strip() == "*":
        return Response(status_code=304, headers=headers)
    return None
