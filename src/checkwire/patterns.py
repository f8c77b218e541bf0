"""Patterns for messages: ``from checkwire.patterns import at, above, regex``.

They stand beside plain values in ``where=`` and in ``expect(...).matches(...)``::

    await ws.receive_json(where={"type": "trade", "price": above(0)}, within="2s")
    await ws.receive_json(where=at("$.data[*].price", above(0)))
    await ws.receive_text(where=regex("^ready"))
"""

from __future__ import annotations

from checkwire.sdk.patterns import (
    above,
    absent,
    all_of,
    any_of,
    at,
    at_least,
    at_most,
    below,
    contains,
    is_not,
    length,
    regex,
    text_of,
)

__all__ = [
    "above",
    "absent",
    "all_of",
    "any_of",
    "at",
    "at_least",
    "at_most",
    "below",
    "contains",
    "is_not",
    "length",
    "regex",
    "text_of",
]
