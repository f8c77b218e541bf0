"""The options of a check: how each may be written, and what it comes to.

The same rules hold for ``@check(...)`` and for ``[defaults]`` of ``checkwire.toml``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checkwire.model.durations import format_seconds, parse_duration
from checkwire.sdk.written import written

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from checkwire.model.definition import Retries

__all__ = ["DEFAULTABLE", "OPTIONS", "OptionError", "parse_option", "shown"]

MIN_EVERY = 10.0
MAX_EVERY = 86400.0
"""Seconds; for what runs more rarely the day and the hour matter, which a cron says."""
MIN_TIMEOUT = 0.2
"""Seconds; below, the soft timeout, 100 ms before the hard one, would leave no time at all."""
MAX_DURATION = 366 * 86400.0
"""Seconds; above, a slip of the pen is likelier than a wish, and clocks have limits."""
MAX_RETRIES = 100
MAX_MEMORY = 1 << 50
MIN_MEMORY = 64 * 1024 * 1024
"""Bytes; a Python process that has imported the SDK hardly fits into less."""
MIN_CPU = 1.0
"""Seconds; the kernel counts whole ones."""
MAX_PROCESSES = 10_000
MIN_FILES = 16
"""What an event loop, the standard streams and one connection take, and a few to spare."""
MAX_FILES = 1 << 20

SCHEDULING = ("parallel", "round-robin")
RETRY_LOCATIONS = ("same", "other")
ISOLATIONS = ("process", "shared", "sandbox")

_SIZES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_RETRIES_EXAMPLE = {"strategy": "exponential", "max": 3, "delay": "1s"}
STRATEGIES = ("fixed", "linear", "exponential")


class OptionError(ValueError):
    """An option's value will not do; the message says why and how to write it.

    Attributes:
        key: the part of it that will not do, if it is a table; else empty.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def parse_option(name: str, value: object) -> Any:
    """An option as written, in the form that ``CheckDefinition`` holds.

    Raises:
        OptionError: if the value will not do. The message starts with the option's name.
        KeyError: if there is no such option.
    """
    try:
        return OPTIONS[name](value)
    except ValueError as error:
        raise OptionError(f"{name}: {error}", getattr(error, "key", "")) from None


def shown(value: object) -> str:
    """A value as its author may have written it, cut if it is long, for a message."""
    text = written(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{shown(value)} is not a string")
    if not value.strip():
        raise OptionError("it is empty")
    return value.strip()


def _id(value: object) -> str:
    text = _text(value)
    if not text.isprintable() or any(map(str.isspace, text)):
        raise OptionError(f'{shown(value)} has blanks in it: an id is one word, as "orders-eu"')
    return text


def _duration(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        what = f'{shown(value)} is not a duration: write seconds, or "500ms", "30s", "5m"'
        raise OptionError(what)
    seconds = parse_duration(value)
    if seconds > MAX_DURATION:
        raise OptionError(
            f"{shown(value)} is too long: the most is {MAX_DURATION / 86400:.0f} days"
        )
    return seconds


def _at_least(least: float, value: object) -> float:
    seconds = _duration(value)
    if seconds < least:
        raise OptionError(f"{shown(value)} is too short: the least is {format_seconds(least)}")
    return seconds


def _every(value: object) -> float | None:
    if value is None:
        return None
    seconds: float = parse_duration(value)  # type: ignore[arg-type]  # as in _duration
    if seconds < MIN_EVERY:
        raise OptionError(f"{shown(value)} is too short: the least is {MIN_EVERY:.0f} s")
    if seconds > MAX_EVERY:
        raise OptionError(
            f"{shown(value)} is too long: the most is {MAX_EVERY / 3600:.0f} h; beyond, write "
            'cron=, as cron="0 6 * * mon"'
        )
    return seconds


def _cron(value: object) -> str | None:
    if value is None:
        return None
    text = _text(value)
    from checkwire.sdk.cron import parse_cron  # datetime, zoneinfo: 10 ms

    return parse_cron(text)


def _timezone(value: object) -> str:
    text = _text(value)
    from checkwire.sdk.cron import parse_timezone

    return parse_timezone(text)


def _scheduling(value: object) -> str:
    return _one_of(SCHEDULING, value)


def _one_of(known: tuple[str, ...], value: object) -> str:
    if value in known:
        return str(value)
    from checkwire.sdk.suggestion import did_you_mean

    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    quoted = [f'"{one}"' for one in known]
    choice = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    raise OptionError(f"{shown(value)} will not do: write {choice}{hint}")


def _timeout(value: object) -> float:
    return _at_least(MIN_TIMEOUT, value)


def _degraded(value: object) -> float | None:
    if value is None:
        return None
    seconds = _duration(value)
    if seconds == 0:
        raise OptionError("0 would degrade every run")
    return seconds


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        raise OptionError(f"{shown(value)} is a string, not a list: write [{shown(value)}]")
    if not isinstance(value, list | tuple):
        raise OptionError(f"{shown(value)} is not a list of strings")
    for item in value:
        if not isinstance(item, str):
            raise OptionError(f"{shown(item)} is not a string")
        if not item or item != item.strip():
            raise OptionError(f"{shown(item)} is empty, or has blanks around it")
    return tuple(dict.fromkeys(value))


def _retries(value: object) -> Retries:
    from checkwire.model.definition import Retries  # msgspec: 25 ms

    if isinstance(value, Retries):
        found = value
    elif value is None:
        found = Retries()
    elif isinstance(value, dict):
        found = _retries_table(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = Retries(strategy="fixed" if value else "none", max=value)
    else:
        raise OptionError(
            f"{shown(value)} is not a number of retries: "
            f"write a number, or {written(_RETRIES_EXAMPLE)}"
        )
    if found.max < 0:
        raise OptionError(f"{found.max} is less than none")
    if found.max > MAX_RETRIES:
        raise OptionError(f"{shown(found.max)} are too many: the most is {MAX_RETRIES}")
    return found


def _retries_table(table: dict[Any, Any]) -> Retries:
    import msgspec

    from checkwire.model.definition import Retries
    from checkwire.sdk.suggestion import did_you_mean

    fields = Retries.__struct_fields__
    for key in table:
        if key not in fields:
            raise OptionError(f'"{key}" is unknown{did_you_mean(str(key), fields)}', key)
    values = {"strategy": "fixed", "max": 1, **table}
    for key in ("delay", "max_duration"):
        if key in values:
            try:
                values[key] = _duration(values[key])
            except ValueError as error:
                raise OptionError(f"{key}: {error}", key) from None
    for key, read in (("only", _only), ("location", _retry_location)):
        if key in values:
            try:
                values[key] = read(values[key])
            except ValueError as error:
                raise OptionError(f"{key}: {error}", key) from None
    try:
        return msgspec.convert(values, Retries)
    except msgspec.ValidationError as error:
        key = str(error).partition(" - at `$.")[2].rstrip("`")
        what = f"{key}: {shown(values[key])} is not a number"
        if key == "strategy":
            meant = values[key] if isinstance(values[key], str) else ""
            what = f"strategy: {shown(values[key])} is no strategy: write "
            what += ", ".join(f'"{name}"' for name in STRATEGIES[:-1]) + f' or "{STRATEGIES[-1]}"'
            what += did_you_mean(meant, STRATEGIES)
        raise OptionError(what, key) from None


def _retry_location(value: object) -> str:
    return _one_of(RETRY_LOCATIONS, value)


def _only(value: object) -> tuple[str, ...]:
    """What a retry is for: codes, floors of them, or who is to blame."""
    names = _strings(value)
    if not names:
        raise OptionError("it is empty: leave it out to retry whatever may pass next time")
    from checkwire.model.failures import BLAMES, CODES
    from checkwire.sdk.suggestion import did_you_mean

    floors = dict.fromkeys(code.partition(".")[0] for code in CODES)
    for name in names:
        if name in BLAMES or name.removesuffix(".*") in floors:
            continue
        if name not in CODES:
            hint = did_you_mean(name, (*CODES, *floors, *(f"{f}.*" for f in floors), *BLAMES))
            raise OptionError(
                f"{shown(name)} is neither a failure code, nor a floor such as "
                f'"tls.*", nor one of {", ".join(BLAMES)}{hint}'
            )
        if not CODES[name].retryable:
            raise OptionError(f"{shown(name)} is never retried: trying again cannot help")
    return names


def _memory(value: object) -> int:
    size = _size(value)
    if size < MIN_MEMORY:
        raise OptionError(f"{shown(value)} is too little: the least is {MIN_MEMORY >> 20} MiB")
    return size


def _size(value: object) -> int:
    size: float | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        unit = _SIZES.get(match[2].lower())
        size = None if unit is None else float(match[1]) * unit
    if size is None:
        raise OptionError(f'{shown(value)} is not a size: write bytes, or "256MB", "1GiB"')
    if size < 0:
        raise OptionError(f"{shown(value)} is less than nothing")
    if size > MAX_MEMORY:
        raise OptionError(f"{shown(value)} is too much: the most is {MAX_MEMORY >> 50} PiB")
    return int(size)


def _cpu(value: object) -> float:
    return _at_least(MIN_CPU, value)


def _processes(value: object) -> int:
    return _number(value, 0, MAX_PROCESSES)


def _files(value: object) -> int:
    return _number(value, MIN_FILES, MAX_FILES)


def _number(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise OptionError(f"{shown(value)} is not a whole number")
    if value < least:
        raise OptionError(f"{value} are too few: the least is {least}")
    if value > most:
        raise OptionError(f"{value} are too many: the most is {most}")
    return value


def _isolation(value: object) -> str:
    return _one_of(ISOLATIONS, value)


def _cases(value: object) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise OptionError(
            f'{shown(value)} is not a dict: write {{"eu": {{"url": ...}}, "us": {{"url": ...}}}}'
        )
    if not value:
        raise OptionError("there is none, so the check would never run")
    for name, arguments in value.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise OptionError(f"{shown(name)} is no name for a case")
        if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
            raise OptionError(
                f'"{name}" must be a dict of arguments for the function, not {shown(arguments)}'
            )
    return value


def _activated(value: object) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"{shown(value)} is neither true nor false")
    return value


OPTIONS: dict[str, Callable[[object], Any]] = {
    "id": _id,
    "name": _text,
    "every": _every,
    "cron": _cron,
    "timezone": _timezone,
    "scheduling": _scheduling,
    "timeout": _timeout,
    "degraded": _degraded,
    "locations": _strings,
    "tags": _strings,
    "retries": _retries,
    "memory": _memory,
    "cpu": _cpu,
    "processes": _processes,
    "files": _files,
    "file_size": _size,
    "output": _size,
    "isolation": _isolation,
    "cases": _cases,
    "needs": _strings,
    "activated": _activated,
}
"""Every option by its name, with the function that reads it (and raises ``ValueError``)."""

DEFAULTABLE = tuple(name for name in OPTIONS if name not in ("id", "name", "cases"))
"""The options that a project may set for all its checks."""
