"""The measured WebSocket connection.

The protocol is that of the ``websockets`` library, used without its input and output; the
transport under it is ours, since measuring it is what this project exists for. From the bottom:

- ``clock``: one monotonic timeline for an attempt, and how the kernel's stamps are put on it;
- ``kernel``: what Linux tells of a socket: receive, transmit and ACK stamps, ``TCP_INFO``;
- ``poll``, ``pipe``: a non-blocking socket that tells when each byte arrived;
- ``tls``: TLS through memory buffers over that pipe, and what the peer's certificates say;
- ``dial``: from a URL to a pipe: names, Happy Eyeballs, proxies;
- ``upgrade``: the opening handshake, judged;
- ``session``: the open WebSocket.
"""

from checkwire.wire import _websockets as _websockets
