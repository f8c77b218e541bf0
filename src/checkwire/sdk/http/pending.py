"""A request that is made when it is awaited, and told about when that is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from checkwire.sdk.context import Context, Site, current, here

if TYPE_CHECKING:
    from checkwire.sdk.http.response import Response

__all__ = ["Pending", "pending"]

Pending = Coroutine[Any, Any, "Response"]
"""To be awaited, or given to ``asyncio.gather`` or ``create_task``."""


def pending(method: str, send: Callable[[Site], Pending]) -> Pending:
    """What a call of the script returns; ``send`` is given the place of that call.

    The place is taken here: awaited in another task, the request could not tell.
    """
    site, context, mark = here(), current(), object()
    verb = method.lower()
    context.made(mark, f"{verb}() makes its request when it is awaited: await ...{verb}(...)", site)
    return _send(send, site, context, mark)


async def _send(
    send: Callable[[Site], Pending], site: Site, context: Context, mark: object
) -> Response:
    context.used(mark)
    return await send(site)
