"""Addresses that are not connected to, whoever asks."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checkwire.model.errors import ConnectError
from checkwire.model.failures import Failure
from checkwire.wire.dial.resolve import Endpoint
from checkwire.wire.dial.whereabouts import named

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    Ranges = Sequence[IPv4Network | IPv6Network]

__all__ = ["allowed", "ranges"]


def ranges(texts: Sequence[str]) -> Ranges:
    """Ranges of addresses such as ``169.254.0.0/16``, ready to be compared with."""
    from ipaddress import ip_network  # 5 ms, which most projects need not spend

    return tuple(map(ip_network, texts))


def allowed(endpoints: list[Endpoint], denied: Ranges, host: str) -> list[Endpoint]:
    """Those of a host's endpoints that may be connected to.

    Raises:
        ConnectError: ``tcp.denied``: there is none.
    """
    if not denied:
        return endpoints
    found = {endpoint: _range_of(endpoint, denied) for endpoint in endpoints}
    left = [endpoint for endpoint, network in found.items() if network is None]
    if left or not found:
        return left
    endpoint, network = next(iter(found.items()))
    raise ConnectError(
        Failure(
            code="tcp.denied",
            message=f"{named(str(endpoint), host)} is in {network}, which the project's "
            "[network] deny keeps its checks from",
            phase="tcp",
            evidence={"place": str(endpoint), "denied": network},
        )
    )


def _range_of(endpoint: Endpoint, denied: Ranges) -> str | None:
    if endpoint.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    from ipaddress import IPv4Address, IPv6Address, ip_address

    address: IPv4Address | IPv6Address = ip_address(endpoint.address[0])
    # The same host by another name: ::ffff:169.254.169.254.
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return next((str(network) for network in denied if address in network), None)
