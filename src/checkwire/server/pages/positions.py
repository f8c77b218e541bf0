"""Where the next page of a list begins, as an address of a page has it: the API's cursors."""

from __future__ import annotations

from starlette.requests import Request

from checkwire.server.api.cursors import P, read_cursor
from checkwire.server.problems import Problem

__all__ = ["asked_before"]


def asked_before(request: Request, kind: type[P]) -> P | None:
    """The position in ``?before=``; ``None`` for the first page, and if it makes no sense."""
    try:
        return read_cursor(request.query_params.get("before"), kind)
    except Problem:
        return None
