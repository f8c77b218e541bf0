"""What a step does on the WebSocket, as statements of the script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from checkwire.project.declared.captures import write_captures
from checkwire.project.declared.conditions import Looks, looks_at, pattern_of, wanted
from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import Scope, literal
from checkwire.project.declared.source import Code, Named, Source, call, string
from checkwire.project.declared.timing import timed
from checkwire.project.positions import Path

if TYPE_CHECKING:
    from checkwire.project.declared.writing import Writer

__all__ = ["Exchanges", "judge"]

_RECEIVE: Final[dict[Looks, str]] = {
    "text": "receive_text",
    "json": "receive_json",
    "bytes": "receive_bytes",
    "any": "receive",
}
_SUBJECT: Final = '"The message"'


class Exchanges:
    """Writes what is sent and expected.

    Args:
        writer: of the module.
        scope: the names of the check.
        reading: the file, to note what is wrong.
        out: where to write.
    """

    def __init__(self, writer: Writer, scope: Scope, reading: Reading, out: Source) -> None:
        self._writer = writer
        self._scope = scope
        self._reading = reading
        self._out = out

    def write(self, step: dict[str, Any], path: Path) -> None:
        """Write one step: or a check that has none, but its keys.

        Args:
            step: as :data:`checkwire.project.declared.tables.EXCHANGE` has it.
            path: where it stands.
        """
        with timed(step, path, self._scope, self._reading, self._out):
            if "send" in step:
                self._send(step["send"], (*path, "send"))
            if "ping" in step:
                self._ping(step, path)
            if "silence" in step:
                self._silence(step, path)
            if "stream" in step:
                self._stream(step, path)
            if "expect" in step:
                self._expect(step, path)
        if "capture" in step:
            self._capture(step, path)
        if "close" in step:
            self._close(step["close"], (*path, "close"))

    def _add(self, code: Code, path: Path) -> None:
        self._out.add(code, self._reading.line(path))

    def _send(self, what: Any, path: Path) -> None:
        if isinstance(what, list):
            for at, one in enumerate(what):
                self._send(one, (*path, at))
            return
        if isinstance(what, str):
            what = {"text": what}
        ((key, value),) = what.items()
        place = (*path, key)
        match key:
            case "text":
                shown = path if place[:-1] == path else place
                self._add(call("await ws.send", self._scope.text(value, place)), shown)
            case "json":
                self._add(call("await ws.send_json", self._scope.value(value, place)), path)
            case _:
                self._add(call("await ws.send", literal(value)), path)

    def _ping(self, step: dict[str, Any], path: Path) -> None:
        within = [Named("within=", literal(step["within"]))] if "within" in step else []
        self._add(call("await ws.ping", *within), (*path, "ping"))

    def _silence(self, step: dict[str, Any], path: Path) -> None:
        arguments: list[Code] = [literal(step["silence"])]
        if "where" in step:
            where, place = step["where"], (*path, "where")
            pattern = pattern_of(wanted(where, place, self._scope), "any", self._scope)
            if pattern is None:
                self._reading.wrong("where.type has no meaning for silence: leave it out", place)
            else:
                arguments.append(Named("where=", pattern))
        self._add(call("await ws.expect_silence", *arguments), (*path, "silence"))

    def _stream(self, step: dict[str, Any], path: Path) -> None:
        stream, place = step["stream"], (*path, "stream")
        for key, needed in (("max_lag", "timestamp"), ("by", "sequence")):
            if key in stream and needed not in stream:
                self._reading.wrong(f"stream has {key} without {needed}", (*place, key))
        arguments: list[Code] = [literal(stream["for"])]
        if "where" in step:
            where = (*path, "where")
            pattern = pattern_of(wanted(step["where"], where, self._scope), "any", self._scope)
            if pattern is not None:
                arguments.append(Named("where=", pattern))
        arguments += [
            Named(f"{key}=", literal(value)) for key, value in stream.items() if key != "for"
        ]
        self._add(call("await ws.expect_stream", *arguments), place)

    def _expect(self, step: dict[str, Any], path: Path) -> None:
        expect, place = step["expect"], (*path, "expect")
        if isinstance(expect, dict) and "close" in expect:
            self._expect_close(step, path)
            return
        scope = self._scope
        within = [Named("within=", literal(step["within"]))] if "within" in step else []
        looks = looks_at(expect)
        wants = list(wanted(expect, place, scope))
        where = step.get("where")
        judged = wants if where is not None else []
        if where is not None:
            meant = looks_at(where)
            if looks not in ("any", meant):
                self._reading.wrong(
                    f"where looks at {_AT[meant]} of a message, and expect at {_AT[looks]}",
                    (*path, "where"),
                )
            looks = meant
            wants = list(wanted(where, (*path, "where"), scope))
        pattern = pattern_of(wants, looks, scope)
        picked = [Named("where=", pattern)] if pattern is not None else []
        needs_name = judged or _has_schema(expect) or self._captured(step)
        before = "message = await" if needs_name else "await"
        self._add(call(f"{before} ws.{_RECEIVE[looks]}", *picked, *within), place)
        for want in judged:
            self._add(judge("message", _SUBJECT, want.key, want.pattern, scope), want.path)
        if isinstance(expect, dict) and "schema" in expect:
            where_schema = (*place, "schema")
            schema = self._writer.schema(expect["schema"], where_schema)
            subject = f"{scope.use('expect')}(message, {_SUBJECT})"
            self._add(f"{subject}.matches_schema({schema})", where_schema)

    def _expect_close(self, step: dict[str, Any], path: Path) -> None:
        close, place = step["expect"]["close"], (*path, "expect", "close")
        for key in ("where", "capture"):
            if key in step:
                self._reading.wrong(f"expect.close and {key} exclude each other", (*path, key))
        code = close if isinstance(close, int) else close.get("code")
        arguments: list[Code] = [] if code is None else [literal(code)]
        if "within" in step:
            arguments.append(Named("within=", literal(step["within"])))
        has_reason = isinstance(close, dict) and "reason" in close
        before = "closed = await" if has_reason else "await"
        self._add(call(f"{before} ws.receive_close", *arguments), place)
        if has_reason:
            reason = self._scope.text(close["reason"], (*place, "reason"))
            subject = f'{self._scope.use("expect")}(closed.reason, "The reason")'
            self._add(call(f"{subject}.equals", reason), (*place, "reason"))

    def _captured(self, step: dict[str, Any]) -> bool:
        """Whether something is captured from the message."""
        captures = step.get("capture", {}).values()
        return any(isinstance(what, str) or "header" not in what for what in captures)

    def _capture(self, step: dict[str, Any], path: Path) -> None:
        expect = step.get("expect")
        looks = looks_at(step.get("where", expect)) if expect is not None else None
        sources: dict[str, str] = {"header": "ws.response.headers"}
        if looks is not None:
            sources |= {"jsonpath": "message"} if looks == "json" else {"regex": "message"}
        write_captures(
            step["capture"],
            (*path, "capture"),
            sources,
            self._scope,
            self._reading,
            self._out,
            missing=_missing(looks),
            subject=_SUBJECT,
        )

    def _close(self, close: Any, path: Path) -> None:
        if isinstance(close, int):
            close = {"code": close}
        arguments: list[Code] = [literal(close.get("code", 1000))]
        if "reason" in close:
            arguments.append(string(close["reason"]))
        self._add(call("await ws.close", *arguments), path)


_AT: Final[dict[Looks, str]] = {
    "text": "the text",
    "json": "the JSON",
    "bytes": "the bytes",
    "any": "nothing",
}


def _has_schema(expect: Any) -> bool:
    return isinstance(expect, dict) and "schema" in expect


def _missing(looks: Looks | None) -> str:
    if looks is None:
        return "has no message to look into: write expect beside it"
    if looks == "json":
        return "looks at text, and expect at JSON: capture by a JSONPath, or expect text"
    return "looks at JSON, and expect does not: write expect.json, or capture by regex"


def judge(value: str, subject: str, key: str, pattern: Code, scope: Scope) -> Code:
    """The statement that a value fits a pattern."""
    start = f"{scope.use('expect')}({value}, {subject})"
    if key in ("text", "hex", "base64"):
        return call(f"{start}.equals", pattern)
    return call(f"{start}.matches", pattern)
