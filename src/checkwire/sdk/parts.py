"""Which parts of an assertion are worth showing when it fails, in the order of their evaluation.

The rewriter of ``checkwire.project.assertions`` wraps each part so that its value is kept, and
``checkwire.sdk.explain`` finds the values again by the same numbers: both walk by these rules.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mark_parts"]

_MAX_DEPTH = 40
"""Deeper parts are left alone: they tell little, and the walk must not exhaust the stack."""

_UNSHOWN = (ast.Lambda, ast.GeneratorExp, ast.Starred, ast.Slice)
"""Not wrapped: values that say nothing and are never false, or no values at all."""


def mark_parts(test: ast.expr, wrap: Callable[[ast.expr, int], ast.expr]) -> ast.expr:
    """Replace every part of ``test`` worth showing by ``wrap(part, number)``, in place.

    Wrapping must leave value, order and scope as they were: a part is an expression that is
    evaluated at most once, in the scope of the assertion. So nothing inside a lambda, an f-string
    or a comprehension is a part (but for what the comprehension iterates over, which the language
    evaluates outside of it), nor is a call's function, nor what is directly awaited or unpacked.

    Where only the truth of an expression is asked for, ``and``, ``or``, ``not``, ``if`` and chains
    of comparisons are no parts, but what they are made of is. The compiler turns these into jumps
    that ask each operand for its truth once; as a value, the whole would be asked once more, which
    a ``__bool__`` can tell.

    Returns:
        the test to use instead: its root may be wrapped too.
    """
    marker = _Marker(wrap)
    if isinstance(test, ast.Compare | ast.Constant):
        return marker.inside(test)  # that it is false is known
    return marker.truth(test)


class _Marker(ast.NodeTransformer):
    def __init__(self, wrap: Callable[[ast.expr, int], ast.expr]) -> None:
        self._wrap = wrap
        self._count = 0
        self._depth = 0

    def truth(self, node: ast.expr) -> ast.expr:
        """The node where only its truth is asked for."""
        match node:
            case ast.BoolOp() | ast.IfExp() | ast.UnaryOp(op=ast.Not()):
                return self.inside(node)
            case ast.Compare(ops=[_, _, *_]):
                return self.inside(node)
        # A constant too: that it was evaluated tells how the operands before it came out.
        return self.part(node, constants=True)

    def part(self, node: ast.expr, *, constants: bool = False) -> ast.expr:
        """The node wrapped, and whatever is inside it."""
        if isinstance(node, _UNSHOWN) or (isinstance(node, ast.Constant) and not constants):
            return self.inside(node)
        number, self._count = self._count, self._count + 1
        return self._wrap(self.inside(node), number)

    def inside(self, node: ast.expr) -> ast.expr:
        """The node as it is, with its parts wrapped."""
        if self._depth < _MAX_DEPTH:
            self._depth += 1
            self.visit(node)
            self._depth -= 1
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return node  # what has no rule below is not looked into

    def visit_Compare(self, node: ast.Compare) -> None:
        node.left = self.part(node.left)
        # In a chain, that an operand was evaluated tells that the comparison before it held.
        chain = len(node.ops) > 1
        node.comparators = [self.part(operand, constants=chain) for operand in node.comparators]

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        node.values = [self.truth(operand) for operand in node.values]

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        is_not = isinstance(node.op, ast.Not)
        node.operand = self.truth(node.operand) if is_not else self.part(node.operand)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        node.left = self.part(node.left)
        node.right = self.part(node.right)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        node.test = self.truth(node.test)
        node.body = self.truth(node.body)
        node.orelse = self.truth(node.orelse)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.inside(node.value)

    def visit_Await(self, node: ast.Await) -> None:
        self.inside(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        node.value = self.part(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        node.value = self.part(node.value)
        if not isinstance(node.slice, ast.Tuple):  # which may hold slices and stars
            node.slice = self.part(node.slice)

    def visit_Call(self, node: ast.Call) -> None:
        self.inside(node.func)
        node.args = [self.part(argument) for argument in node.args]
        for keyword in node.keywords:
            if keyword.arg is not None:
                keyword.value = self.part(keyword.value)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._outermost(node.generators)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._outermost(node.generators)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._outermost(node.generators)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._outermost(node.generators)

    def _outermost(self, generators: list[ast.comprehension]) -> None:
        generators[0].iter = self.part(generators[0].iter)
