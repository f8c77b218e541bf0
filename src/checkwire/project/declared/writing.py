"""From a ``[[check]]`` table to the script that it stands for.

The script is what runs, and what ``checkwire eject`` prints: so both do the same. Its lines claim
to stand where the keys do that they come from, so reports show the author's file.
"""

from __future__ import annotations

import itertools
from collections.abc import Container
from typing import Any, Final

from checkwire.project.declared.connection import CONNECTION
from checkwire.project.declared.exchanges import Exchanges
from checkwire.project.declared.options import OPTIONS
from checkwire.project.declared.reading import Reading
from checkwire.project.declared.requests import is_status, write_request
from checkwire.project.declared.scope import Scope, identifier_of, literal
from checkwire.project.declared.source import Code, Group, Named, Source, call, string, wrapped
from checkwire.project.declared.tables import EXCHANGE, METHODS, PHASES, is_request
from checkwire.project.declared.transport import transport_keywords
from checkwire.project.positions import Path

__all__ = ["Writer"]

_BEFORE_MESSAGES: Final = ("dns", "tcp", "proxy", "tls", "upgrade", "open")


class Writer:
    """Writes the checks of one file into one module.

    Args:
        reading: the file; what is wrong is noted there.
        environment: names of variables and secrets that are known to exist.
        root: the project's folder, for files that checks name.

    Attributes:
        functions: names that are taken, in a script that is to be kept.
    """

    def __init__(self, reading: Reading, environment: Container[str], root: str) -> None:
        self._reading = reading
        self._environment = environment
        self._root = root
        self._body = Source()
        self._constants = Source()
        self._schemas: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {"checkwire": {"check"}}
        self.functions: set[str] = set()

    def write(self, table: dict[str, Any], path: Path, *, id_: str | None = None) -> None:
        """Write one check.

        Args:
            table: as :data:`checkwire.project.declared.tables.CHECK` has read it.
            path: where it stands in the file.
            id_: the check's id, if the script is to say it though the table does not.
        """
        captures = _captures(table, path)
        known = _Either(self._environment, table.get("needs", ()))
        scope = Scope(self._reading, known, captures)
        _Check(self, scope, table, path).write(self._body, id_)
        for module, names in scope.imports.items():
            self._imports.setdefault(module, set()).update(names)

    def module(self, docstring: str = "") -> Source:
        """The whole module."""
        source = Source()
        if docstring:
            source.add(f'"""{docstring}"""', 1)
            source.blank()
        plain = sorted(self._imports.get("", ()))
        for name in plain:
            source.add(f"import {name}", 1)
        if plain:
            source.blank()
        for module in ("checkwire", "checkwire.patterns"):
            if names := sorted(self._imports.get(module, ())):
                source.add(_import(module, names), 1)
        if self._schemas:
            source.blank()
            source.extend(self._constants)
        source.blank(2)
        source.extend(self._body)
        return source

    def schema(self, value: str | dict[str, Any], path: Path) -> str:
        """The name of a constant that holds a JSON Schema."""
        from checkwire.project.declared.schemas import read_schema

        schema = read_schema(value, path, self._reading, self._root)
        if schema is None:
            return "{}"
        key = repr(schema)
        if key not in self._schemas:
            number = len(self._schemas) + 1
            self._schemas[key] = "SCHEMA" if number == 1 else f"SCHEMA_{number}"
            origin = self._reading.line(path)
            self._constants.add(wrapped(f"{self._schemas[key]} = ", literal(schema)), origin)
        return self._schemas[key]


class _Either:
    """Names that are in one or the other."""

    def __init__(self, *containers: Container[str]) -> None:
        self._containers = containers

    def __contains__(self, name: object) -> bool:
        return any(name in container for container in self._containers)


class _Check:
    """One check on its way to a function."""

    def __init__(self, writer: Writer, scope: Scope, table: dict[str, Any], path: Path) -> None:
        self._writer = writer
        self._reading = writer._reading
        self._scope = scope
        self._table = table
        self._path = path
        self._out = Source()

    def write(self, out: Source, id_: str | None) -> None:
        self._out = out
        table, line = self._table, self._line()
        name = table["name"].strip()
        function = self._function(name, id_)
        parameters = self._parameters()
        out.blank(2)
        out.add(self._decorator(name, function, id_), line)
        start = f"async def {function}({', '.join(parameters)})"
        with out.block(start, line):
            if "description" in table:
                out.add(_docstring(table["description"]), self._line("description"))
            self._variables()
            self._flow()

    def _function(self, name: str, id_: str | None) -> str:
        function = identifier_of(name)
        if id_ is not None:  # Without, the name is part of the id, and each has its own.
            taken = self._writer.functions
            ways = (f"{function}_{number}" for number in itertools.count(2))
            function = next(way for way in itertools.chain([function], ways) if way not in taken)
            taken.add(function)
        return function

    def _line(self, *keys: str | int) -> int:
        return self._reading.line((*self._path, *keys))

    # The decorator, and what the function begins with

    def _decorator(self, name: str, function: str, id_: str | None) -> Code:
        table = self._table
        given: dict[str, Code] = {}
        if id_ is not None:
            given["id"] = string(id_)
        if name != function:
            given["name"] = string(name)
        for key in OPTIONS:
            if key in table:
                given[key] = literal(table[key])
        degraded = table.get("degraded")
        if isinstance(degraded, dict):
            degraded = degraded.get("total")
        if degraded is not None:
            given["degraded"] = literal(degraded)
        if "cases" in table:
            cases = {
                case: {
                    self._scope.define(variable, is_text=self._is_text(variable)): value
                    for variable, value in variables.items()
                }
                for case, variables in table["cases"].items()
            }
            given["cases"] = literal(cases)
        return call("@check", **given) if given else "@check"

    def _is_text(self, variable: str) -> bool:
        cases = self._table["cases"].values()
        return all(isinstance(case.get(variable), str) for case in cases)

    def _parameters(self) -> list[str]:
        """Those of the cases, which must all have the same."""
        cases: dict[str, dict[str, Any]] = self._table.get("cases", {})
        names = list(dict.fromkeys(name for case in cases.values() for name in case))
        for case, variables in cases.items():
            for name in names:
                if name not in variables:
                    self._reading.wrong(
                        f'cases: "{case}" lacks {name}, which another case has',
                        (*self._path, "cases", case),
                    )
        for name in names:
            if name in self._table.get("variables", {}):
                message = f"cases and variables both have {name}"
                self._reading.wrong(message, (*self._path, "variables", name))
        return [self._scope.define(name, is_text=self._is_text(name)) for name in names]

    def _variables(self) -> None:
        for name, value in self._table.get("variables", {}).items():
            variable = self._scope.define(name, is_text=isinstance(value, str))
            code = wrapped(f"{variable} = ", literal(value))
            self._out.add(code, self._line("variables", name))

    # What it does

    def _flow(self) -> None:
        table = self._table
        steps: list[dict[str, Any]] = table.get("step", [])
        first = next((at for at, step in enumerate(steps) if not is_request(step)), len(steps))
        for at, step in enumerate(steps[:first]):
            self._request(step, at)
        if "url" not in table:
            self._without_connection()
            return
        expect = table.get("expect")
        for key in ("status", "failure"):
            if isinstance(expect, dict) and key in expect:
                self._refusal(key, expect[key])
                return
        out, line = self._out, self._line("url")
        if first:
            out.blank()
        with out.block(wrapped("async with ", self._connect(), " as ws"), line):
            self._degraded(_BEFORE_MESSAGES)
            self._days_left()
            exchanges = Exchanges(self._writer, self._scope, self._reading, out)
            if not steps:
                exchanges.write({key: table[key] for key in EXCHANGE if key in table}, self._path)
            for at, step in enumerate(steps[first:], first):
                if is_request(step):
                    self._request(step, at)
                    continue
                out.blank()
                path = (*self._path, "step", at)
                with self._step(step, at):
                    exchanges.write(step, path)
            self._degraded(("first_message",), apart=True)
        self._degraded(("close",), apart=True)

    def _without_connection(self) -> None:
        for key in self._table:
            if key in CONNECTION or key in EXCHANGE:
                message = f"{key} is of a connection, and the check has none: write url, too"
                self._reading.wrong(message, (*self._path, key))

    def _step(self, step: dict[str, Any], at: int) -> Any:
        name = step.get("name") or _name_of(step)
        code = f"async with {self._scope.use('step')}({string(name.strip())})"
        return self._out.block(code, self._line("step", at))

    def _request(self, step: dict[str, Any], at: int) -> None:
        self._out.blank()
        with self._step(step, at):
            path = (*self._path, "step", at)
            write_request(step, path, self._writer, self._scope, self._reading, self._out)

    def _connect(self) -> Group:
        table, path, scope = self._table, self._path, self._scope
        url = scope.text(table["url"], (*path, "url"))
        keywords = transport_keywords(table, path, scope)
        if "tls" in table and table["url"].lower().startswith("ws://"):
            self._reading.wrong("tls: no TLS is spoken to ws://, only to wss://", (*path, "tls"))
        return call(scope.use("connect"), url, *(Named(f"{k}=", v) for k, v in keywords.items()))

    def _refusal(self, key: str, wanted: Any) -> None:
        """The connection must not come about."""
        path = (*self._path, "expect", key)
        others = [other for other in EXCHANGE if other in self._table and other != "expect"]
        if others:
            message = f"expect.{key} is of the connection itself: leave {', '.join(others)} out"
            self._reading.wrong(message, path)
        if key == "failure":
            self._failure(wanted, path)
            return
        origin, expect = self._reading.line(path), self._scope.use("expect")
        with self._out.block(f'with {expect}.failure("upgrade.*") as refused', origin):
            self._open_in_vain()
        status = f'{expect}(refused.failure.evidence.get("status"), "The status")'
        self._out.add(f"{status}.{is_status(wanted)}", origin)

    def _open_in_vain(self) -> None:
        opening = wrapped("async with ", self._connect())
        with self._out.block(opening, self._line("url")):
            pass

    def _failure(self, code: str, path: Path) -> None:
        from fnmatch import filter as matching

        from checkwire.model.failures import CODES
        from checkwire.sdk.suggestion import did_you_mean

        if not matching(CODES, code):
            hint = did_you_mean(code, CODES)
            self._reading.wrong(f'expect.failure: no failure has the code "{code}"{hint}', path)
        start = f"with {self._scope.use('expect')}.failure({string(code)})"
        with self._out.block(start, self._reading.line(path)):
            self._open_in_vain()

    def _degraded(self, phases: tuple[str, ...], *, apart: bool = False) -> None:
        limits = self._table.get("degraded")
        if not isinstance(limits, dict):
            return
        for phase in PHASES:
            if phase in phases and phase in limits:
                if apart:
                    self._out.blank()
                limit = literal(limits[phase])
                what = f"{self._scope.use('expect')}(ws.timings.{phase}, {string(phase)})"
                self._out.add(f"{what}.below({limit})", self._line("degraded", phase))

    def _days_left(self) -> None:
        days = self._table.get("tls", {}).get("days_left")
        if days is not None:
            what = f'{self._scope.use("expect")}.soft(ws.tls and ws.tls.days_left, "days left")'
            self._out.add(f"{what}.above({literal(days)})", self._line("tls", "days_left"))


def _name_of(step: dict[str, Any]) -> str:
    """What a step is called that has no name: by what it does."""
    if is_request(step):
        return next(method.upper() for method in METHODS if method in step)
    doings = [
        key for key in ("send", "ping", "expect", "silence", "stream", "close") if key in step
    ]
    return " and ".join(doings) or "nothing"


def _captures(table: dict[str, Any], path: Path) -> dict[str, Path]:
    """Where each name is that the check captures."""
    found: dict[str, Path] = {}
    for at, step in [(None, table), *enumerate(table.get("step", ()))]:
        place = path if at is None else (*path, "step", at)
        for name in step.get("capture", {}):
            found.setdefault(name, (*place, "capture", name))
    return found


def _docstring(text: str) -> str:
    words = " ".join(text.split())
    if "\\" in words or '"' in words or not words.isprintable():
        return string(words)
    return f'"""{words}"""'


def _import(module: str, names: list[str]) -> Code:
    flat = f"from {module} import {', '.join(names)}"
    return flat if len(flat) <= 100 else Group(f"from {module} import (", tuple(names), ")")
