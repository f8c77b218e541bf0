"""Variables that a step captures from an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checkwire.project.declared.reading import Reading
from checkwire.project.declared.scope import Scope, raw_string
from checkwire.project.declared.source import Code, Source, call, string
from checkwire.project.positions import Path

__all__ = ["write_captures"]


def write_captures(
    captures: Mapping[str, Any],
    path: Path,
    sources: Mapping[str, str],
    scope: Scope,
    reading: Reading,
    out: Source,
    *,
    missing: str,
    subject: str,
) -> None:
    """Write a statement for each variable.

    Args:
        captures: what to look for, by the name of the variable.
        path: where they stand.
        sources: the expression to look into, for ``jsonpath``, ``regex`` and ``header``.
        scope: the names of the check, which has the variables afterwards.
        reading: the file, to note what is wrong.
        out: where to write.
        missing: what to say of a capture that has no source.
        subject: what is looked into, for the message of a failure, as a literal.
    """
    expect = scope.use("expect")
    for name, what in captures.items():
        place = (*path, name)
        table = {"jsonpath": what} if isinstance(what, str) else what
        kinds = [kind for kind in ("header", "jsonpath", "regex") if kind in table]
        absent = [kind for kind in kinds[:1] if kind not in sources]
        if absent:
            reading.wrong(f"capture.{name} {missing}", place)
        variable = scope.define(name, is_text=kinds[-1] != "jsonpath")
        value, about = sources.get(kinds[0], "message"), subject
        for kind in kinds:
            wanted: Code = string(table[kind])
            if kind == "header":
                about = '"The answer"'
            if kind == "regex":
                wanted = scope.pattern("regex", raw_string(table[kind]))
            out.add(
                call(f"{variable} = {expect}({value}, {about}).find", wanted), reading.line(place)
            )
            value, about = variable, string(f"The header {table[kind]}")
