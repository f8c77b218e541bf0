"""Options in a comment at the head of a script: ``// checkwire: every=1m timeout=30s``."""

from __future__ import annotations

import re
import shlex
from typing import Any

from checkwire.model.errors import DefinitionError
from checkwire.sdk.options import OPTIONS, OptionError, parse_option
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["comment_options"]

_OURS = re.compile(r"\s*(?://|/?\*+)\s*checkwire:\s*(.*?)\s*(?:\*/)?\s*$")
_COMMENT = re.compile(r"\s*(//|/\*|\*|#!|$|['\"]use strict['\"];?\s*$)")
_LISTS = ("locations", "tags", "needs")
_NUMBERS = ("retries",)
_TRUTHS = {"true": True, "false": False}
_KNOWN = tuple(name for name in OPTIONS if name != "cases")


def comment_options(text: str, path: str) -> dict[str, Any]:
    """The options that a file's head gives, parsed, by name.

    The head is what stands before the first line of code. There may be several such comments. A
    value with blanks stands in quotes; a list has commas: ``tags=orders,eu``.

    Args:
        text: of the file.
        path: for messages, relative to the project.

    Raises:
        DefinitionError: an option is unknown, comes twice, or will not do; it says where.
    """
    options: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not _COMMENT.match(line):
            break
        match = _OURS.match(line)
        if match is None:
            continue
        try:
            words = shlex.split(match[1])
        except ValueError:
            raise _wrong("a quote is not closed", path, number) from None
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                what = f'"{word}" is no option: write NAME=VALUE, such as every=1m'
                raise _wrong(what, path, number)
            if name not in _KNOWN:
                what = f'there is no option "{name}"{did_you_mean(name, _KNOWN)}'
                raise _wrong(what, path, number)
            if name in options:
                raise _wrong(f"{name} is given twice", path, number)
            try:
                options[name] = parse_option(name, _value(name, value))
            except OptionError as error:
                raise _wrong(str(error), path, number) from None
    return options


def _value(name: str, text: str) -> object:
    if name in _LISTS:
        return [part.strip() for part in text.split(",")]
    if name in _NUMBERS and text.isdecimal():
        return int(text)
    if name == "activated":
        return _TRUTHS.get(text, text)
    return text


def _wrong(what: str, path: str, line: int) -> DefinitionError:
    return DefinitionError(f"// checkwire: {what}", path=path, line=line)
