"""Close codes that protocols on top of WebSocket define, each with the page that says so."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["FAMILIES", "CloseCode", "Family", "Kind", "Reconnect"]

Reconnect = Literal["yes", "later", "no", "unknown"]
"""Whether a client should connect again: at once, after a moment, not unchanged, or nobody says."""

Kind = Literal["", "draining", "auth", "expired", "evicted"]
"""What sort of end a code means, where it is of one that has a failure code of its own.

``auth`` for credentials that are not accepted, ``expired`` for those that were and no longer are.
"""


class CloseCode(msgspec.Struct, frozen=True):
    """A close code, or a range of them.

    Attributes:
        code: the code, or the first of a range.
        name: in a few words.
        meaning: a clause more.
        reconnect: whether a client should.
        kind: what sort of end it is.
        last: the last of a range; 0 for a single code.
    """

    code: int
    name: str
    meaning: str
    reconnect: Reconnect
    kind: Kind = ""
    last: int = 0


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """The close codes of a protocol.

    Attributes:
        name: of the protocol.
        source: the page that defines them.
        subprotocols: that tell of it.
        url: a pattern found in the URLs of those who speak it.
        codes: single codes and ranges.
        note: where the reason for an end is found instead, if the protocol has no codes.
    """

    name: str
    source: str
    subprotocols: tuple[str, ...] = ()
    url: str = ""
    codes: tuple[CloseCode, ...] = ()
    note: str = ""


_C = CloseCode

FAMILIES = (
    Family(
        name="graphql-transport-ws",
        source="https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md",
        subprotocols=("graphql-transport-ws",),
        codes=(
            _C(4004, "bad response", "What the server sent is not of the protocol", "no"),
            _C(4005, "internal client error", "Something in the client failed", "no"),
            _C(4400, "bad request", "A message is malformed, or of an unknown type", "no"),
            _C(4401, "unauthorized", "An operation before connection_ack", "no", "auth"),
            _C(4403, "forbidden", "connection_init was refused", "no", "auth"),
            _C(4406, "subprotocol not acceptable", "The server speaks another one", "no"),
            _C(4408, "connection initialisation timeout", "connection_init came too late", "yes"),
            _C(4409, "subscriber already exists", "The id of an operation is in use", "no"),
            _C(4429, "too many initialisation requests", "connection_init came twice", "no"),
            _C(4499, "terminated", "The client library ended it, and connects again", "yes"),
            _C(4500, "internal server error", "Something in the server failed", "no"),
            _C(4504, "connection acknowledgement timeout", "connection_ack came too late", "yes"),
        ),
    ),
    Family(
        name="Pusher",
        source="https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/",
        url=r"/app/[^/?]+\?(?:.*&)?protocol=\d",
        codes=(
            _C(4000, "TLS only", "The application takes wss:// only", "no"),
            _C(4001, "application does not exist", "The key in the URL is of none", "no"),
            _C(4003, "application disabled", "It was switched off", "no"),
            _C(4004, "over connection quota", "The application has too many connections", "no"),
            _C(4005, "path not found", "The URL is not that of an application", "no"),
            _C(4006, "invalid version string", "protocol= in the URL is no version", "no"),
            _C(4007, "unsupported protocol version", "protocol= is too old, or too new", "no"),
            _C(4008, "no protocol version", "protocol= is missing in the URL", "no"),
            _C(4009, "unauthorized", "The connection is not authorized", "no", "auth"),
            _C(4100, "over capacity", "The server is full", "later", "draining"),
            _C(4200, "reconnect immediately", "The server asks for it", "yes", "draining"),
            _C(4201, "pong not received", "pusher:ping was not answered", "yes"),
            _C(4202, "closed after inactivity", "Nothing was sent for long", "yes"),
            _C(4301, "rate limit", "Client events come too fast", "unknown"),
            _C(4000, "do not reconnect", "Not unchanged", "no", last=4099),
            _C(4100, "reconnect with back-off", "After 1 s or more", "later", last=4199),
            _C(4200, "reconnect", "At once", "yes", last=4299),
            _C(4300, "other error", "Any other", "unknown", last=4399),
        ),
    ),
    Family(
        name="Centrifugo",
        source="https://centrifugal.dev/docs/server/codes",
        subprotocols=("centrifuge-json", "centrifuge-protobuf"),
        url=r"/connection/websocket(?:[/?]|$)",
        codes=(
            _C(3000, "connection closed", "Without advice from the server", "yes"),
            _C(3001, "shutdown", "The node goes down", "yes", "draining"),
            _C(3004, "internal server error", "Something in the server failed", "yes"),
            _C(3005, "connection expired", "The token was not renewed", "yes", "expired"),
            _C(3006, "subscription expired", "The token was not renewed", "yes", "expired"),
            _C(3008, "slow", "The client does not read fast enough", "yes", "evicted"),
            _C(3009, "write error", "The server could not write to it", "yes"),
            _C(3010, "insufficient state", "Its position in a stream is wrong", "yes"),
            _C(3011, "force reconnect", "The server asks for it", "yes", "draining"),
            _C(3012, "no pong", "An empty ping was not answered", "yes"),
            _C(3500, "invalid token", "The token is not accepted", "no", "auth"),
            _C(3501, "bad request", "A command is malformed, or out of order", "no"),
            _C(3502, "stale", "It was not authenticated in time", "no"),
            _C(3503, "force disconnect", "The server asks not to reconnect", "no"),
            _C(3504, "connection limit", "The user has too many", "no"),
            _C(3505, "channel limit", "The connection has too many", "no"),
            _C(3000, "reconnect", "A code of Centrifugo", "yes", last=3499),
            _C(3500, "do not reconnect", "A code of Centrifugo", "no", last=3999),
            _C(4000, "reconnect", "A code of the application", "yes", last=4499),
            _C(4500, "do not reconnect", "A code of the application", "no", last=4999),
        ),
    ),
    Family(
        name="Discord gateway",
        source="https://docs.discord.com/developers/topics/opcodes-and-status-codes",
        url=r"^wss?://gateway[\w-]*\.discord\.gg(?:[:/?]|$)",
        codes=(
            _C(4000, "unknown error", "Nobody knows what went wrong", "yes"),
            _C(4001, "unknown opcode", "An opcode or its payload is invalid", "yes"),
            _C(4002, "decode error", "A payload is invalid", "yes"),
            _C(4003, "not authenticated", "A payload before Identify", "yes"),
            _C(4004, "authentication failed", "The token is wrong", "no", "auth"),
            _C(4005, "already authenticated", "Identify came twice", "yes"),
            _C(4007, "invalid sequence", "Resume had a wrong one; begin a new session", "yes"),
            _C(4008, "rate limited", "Payloads come too fast", "yes"),
            _C(4009, "session timed out", "Begin a new one", "yes"),
            _C(4010, "invalid shard", "Identify had a wrong one", "no"),
            _C(4011, "sharding required", "There are too many guilds for one", "no"),
            _C(4012, "invalid API version", "v= in the URL is of none", "no"),
            _C(4013, "invalid intents", "Identify had wrong ones", "no"),
            _C(4014, "disallowed intents", "Identify had some that are not enabled", "no"),
        ),
    ),
    Family(
        name="Twitch EventSub",
        source="https://dev.twitch.tv/docs/eventsub/handling-websocket-events/#close-message",
        url=r"^wss?://eventsub\.wss\.twitch\.tv(?:[:/?]|$)",
        codes=(
            _C(4000, "internal server error", "Something in the server failed", "yes"),
            _C(4001, "client sent inbound traffic", "Only pongs may be sent", "no"),
            _C(4002, "client failed ping-pong", "A ping was not answered", "yes"),
            _C(4003, "connection unused", "No subscription within 10 s of the welcome", "no"),
            _C(4004, "reconnect grace time expired", "It was not replaced within 30 s", "yes"),
            _C(4005, "network timeout", "A passing one", "yes"),
            _C(4006, "network error", "A passing one", "yes"),
            _C(4007, "invalid reconnect", "The URL to reconnect to is wrong", "no"),
        ),
    ),
    Family(
        name="Socket.IO",
        source="https://socket.io/docs/v4/engine-io-protocol/",
        url=r"[?&]EIO=\d",
        note="Socket.IO has no close codes; a CONNECT_ERROR (44) or DISCONNECT (41) packet before "
        "it may tell",
    ),
    Family(
        name="Phoenix channels",
        source="https://hexdocs.pm/phoenix/writing_a_channels_client.html",
        url=r"/websocket\?(?:.*&)?vsn=\d",
        note="Phoenix channels have no close codes; a phx_error or phx_close message before it may "
        "tell",
    ),
    Family(
        name="Action Cable",
        source="https://api.rubyonrails.org/classes/ActionCable/Connection/Base.html",
        subprotocols=("actioncable-v1-json", "actioncable-unsupported"),
        note="Action Cable has no close codes; the disconnect message before it has reason and "
        "reconnect",
    ),
    Family(
        name="OCPP",
        source="https://openchargealliance.org/protocols/open-charge-point-protocol/",
        subprotocols=("ocpp1.2", "ocpp1.5", "ocpp1.6", "ocpp2.0", "ocpp2.0.1", "ocpp2.1"),
        note="OCPP has no close codes; the log of the central system may tell",
    ),
    Family(
        name="MQTT",
        source="https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901205",
        subprotocols=("mqtt", "mqttv3.1"),
        note="MQTT has no close codes; in MQTT 5 the reason code of a DISCONNECT packet before it "
        "tells",
    ),
    Family(
        name="Kubernetes remote command",
        source="https://pkg.go.dev/k8s.io/apimachinery/pkg/util/httpstream/wsstream",
        subprotocols=(
            "channel.k8s.io",
            "base64.channel.k8s.io",
            "v4.channel.k8s.io",
            "v4.base64.channel.k8s.io",
            "v5.channel.k8s.io",
        ),
        note="Kubernetes has no close codes; from v4 on, the error channel has the status",
    ),
)
"""Protocols, those with codes of their own first."""
