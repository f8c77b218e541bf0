"""``cron=`` and ``timezone=`` of a check. Imported only for checks that have one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from checkwire.sdk.options import shown
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["parse_cron", "parse_timezone"]

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = "minute, hour, day of month, month, day of week"
_AT_FAULT = {
    "Bad minute": "its minute will not do: write 0 to 59",
    "Bad hour": "its hour will not do: write 0 to 23",
    "Bad day-of-month": "its day of month will not do: write 1 to 31, of a month that has it",
    "Bad month": "its month will not do: write 1 to 12, or jan to dec",
    "Bad day-of-week": "its day of week will not do: write 0 (Sunday) to 7, or sun to sat",
}
_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


def parse_cron(text: str) -> str:
    """A cron expression as five fields, a blank between each two.

    Args:
        text: five fields, or one of ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``,
            ``@yearly`` and their like.

    Raises:
        ValueError: if it will not do.
    """
    if text.strip().startswith("@"):
        name = text.strip()
        if name.lower() not in _NICKNAMES:
            hint = did_you_mean(name, _NICKNAMES)
            raise ValueError(f"{shown(name)} is unknown{hint or f': write {_FIELDS}, or @hourly'}")
        return _NICKNAMES[name.lower()]
    fields = text.split()
    if len(fields) == 6:
        raise ValueError(
            f"{shown(text)} has six fields, and seconds are not to be had: write {_FIELDS}, "
            'as "*/5 9-17 * * mon-fri", or every="30s"'
        )
    if len(fields) != 5:
        raise ValueError(
            f"{shown(text)} is not five fields: write {_FIELDS}, "
            'as "*/5 9-17 * * mon-fri", or @hourly'
        )
    try:
        dates = CronSim(" ".join(fields), _FROM)
    except CronSimError as error:
        raise ValueError(f"{shown(text)}: {_AT_FAULT.get(str(error), error)}") from None
    except (ValueError, AssertionError):  # a number of thousands of digits; a step of pairs
        raise ValueError(f"{shown(text)} is not an expression: write {_FIELDS}") from None
    if next(dates, None) is None:
        raise ValueError(f"{shown(text)} never comes: no date fits in 50 years")
    return " ".join(fields)


def parse_timezone(name: str) -> str:
    """The name of a time zone.

    Raises:
        ValueError: if it is not known. Where no time zone is (a system without tzdata), any name
            goes, as long as it may be one: there nothing is planned, only tested.
    """
    if name == "UTC":
        return name
    try:
        if _ZONE.fullmatch(name):
            ZoneInfo(name)
            return name
    except (LookupError, ValueError, OSError):
        pass
    known = available_timezones()
    if not known and _ZONE.fullmatch(name):
        return name
    hint = did_you_mean(name, known) or ': write its IANA name, as "Europe/Berlin"'
    raise ValueError(f"{shown(name)} is not a known time zone{hint}")
