"""JSONPath (RFC 9535), by ``python-jsonpath``."""

from __future__ import annotations

import functools
from typing import Any, Final

__all__ = ["compile_path", "find_all"]

_CACHED: Final = 16_384


def find_all(path: str, value: Any) -> list[Any]:
    """What the path finds in the value, in the order of the document.

    A value nested deeper than can be walked has nothing to be found.

    Raises:
        ValueError: it is not a JSONPath; the message says why, and where in it.
        RegexTimeout: a ``match()`` or ``search()`` in it took too long.
    """
    from jsonpath.exceptions import JSONPathError

    compiled = compile_path(path)
    if not isinstance(value, dict | list):  # The library would parse a string as JSON.
        return [value] if path == "$" else []
    try:
        return list(compiled.findall(value))
    except (JSONPathError, RecursionError):
        return []


@functools.lru_cache(maxsize=_CACHED)
def compile_path(path: str) -> Any:
    """The path, compiled once.

    Raises:
        ValueError: as :func:`find_all`.
    """
    if not path:
        raise ValueError("it is empty")
    environment = _environment()
    from jsonpath.exceptions import JSONPathError

    try:
        return environment.compile(path)
    except JSONPathError as error:
        raise ValueError(_reason(error, path)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@functools.cache
def _environment() -> Any:
    from jsonpath import JSONPathEnvironment  # 50 ms
    from jsonpath.function_extensions import ExpressionType, FilterFunction

    from checkwire.sdk.regexes import compile_regex

    class Search(FilterFunction):
        """``search()`` and ``match()`` of RFC 9535, with a limit on what they may take."""

        arg_types: Final = [ExpressionType.VALUE, ExpressionType.VALUE]
        return_type: Final = ExpressionType.LOGICAL

        def __init__(self, *, whole: bool) -> None:
            self._whole = whole

        def __call__(self, text: object, pattern: object) -> bool:
            if not isinstance(text, str) or not isinstance(pattern, str):
                return False
            try:
                compiled = compile_regex(pattern)
            except ValueError:  # RFC 9535 section 2.4.6: then it is false.
                return False
            found = compiled.fullmatch(text) if self._whole else compiled.search(text)
            return found is not None

    environment = JSONPathEnvironment(strict=True)
    environment.function_extensions["match"] = Search(whole=True)
    environment.function_extensions["search"] = Search(whole=False)
    return environment


def _reason(error: Any, path: str) -> str:
    """The library's reason in one line, its names of tokens in words, with the place."""
    reason = str(error.message)
    for name, word in _TOKENS.items():
        reason = reason.replace(name, word)
    index = getattr(error.token, "index", None)
    if index is None:
        return reason
    return f"{reason} at character {(index if 0 <= index < len(path) else len(path)) + 1}"


_TOKENS: Final = {
    "'TOKEN_ROOT'": "'$'",
    "'TOKEN_RBRACKET'": "']'",
    "'TOKEN_LBRACKET'": "'['",
    "'TOKEN_RPAREN'": "')'",
    "'TOKEN_NAME'": "a name",
}
