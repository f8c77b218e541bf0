"""Who asks, and what they may do."""

from __future__ import annotations

from typing import Literal

import msgspec

from checkwire.model.people import LOCAL

__all__ = ["ANYBODY", "SCOPES", "Principal", "Scope"]

Scope = Literal["read", "trigger", "admin"]
"""``read``: see everything but secrets. ``trigger``: ask for runs, too. ``admin``: everything."""

SCOPES: tuple[Scope, ...] = ("read", "trigger", "admin")
"""Each includes those before it: who asks for a run has to find the check, and see the result."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        name: of the token, for people: who triggered, who paused.
        scopes: what they may do.
        token_id: of the token that they showed; ``None`` if none is required.
        session: whether they showed it by way of a session's cookie.
    """

    name: str
    scopes: tuple[str, ...]
    token_id: str | None = None
    session: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether they may, by one scope or another that includes it."""
        return any(one in self.scopes for one in SCOPES[SCOPES.index(scope) :])


ANYBODY = Principal(name=LOCAL, scopes=("admin",))
"""Whoever asks, where no token is required."""
