"""For checks that are plain functions: ``from checkwire.sync import connect, http, WebSocket``.

``check``, ``step``, ``expect``, ``env``, ``secret`` and ``log`` are the same in both worlds, and
``http`` has a blocking twin here.
"""

from __future__ import annotations

from checkwire.sdk.blocking import BlockingWebSocket, connect
from checkwire.sdk.http import blocking as http

__all__ = ["BlockingWebSocket", "WebSocket", "connect", "http"]

WebSocket = BlockingWebSocket
"""The name that it has in the other world."""
