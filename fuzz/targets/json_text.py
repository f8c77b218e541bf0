"""A server's JSON: a value, or why it is none."""

from __future__ import annotations

import json

from checkwire.sdk.json_text import NotJson, parse_json
from checkwire.sdk.values import show

__all__ = ["target"]


def target(data: bytes) -> None:
    """The bytes are the text."""
    text = data.decode("utf-8", "replace")
    try:
        value = parse_json(text)
    except NotJson as error:
        assert str(error)
        assert len(error.caret) < 400
        return
    assert json.loads(text) == value
    assert len(show(value)) < 300
