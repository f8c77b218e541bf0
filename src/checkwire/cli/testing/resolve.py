"""``--resolve HOST:PORT:ADDRESS[:PORT]``."""

from __future__ import annotations

import re

from checkwire.model.places import bracketed, host_and_port

__all__ = ["format_resolve", "parse_resolve"]

_FORM = re.compile(
    r"""(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):(?P<port>\d{1,5}):
    (?P<address>\[[0-9A-Fa-f:.%\w]+\]|[0-9.]+|[0-9A-Fa-f:]*::[0-9A-Fa-f:]*)
    (?::(?P<to>\d{1,5}))?$""",
    re.VERBOSE,
)


def parse_resolve(text: str) -> tuple[str, int, str, int]:
    """(host, port, address, port to connect to), as curl has it, with a port of its own if given.

    An IPv6 address that is followed by a port stands in brackets.

    Raises:
        ValueError: if it is not of that form.
    """
    match = _FORM.match(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not HOST:PORT:ADDRESS[:PORT], such as "
            "echo.websocket.org:443:127.0.0.1:8443"
        )
    port = int(match["port"])
    to = int(match["to"]) if match["to"] else port
    for number in (port, to):
        if not 0 < number < 65536:
            raise ValueError(f"{text!r}: there is no port {number}")
    return match["host"].strip("[]").lower(), port, match["address"].strip("[]"), to


def format_resolve(host: str, port: int, address: str, to: int) -> str:
    """What :func:`parse_resolve` reads as this."""
    entry = f"{host_and_port(host, port)}:{bracketed(address)}"
    return entry if to == port else f"{entry}:{to}"
