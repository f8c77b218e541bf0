"""The kinds of values in a declared check: each reads one, and describes it to an editor.

One definition serves both, so what an editor accepts is what is accepted when checks are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from checkwire.project.declared.reading import BAD, Reading
from checkwire.project.declared.templates import TemplateError, parse_template
from checkwire.project.positions import Path
from checkwire.sdk.jsonpaths import compile_path
from checkwire.sdk.regexes import compile_regex
from checkwire.sdk.suggestion import did_you_mean
from checkwire.sdk.written import in_toml, written

__all__ = [
    "Choice",
    "Duration",
    "Flag",
    "Json",
    "JsonPath",
    "Kind",
    "Number",
    "Parsed",
    "RegexText",
    "Schema",
    "Text",
    "dotted",
    "kind_of",
    "path_problem",
]

Schema = dict[str, Any]


class Kind:
    """What a value may be.

    Attributes:
        types: of Python, that TOML's values of this kind have.
        words: what it is called: ``a string``.
    """

    types: tuple[type, ...] = ()
    words = ""

    def takes(self, value: object) -> bool:
        """Whether the value is of the right type; what is in it may be wrong all the same."""
        if isinstance(value, bool) and bool not in self.types:
            return False
        return isinstance(value, self.types)

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        """The value in the form that it is worked with, or ``BAD``, with a problem noted."""
        if not self.takes(value):
            message = f"{dotted(path)} must be {self.words}, not {kind_of(value)}"
            return reading.wrong(message, path)
        return self.parse(value, path, reading)

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        """As :meth:`read`, for a value of the right type."""
        return value

    def schema(self) -> Schema:
        """The kind as a JSON Schema."""
        raise NotImplementedError


class Text(Kind):
    """A string. With ``variables`` it may have some in it; without, it is more than blanks."""

    types = (str,)
    words = "a string"

    def __init__(self, *, variables: bool = True, empty: bool = False) -> None:
        self._variables = variables
        self._empty = empty

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        empty = not value if self._variables else not value.strip()
        if empty and not self._empty:
            return reading.wrong(f"{dotted(path)} is empty", path)
        if self._variables and _template(value, path, reading) is BAD:
            return BAD
        return value

    def schema(self) -> Schema:
        found: Schema = {"type": "string"}
        if not self._empty:
            found["minLength"] = 1
        if self._variables:
            found["pattern"] = _TEMPLATE
        elif not self._empty:
            found["pattern"] = r"\S"
        return found


_TEMPLATE: Final = r"^(?:[^$]|\$\$\{|\$\{(?:secret:)?[A-Za-z_][A-Za-z0-9_]*\}|\$(?!\$?\{))*$"


class Flag(Kind):
    """True or false."""

    types = (bool,)
    words = "true or false"

    def __init__(self, only: bool | None = None) -> None:
        self._only = only

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if self._only is not None and value is not self._only:
            return reading.wrong(f"{dotted(path)} = {str(value).lower()}: leave it out", path)
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"} if self._only is None else {"const": self._only}


class Number(Kind):
    """A number, whole or not, within bounds."""

    def __init__(
        self, least: float | None = None, most: float | None = None, *, whole: bool = False
    ) -> None:
        self.types = (int,) if whole else (int, float)
        self.words = "an integer" if whole else "a number"
        self._least, self._most, self._whole = least, most, whole

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if not math.isfinite(value):
            return reading.wrong(f"{dotted(path)}: {value} is no number to compare with", path)
        if self._least is not None and value < self._least:
            return reading.wrong(f"{dotted(path)}: {value} is less than {self._least}", path)
        if self._most is not None and value > self._most:
            return reading.wrong(f"{dotted(path)}: {value} is more than {self._most}", path)
        return value

    def schema(self) -> Schema:
        found: Schema = {"type": "integer" if self._whole else "number"}
        if self._least is not None:
            found["minimum"] = self._least
        if self._most is not None:
            found["maximum"] = self._most
        return found


class Duration(Kind):
    """Seconds, or a string with units."""

    types = (int, float, str)
    words = 'a duration such as "500ms" or "30s"'

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        from checkwire.model.durations import parse_duration
        from checkwire.sdk.waiting import PERHAPS_MILLISECONDS

        try:
            with in_toml():
                seconds = parse_duration(value)
        except ValueError as error:
            return reading.wrong(f"{dotted(path)}: {error}", path)
        if not isinstance(value, str) and seconds >= PERHAPS_MILLISECONDS:
            return reading.wrong(
                f"{dotted(path)} = {value} would be {seconds:,g} seconds: write "
                f'"{value}ms" for milliseconds, or "{value}s" if it is meant',
                path,
            )
        if seconds == 0:
            return reading.wrong(f"{dotted(path)} is 0", path)
        return value

    def schema(self) -> Schema:
        return {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 500},
                {"type": "string", "pattern": DURATION},
            ]
        }


DURATION: Final = r"^(?=.*[1-9])\s*(([0-9]+(\.[0-9]+)?|\.[0-9]+)\s*(ns|us|µs|ms|s|min|m|h|d)\s*)+$"


class Choice(Kind):
    """One of some words."""

    types = (str,)

    def __init__(self, *names: str) -> None:
        self._names = names
        quoted = [f'"{name}"' for name in names]
        self.words = f"{', '.join(quoted[:-1])} or {quoted[-1]}"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if value in self._names:
            return value
        hint = did_you_mean(value, self._names)
        return reading.wrong(f'{dotted(path)}: "{value}" is not {self.words}{hint}', path)

    def schema(self) -> Schema:
        return {"enum": list(self._names)}


class RegexText(Kind):
    """A regular expression; variables in it stand for themselves, whatever their values are."""

    types = (str,)
    words = "a regular expression in a string"

    def __init__(self, *, variables: bool = True) -> None:
        self._variables = variables

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if not value:
            return reading.wrong(f"{dotted(path)} is empty: it would match anything", path)
        pattern = value
        if self._variables:
            parts = _template(value, path, reading)
            if parts is BAD:
                return BAD
            pattern = "".join(part.text if part.kind == "text" else "x" for part in parts)
        try:
            compile_regex(pattern)
        except ValueError as error:
            message = f"{dotted(path)}: {written(value)} is not a regular expression: {error}"
            return reading.wrong(message, path)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1, "$comment": "a regular expression"}


class JsonPath(Kind):
    """A JSONPath (RFC 9535)."""

    types = (str,)
    words = 'a JSONPath such as "$.data[0].price"'

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if (why := path_problem(value)) is not None:
            return reading.wrong(f"{dotted(path)}: {why}", path)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "pattern": r"^\$", "$comment": "a JSONPath"}


def path_problem(text: str) -> str | None:
    """Why a text is no JSONPath; ``None`` if it is one."""
    try:
        compile_path(text)
    except ValueError as error:
        return f'"{text}" is not a JSONPath (RFC 9535): {error}'
    return None


class Json(Kind):
    """Any value that JSON has. With ``variables`` its strings may have some in them."""

    types = (object,)
    words = "a value that JSON has"

    def __init__(self, *, variables: bool = True) -> None:
        self._variables = variables

    def takes(self, value: object) -> bool:
        return True

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if isinstance(value, dict):
            found = {k: self.parse(v, (*path, k), reading) for k, v in value.items()}
            return BAD if any(v is BAD for v in found.values()) else found
        if isinstance(value, list):
            items = [self.parse(v, (*path, at), reading) for at, v in enumerate(value)]
            return BAD if any(v is BAD for v in items) else items
        if isinstance(value, str):
            bad = self._variables and _template(value, path, reading) is BAD
            return BAD if bad else value
        if isinstance(value, float) and not math.isfinite(value):
            return reading.wrong(f"{dotted(path)}: JSON has no {value}", path)
        if not isinstance(value, bool | int | float):
            return reading.wrong(
                f"{dotted(path)}: JSON has no dates and times: put {value} in quotes", path
            )
        return value

    def schema(self) -> Schema:
        return {}


class Parsed(Kind):
    """What a function of ours reads: an option of ``@check``, say.

    Args:
        read: raises ``ValueError`` that says what is wrong.
        schema: the kind as a JSON Schema.
        named: whether the function's messages begin with the name of what is wrong.
    """

    def __init__(
        self, read: Callable[[Any], object], schema: Schema, *, named: bool = False
    ) -> None:
        self._read = read
        self._schema = schema
        self._named = named

    def takes(self, value: object) -> bool:
        return not isinstance(value, dict | list) or self._named  # The function tells.

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        try:
            with in_toml():
                self._read(value)
        except ValueError as error:
            key = getattr(error, "key", "")
            message = str(error) if self._named else f"{dotted(path)}: {error}"
            return reading.wrong(message, (*path, key) if key else path)
        return value

    def schema(self) -> Schema:
        return self._schema


def _template(value: str, path: Path, reading: Reading) -> Any:
    try:
        return parse_template(value)
    except TemplateError as error:
        return reading.wrong(f"{dotted(path)}: {error}", path)


def dotted(path: Path) -> str:
    """A path as its author wrote it, within its check: ``expect.json.price``."""
    names: Sequence[str | int] = path
    for index, part in reversed(list(enumerate(path))):
        if isinstance(part, int) and index and path[index - 1] in ("check", "step"):
            names = path[index + 1 :]
            break
    text = ""
    for name in names:
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else str(name)
    return text


def kind_of(value: object) -> str:
    """What a value of TOML is called."""
    match value:
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case dict():
            return "a table"
        case list():
            return "an array"
    return "a date or a time"
