"""Parameters that several routes take."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from pydantic import BeforeValidator, WithJsonSchema

from checkwire.server.problems import FieldError, Problem

__all__ = [
    "DAY_NS",
    "Cursor",
    "Instant",
    "LastEventId",
    "Limit",
    "Since",
    "Tag",
    "Text",
    "known_parameters",
    "parse_instant",
    "period",
    "require_order",
]

DAY_NS = 24 * 3600 * 1_000_000_000

_LATEST = 2**63 - 1
_SECOND = 1_000_000_000
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r"(?:([Zz])|([+-])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|min|m|h|d)", re.ASCII)
_UNITS = {
    "ms": 1_000_000,
    "s": _SECOND,
    "min": 60 * _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 86400 * _SECOND,
}


def parse_instant(value: Any) -> int:
    """Nanoseconds since the Unix epoch.

    Takes ISO 8601 (UTC if it does not say), nanoseconds, or a duration: that long ago. What is
    before 1970, or after what 64 bits hold, is the nearest that is not.

    Raises:
        ValueError: with a sentence.
    """
    text = str(value).strip()
    if text.isascii() and text.isdecimal() and len(text) <= 30:
        return min(int(text), _LATEST)
    if ago := _DURATION.fullmatch(text):
        return max(0, time.time_ns() - round(float(ago[1]) * _UNITS[ago[2]]))
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be an instant such as 2026-11-25T19:40:00Z, nanoseconds since 1970, "
            "or how long ago, such as 24h"
        )
    try:
        return _of_iso(match)
    except ValueError:
        raise ValueError(
            "is not an instant: there is no such day, time of day, or offset from UTC"
        ) from None


def _parse_since(value: Any) -> int:
    """The same, of which something is to be since: not of this moment, which leaves nothing."""
    if (ago := _DURATION.fullmatch(str(value).strip())) and not float(ago[1]):
        raise ValueError("must be longer ago than no time at all, such as 24h")
    return parse_instant(value)


def _of_iso(match: re.Match[str]) -> int:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, _, sign, hours, minutes = match.groups()[6:]
    leap, second = (1, 59) if second == 60 else (0, second)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    zone = timezone(-offset if sign == "-" else offset)  # raises for a day or more
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86400 + since.seconds + leap
    shift = zone.utcoffset(None)
    seconds -= shift.days * 86400 + shift.seconds
    return min(max(seconds * _SECOND + int((fraction or "0")[:9].ljust(9, "0")), 0), _LATEST)


def _schema(digits: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": f"^{digits}(ms|s|min|m|h|d)$"},
                {"type": "integer", "minimum": 0},
            ],
        }
    )


Instant = Annotated[int, BeforeValidator(parse_instant), _schema("[0-9]{1,9}")]
Since = Annotated[int, BeforeValidator(_parse_since), _schema("[1-9][0-9]{0,8}")]
Text = Annotated[str, Query(max_length=200, min_length=1, pattern=r"^[^\x00]+$")]
Tag = Annotated[Text | None, Query(description="Only those with this tag.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(description="`next` of the page before; nothing for the first page.", max_length=1024),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="Id of the last event that was read: go on after it. Browsers send it "
        "by themselves.",
    ),
]


def period(since: int | None, until: int | None, default_ns: int) -> tuple[int, int]:
    """A period of time, by default the latest ``default_ns``.

    Raises:
        Problem: 400, if it ends before it begins.
    """
    end = time.time_ns() if until is None else until
    begin = max(0, end - default_ns) if since is None else since
    require_order(begin, end)
    return begin, end


def require_order(since: int | None, until: int | None) -> None:
    """See that a period ends after it begins, if both are given.

    Raises:
        Problem: 400, if it does not.
    """
    if since is not None and until is not None and since >= until:
        raise Problem.of_field(
            400, "empty_period", "since", "The period is empty: since must be before until."
        )


async def known_parameters(request: Request) -> None:
    """Refuses what the API's document does not name, so that no filter is ignored in silence."""
    if not request.query_params:
        return
    known = (await _described(request.app)).get(request.scope["route"].operation_id)
    if known is None:
        return
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [FieldError(name[:100], _unknown(name, known)) for name in given if name not in known]
    if errors:
        text = ", ".join(f'"{error.field}"' for error in errors[:5])
        raise Problem(
            400, "unknown_parameter", f"There is no parameter {text} here.", errors=errors[:5]
        )
    for name, count in given.items():
        if count > 1 and not known[name]:
            raise Problem.of_field(
                400, "repeated_parameter", name, f'"{name}" can be given once only.'
            )


async def _described(app: FastAPI) -> dict[str, dict[str, bool]]:
    """The parameters of every operation, and whether each can be given several times."""
    if not hasattr(app.state, "parameters"):
        document = await asyncio.to_thread(app.openapi)  # It takes a while, the first time.
        app.state.parameters = {
            operation["operationId"]: {
                one["name"]: _takes_many(one["schema"])
                for one in operation.get("parameters", ())
                if one["in"] == "query"
            }
            for operations in document["paths"].values()
            for operation in operations.values()
        }
    described: dict[str, dict[str, bool]] = app.state.parameters
    return described


def _takes_many(schema: dict[str, Any]) -> bool:
    return any(one.get("type") == "array" for one in (schema, *schema.get("anyOf", ())))


def _unknown(name: str, known: dict[str, bool]) -> str:
    if close := get_close_matches(name, known, 1):
        return f'did you mean "{close[0]}"?'
    return f"known are {', '.join(known)}" if known else "this route takes none"
