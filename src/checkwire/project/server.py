"""The address of a Checkwire server, as people write it."""

from __future__ import annotations

__all__ = ["parse_server"]


def parse_server(text: str) -> str:
    """The address without a slash at its end: ``https://monitor.example.org/checkwire``.

    Raises:
        ValueError: it is none; the message says how to write one, and repeats no password.
    """
    from urllib.parse import urlsplit  # 5 ms

    write = "write https://HOST, or http://HOST:PORT"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"not the address of a server: {write}") from None
    if "@" in parts.netloc:
        raise ValueError("a name or a password has no place in the address: use a token")
    if parts.scheme not in ("http", "https") or not host or port == 0 or not text.isprintable():
        raise ValueError(f'"{text}" is not the address of a server: {write}')
    if " " in text or parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError(f'"{text}" has more than the address of a server: {write}')
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
