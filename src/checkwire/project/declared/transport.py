"""The keywords of ``connect()`` and of ``http`` for the keys that say how to connect."""

from __future__ import annotations

from typing import Any, Final

from checkwire.project.declared.connection import CONNECTION
from checkwire.project.declared.scope import Scope, literal
from checkwire.project.declared.source import Code, Group, member, string
from checkwire.project.positions import Path

__all__ = ["transport_keywords"]

_TLS: Final = ("ca", "client_cert", "client_key", "client_key_password", "verify", "server_name")


def transport_keywords(table: dict[str, Any], path: Path, scope: Scope) -> dict[str, Code]:
    """The keywords, in the order of the table."""
    found: dict[str, Code] = {}
    for key, value in table.items():
        place = (*path, key)
        if key not in CONNECTION:
            continue
        match key:
            case "tls":
                for name in _TLS:
                    if name in value:
                        found[name] = _value(value[name], (*place, name), scope)
            case "proxy" if value is False:
                found[key] = "None"
            case "timeouts":
                found[key] = literal(value)
            case "headers" | "resolve":
                items = [
                    member(string(name), scope.text(one, (*place, name)))
                    for name, one in value.items()
                ]
                found[key] = Group("{", tuple(items), "}")
            case "subprotocols":
                names = [scope.text(one, (*place, at)) for at, one in enumerate(value)]
                found[key] = Group("[", tuple(names), "]")
            case _:
                found[key] = _value(value, place, scope)
    return found


def _value(value: Any, path: Path, scope: Scope) -> Code:
    return scope.text(value, path) if isinstance(value, str) else literal(value)
