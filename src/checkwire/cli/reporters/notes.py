"""Sentences about what happens on a connection, for one row each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checkwire.cli.reporters.figures import counted, day, ms, size
from checkwire.cli.reporters.paint import clean, wrap
from checkwire.cli.reporters.phases import LABELS
from checkwire.model.events import Certificate, ConnectionClosed, Phase, RoundTrip

__all__ = [
    "certificate_note",
    "closed_note",
    "header_lines",
    "phase_note",
    "round_trip_note",
    "validity",
]

_DAY = 86400


def phase_note(phase: Phase) -> str:
    """``TCP 18 ms  203.0.113.24:443``: name, duration, and what the phase found."""
    text = f"{LABELS.get(phase.name, phase.name)} {ms(phase.duration_ns)} ms"
    for name, value in phase.details.items():
        if isinstance(value, str | int | float):
            text += f"  {name} {value}"
        elif isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            text += f"  {', '.join(value)}"
    return text


def round_trip_note(trip: RoundTrip) -> str:
    """``reply to 4 in 56.9 ms: network 20.1, server 36.8``."""
    what = "pong for" if trip.kind == "ping" else "reply to"
    text = f"{what} {trip.request} in {ms(trip.duration_ns)} ms"
    if trip.network_ns is not None and trip.server_ns is not None:
        text += f": network {ms(trip.network_ns)}, server {ms(trip.server_ns)}"
    return text


def closed_note(closed: ConnectionClosed) -> str:
    """How a connection ended, who ended it, and what went over it."""
    if closed.code is None:
        text = "never opened"
    else:
        text = f"closed {closed.code}"
        if closed.reason:
            text += f' "{closed.reason}"'
        text += {"local": " by us", "remote": " by the server"}.get(closed.initiator, "")
        if not closed.clean:
            text += ", without a closing handshake"
    if closed.messages_in or closed.messages_out:
        text += f"; {closed.messages_out:,} sent, {size(closed.bytes_out)}"
        text += f"; {closed.messages_in:,} received, {size(closed.bytes_in)}"
    if closed.code is not None:
        text += f"; {closed.clock} clock"
    if closed.coalesced:
        text += f", {counted(closed.coalesced, 'frame')} coalesced"
    return text


def certificate_note(certificate: Certificate, now_ns: int) -> str:
    """Whom the certificate is for, who issued it, and how long it is valid."""
    names = ", ".join(certificate.names[:4]) or certificate.subject
    if len(certificate.names) > 4:
        names += f" and {len(certificate.names) - 4} more"
    return f"{names}; by {certificate.issuer}; {validity(certificate.not_after, now_ns)}"


def validity(not_after: int, now_ns: int) -> str:
    """``until 2027-01-23, 61 more days`` or ``until 2026-10-30, expired 24 days ago``."""
    days = (not_after - now_ns // 1_000_000_000) / _DAY
    if days < 0:
        return f"until {day(not_after)}, expired {counted(int(-days), 'day')} ago"
    return f"until {day(not_after)}, {counted(int(days), 'more day')}"


def header_lines(headers: Iterable[tuple[str, str]], columns: int) -> Iterator[str]:
    """``name: value``, a long one on several lines."""
    for name, value in headers:
        first, *others = wrap(f"{clean(name)}: {clean(value)}", columns)
        yield first
        yield from (f"  {line}" for other in others for line in wrap(other, columns - 2))
