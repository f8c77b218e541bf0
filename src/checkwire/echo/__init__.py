"""A faithful local stand-in for ``wss://echo.websocket.org``.

The public server is jmalloc/echo-server (Go, gorilla/websocket). This one behaves as it does on
the wire, down to the reasons in its Close frames, so that a check which passes here passes there:

- any path with an upgrade request is a WebSocket that greets, then echoes (:mod:`.websocket`);
- ``/.ws`` under any path is a page to try it by hand;
- ``/.sse`` under any path is a stream of server-sent events (:mod:`.eventstream`);
- anything else is answered by a description of the request.

It stands on its own: it imports nothing else of Checkwire.
"""

from checkwire.echo.exchange import Exchange
from checkwire.echo.server import EchoServer

__all__ = ["EchoServer", "Exchange"]
