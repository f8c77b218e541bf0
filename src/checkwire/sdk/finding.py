"""Taking a part out of a value: by a JSONPath, a regular expression, or a header's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from checkwire.model.errors import UsageError
from checkwire.sdk.jsonpaths import find_all
from checkwire.sdk.patterns import RegexPattern
from checkwire.sdk.values import describe_kind, printable

__all__ = ["find_part"]


def find_part(what: Any, value: Any) -> tuple[list[Any], str]:
    """What is found, first things first, and where it was looked for: ``at $.token``.

    Args:
        what: see :meth:`checkwire.sdk.expectations.Expectation.find`.
        value: where to look.

    Raises:
        UsageError: it is nothing that can be looked for there.
    """
    if isinstance(what, RegexPattern | re.Pattern):
        where = f"that /{printable(str(what.pattern))}/ matches"
        match = what.search(value) if isinstance(value, str) else None
        if match is None:
            return [], where
        part = match[1] if match.re.groups else match[0]
        return ([] if part is None else [part]), where
    if not isinstance(what, str):
        raise UsageError(
            "expect(...).find() takes a JSONPath, a regular expression or the name of a header, "
            f"not {describe_kind(what)}"
        )
    if what.startswith("$"):
        try:
            return find_all(what, value), f"at {printable(what)}"
        except ValueError as error:
            raise UsageError(f'"{printable(what)}" is not a JSONPath: {error}') from None
    if isinstance(value, Mapping) and not isinstance(value, dict):
        return ([value[what]] if what in value else []), f"named {printable(what)}"
    raise UsageError(f'expect(...).find("{printable(what)}"): a JSONPath begins with $')
