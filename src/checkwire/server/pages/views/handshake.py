"""How a connection was made, or why it was not: phases, upgrade, TLS, addresses, end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from checkwire.model.attempt import Attempt, Connection
from checkwire.model.events import Certificate, Failed
from checkwire.model.failures import Failure
from checkwire.server.pages.figures import counted, lasts, ms
from checkwire.server.pages.svg.waterfall import Span, bar, scale_of
from checkwire.server.pages.words import PHASES

__all__ = ["CertificateView", "ConnectionView", "PhaseRow", "Try", "connection_view"]

_DIALLING = ("dns", "tcp", "proxy", "tls", "upgrade")
_SHOWN = (*_DIALLING, "first_message", "close")
_HOT = 1.25
"""Slower than usual by this factor (and by a millisecond) is worth a colour."""
_DAY = 86400


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase: its bar, and how it compares with what is usual for this check.

    Attributes:
        tone: ``fail`` where it broke, ``hot`` where it was slower than usual, or empty.
        delta: ``+25.3``, or empty if nothing is known.
    """

    name: str
    figure: str
    delta: str
    tone: str
    drawing: Markup | None


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate that the server showed."""

    role: str
    subject: str
    names: str
    issuer: str
    validity: str
    tone: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Try:
    """An address that was tried."""

    address: str
    result: str
    figure: str
    good: bool


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection.

    Attributes:
        summary: of the upgrade, ``GET /v2/ws → 101 Switching Protocols``; empty if there was none.
        tls, addresses: summaries; empty if there is nothing to say.
    """

    number: int
    url: str
    phases: list[PhaseRow]
    opened: str
    clock: str
    summary: str
    summary_tone: str
    upgraded: str
    request_line: str
    request_headers: Sequence[tuple[str, str]]
    status_line: str
    response_headers: Sequence[tuple[str, str]]
    body: str
    tls: str
    tls_tone: str
    tls_facts: list[tuple[str, str]]
    chain: list[CertificateView]
    addresses: str
    answers: list[str]
    tries: list[Try]
    local: str
    remote: str


def connection_view(
    connection: Connection,
    attempt: Attempt,
    usual: Mapping[str, float] | None = None,
) -> ConnectionView:
    """Make it.

    Args:
        connection: one of the attempt's.
        attempt: whose connection it is.
        usual: nanoseconds by phase that are usual for this check.
    """
    failed = _failed_on(connection, attempt)
    failure = failed.failure if failed is not None else None
    handshake = connection.handshake
    opened = connection.phase("open")
    status = "" if handshake is None else f"{handshake.status} {handshake.reason}".rstrip()
    upgraded = connection.phase("upgrade")
    return ConnectionView(
        number=connection.number,
        url=connection.url,
        phases=_phases(connection, failed, usual or {}),
        opened="" if opened is None else f"{ms(opened.duration_ns)} ms",
        clock=connection.clock,
        summary="" if handshake is None else f"GET {handshake.request_target} → {status}",
        summary_tone="fail" if handshake is not None and handshake.status != 101 else "",
        upgraded="" if upgraded is None else f"{ms(upgraded.duration_ns)} ms",
        request_line="" if handshake is None else f"GET {handshake.request_target} HTTP/1.1",
        request_headers=() if handshake is None else handshake.request_headers,
        status_line=f"HTTP/1.1 {status}" if status else "",
        response_headers=() if handshake is None else handshake.response_headers,
        body=_body(failure),
        tls=_tls(connection, attempt, failure),
        tls_tone="fail" if failure is not None and failure.code.startswith("tls.") else "",
        tls_facts=_tls_facts(connection),
        chain=_chain(connection, attempt, failure),
        addresses=_addresses(connection, failure),
        answers=_answers(connection),
        tries=_tries(connection, failure),
        local="" if handshake is None else handshake.local_address,
        remote="" if handshake is None else handshake.remote_address,
    )


def _failed_on(connection: Connection, attempt: Attempt) -> Failed | None:
    return next(
        (
            failed
            for failed in attempt.failures
            if failed.severity == "failed" and failed.failure.connection == connection.number
        ),
        None,
    )


def _broken(connection: Connection, failed: Failed | None) -> str | None:
    """The phase that did not end because of the failure."""
    if failed is None:
        return None
    phase = failed.failure.phase
    if failed.failure.code == "timeout.first_message":
        phase = "first_message"
    return phase if phase in _SHOWN and connection.phase(phase) is None else None


def _phases(
    connection: Connection, failed: Failed | None, usual: Mapping[str, float]
) -> list[PhaseRow]:
    """The phases that took place, end to end: what this process needed between is nobody's."""
    broken = _broken(connection, failed)
    dialled = connection.at_ns
    idle = 0
    found: list[tuple[str, Span, bool]] = []
    for name in _SHOWN:
        phase = connection.phase(name)
        if name == broken and failed is not None:
            start = dialled - idle
            end = max(start, _failed_end(failed, start, dialled))
            found.append((name, Span(start, end, "fail"), False))
        elif phase is not None:
            if name in _DIALLING:
                idle += max(0, phase.at_ns - dialled)
            start = phase.at_ns - idle
            known = usual.get(name)
            hot = known is not None and phase.duration_ns > max(known * _HOT, known + 1_000_000)
            tone = "hot" if hot else ""
            found.append((name, Span(start, start + phase.duration_ns, tone), True))
            if name in _DIALLING:
                dialled = phase.at_ns + phase.duration_ns
    drawn = [(name, span) for name, span, _ in found if name != "close"]
    last = next((i for i, (name, _) in enumerate(drawn) if name == "first_message"), None)
    scale = scale_of([span for _, span in drawn], last=last)
    return [
        PhaseRow(
            name=PHASES[name],
            figure=ms(span.end_ns - span.start_ns),
            delta=_delta(span, usual.get(name)) if ended else "",
            tone=span.tone,
            drawing=None if name == "close" else bar(span, scale),
        )
        for name, span, ended in found
    ]


def _failed_end(failed: Failed, start: int, dialled: int) -> int:
    """When a phase broke: as its tries say, or when the failure was told."""
    tries = failed.failure.evidence.get("tries")
    if failed.failure.phase == "tcp" and isinstance(tries, list | tuple) and tries:
        try:
            first, last = tries[0], tries[-1]
            taken: int = last["started_ns"] + last["duration_ns"] - first["started_ns"]
            return start + taken
        except (KeyError, TypeError):
            pass  # the last one was never answered
    return start + max(0, failed.at_ns - dialled)


def _delta(span: Span, usual: float | None) -> str:
    if usual is None:
        return ""
    difference = (span.end_ns - span.start_ns - usual) / 1e6
    if abs(difference) < 0.05:
        return "±0"
    return f"{difference:+,.1f}".replace("-", "−")


def _body(failure: Failure | None) -> str:
    body = failure.evidence.get("body") if failure is not None else None
    return str(body).rstrip() if body else ""


def _tls(connection: Connection, attempt: Attempt, failure: Failure | None) -> str:
    tls = connection.tls
    if tls is None:
        if failure is not None and failure.code.startswith("tls."):
            return failure.message
        return ""
    text = f"{_version(tls.version)}, {tls.cipher}"
    if tls.chain:
        leaf = tls.chain[0]
        names = leaf.names[0] if leaf.names else leaf.subject
        text += f", certificate for {names} {_validity(leaf.not_after, attempt.started_ns)[0]}"
    return text if tls.verified else f"{text}, not verified"


def _version(version: str) -> str:
    return version.replace("TLSv", "TLS ")


def _tls_facts(connection: Connection) -> list[tuple[str, str]]:
    tls = connection.tls
    if tls is None:
        return []
    facts = [("Version", _version(tls.version)), ("Cipher", tls.cipher)]
    if tls.server_name:
        facts.append(("Server name", tls.server_name))
    if tls.alpn:
        facts.append(("ALPN", tls.alpn))
    facts.append(("Verified", "yes" if tls.verified else "no: the check switched it off"))
    return facts


def _chain(
    connection: Connection, attempt: Attempt, failure: Failure | None
) -> list[CertificateView]:
    if connection.tls is not None:
        certificates = connection.tls.chain
        return [
            _certificate(number, certificate, attempt.started_ns)
            for number, certificate in enumerate(certificates)
        ]
    shown = failure.evidence.get("chain") if failure is not None else None
    if not isinstance(shown, list | tuple):
        return []
    return [
        CertificateView(
            role=_role(number),
            subject=str(facts.get("subject", "")),
            names=", ".join(map(str, facts.get("names") or ())),
            issuer=str(facts.get("issuer", "")),
            validity=f"{facts.get('not_before', '?')} to {facts.get('not_after', '?')}",
            tone="",
            key="",
            sha256=str(facts.get("sha256", "")),
        )
        for number, facts in enumerate(shown)
        if isinstance(facts, Mapping)
    ]


def _certificate(number: int, certificate: Certificate, now_ns: int) -> CertificateView:
    remaining, until, tone = _validity(certificate.not_after, now_ns)
    return CertificateView(
        role=_role(number),
        subject=certificate.subject,
        names=", ".join(certificate.names),
        issuer=certificate.issuer,
        validity=f"{remaining.removeprefix('valid ')}, until {until}",
        tone=tone,
        key=certificate.key,
        sha256=certificate.sha256,
    )


def _role(number: int) -> str:
    return "Certificate" if number == 0 else "Its issuer"


def _validity(not_after: int, now_ns: int) -> tuple[str, str, str]:
    """What remains, the day, and a tone."""
    days = (not_after - now_ns // 1_000_000_000) / _DAY
    try:
        until = time.strftime("%Y-%m-%d", time.gmtime(not_after))
    except (OverflowError, ValueError, OSError):
        until = f"{not_after} s"
    if days < 0:
        return (f"expired {counted(int(-days), 'day')} ago", until, "fail")
    return (f"valid {counted(int(days), 'more day')}", until, "warn" if days < 14 else "")


def _answers(connection: Connection) -> list[str]:
    dns = connection.phase("dns")
    found = dns.details.get("addresses") if dns is not None else None
    return [str(one) for one in found] if isinstance(found, list | tuple) else []


def _tries(connection: Connection, failure: Failure | None) -> list[Try]:
    tcp = connection.phase("tcp")
    rows: Any = tcp.details.get("tries") if tcp is not None else None
    if failure is not None and not rows:
        rows = failure.evidence.get("tries")
    if not isinstance(rows, list | tuple):
        return []
    return [_try(row) for row in rows if isinstance(row, Mapping)]


def _try(row: Mapping[str, Any]) -> Try:
    duration = row.get("duration_ns")
    result = str(row.get("result", ""))
    return Try(
        address=str(row.get("address", "")),
        result=result,
        figure=lasts(duration) if isinstance(duration, int) else "",
        good=result.startswith("connected"),
    )


def _addresses(connection: Connection, failure: Failure | None) -> str:
    parts = []
    if answers := _answers(connection):
        parts.append(counted(len(answers), "answer"))
    if connection.handshake is not None and connection.handshake.remote_address:
        remote = connection.handshake.remote_address
        family = "IPv6" if remote.startswith("[") else "IPv4"
        if remote[:1] in "[0123456789":
            parts.append(f"connected to {remote} over {family}")
        else:
            parts.append(f"connected to {remote}")
    elif tries := _tries(connection, failure):
        parts.append(f"{len(tries)} tried, none answered as it should")
    return ", ".join(parts)
