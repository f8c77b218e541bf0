"""Text with variables: ``${NAME}``, ``${secret:NAME}``, and ``$${`` for ``${`` itself."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["NAME", "Part", "TemplateError", "parse_template"]

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What a variable may be called: what a shell and Python can call one."""

_OPENING: Final = re.compile(r"\$?\$\{")


class TemplateError(ValueError):
    """What follows a ``${`` is no variable; the message says how to write one."""


class Part(NamedTuple):
    """A piece of a template.

    Attributes:
        text: that stands there as it is; or the name of the variable.
        kind: ``text``, ``variable`` or ``secret``.
    """

    text: str
    kind: str = "text"


def parse_template(text: str) -> tuple[Part, ...]:
    """The parts of a text, in order; neighbours are never both text.

    Raises:
        TemplateError: a ``${`` has no end, or no name.
    """
    parts: list[Part] = []
    plain: list[str] = []
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        plain.append(text[at : opening.start()])
        if opening[0] == "$${":
            plain.append("${")
            at = opening.end()
            continue
        end = text.find("}", opening.end())
        if end < 0:
            raise TemplateError('"${" has no "}": write $${ if it is meant as it stands')
        written = text[opening.end() : end]
        prefix, colon, name = written.rpartition(":")
        if not NAME.fullmatch(name) or (colon and prefix != "secret"):
            raise TemplateError(
                f'"${{{written}}}" is no variable: write ${{NAME}} or ${{secret:NAME}}, or $${{ if '
                "it is meant as it stands"
            )
        if joined := "".join(plain):
            parts.append(Part(joined))
        plain.clear()
        parts.append(Part(name, "secret" if colon else "variable"))
        at = end + 1
    plain.append(text[at:])
    if joined := "".join(plain):
        parts.append(Part(joined))
    return tuple(parts)
