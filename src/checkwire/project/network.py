"""Where a project's checks may not connect to: ``[network]`` of its settings."""

from __future__ import annotations

from ipaddress import ip_network

__all__ = ["parse_range"]


def parse_range(text: str) -> str:
    """A range of addresses as it is usually written: ``169.254.0.0/16``; one address has no ``/``.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(f'"{text}" {_fault(text)}') from None
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _fault(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return 'is not a range of addresses: write "169.254.0.0/16", or one address'
    return f'begins in the middle of a range: write "{network}"'
