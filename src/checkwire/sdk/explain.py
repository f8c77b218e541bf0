"""Why an assertion does not hold: one sentence, and the values that prove it."""

from __future__ import annotations

import ast
import textwrap
import warnings
from typing import TYPE_CHECKING, NamedTuple

from checkwire.sdk.diff import diff
from checkwire.sdk.evidence import Evidence, is_literal
from checkwire.sdk.sentences import why_false, worth_a_diff
from checkwire.sdk.values import printable, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from checkwire.model.masking import Masker

__all__ = ["Explanation", "explain", "explain_error"]

_MAX_MESSAGE = 500
_MAX_SOURCE_LINES = 12
_MAX_PARTS = 12
_MAX_PARTS_SIZE = 3000


class Explanation(NamedTuple):
    """What to tell of a failed assertion.

    Attributes:
        message: a sentence, for a headline.
        details: the source, a line per part with its value, and a diff where that helps.
    """

    message: str
    details: str


def explain(
    source: str,
    values: Mapping[int, object],
    message: Sequence[object] = (),
    masker: Masker | None = None,
) -> Explanation:
    """Explain why an ``assert`` statement failed. It never raises, whatever the values do.

    Args:
        source: the whole statement.
        values: what its parts were, by the numbers of ``checkwire.sdk.parts``.
        message: what the author wrote after the comma, evaluated; at most one thing.
        masker: hides secrets, before anything is cut to length.
    """
    sentence, details, own = "The assertion does not hold.", _shown_source(source), ""
    try:
        if message:
            own = _own_message(message[0], masker)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever Python has to say of it, it said before
            evidence = Evidence(source, values, masker)
        sentence = "" if own and is_literal(evidence.test) else why_false(evidence, evidence.test)
        lines = [details, *_shown_parts(evidence)]
        if difference := _shown_difference(evidence):
            lines += ["", *difference]
        details = "\n".join(lines)
    except Exception:  # what is under test may raise anything, from anywhere
        pass
    if own and sentence:
        sentence = f"{own}{' ' if own[-1] in '.!?:' else ': '}{sentence}"
    if masker is not None:  # what the author wrote out may be a secret too
        return Explanation(masker.text(sentence or own), masker.text(details))
    return Explanation(sentence or own, details)


def explain_error(
    source: str,
    values: Mapping[int, object],
    error: KeyError | IndexError | TypeError,
    masker: Masker | None = None,
) -> Explanation | None:
    """Explain an exception that an assertion's own expression raised.

    Returns ``None`` if it was raised elsewhere, or is a mistake in the expression, such as a call
    with the wrong arguments. To be called where the exception is handled. It never raises.
    """
    traceback = error.__traceback__
    if traceback is None or traceback.tb_next is not None or _is_mistaken_call(error):
        return None
    explanation = explain(source, values, masker=masker)
    if isinstance(error, TypeError) and "not supported between" in str(error):
        return explanation  # A comparison: what was found, and what is expected, says it all.
    try:
        sentence = _sentence_for(error, source)
    except Exception:
        sentence = f"The assertion cannot be evaluated: {type(error).__name__}"
    return explanation._replace(message=sentence if masker is None else masker.text(sentence))


def _is_mistaken_call(error: Exception) -> bool:
    said = str(error)
    return isinstance(error, TypeError) and (
        "not callable" in said or any(f"() {word}" in said for word in ("takes", "missing", "got"))
    )


def _sentence_for(error: KeyError | IndexError | TypeError, source: str) -> str:
    if not isinstance(error, TypeError):
        key = error.args[0] if isinstance(error, KeyError) and error.args else None
        text = textwrap.dedent(source)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                whole = ast.get_source_segment(text, node.value)
                if isinstance(error, KeyError) and node.slice.value == key:
                    return f"{whole} has no {show(key)}."
                if isinstance(error, IndexError) and isinstance(node.slice.value, int):
                    return f"{whole} has no item {node.slice.value}."
        if isinstance(error, KeyError):
            return f"There is no {show(key)} in what is tested."
    return f"The assertion cannot be evaluated: {printable(str(error))}."


def _own_message(message: object, masker: Masker | None) -> str:
    text = str(message).strip()
    cut = len(text) > _MAX_MESSAGE
    if masker is not None:
        text = masker.excerpt(text, _MAX_MESSAGE) if cut else masker.text(text)
    text = printable(text)
    return f"{text[:_MAX_MESSAGE]}…" if cut else text


def _shown_source(source: str) -> str:
    first, newline, rest = printable(source).partition("\n")
    lines = (first + newline + textwrap.dedent(rest)).splitlines()
    if len(lines) > _MAX_SOURCE_LINES:
        lines[_MAX_SOURCE_LINES:] = [f"… {len(lines) - _MAX_SOURCE_LINES} more lines"]
    return "\n".join(lines)


def _shown_parts(evidence: Evidence) -> list[str]:
    lines: list[str] = []
    left = _MAX_PARTS_SIZE
    for text, value in evidence.telling_parts():
        if len(lines) == _MAX_PARTS or left <= 0:
            lines.append("  …")
            break
        lines.append(f"  {text} = {evidence.show(value)}")
        left -= len(lines[-1])
    return lines


def _shown_difference(evidence: Evidence) -> list[str]:
    """The diff, if the test is one comparison by ``==`` of two containers or long strings."""
    test = evidence.test
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq) or test.ops[1:]:
        return []
    actual_node, expected_node = test.left, test.comparators[0]
    if is_literal(actual_node) and not is_literal(expected_node):
        actual_node, expected_node = expected_node, actual_node
    actual, expected = evidence.value(actual_node), evidence.value(expected_node)
    if worth_a_diff(expected, actual):
        return diff(expected, actual, masker=evidence.masker)
    return []
