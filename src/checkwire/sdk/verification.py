"""Plain ``assert`` statements, entered into the ledger of the attempt that makes them."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from checkwire.model.failures import Failure
from checkwire.model.masking import Masker
from checkwire.sdk import assertions
from checkwire.sdk.assertions import Site
from checkwire.sdk.context import current

__all__ = ["has_assertions", "listen_to_assertions"]


class _Listener:
    @property
    def masker(self) -> Masker:
        return current().masker

    def passed(self, site: Site) -> None:
        current().ledger.held(site)

    def failed(self, site: Site, failure: Failure) -> None:
        context = current()
        context.ledger.failed(context.masked(failure), "failed", site)


def listen_to_assertions() -> None:
    """From now on every assertion of rewritten code counts, in whatever attempt it runs."""
    assertions.observer = _Listener()


def has_assertions(function: Callable[..., Any]) -> bool:
    """Whether a check asserts or expects anything: its own code, or that of functions in it."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    if assertions.sites_in(current().relative(code.co_filename), code.co_qualname):
        return True
    return any("expect" in part.co_names for part in _nested(code))


def _nested(code: CodeType) -> list[CodeType]:
    parts = [code]
    for part in parts:
        parts += [const for const in part.co_consts if isinstance(const, CodeType)]
    return parts
