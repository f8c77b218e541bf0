"""Values as their author wrote them, for messages: in Python, or in TOML."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["in_toml", "written"]

_in_toml: ContextVar[bool] = ContextVar("checkwire_in_toml", default=False)


@contextmanager
def in_toml() -> Iterator[None]:
    """What is read meanwhile was written in TOML."""
    token = _in_toml.set(True)
    try:
        yield
    finally:
        _in_toml.reset(token)


def written(value: object) -> str:
    """The value in the language that it was written in."""
    if isinstance(value, str) and value.isprintable():
        return f'"{value}"'
    if _in_toml.get():
        return _toml(value)
    return ascii(value) if isinstance(value, str) else repr(value)


def _toml(value: object) -> str:
    """As TOML 1.0 has it, in one line."""
    import json

    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value)
        case dict():
            pairs = (f"{_key(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case int() | float():
            return repr(value)
    return str(value)  # A date, a time, or both.


def _key(key: object) -> str:
    import json
    import re

    text = str(key)
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text)
