"""The open WebSocket: frames in and out, messages, pings, the record of them, and the end."""
