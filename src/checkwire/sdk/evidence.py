"""A failed assertion as evidence: its syntax tree, and the values that its parts had."""

from __future__ import annotations

import ast
import types
from typing import TYPE_CHECKING

from checkwire.sdk.parts import mark_parts
from checkwire.sdk.values import printable, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from checkwire.model.masking import Masker

__all__ = ["Evidence", "is_literal"]

_TELL_NOTHING = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    types.CoroutineType,
    types.GeneratorType,
    types.AsyncGeneratorType,
)


class Evidence:
    """An ``assert`` statement that failed.

    Attributes:
        test: the expression that was false.
        masker: hides secrets in what is shown.
    """

    def __init__(
        self, source: str, values: Mapping[int, object], masker: Masker | None = None
    ) -> None:
        """Take the statement's source and the values by the numbers of ``mark_parts``.

        Raises:
            SyntaxError: if the source is not an ``assert`` statement.
        """
        self._source = source
        self._values = values
        self._parts: list[ast.expr] = []
        self._numbers: dict[int, int] = {}
        self.masker = masker
        statement = ast.parse(source).body[0]
        if not isinstance(statement, ast.Assert):
            raise SyntaxError("not an assert statement")  # noqa: TRY004
        self.test = mark_parts(statement.test, self._remember)
        self._parts.sort(key=lambda part: self._numbers[id(part)])

    def _remember(self, part: ast.expr, number: int) -> ast.expr:
        self._parts.append(part)
        self._numbers[id(part)] = number
        return part

    def text(self, node: ast.expr, limit: int = 80) -> str:
        """The expression as its author wrote it, on one line."""
        if isinstance(node, ast.NamedExpr):
            node = node.target
        text = ast.get_source_segment(self._source, node) or ast.unparse(node)
        text = printable(" ".join(text.split()) if "\n" in text else text)
        return text if len(text) <= limit else f"{text[:limit]}…"

    def was_reached(self, node: ast.expr) -> bool:
        """Whether the expression was evaluated, at least in part."""
        match node:
            case ast.BoolOp(values=[first, *_]) | ast.UnaryOp(op=ast.Not(), operand=first):
                return self.was_reached(first)
            case ast.IfExp(test=first):
                return self.was_reached(first)
            case ast.Compare(comparators=[first, _, *_]):
                return self.was_reached(first)
        return self._numbers.get(id(node)) in self._values

    def value(self, node: ast.expr) -> Any:
        """The value that the part had.

        Raises:
            KeyError: if it was not evaluated, or is no part.
        """
        if isinstance(node, ast.Constant):
            return node.value
        return self._values[self._numbers[id(node)]]

    def show(self, value: object, limit: int = 200) -> str:
        """The value for a reader, bounded and masked."""
        return show(value, limit, self.masker)

    def telling_parts(self) -> Iterator[tuple[str, object]]:
        """Text and value of each part that was evaluated and tells something, outermost first."""
        seen: set[tuple[str, int]] = set()
        for node in self._parts:
            if self._numbers[id(node)] not in self._values or _told_by_its_parts(node):
                continue
            value, text = self.value(node), self.text(node)
            if is_literal(node) or not _tells(value) or (text, id(value)) in seen:
                continue
            seen.add((text, id(value)))
            yield text, value


def is_literal(node: ast.expr) -> bool:
    """Whether the expression is a value written out, so that its text says it all."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant) and not _is_not(node)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(is_literal, node.elts))
    if isinstance(node, ast.Dict):
        return all(k is not None and is_literal(k) for k in node.keys) and all(
            map(is_literal, node.values)
        )
    return False


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)


def _told_by_its_parts(node: ast.expr) -> bool:
    match node:
        case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
    return False


def _tells(value: object) -> bool:
    """Whether showing the value tells a reader more than its name did."""
    return not isinstance(value, _TELL_NOTHING) and type(value).__repr__ is not object.__repr__
