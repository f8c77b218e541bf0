"""Assertions of an API check, as what a step of a declared check expects."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from checkwire.importers.checkly.recording import Gap
from checkwire.importers.checkly.variables import Variables
from checkwire.sdk.jsonpaths import compile_path

__all__ = ["Expected", "expected"]

_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_WEAKER: Final = {"NOT_NULL": "null", "NOT_EMPTY": "an empty one"}
"""Comparisons of JSON that are held in part, and what is let through."""


class Expected(NamedTuple):
    """What an answer must be.

    Attributes:
        status: the status; ``None`` for any that is no error.
        body: as ``expect`` has it.
        within: milliseconds that it may take at most; ``None`` if no assertion says.
    """

    status: int | None
    body: dict[str, Any]
    within: int | None


class _UnequalError(ValueError):
    """An assertion cannot be said; the message says why."""


def expected(
    assertions: list[dict[str, Any]], place: str, shown: str, variables: Variables
) -> tuple[Expected, list[Gap]]:
    """From assertions to what is expected; those that cannot be said are gaps.

    Args:
        assertions: as Checkly's builders make them; a target has its own type.
        place: where they stand.
        shown: whose they are, for people.
        variables: of the project.
    """
    reading = _Reading(place, variables)
    gaps = []
    for one in assertions:
        try:
            reading.take(one)
        except ValueError as error:
            todo = "checkwire eject the check, and assert it in the script that it prints"
            gaps.append(Gap(place, f"assertion {_said(one)} of {shown}", str(error), todo))
    return Expected(reading.status, reading.body, reading.within), gaps


def _said(assertion: dict[str, Any]) -> str:
    """An assertion as its author wrote it."""

    def camel(name: object) -> str:
        first, *rest = str(name).lower().split("_")
        return first + "".join(map(str.capitalize, rest))

    subject = f"{camel(assertion.get('source'))}({assertion.get('property') or ''})"
    target = assertion.get("target")
    return f"{subject}.{camel(assertion.get('comparison'))}({'' if target is None else target})"


class _Reading:
    def __init__(self, place: str, variables: Variables) -> None:
        self._place = place
        self._variables = variables
        self.status: int | None = None
        self.body: dict[str, Any] = {}
        self.within: int | None = None

    def take(self, assertion: dict[str, Any]) -> None:
        source, comparison = assertion.get("source"), str(assertion.get("comparison"))
        target, subject = assertion.get("target"), str(assertion.get("property") or "")
        if isinstance(target, str):
            target = self._variables.text(target, self._place)
        if assertion.get("regex"):
            raise _UnequalError("what a regular expression finds cannot be compared")
        match source:
            case "STATUS_CODE":
                self._status(comparison, target)
            case "RESPONSE_TIME":
                self._time(comparison, target)
            case "JSON_BODY":
                path, condition = _of_json(subject, comparison, target)
                self._add("jsonpath", path, condition)
                if comparison in _WEAKER:
                    raise _UnequalError(
                        f"it is only expected to be there: {_WEAKER[comparison]} would do"
                    )
            case "HEADERS":
                if not subject:
                    raise _UnequalError("it is about all headers at once")
                self._add(
                    "headers",
                    subject,
                    _of_text(comparison, target) or _condition(comparison, target),
                )
            case "TEXT_BODY":
                self._text(subject, comparison, target)
            case _:
                raise _UnequalError(f"there is no {source}")

    def _status(self, comparison: str, target: Any) -> None:
        number = _number(target)
        if number is None or number != int(number):
            raise _UnequalError("the status is a number")
        if comparison == "EQUALS":
            if self.status not in (None, int(number)):
                raise _UnequalError("another assertion wants another status")
            self.status = int(number)
        elif not (comparison == "LESS_THAN" and 300 <= number <= 400):
            # Below, it is what holds anyway, once redirects are followed: a status of 2xx.
            raise _UnequalError("a status is one number here, or by default any 2xx")

    def _time(self, comparison: str, target: Any) -> None:
        number = _number(target)
        if comparison != "LESS_THAN" or number is None or number < 1:
            raise _UnequalError("an answer can only be too slow here")
        self.within = min(int(number), self.within or int(number))

    def _text(self, subject: str, comparison: str, target: Any) -> None:
        if subject:
            raise _UnequalError("what a regular expression finds cannot be compared")
        if "jsonpath" in self.body:
            raise _UnequalError("the body is looked at as JSON already, and not as text as well")
        text = _written(target)
        pattern = _of_text(comparison, target)
        if pattern is not None and not self.body.keys() & {"text", "regex"}:
            self.body |= pattern
            return
        if comparison == "CONTAINS" and text and "text" not in self.body:
            self.body["contains"] = [*self.body.get("contains", ()), text]
        elif comparison == "EQUALS" and not self.body.keys() & {"text", "contains", "regex"}:
            self.body["text"] = text
        else:
            raise _UnequalError("a text is compared whole, or must have parts, and no more")

    def _add(self, table: str, key: str, condition: Any) -> None:
        if table == "jsonpath" and self.body.keys() & {"text", "contains", "regex"}:
            raise _UnequalError("the body is looked at as text already, and not as JSON as well")
        known = self.body.get(table, {}).get(key)
        if known is not None:
            known = known if isinstance(known, dict) else {"equals": known}
            condition = condition if isinstance(condition, dict) else {"equals": condition}
            if known.keys() & condition.keys():
                raise _UnequalError(f"there is another assertion of this kind on {key}")
            condition = {**known, **condition}
        self.body.setdefault(table, {})[key] = condition


def _of_text(comparison: str, target: Any) -> dict[str, str] | None:
    """What a text must be like, as a regular expression, where nothing plainer says it."""
    if comparison == "NOT_EMPTY":
        return {"regex": r"(?s)."}
    text = _written(target)
    if comparison == "NOT_CONTAINS" and text and "$" not in text:
        return {"regex": rf"(?s)\A(?!.*{re.escape(text)})"}
    return None


def _of_json(path: str, comparison: str, target: Any) -> tuple[str, Any]:
    """The JSONPath, and the condition on what it finds."""
    path = path or "$"
    if not path.startswith("$"):
        path = f"$.{path}"
    if comparison in ("HAS_KEY", "NOT_HAS_KEY"):
        key = _written(target)
        path += f".{key}" if _KEY.fullmatch(key) else f"['{key}']"
        condition: Any = {"exists": comparison == "HAS_KEY"}
    elif path.endswith(".length") and comparison == "EQUALS" and _number(target) is not None:
        path, condition = path.removesuffix(".length"), {"length": int(_number(target) or 0)}
    else:
        condition = _condition(comparison, target)
    try:
        compile_path(path)
    except ValueError as error:
        raise _UnequalError(f"{path} is not a JSONPath (RFC 9535): {error}") from None
    return path, condition


def _condition(comparison: str, target: Any) -> Any:
    number = _number(target)
    match comparison:
        case "EQUALS":
            # Checkly compares texts: "3" is the number as well.
            return {"in": [target, *_read(target)]} if _read(target) else target
        case "NOT_EQUALS" if not _read(target):
            return {"not": target}
        case "LESS_THAN" if number is not None:
            return {"below": number}
        case "GREATER_THAN" if number is not None:
            return {"above": number}
        case "CONTAINS":
            return {"contains": target}
        case "IS_NULL":
            return {"type": "null"}
        case "IS_EMPTY":
            return {"length": 0}
        case "NOT_NULL" | "NOT_EMPTY":
            return {"exists": True}
    raise _UnequalError("there is no such condition")


def _read(target: Any) -> list[Any]:
    """What else a text may be meant as."""
    if not isinstance(target, str):
        return []
    if target in ("true", "false"):
        return [target == "true"]
    number = _number(target)
    return [] if number is None else [number]


def _number(target: Any) -> int | float | None:
    if isinstance(target, bool):
        return None
    if isinstance(target, str):
        if _NUMBER.fullmatch(target) is None:
            return None
        target = float(target)
    if not isinstance(target, int | float):
        return None
    return int(target) if target == int(target) else target


def _written(target: Any) -> str:
    if isinstance(target, bool):
        return str(target).lower()
    return "" if target is None else str(target)
