"""HTTP requests of a declared check, as statements of the script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from checkwire.project.declared.captures import write_captures
from checkwire.project.declared.conditions import condition, wanted
from checkwire.project.declared.exchanges import judge
from checkwire.project.declared.messages import JSON
from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import Scope, literal
from checkwire.project.declared.source import Code, Group, Named, Source, call, member, string
from checkwire.project.declared.tables import METHODS
from checkwire.project.declared.timing import timed
from checkwire.project.declared.transport import transport_keywords
from checkwire.project.positions import Path

if TYPE_CHECKING:
    from checkwire.project.declared.writing import Writer

__all__ = ["is_status", "write_request"]

_BODIES: Final = {"json": "json", "form": "data", "body": "content"}
_SUBJECT: Final = '"The body"'


def write_request(
    step: dict[str, Any],
    path: Path,
    writer: Writer,
    scope: Scope,
    reading: Reading,
    out: Source,
) -> None:
    """Write a request, what is expected of its answer, and what is captured from it."""
    method = next(method for method in METHODS if method in step)
    with timed(step, path, scope, reading, out):
        request = call(
            f"reply = await {scope.use('http')}.{method}",
            scope.text(step[method], (*path, method)),
            *(Named(f"{key}=", value) for key, value in _keywords(step, path, scope).items()),
        )
        out.add(request, reading.line((*path, method)))
    expect = scope.use("expect") if {"status", "expect"} & step.keys() else ""
    if "status" in step:
        status = f'{expect}(reply.status, "The status").{is_status(step["status"])}'
        out.add(status, reading.line((*path, "status")))
    else:
        out.add("reply.raise_for_status()", reading.line((*path, method)))
    if "expect" in step:
        _expect(step["expect"], (*path, "expect"), writer, scope, reading, out)
    if "capture" in step:
        sources = {"jsonpath": "reply.json()", "regex": "reply.text", "header": "reply.headers"}
        write_captures(
            step["capture"],
            (*path, "capture"),
            sources,
            scope,
            reading,
            out,
            missing="has nothing to look into",
            subject=_SUBJECT,
        )


def is_status(right: int | list[int]) -> str:
    """The call that says which status is right, or which are."""
    if isinstance(right, int):
        return f"equals({right})"
    return f"matches({{{', '.join(map(str, right))}}})"


def _keywords(step: dict[str, Any], path: Path, scope: Scope) -> dict[str, Code]:
    found = transport_keywords(step, path, scope)
    for key in ("params", *_BODIES):
        if key not in step:
            continue
        place = (*path, key)
        if key == "json":
            value = scope.value(step[key], place)
        elif key == "body":
            value = scope.text(step[key], place)
        else:
            items = [
                member(string(name), scope.value(one, (*place, name)))
                for name, one in step[key].items()
            ]
            value = Group("{", tuple(items), "}")
        found[_BODIES.get(key, key)] = value
    if "auth" in step:
        parts = [scope.text(step["auth"][k], (*path, "auth", k)) for k in ("user", "password")]
        found["auth"] = Group("(", tuple(parts), ")")
    if "within" in step:
        found["timeout"] = literal(step["within"])
    return found


def _expect(
    expect: str | dict[str, Any],
    path: Path,
    writer: Writer,
    scope: Scope,
    reading: Reading,
    out: Source,
) -> None:
    is_json = isinstance(expect, dict) and any(name in expect for name in JSON)
    body = "reply.json()" if is_json else "reply.text"
    for want in wanted(expect, path, scope):
        out.add(judge(body, _SUBJECT, want.key, want.pattern, scope), reading.line(want.path))
    if isinstance(expect, str):
        return
    if "schema" in expect:
        place = (*path, "schema")
        schema = writer.schema(expect["schema"], place)
        out.add(f"expect({body}, {_SUBJECT}).matches_schema({schema})", reading.line(place))
    for name, what in expect.get("headers", {}).items():
        place = (*path, "headers", name)
        patterns = condition(what, place, scope)
        pattern = patterns[0] if len(patterns) == 1 else scope.pattern("all_of", *patterns)
        value = f"expect(reply.headers.get({string(name)}), {string(f'The header {name}')})"
        out.add(call(f"{value}.matches", pattern), reading.line(place))
