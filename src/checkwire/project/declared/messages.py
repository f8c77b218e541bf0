"""What a declared check sends, and what it expects of what comes."""

from __future__ import annotations

from typing import Final

from checkwire.project.declared.binary import Base64, Hex
from checkwire.project.declared.composites import Field, ListOf, MapOf, OneOf, TableOf
from checkwire.project.declared.kinds import (
    Choice,
    Duration,
    Flag,
    Json,
    JsonPath,
    Number,
    Parsed,
    RegexText,
    Text,
    kind_of,
    path_problem,
)
from checkwire.project.declared.templates import NAME

__all__ = [
    "BINARY",
    "BODY",
    "CAPTURE",
    "CLOSE",
    "EXPECT",
    "EXPECT_OF_CHECK",
    "JSON",
    "JSON_TYPES",
    "SEND",
    "STREAM",
    "TEXT",
    "WHERE",
]

JSON_TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")

TEXT: Final = ("text", "contains", "regex")
"""Conditions on a message's text."""

JSON: Final = ("json", "jsonpath", "schema")
"""Conditions on what its JSON means."""

BINARY: Final = ("hex", "base64")
"""Its bytes."""

OPERATORS: Final[dict[str, Field]] = {
    "equals": Field(Json(), "It is this; of a table, it has these members."),
    "not": Field(Json(), "It is not this."),
    "in": Field(ListOf(Json()), "It is one of these."),
    "above": Field(Number(), "A number greater than this."),
    "at_least": Field(Number(), "This number, or a greater one."),
    "below": Field(Number(), "A number less than this."),
    "at_most": Field(Number(), "This number, or a smaller one."),
    "contains": Field(Json(), "A string with this part, or an array with such an item."),
    "regex": Field(RegexText(), "A string in which this is found."),
    "length": Field(Number(0, whole=True), "A string, array or object of this length."),
    "type": Field(Choice(*JSON_TYPES), "A value of this type."),
    "exists": Field(Flag(), "Whether the path finds anything."),
    "count": Field(Number(0, whole=True), "How many values the path finds."),
}
_OPERATORS_OF_OTHERS: Final = {
    "eq": "equals",
    "ne": "not",
    "gt": "above",
    "greaterThan": "above",
    "ge": "at_least",
    "gte": "at_least",
    "lt": "below",
    "le": "at_most",
    "lte": "at_most",
    "matches": "regex",
    "min": "at_least",
    "max": "at_most",
    "len": "length",
    "size": "length",
}

_CONDITION: Final = OneOf(
    TableOf("a condition", OPERATORS, _OPERATORS_OF_OTHERS),
    Text(empty=True),
    Flag(),
    Number(),
    ListOf(Json(), least=0),
)
CONDITIONS: Final = MapOf(_CONDITION, (r"\$.*", "a JSONPath: it begins with $"), path_problem)

_MATCHES: Final[dict[str, Field]] = {
    "text": Field(Text(empty=True), "The whole text of the message."),
    "contains": Field(
        OneOf(Text(), ListOf(Text())), "A part of its text, or several, all of them in it."
    ),
    "regex": Field(RegexText(), "A regular expression that is found in its text."),
    "json": Field(Json(), "JSON; of an object, members that it has among others."),
    "jsonpath": Field(CONDITIONS, "Conditions on what JSONPaths (RFC 9535) find in it."),
    "hex": Field(Hex(), "A binary message: its bytes."),
    "base64": Field(Base64(), "A binary message: its bytes."),
    "type": Field(Choice("text", "binary", "json"), "Any message of this type."),
}

_ONE_KIND: Final = (TEXT, JSON, ("hex",), ("base64",), ("type",))
"""A message is looked at in one way."""

WHERE: Final = OneOf(
    Text(),
    TableOf("where", _MATCHES, exclusive=(_ONE_KIND, (("text",), ("contains", "regex")))),
)

_CODE: Final = Number(1000, 4999, whole=True)

_CLOSED: Final = OneOf(
    _CODE,
    TableOf(
        "expect.close",
        {
            "code": Field(_CODE, "The close code."),
            "reason": Field(Text(empty=True), "The reason, exactly."),
        },
    ),
)

_SCHEMA_FIELD: Final = Field(
    OneOf(Text(variables=False), MapOf(Json(variables=False), least=0)),
    "A JSON Schema that the message fits: a file of the project, or a table.",
)
_CLOSE_FIELD: Final = Field(_CLOSED, "The server closes: with this code, and this reason.")
_FAILURE_FIELD: Final = Field(
    Text(variables=False),
    "A failure that must happen, such as upgrade.status or tls.*: the check passes if it does.",
)
_STATUS: Final = Number(200, 599, whole=True)
_STATUS_FIELD: Final = Field(
    OneOf(_STATUS, ListOf(_STATUS)),
    "The server refuses with this HTTP status, or one of several: 401 without a token, say.",
)
_OF_OTHERS: Final = {
    "within": "within beside expect",
    "bytes": "hex or base64",
    "binary": "hex or base64",
    "json_schema": "schema",
    "body": "text, contains, regex, json, jsonpath or schema",
}


def _expect(**further: Field) -> OneOf:
    fields = {**_MATCHES, "schema": _SCHEMA_FIELD, "close": _CLOSE_FIELD, **further}
    exclusive = (
        (*_ONE_KIND, ("close",), *((name,) for name in further)),
        (("text",), ("contains", "regex")),
    )
    return OneOf(Text(), TableOf("expect", fields, _OF_OTHERS, exclusive=exclusive))


EXPECT: Final = _expect()
"""Of a step."""

EXPECT_OF_CHECK: Final = _expect(status=_STATUS_FIELD, failure=_FAILURE_FIELD)
"""Of a check without steps."""

BODY: Final = OneOf(
    Text(),
    TableOf(
        "expect",
        {
            **{name: _MATCHES[name] for name in (*TEXT, "json", "jsonpath")},
            "schema": _SCHEMA_FIELD,
            "headers": Field(MapOf(_CONDITION), "Conditions on headers of the answer."),
        },
        {"status": "status beside expect", **_OF_OTHERS},
        exclusive=((TEXT, JSON), (("text",), ("contains", "regex"))),
    ),
)
"""Of an HTTP request."""

_SEND_ONE: Final = OneOf(
    Text(empty=True),
    TableOf(
        "send",
        {
            "text": Field(Text(empty=True), "A text message."),
            "json": Field(Json(), "A value, sent as JSON text."),
            "hex": Field(Hex(), "A binary message: its bytes."),
            "base64": Field(Base64(), "A binary message: its bytes."),
        },
        {"binary": "hex or base64", "bytes": "hex or base64"},
        exclusive=((("text",), ("json",), ("hex",), ("base64",)),),
    ),
)
SEND: Final = OneOf(_SEND_ONE, ListOf(_SEND_ONE))

_CAPTURE: Final = OneOf(
    JsonPath(),
    TableOf(
        "a capture",
        {
            "jsonpath": Field(JsonPath(), "The first value that the path finds."),
            "regex": Field(
                RegexText(variables=False),
                "The first group, or all that it matches if it has none.",
            ),
            "header": Field(
                Text(variables=False), "A header of the answer; with regex, what that finds in it."
            ),
        },
        exclusive=((("jsonpath",), ("regex", "header")),),
    ),
)
CAPTURE: Final = MapOf(
    _CAPTURE, (NAME.pattern, 'the name of a variable: write letters, digits and "_"')
)


def _sendable(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"it is a close code such as 1000, not {kind_of(value)}")  # noqa: TRY004
    if value != 1000 and not 3000 <= value <= 4999:
        raise ValueError(f"{value} is not a client's to send: write 1000, or one from 3000 to 4999")


def _reason(value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"it is a string, not {kind_of(value)}")  # noqa: TRY004
    if len(value.encode()) > _LONGEST_REASON:
        raise ValueError(f"it is longer than {_LONGEST_REASON} bytes")


_LONGEST_REASON: Final = 123
_CLOSE_CODE: Final = Parsed(
    _sendable,
    {"anyOf": [{"const": 1000}, {"type": "integer", "minimum": 3000, "maximum": 4999}]},
)
CLOSE: Final = OneOf(
    TableOf(
        "close",
        {
            "code": Field(_CLOSE_CODE, "1000, or one from 3000 to 4999."),
            "reason": Field(
                Parsed(_reason, {"type": "string", "maxLength": _LONGEST_REASON}),
                "At most 123 bytes.",
            ),
        },
    ),
    _CLOSE_CODE,
)

STREAM: Final = TableOf(
    "stream",
    {
        "for": Field(Duration(), "How long to watch.", required=True),
        "sequence": Field(
            Text(variables=False), 'Where the number is that grows by one: "data.seq".'
        ),
        "by": Field(Text(variables=False), "Where the key is that has a sequence of its own."),
        "timestamp": Field(Text(variables=False), "Where the time is at which it was made."),
        "max_lag": Field(Duration(), "The longest time from there to the arrival."),
        "max_silence": Field(Duration(), "The longest time without a message."),
        "min_rate": Field(Number(0), "Messages a second, at least."),
        "max_rate": Field(Number(0), "Messages a second, at most."),
    },
)
