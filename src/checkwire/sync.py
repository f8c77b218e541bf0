"""For checks that are plain functions: ``from checkwire.sync import connect``.

``check``, ``step``, ``expect``, ``env``, ``secret`` and ``log`` are the same in both worlds, and
``http`` has a blocking twin here.
"""

from __future__ import annotations

from checkwire.sdk.blocking import BlockingWebSocket, connect

__all__ = ["BlockingWebSocket", "connect"]
