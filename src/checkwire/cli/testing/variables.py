"""What checks read with ``env``, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping

from checkwire.cli.testing.env_file import read_env_file
from checkwire.cli.testing.request import Request

__all__ = ["read_variables", "text_only"]


def read_variables(request: Request) -> dict[str, str]:
    """Those of the command line: of its files in their order, then of ``--env``.

    Raises:
        DefinitionError: a file is not as it must be.
    """
    variables: dict[str, str] = {}
    for path in request.env_files:
        variables |= read_env_file(path)
    return variables | dict(request.env)


def text_only(variables: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that checks can be given, and the names of those that are not UTF-8 text.

    The shell may hold any bytes; what checks are told, and tell, is text.
    """
    good: dict[str, str] = {}
    bad: list[str] = []
    for name, value in variables.items():
        try:
            f"{name}{value}".encode()
        except UnicodeEncodeError:
            bad.append(ascii(name)[1:-1])
        else:
            good[name] = value
    return good, bad
