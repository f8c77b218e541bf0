"""Parsing JSON strictly, and saying where it is not."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["NotJson", "parse_json"]


class NotJson(ValueError):  # noqa: N818 - reads as a fact
    """A text is not JSON. The message says why, without a subject: ``empty``.

    Attributes:
        caret: the line at fault, and a caret under the place; may be empty.
    """

    def __init__(self, message: str, caret: str = "") -> None:
        super().__init__(message)
        self.caret = caret


def parse_json(text: str) -> Any:
    """The value (RFC 8259: no ``NaN``, no ``Infinity``).

    Raises:
        NotJson: it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_not_json)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        start = max(error.colno - 41, 0)
        caret = f"{line[start : start + 80]}\n{' ' * (error.colno - 1 - start)}^ {error.msg}"
        what = "empty" if not text.strip() else f"{error.msg.lower()} at character {error.pos}"
        raise NotJson(what, caret) from None
    except NotJson:
        raise
    except ValueError:
        # Python reads integers of up to 4,300 digits, since more take quadratic time.
        raise NotJson("it holds an integer with too many digits to be read") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None


def _not_json(name: str) -> Any:
    raise NotJson(f"it holds {name}")
