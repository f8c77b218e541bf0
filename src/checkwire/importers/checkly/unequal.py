"""Constructs that have no equal at all, and what to do about each."""

from __future__ import annotations

from typing import Final

from checkwire.importers.checkly.recording import Construct, Gap

__all__ = ["without_equal"]

_KEEP: Final = "keep it at Checkly, or where you have it"
_UNEQUAL: Final[dict[str, tuple[str, str]]] = {
    "BrowserCheck": ("no browser is driven here", _KEEP),
    "PlaywrightCheck": (
        "whole Playwright suites are not run here",
        "make a MultiStepCheck of each file that needs no browser, or keep it at Checkly",
    ),
    "AgenticCheck": ("no check is made up from a prompt here", _KEEP),
    "HeartbeatMonitor": ("nothing waits for pings of others here", _KEEP),
    "TcpMonitor": (
        "a declared check speaks WebSocket and HTTP",
        "write it in Python: a check that awaits asyncio.open_connection(host, port)",
    ),
    "DnsMonitor": (
        "a declared check speaks WebSocket and HTTP",
        "write it in Python: a check that awaits loop.getaddrinfo(name, None)",
    ),
    "IcmpMonitor": ("a declared check speaks WebSocket and HTTP", _KEEP),
    "TracerouteMonitor": ("a declared check speaks WebSocket and HTTP", _KEEP),
    "GrpcMonitor": (
        "a declared check speaks WebSocket and HTTP",
        "write it in Python, with grpcio",
    ),
    "SslMonitor": (
        "certificates are watched on connections of checks",
        "write tls = { days_left = 20 } into a [[check]] with a wss:// URL",
    ),
    "Dashboard": ("the server's pages show all checks", "checkwire serve"),
    "MaintenanceWindow": (
        "there are no planned windows",
        "checkwire pause, and resume, from cron, say",
    ),
    "StatusPage": ("there are no public status pages", _KEEP),
    "StatusPageService": ("there are no public status pages", _KEEP),
}
_ALIASES: Final = {
    "HeartbeatCheck": "HeartbeatMonitor",
    "TcpCheck": "TcpMonitor",
}


def without_equal(construct: Construct) -> Gap:
    """Why a construct could not be taken over, and what to do."""
    kind = _ALIASES.get(construct.kind, construct.kind)
    if kind.startswith("StatusPage"):
        kind = "StatusPage"
    if kind.endswith("Ref"):
        why = "it is in the account, and not in the project"
        return Gap(
            construct.place, construct.shown, why, "npx checkly import gets it into the project"
        )
    why, todo = _UNEQUAL.get(kind, (f"it is not known what a {construct.kind} is", _KEEP))
    return Gap(construct.place, construct.shown, why, todo)
