"""Sentences that say why an expression was false: what was found, and what the check expects."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from checkwire.sdk.diff import MISSING, differences
from checkwire.sdk.evidence import is_literal
from checkwire.sdk.values import describe_kind

if TYPE_CHECKING:
    from types import UnionType
    from typing import Any

    from checkwire.sdk.evidence import Evidence

__all__ = ["why_false", "worth_a_diff"]

_LIMIT = 100
"""Characters of a value in a sentence; the details show more of it."""

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.Is: ast.IsNot,
}
_NEGATED |= {b: a for a, b in _NEGATED.items()}
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
}
_ORDER: dict[type[ast.cmpop], str] = {
    ast.Lt: "less than",
    ast.LtE: "at most",
    ast.Gt: "more than",
    ast.GtE: "at least",
}
_SCALARS = (str, int, float, bool, bytes)
_AFFIXES = {"startswith": "start with", "endswith": "end with"}


def why_false(evidence: Evidence, node: ast.expr) -> str:
    """Why the expression was false, in a sentence or two.

    Raises:
        KeyError: if the evidence lacks a value that it should have.
    """
    match node:
        case ast.Compare():
            left, op, right = _failed_comparison(evidence, node)
            return _comparison(evidence, left, op, right)
        case ast.BoolOp(op=ast.And()):
            # Those before it were true, or it would not have been reached.
            return why_false(evidence, [v for v in node.values if evidence.was_reached(v)][-1])
        case ast.BoolOp():
            reasons = " ".join(why_false(evidence, value) for value in node.values)
            return f"None of the {len(node.values)} alternatives holds. {reasons}"
        case ast.UnaryOp(op=ast.Not()):
            return _why_true(evidence, node.operand)
        case ast.IfExp():
            taken = node.body if evidence.was_reached(node.body) else node.orelse
            return why_false(evidence, taken)
        case ast.Call():
            return _call(evidence, node, negated=False) or _falsy(evidence, node)
        case ast.Constant():
            return "This line should not have been reached."
    return _falsy(evidence, node)


def worth_a_diff(expected: object, actual: object) -> bool:
    """Whether two unequal values are better shown part by part."""
    for kind in (dict, list, tuple, set | frozenset):
        if isinstance(expected, kind) and isinstance(actual, kind):
            return bool(expected) and bool(actual)
    if isinstance(expected, str) and isinstance(actual, str):
        return max(len(expected), len(actual)) > 60 or "\n" in expected or "\n" in actual
    return False


def _why_true(evidence: Evidence, node: ast.expr) -> str:
    match node:
        case ast.Compare(ops=[op]):
            return _comparison(evidence, node.left, _NEGATED[type(op)], node.comparators[0])
        case ast.UnaryOp(op=ast.Not()):
            return why_false(evidence, node.operand)
        case ast.Compare() | ast.BoolOp() | ast.IfExp():
            return f"{evidence.text(node)} holds. The check expects that it does not."
        case ast.Call() if sentence := _call(evidence, node, negated=True):
            return sentence
    value = evidence.value(node)
    expected = "False" if value is True else "nothing, or something that is false"
    return f"{_was(evidence, node, value)} The check expects {expected}."


def _was(evidence: Evidence, node: ast.expr, value: object) -> str:
    return f"{evidence.text(node)} was {evidence.show(value, _LIMIT)}."


def _falsy(evidence: Evidence, node: ast.expr) -> str:
    value = evidence.value(node)
    if value is None:
        expected = "a value"
    elif value is False:
        expected = "True"
    elif isinstance(value, int | float):
        expected = "anything but 0"
    elif hasattr(value, "__len__"):
        expected = "that it is not empty"
    else:
        expected = "something that is true"
    return f"{_was(evidence, node, value)} The check expects {expected}."


def _failed_comparison(
    evidence: Evidence, node: ast.Compare
) -> tuple[ast.expr, type[ast.cmpop], ast.expr]:
    """The comparison that did not hold: in a chain, the one evaluated last."""
    operands = [node.left, *node.comparators]
    index = 0
    if len(node.ops) > 1:
        index = max(i for i, o in enumerate(node.comparators) if evidence.was_reached(o))
    return operands[index], type(node.ops[index]), operands[index + 1]


def _comparison(evidence: Evidence, left: ast.expr, op: type[ast.cmpop], right: ast.expr) -> str:
    if op in (ast.In, ast.NotIn):
        return _membership(evidence, left, right, wanted=op is ast.In)
    if is_literal(left) and not is_literal(right):
        left, op, right = right, _FLIPPED.get(op, op), left
    actual, expected = evidence.value(left), evidence.value(right)
    if op is ast.Eq:
        return _equality(evidence, left, actual, right, expected)
    if op is ast.IsNot and expected is None:
        wanted = "a value"
    elif op in (ast.NotEq, ast.IsNot):
        wanted = f"anything but {_named(evidence, right, expected)}"
    elif op is ast.Is and not (expected is None or isinstance(expected, bool)):
        wanted = f"the same object as {_named(evidence, right, expected)}"
    else:
        wanted = f"{_ORDER.get(op, '')} {_named(evidence, right, expected)}".lstrip()
    return f"{_was(evidence, left, actual)} The check expects {wanted}."


def _named(evidence: Evidence, node: ast.expr, value: object) -> str:
    """A value that is expected, and where it comes from if it is not written out."""
    shown = evidence.show(value, _LIMIT)
    if is_literal(node) or (text := evidence.text(node, 40)) == shown or text.endswith("…"):
        return shown
    return f"{shown} ({text})"


def _membership(evidence: Evidence, item: ast.expr, container: ast.expr, *, wanted: bool) -> str:
    if is_literal(item) and not is_literal(container):
        found = _was(evidence, container, evidence.value(container))
        shown = evidence.show(evidence.value(item), _LIMIT)
        return f"{found} The check expects {'' if wanted else 'no '}{shown} in it."
    found = _was(evidence, item, evidence.value(item))
    inside = _named(evidence, container, evidence.value(container))
    if not wanted:
        return f"{found} The check expects that it is not in {inside}."
    if isinstance(evidence.value(container), list | tuple | set | frozenset):
        return f"{found} The check expects one of {inside}."
    return f"{found} The check expects it in {inside}."


def _equality(
    evidence: Evidence, node: ast.expr, actual: Any, expected_node: ast.expr, expected: Any
) -> str:
    subject = evidence.text(node)
    if isinstance(actual, str) and isinstance(expected, str):
        if worth_a_diff(expected, actual):
            same = next(
                (i for i, (a, b) in enumerate(zip(actual, expected, strict=False)) if a != b),
                min(len(actual), len(expected)),
            )
            return f"{subject} is not the text that the check expects, from character {same + 1:,}."
    elif worth_a_diff(expected, actual) and not isinstance(actual, set | frozenset):
        found = differences(expected, actual)
        if found and found[0].path:
            if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
                subject = f"({subject})"
            first = found[0]
            place = subject + "".join(f"[{evidence.show(key, 40)}]" for key in first.path)
            sentence = _difference(evidence, place, first.actual, first.expected)
            if len(found) == 1:
                return sentence
            return f"{subject} differs in {len(found):,} places. {sentence}"
    wanted = _named(evidence, expected_node, expected)
    return _was_not(evidence, subject, actual, wanted, expected)


def _difference(evidence: Evidence, place: str, actual: Any, expected: Any) -> str:
    if actual is MISSING:
        return f"{place} is missing. The check expects {evidence.show(expected, _LIMIT)}."
    if expected is MISSING:
        return f"{place} was {evidence.show(actual, _LIMIT)}. The check expects nothing there."
    return _was_not(evidence, place, actual, evidence.show(expected, _LIMIT), expected)


def _was_not(evidence: Evidence, subject: str, actual: Any, wanted: str, expected: Any) -> str:
    found = evidence.show(actual, _LIMIT)
    if type(actual) in _SCALARS and type(expected) in _SCALARS:
        kind, expected_kind = describe_kind(actual), describe_kind(expected)
        if kind != expected_kind:  # "5" and 5 are easily read as the same
            found, wanted = f"{found}, {kind}", f"{wanted}, {expected_kind}"
    return f"{subject} was {found}. The check expects {wanted}."


def _call(evidence: Evidence, node: ast.Call, *, negated: bool) -> str | None:
    """A sentence for the calls that have a better one than that they returned False."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance"), args=[subject, kind], keywords=[]):
            value = evidence.value(subject)
            names = " or ".join(_kind_names(evidence.value(kind)))
            found = f"{evidence.text(subject)} was {evidence.show(value, _LIMIT)}"
            if value is not None:
                found += f", of type {type(value).__name__}"
            return f"{found}. The check expects {'anything but ' if negated else ''}{names}."
        case ast.Call(
            func=ast.Attribute(value=subject, attr=method), args=[affix], keywords=[]
        ) if method in _AFFIXES:
            wanted = _named(evidence, affix, evidence.value(affix))
            what = f"{'not ' if negated else ''}to {_AFFIXES[method]} {wanted}"
            return (
                f"{_was(evidence, subject, evidence.value(subject))} The check expects it {what}."
            )
    return None


def _kind_names(kind: type | UnionType | tuple[Any, ...]) -> list[str]:
    if isinstance(kind, tuple):
        return [name for member in kind for name in _kind_names(member)]
    return [kind.__name__ if isinstance(kind, type) else str(kind)]
