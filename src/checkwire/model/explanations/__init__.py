"""What each failure code means at length: for ``checkwire explain`` and ``docs/failures.md``.

The texts of a family are in the file of its name, or in others that this one takes up, and are only
imported when somebody asks.
"""

from __future__ import annotations

from importlib import import_module

from checkwire.model.explanations.base import Explanation, Look

__all__ = ["FAMILIES", "Explanation", "Look", "explanation_of"]

FAMILIES = {
    "dns": "The host's name could not be turned into an address",
    "tcp": "No TCP connection could be made, or it was cut before anything was said",
    "proxy": "The proxy on the way did not let the connection through",
    "tls": "The TLS handshake failed, or the certificate cannot be trusted",
    "upgrade": "HTTP was spoken, but the connection did not become a WebSocket",
    "browser": "It works here, and would not in a browser",
    "ws": "An open WebSocket did not behave, or ended before its time",
    "timeout": "The connection works, but something expected did not come in time",
    "message": "A message came, and is not what it must be",
    "stream": "Messages come, but not as a stream of them should",
    "http": "An HTTP request got no answer, or not the one that is wanted",
    "assertion": "What the check says must be true is not",
    "check": "The check is not written or configured as it must be",
    "script": "The check's own code went wrong",
    "runner": "Checkwire, or the machine it runs on, kept the check from running",
    "probe": "The machine that checks run on had more to do than it could",
}
"""What the codes of a family have in common, in the order of a connection's life."""


def explanation_of(code: str) -> Explanation | None:
    """What a code means; ``None`` if this version does not know it.

    Args:
        code: its name.
    """
    family = code.partition(".")[0]
    if family not in FAMILIES:
        return None
    texts = import_module(f"checkwire.model.explanations.{family}")
    found: Explanation | None = texts.EXPLANATIONS.get(code)
    return found
