"""Setting commands in lines from which they can be copied."""

from __future__ import annotations

import re

__all__ = ["command_lines"]

_UNIT = re.compile(r"""(?:--?[\w.-]+\ (?=[^\s-]))?(?:[^\s'"]|'[^']*'|"[^"]*")+""")
"""A word, or an option and what may be its argument: they stay on one line."""
_CONTINUED = " \\"


def command_lines(command: str, columns: int) -> list[str]:
    """A command in lines of so many columns, each but the last ending with a backslash.

    It is only broken between words, so a line with a long one is longer.
    """
    lines: list[str] = []
    line = ""
    for word in _UNIT.findall(command):
        joined = f"{line} {word}" if line else word
        if line and len(joined) > columns - len(_CONTINUED):
            lines.append(line + _CONTINUED)
            joined = word
        line = joined
    return [*lines, line]
