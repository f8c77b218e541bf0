"""What may stand in a declared check: every key, what it holds, and what it is for."""

from __future__ import annotations

from typing import Any, Final

from checkwire.project.declared.composites import Field, ListOf, MapOf, OneOf, TableOf
from checkwire.project.declared.connection import CONNECTION, HEADERS, TRANSPORT
from checkwire.project.declared.kinds import (
    Duration,
    Flag,
    Json,
    Kind,
    Number,
    Schema,
    Text,
    kind_of,
)
from checkwire.project.declared.messages import (
    BODY,
    CAPTURE,
    CLOSE,
    EXPECT,
    EXPECT_OF_CHECK,
    SEND,
    STREAM,
    WHERE,
)
from checkwire.project.declared.options import OPTIONS
from checkwire.project.declared.reading import Reading
from checkwire.project.declared.templates import NAME
from checkwire.project.positions import Path

__all__ = [
    "CHECK",
    "CHECKS",
    "EXCHANGE",
    "FILE",
    "METHODS",
    "PHASES",
    "SCRIPT",
    "STEPS",
    "is_request",
]

METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options")
"""Keys that make a step an HTTP request."""

PHASES: Final = ("dns", "tcp", "proxy", "tls", "upgrade", "open", "first_message", "close")

_NAME: Final = Field(
    Text(variables=False), "What the step is called in reports; by default what it does."
)
_STEP_DEGRADED: Final = Field(Duration(), "The check is degraded when the step takes longer.")
_VARIABLE: Final = (NAME.pattern, 'the name of a variable: write letters, digits and "_"')

_HAPPENINGS: Final = (("expect",), ("silence",), ("stream",), ("ping",))
_RULES: Final = (_HAPPENINGS, (("ping",), ("send", "where", "capture")))
_NEEDS: Final = {"where": ("expect", "silence", "stream"), "within": ("expect", "ping")}

EXCHANGE: Final[dict[str, Field]] = {
    "send": Field(SEND, "What to send: a text, a table, or several of them."),
    "ping": Field(Flag(only=True), "Ping, and wait for the pong."),
    "where": Field(
        WHERE,
        "Which message is meant, if expect is not to pick it by itself: that one must be as "
        "expect says.",
    ),
    "expect": Field(EXPECT, "The message to wait for; those that are not so are skipped."),
    "within": Field(Duration(), "How long to wait; by default 10 s."),
    "silence": Field(Duration(), "Nothing (that fits where) comes for this long."),
    "stream": Field(STREAM, "Watch what comes, and hold it to what a stream must be like."),
    "capture": Field(CAPTURE, "Variables for what comes later: a JSONPath, or a table."),
    "close": Field(CLOSE, "Close with this code; without it, with 1000 in the end."),
}
"""What a step does on the WebSocket; or a check, that has no steps."""

_ELSEWHERE: Final = {
    "json": "send.json or expect.json",
    "text": "send or expect",
    "timeout": "within",
    "receive": "expect",
    "assert": "expect",
    "request": "get, post, ...: post = URL",
    "method": "get, post, ...: post = URL",
    "wait": "silence",
    "for": "within",
}

_ON_THE_SOCKET: Final = TableOf(
    "a step",
    {"name": _NAME, **EXCHANGE, "degraded": _STEP_DEGRADED},
    {**_ELSEWHERE, "url": "url in [[check]], or get, post, ...: post = URL"},
    exclusive=_RULES,
    requires=_NEEDS,
)

_STATUS: Final = Number(100, 599, whole=True)
_FIELDS: Final = MapOf(OneOf(Text(empty=True), Number(), Flag()))

_REQUEST: Final = TableOf(
    "a request",
    {
        "name": _NAME,
        **{method: Field(Text(), f"URL of a request: {method.upper()}.") for method in METHODS},
        "headers": Field(HEADERS, "Request headers."),
        "params": Field(_FIELDS, "Appended to the query of the URL."),
        "json": Field(Json(), "A body, sent as JSON."),
        "form": Field(_FIELDS, "A body, sent as a form."),
        "body": Field(Text(), "A body, sent as it is."),
        "auth": Field(
            TableOf(
                "auth",
                {
                    "user": Field(Text(), "The user.", required=True),
                    "password": Field(Text(empty=True), "The password.", required=True),
                },
            ),
            "Basic authentication.",
        ),
        "follow_redirects": CONNECTION["follow_redirects"],
        **TRANSPORT,
        "status": Field(
            OneOf(_STATUS, ListOf(_STATUS)),
            "The status of the answer, or several that are right; by default any 2xx.",
        ),
        "expect": Field(BODY, "What the body is like; its whole text, or a table."),
        "capture": Field(CAPTURE, "Variables for what comes later: a JSONPath, or a table."),
        "within": Field(Duration(), "Time for the whole request; by default 10 s."),
        "degraded": _STEP_DEGRADED,
    },
    {"data": "form or body", "timeout": "within", "content": "body", "url": "get = URL, ..."},
    exclusive=(
        tuple((method,) for method in METHODS),
        (("json",), ("form",), ("body",)),
    ),
)


STEPS: Final = (_ON_THE_SOCKET, _REQUEST)
"""The kinds of steps."""


_HAS_METHOD: Final[Schema] = {"anyOf": [{"required": [method]} for method in METHODS]}
"""The same as :func:`is_request`, for editors."""


def is_request(step: object) -> bool:
    """Whether a step is an HTTP request: it has a method for a key."""
    return isinstance(step, dict) and any(method in step for method in METHODS)


class _Step(Kind):
    """A step: an HTTP request, or something on the WebSocket."""

    types = (dict,)
    words = "a table"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        return (_REQUEST if is_request(value) else _ON_THE_SOCKET).parse(value, path, reading)

    def schema(self) -> Schema:
        return {"anyOf": [_ON_THE_SOCKET.schema(), {**_REQUEST.schema(), **_HAS_METHOD}]}


SCRIPT: Final = TableOf(
    "a check",
    {
        "script": Field(
            Text(variables=False),
            "A file in JavaScript or TypeScript, relative to the project: what is run.",
            required=True,
        ),
        "name": Field(Text(variables=False), "What the check is called; by default as the file."),
        "description": Field(Text(variables=False), "What it verifies, for people."),
        **OPTIONS,
        "degraded": Field(Duration(), "The check is degraded when an attempt takes longer."),
    },
    exclusive=((("every",), ("cron",)),),
    requires={"timezone": ("cron",)},
)
"""A check whose script is a file of its own."""


class _Check(Kind):
    """A check: a script, or one that is declared here."""

    types = (dict,)
    words = "a table"

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        if "script" in value:
            return SCRIPT.parse(value, path, reading)
        found = CHECK.parse(value, path, reading)
        steps = value.get("step")
        if "url" in value or (isinstance(steps, list) and steps and all(map(is_request, steps))):
            return found
        return reading.wrong('a check has no "url"', path)

    def schema(self) -> Schema:
        check = CHECK.schema()
        steps = {"minItems": 1, "items": _HAS_METHOD}
        requests = {"required": ["step"], "properties": {"step": steps}}
        check["allOf"].append({"anyOf": [{"required": ["url"]}, requests]})
        return {"anyOf": [check, SCRIPT.schema()]}


class _Tables(ListOf):
    """An array of tables, with its own advice for those who write one table."""

    def __init__(self, item: Kind, header: str) -> None:
        super().__init__(item)
        self._header = header

    def read(self, value: Any, path: Path, reading: Reading) -> Any:
        if not isinstance(value, list):
            what = f"{path[-1]} is an array of tables, not {kind_of(value)}"
            return reading.wrong(f"{what}: write [[{self._header}]]", path)
        return super().read(value, path, reading)


_SCALAR: Final = OneOf(Text(variables=False, empty=True), Number(), Flag())

CHECK: Final = TableOf(
    "a check",
    {
        "name": Field(
            Text(variables=False),
            "What the check is called; its id is made of it, unless it has one.",
            required=True,
        ),
        "description": Field(Text(variables=False), "What it verifies, for people."),
        **OPTIONS,
        "degraded": Field(
            OneOf(
                Duration(),
                TableOf(
                    "degraded",
                    {
                        "total": Field(Duration(), "The whole attempt."),
                        **{name: Field(Duration(), f"The phase {name}.") for name in PHASES},
                    },
                ),
            ),
            "Time above which a check that passes is degraded: of the attempt, or of phases.",
        ),
        "url": Field(Text(), "ws:// or wss://; none if all its steps are HTTP requests."),
        **CONNECTION,
        "variables": Field(MapOf(_SCALAR, _VARIABLE), "Values for ${NAME}, in this check."),
        "cases": Field(
            MapOf(MapOf(_SCALAR, _VARIABLE), (r".*\S.*", "the name of a case")),
            "One check for each: names, and their variables.",
        ),
        **EXCHANGE,
        "expect": Field(EXPECT_OF_CHECK, EXCHANGE["expect"].doc),
        "step": Field(_Tables(_Step(), "check.step"), "What is done, in order."),
    },
    {
        **_ELSEWHERE,
        "steps": "[[check.step]]",
        "timeout": "timeout",
        "interval": "every",
        "schedule": "cron",
        "ca": "tls.ca",
        "verify": "tls.verify",
        "client_cert": "tls.client_cert",
        "client_key": "tls.client_key",
        "server_name": "tls.server_name",
        "env": "variables, or [env] in checkwire.toml",
        "group": "tags",
    },
    exclusive=(
        *_RULES,
        (("step",), tuple(EXCHANGE)),
        (("every",), ("cron",)),
    ),
    requires={**_NEEDS, "timezone": ("cron",)},
)


class _Checks(_Tables):
    """All the checks of a file; those that will not do are ``BAD``, and the others are kept."""

    def parse(self, value: Any, path: Path, reading: Reading) -> Any:
        return [self.item.read(one, (*path, at), reading) for at, one in enumerate(value)]


CHECKS: Final = _Checks(_Check(), "check")

FILE: Final = TableOf(
    "the file",
    {"check": Field(CHECKS, "A check each.", required=True)},
    {"checks": "[[check]]", "step": "[[check.step]] below a [[check]]"},
)
"""A ``*.check.toml`` file."""
