"""What is wrong with a request, in plain words: which field, and what it may be.

Nothing of what was sent is repeated, and no regular expression is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from checkwire.server.problems import FieldError

__all__ = ["PATTERNS", "field_errors", "members_of_body", "sentence_of"]

PATTERNS = {
    r"^[^\x00]+$": "must have no NUL in it",
    r"^[a-z][a-z0-9_]*(\.(\*|[a-z][a-z0-9_]*)?)?$": (
        "must be a failure code such as tls.certificate_expired, or its floor, such as tls"
    ),
    "^(runs|incidents|projects|run:[0-9A-Z]{26})$": (
        "must be runs, incidents, projects, or run: and the id of a run"
    ),
}
"""What each pattern of the API means."""

_KINDS = {
    "bool": "must be true or false",
    "int": "must be a whole number",
    "float": "must be a number",
    "finite": "must be a number",
    "string": "must be text",
    "list": "must be a list",
    "model": "must be a JSON object",
    "dict": "must be a JSON object",
    "missing": "is needed",
}
"""By how the name of the error begins; what is more special goes before."""
_MOST = 20
_TOLD = 3


def field_errors(
    errors: Iterable[Mapping[str, Any]], members: Sequence[str] = ()
) -> list[FieldError]:
    """What pydantic found.

    Args:
        errors: as it gives them.
        members: what the body may have.
    """
    told = [FieldError(_field(one["loc"]), _message(one, members)) for one in errors]
    return told[:_MOST]


def sentence_of(errors: Sequence[FieldError]) -> str:
    """The same in one sentence."""
    told = [
        f"The body {one.message}" if one.field == "body" else f'"{one.field}" {one.message}'
        for one in errors[:_TOLD]
    ]
    more = f"; and {len(errors) - _TOLD} more" if len(errors) > _TOLD else ""
    return f"{'; '.join(told)}{more}."


def members_of_body(route: Any) -> list[str]:
    """The members that the body of a route may have, if it takes one."""
    info = getattr(getattr(route, "body_field", None), "field_info", None)
    annotation = getattr(info, "annotation", None)
    return [
        name
        for model in (annotation, *get_args(annotation))
        for name in getattr(model, "model_fields", ())
    ]


def _field(place: Sequence[str | int]) -> str:
    where, *names = place
    text = ""
    for name in names:
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else str(name)
    # A body that is no JSON has the offset of its fault for a name.
    return text if names and not isinstance(names[0], int) else str(where)


def _message(error: Mapping[str, Any], members: Sequence[str]) -> str:
    """What the field may be."""
    kind, context = str(error["type"]), error.get("ctx", {})
    match kind:
        case "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        case "json_invalid":
            return f"is not JSON: it cannot be read from character {error['loc'][-1]} on"
        case "extra_forbidden":
            known = f"; known are {', '.join(members)}" if members else ""
            return f"is not known here{known}"
        case "literal_error":
            return f"must be {context['expected'].replace(chr(39), '')}"
        case "string_pattern_mismatch":
            return PATTERNS.get(context["pattern"], "has characters that it may not have")
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "too_long":
            return f"must have at most {context['max_length']} items"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
    found = (text for start, text in _KINDS.items() if kind.startswith(start))
    return next(found, "is not what it must be")
