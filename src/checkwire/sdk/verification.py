"""Plain ``assert`` statements, entered into the ledger of the attempt that makes them."""

from __future__ import annotations

from checkwire.model.failures import Failure
from checkwire.sdk import assertions
from checkwire.sdk.assertions import Site
from checkwire.sdk.context import current

__all__ = ["listen_to_assertions"]


class _Listener:
    def passed(self, site: Site) -> None:
        current().ledger.held(site)

    def failed(self, site: Site, failure: Failure) -> None:
        context = current()
        context.ledger.failed(context.masked(failure), "failed", site)


def listen_to_assertions() -> None:
    """From now on every assertion of rewritten code counts, in whatever attempt it runs."""
    assertions.observer = _Listener()
