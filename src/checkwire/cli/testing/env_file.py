"""Files of variables: ``NAME=value`` lines, as shells and other tools have them."""

from __future__ import annotations

import re

from checkwire.model.errors import DefinitionError

__all__ = ["parse_assignment", "read_env_file"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
    (?: "(?P<double>(?:[^"\\]|\\.)*)" \s*(?:\#.*)?
      | '(?P<single>[^']*)' \s*(?:\#.*)?
      | (?P<bare>(?:[^\s#'"]|(?<==)\#)(?:[^#]|(?<!\s)\#)*?|) (?:\s+\#.*|\s*)
    )$""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def parse_assignment(text: str) -> tuple[str, str]:
    """``NAME=value``, as given to ``--env``; everything after the first ``=`` is the value.

    Raises:
        ValueError: if it is not that.
    """
    name, equals, value = text.partition("=")
    if not equals or not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is not NAME=VALUE")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the value of {name} is not UTF-8 text") from None
    return name, value


def read_env_file(path: str) -> dict[str, str]:
    """The variables in a file.

    Blank lines and lines that begin with ``#`` are skipped; ``export`` before a name is allowed.
    A value may stand in single quotes (taken as it is) or in double quotes (``\\n``, ``\\t``,
    ``\\"`` and ``\\\\`` mean what they mean); without quotes it ends at `` #``.

    Raises:
        DefinitionError: the file cannot be read, or a line is not an assignment.
    """
    try:
        # Some editors put a byte order mark first. And pathlib costs start-up time.
        with open(path, encoding="utf-8-sig") as file:  # noqa: PTH123
            # Not splitlines(): a value may hold what Unicode takes for the end of a line.
            lines = file.read().split("\n")
    except OSError as error:
        raise DefinitionError(f"cannot be read: {error.strerror}", path=path) from None
    except UnicodeDecodeError:
        raise DefinitionError("is not a text file in UTF-8", path=path) from None
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if "\0" in line:
            message = "this line holds a NUL byte, which no variable can"
            raise DefinitionError(message, path=path, line=number)
        match = _LINE.match(line)
        if match is None:
            raise DefinitionError("this line is not NAME=VALUE", path=path, line=number)
        if match["double"] is not None:
            value = re.sub(
                r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), match["double"]
            )
        else:
            value = match["single"] if match["single"] is not None else match["bare"]
        variables[match["name"]] = value
    return variables
