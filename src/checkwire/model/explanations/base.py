"""What an explanation is made of."""

from __future__ import annotations

import msgspec

__all__ = ["ON_A_CONNECTION", "Explanation", "Look"]


class Look(msgspec.Struct, frozen=True):
    """A way to see the same without Checkwire.

    Attributes:
        command: of a common tool, with ``HOST``, ``PORT`` and the like to be filled in.
        shows: what it prints if this is the cause.
    """

    command: str
    shows: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A failure code at length.

    Attributes:
        messages: what a failure of this code says, with words in braces for what differs, and
            square brackets around what is not always there. Each message that is ever told fits
            one of them; tests hold them to it.
        cause: what goes wrong, and what commonly makes it so. Paragraphs with an empty line
            between; lines of a list, which begin with ``- ``, have none.
        confirm: how to see it with common tools.
        remedy: what to do, the likeliest first. Paragraphs likewise.
        evidence: what its evidence has, by key; ``PHASE_ns`` stands for ``dns_ns``, ``tcp_ns``
            and so on.
        see: sections of RFCs and pages of manuals.
    """

    messages: tuple[str, ...]
    cause: str
    confirm: tuple[Look, ...] = ()
    remedy: str
    evidence: dict[str, str] = {}
    see: tuple[str, ...] = ()


ON_A_CONNECTION = {
    "place": "address and port of the peer",
    "lifetime_ms": "how long the connection had been open",
    "messages_in": "messages received until then",
    "messages_out": "messages sent until then",
    "bytes_in": "payload bytes received until then",
    "bytes_out": "payload bytes sent until then",
    "sent_code": "the code of the Close frame that was sent, if one was",
}
"""What is in the evidence of each failure of an open WebSocket."""
