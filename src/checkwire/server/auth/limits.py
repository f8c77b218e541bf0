"""Failed attempts to authenticate, bounded per client."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["FailureLimit"]


class FailureLimit:
    """A token bucket per client address: each failure takes one out, time puts them back.

    An IPv6 client is its /64, since a host has that many addresses to spare. Only so many clients
    are remembered; those that did nothing for the longest time are forgotten first.
    """

    def __init__(
        self,
        *,
        capacity: int = 10,
        seconds_each: float = 6.0,
        clients: int = 10_000,
        clock: Callable[[], float],
    ) -> None:
        """Full buckets.

        Args:
            capacity: failures that a client may have at once.
            seconds_each: after how long one of them is forgotten.
            clients: how many are remembered.
            clock: monotonic seconds.
        """
        self._capacity = capacity
        self._seconds_each = seconds_each
        self._clients = clients
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this client may try again; 0 if it may now."""
        return max(0.0, (1.0 - self._level(_client(address))) * self._seconds_each)

    def failed(self, address: str) -> None:
        """Count a failure."""
        client = _client(address)
        self._buckets[client] = (self._level(client) - 1.0, self._clock())
        self._buckets.move_to_end(client)
        while len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)

    def _level(self, client: str) -> float:
        known = self._buckets.get(client)
        if known is None:
            return float(self._capacity)
        level, at = known
        return min(self._capacity, max(0.0, level) + (self._clock() - at) / self._seconds_each)


def _client(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), 64), strict=False))
    return address
