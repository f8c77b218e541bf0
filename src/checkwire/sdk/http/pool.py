"""The connections of a session that wait for another request."""

from __future__ import annotations

from checkwire.sdk.http.connection import HttpConnection

__all__ = ["Pool"]

Key = tuple[object, ...]
"""What two requests must have in common to share a connection."""


class Pool:
    """Open connections with nothing to do. It holds as many as were needed at the same time."""

    def __init__(self) -> None:
        self._idle: dict[Key, list[HttpConnection]] = {}
        self._closed = False

    def take(self, key: Key) -> HttpConnection | None:
        """A connection that a request can be made on, the one used last; ``None`` if there is none.

        It is the caller's now.
        """
        idle = self._idle.get(key, [])
        while idle:
            connection = idle.pop()
            if connection.alive:
                return connection
            connection.close()
        return None

    def put(self, key: Key, connection: HttpConnection) -> None:
        """Give a connection back that is ready for another request."""
        if self._closed:
            connection.close()
        else:
            self._idle.setdefault(key, []).append(connection)

    def close(self) -> None:
        """Close them, and those that are still to be given back."""
        self._closed = True
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
