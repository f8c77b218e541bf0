"""The options of ``@check``, as keys of a ``[[check]]`` table."""

from __future__ import annotations

from typing import Any, Final

from checkwire.project.declared.composites import Field
from checkwire.project.declared.kinds import DURATION, Parsed
from checkwire.sdk.options import (
    ISOLATIONS,
    MAX_FILES,
    MAX_PROCESSES,
    MAX_RETRIES,
    MIN_FILES,
    RETRY_LOCATIONS,
    SCHEDULING,
    STRATEGIES,
    parse_option,
)

__all__ = ["OPTIONS"]

_TEXT: Final = {"type": "string", "pattern": r"\S"}
_DURATION: Final = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": DURATION}]
}
_STRINGS: Final = {
    "type": "array",
    "items": {"type": "string", "pattern": r"^\S(.*\S)?$"},
}
_SIZE: Final = {"type": ["integer", "string"]}
_RETRIES_MOST: Final = {"type": "integer", "minimum": 0, "maximum": MAX_RETRIES}
_RETRIES: Final = {
    "anyOf": [
        _RETRIES_MOST,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "strategy": {
                    "description": "How the time between them grows.",
                    "enum": list(STRATEGIES),
                },
                "max": {"description": "How many at most.", **_RETRIES_MOST},
                "delay": {"description": "Time before the first.", **_DURATION},
                "max_duration": {
                    "description": "Time from the start of the run after which none starts.",
                    **_DURATION,
                },
                "only": {
                    "description": "After which failures: codes, floors of them, who is to blame.",
                    **_STRINGS,
                    "minItems": 1,
                },
                "location": {
                    "description": "Whether to try again at the same location, or at another.",
                    "enum": list(RETRY_LOCATIONS),
                },
            },
        },
    ]
}


def _option(name: str, doc: str, schema: dict[str, Any]) -> Field:
    return Field(Parsed(lambda value: parse_option(name, value), schema, named=True), doc)


OPTIONS: Final[dict[str, Field]] = {
    "id": _option(
        "id",
        "A stable name, one word, on which the check's history hangs; by default file::name.",
        {"type": "string", "pattern": r"^\s*\S+\s*$"},
    ),
    "every": _option("every", 'Time between runs, 10 s to 24 h, as "1m".', _DURATION),
    "cron": _option("cron", 'When to run instead, as "*/5 9-17 * * mon-fri".', _TEXT),
    "timezone": _option("timezone", 'Whose clock cron goes by, as "Europe/Berlin".', _TEXT),
    "scheduling": _option(
        "scheduling",
        "Whether it runs at all locations each time, or at one of them, in turn.",
        {"enum": list(SCHEDULING)},
    ),
    "timeout": _option("timeout", "Time that an attempt may take; by default 30 s.", _DURATION),
    "locations": _option("locations", "Names of the places to run from.", _STRINGS),
    "tags": _option("tags", "Words to select checks by.", _STRINGS),
    "retries": _option("retries", "How often to try again, or a table that says how.", _RETRIES),
    "memory": _option(
        "memory",
        'Address space that an attempt may use: bytes, or "256MB".',
        _SIZE,
    ),
    "cpu": _option("cpu", "CPU time that an attempt may use; by default 60 s.", _DURATION),
    "processes": _option(
        "processes",
        "How many processes an attempt may have started at a time.",
        {"type": "integer", "minimum": 0, "maximum": MAX_PROCESSES},
    ),
    "files": _option(
        "files",
        "How many files and sockets an attempt may have open.",
        {"type": "integer", "minimum": MIN_FILES, "maximum": MAX_FILES},
    ),
    "file_size": _option("file_size", "Bytes that a file may have that an attempt writes.", _SIZE),
    "output": _option("output", "Bytes that an attempt may print.", _SIZE),
    "isolation": _option(
        "isolation",
        "What an attempt runs in: a process of its own, a shared one, or a sandbox.",
        {"enum": list(ISOLATIONS)},
    ),
    "needs": _option("needs", "Variables without which the check is skipped.", _STRINGS),
    "activated": _option(
        "activated", "Whether it runs at all; by default it does.", {"type": "boolean"}
    ),
}
