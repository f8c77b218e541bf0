"""What proves a failure: the server's refusal, the certificates it showed, the addresses tried."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from checkwire.cli.reporters.notes import header_lines, validity
from checkwire.cli.reporters.paint import Text, width_of, wrap
from checkwire.model.attempt import Attempt, Connection
from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure

__all__ = ["evidence_lines", "fact_lines"]

_INDENT = "  "
_MAX_HEADERS = 20
_MAX_BODY_LINES = 12
_MAX_CHAIN = 5
_MAX_VALUE = 300
_KNOWN = {
    "frame", "closest_frame", "expected", "request", "status", "reason", "headers", "body", "chain",
    "tries", "duration_ns", "limit_ns", "messages", "code", "verify_code", "verify_message",
    "place", "lifetime_ms", "messages_in", "messages_out", "bytes_in", "bytes_out",
}  # fmt: skip
"""Shown by other means: here, in the transcript, or in the sentence itself."""


def evidence_lines(
    failure: Failure, connection: Connection | None, attempt: Attempt, width: int
) -> Iterator[Text]:
    """The facts of a failure, in the form that its kind asks for; nothing if there are none."""
    facts = failure.evidence
    if isinstance(facts.get("status"), int):
        yield from _answer(facts, connection, width)
    if isinstance(facts.get("chain"), list | tuple):
        yield from _chain(facts["chain"], width)
    elif failure.code.startswith("tls.") and connection is not None and connection.tls is not None:
        yield from _presented(connection, attempt, width)
    if isinstance(facts.get("tries"), list | tuple):
        yield from _tries(facts["tries"], width)
    others = [
        f"{name.removesuffix('_ns')} {_value(name, value)}"
        for name, value in facts.items()
        if _is_telling(name, value) and not (name == "errno" and facts.get("tries"))
    ]
    if others:
        yield from fact_lines("facts", wrap(" · ".join(others), width - 12))


def fact_lines(label: str, lines: Sequence[str], style: str = "") -> Iterator[Text]:
    """A label in its own column, and lines beside it."""
    for number, line in enumerate(lines):
        yield Text(_INDENT).add("" if number else label, "dim").pad(12).add(line, style)


def _answer(facts: Mapping[str, Any], connection: Connection | None, width: int) -> Iterator[Text]:
    handshake = connection.handshake if connection is not None else None
    request = f"GET {handshake.request_target}" if handshake is not None else "GET"
    request = str(facts.get("request") or request)
    status = f"{facts['status']} {facts.get('reason', '')}".rstrip()
    yield Text(_INDENT).add(f"{request} → ", "dim").add(status, "bold")
    headers = [
        (str(pair[0]), str(pair[1]))
        for pair in facts.get("headers") or ()
        if isinstance(pair, list | tuple) and len(pair) == 2
    ]
    for line in header_lines(headers[:_MAX_HEADERS], width - 6):
        yield Text("    ").add(line, "dim")
    if len(headers) > _MAX_HEADERS:
        yield Text("    ").add(f"… {len(headers) - _MAX_HEADERS} more headers", "dim")
    if body := facts.get("body"):
        yield Text()
        lines = wrap(str(body).rstrip(), width - 6)
        for line in lines[:_MAX_BODY_LINES]:
            yield Text("    ").add(line)
        if len(lines) > _MAX_BODY_LINES:
            yield Text("    ").add(f"… {len(lines) - _MAX_BODY_LINES} more lines", "dim")


def _chain(chain: Sequence[Any], width: int) -> Iterator[Text]:
    for number, facts in enumerate(chain[:_MAX_CHAIN]):
        if not isinstance(facts, Mapping):
            continue
        names = ", ".join(map(str, facts.get("names") or ()))
        subject = str(facts.get("subject", ""))
        lines = [f"{subject}  for {names}" if names else subject]
        lines.append(f"issued by {facts.get('issuer', '?')}")
        lines.append(f"valid {facts.get('not_before', '?')} to {facts.get('not_after', '?')}")
        label = "its issuer" if number else "certificate"
        wrapped = [part for line in lines for part in wrap(line, width - 14)]
        if facts.get("sha256"):
            wrapped.append(f"sha256 {facts['sha256']}")
        yield from _labelled(label, wrapped)


def _presented(connection: Connection, attempt: Attempt, width: int) -> Iterator[Text]:
    if connection.tls is None:
        return
    for number, certificate in enumerate(connection.tls.chain[:_MAX_CHAIN]):
        names = ", ".join(certificate.names) or certificate.subject
        until = validity(certificate.not_after, attempt.started_ns)
        lines = [names, f"issued by {certificate.issuer}", until]
        wrapped = [part for line in lines for part in wrap(line, width - 14)]
        yield from _labelled("its issuer" if number else "certificate", wrapped)


def _labelled(label: str, lines: Sequence[str]) -> Iterator[Text]:
    for number, line in enumerate(lines):
        yield Text(_INDENT).add("" if number else label, "dim").pad(15).add(line)


def _tries(tries: Sequence[Any], width: int) -> Iterator[Text]:
    rows = [row for row in tries if isinstance(row, Mapping)]
    addresses = max((width_of(str(row.get("address", ""))) for row in rows), default=0)
    for number, row in enumerate(rows):
        duration = row.get("duration_ns")
        line = Text(_INDENT).add("" if number else "tried", "dim").pad(12)
        line.add(str(row.get("address", ""))).pad(12 + addresses + 2)
        line.add(str(row.get("result", "")), "dim")
        if isinstance(duration, int):
            line.add(f"  {format_ns(duration)}", "dim")
        yield line.cut(width)


def _is_telling(name: str, value: Any) -> bool:
    if name in _KNOWN or value in (None, "", (), [], {}):
        return False
    return isinstance(value, str | int | float | list | dict)


def _value(name: str, value: Any) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        return format_ns(value)
    if name == "errno" and isinstance(value, int) and value in errno.errorcode:
        return errno.errorcode[value]
    if isinstance(value, str):
        text = value
    else:
        import json

        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"
