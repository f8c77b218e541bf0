"""The token of a server that has none yet."""

from __future__ import annotations

from checkwire.store import tokens
from checkwire.store.database import Store

__all__ = ["first_token"]


async def first_token(store: Store, now_ns: int) -> str | None:
    """Make a token with the scope ``admin`` if the store never had any.

    Returns:
        the token, to be shown once; ``None`` if there are tokens.
    """
    async with store.writing() as tx:
        if await tokens.list_tokens(tx):
            return None
        _, text = await tokens.create(tx, "first", ("admin",), now_ns)
        return text
