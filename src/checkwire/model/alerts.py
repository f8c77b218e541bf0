"""Who is told when a check is down, and after how many failed runs."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "AlertPolicy",
    "Channel",
    "EmailChannel",
    "MailServer",
    "SecretName",
    "WebhookChannel",
    "needed_secrets",
]


class AlertPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an incident opens, and who is told.

    Attributes:
        after: failed runs in a row at one location that open it.
        channels: names of the channels that are told.
    """

    after: int = 2
    channels: tuple[str, ...] = ()


class SecretName(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stands for a value: that of the project's secret of this name."""

    secret: str


class WebhookChannel(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="webhook"
):
    """An address that gets each notice as JSON.

    Attributes:
        name: in the project's settings.
        url: ``http`` or ``https``.
        secret: name of the project's secret that signs what is sent; ``None`` to not sign.
        headers: to send on top of ours.
    """

    name: str
    url: str | SecretName
    secret: str | None = None
    headers: dict[str, str | SecretName] = {}


class MailServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server that takes mail by SMTP.

    Attributes:
        security: ``none``, ``starttls`` (RFC 3207) or ``tls`` from the first byte (RFC 8314).
    """

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"


class EmailChannel(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="email"
):
    """People who get each notice by e-mail.

    Attributes:
        name: in the project's settings.
        to, sender: addresses, as in a message's header: with or without a name.
        server: that takes the message.
        username: for the server; ``None`` to not log in.
        password: name of the project's secret that goes with it.
    """

    name: str
    to: tuple[str, ...]
    sender: str
    server: MailServer
    username: str | None = None
    password: str | None = None


Channel = WebhookChannel | EmailChannel
"""Where notices go."""


def needed_secrets(channel: Channel) -> tuple[str, ...]:
    """The names of the project's secrets without which the channel cannot be told anything."""
    if isinstance(channel, EmailChannel):
        return () if channel.password is None else (channel.password,)
    values = (channel.url, *channel.headers.values())
    names = [value.secret for value in values if isinstance(value, SecretName)]
    if channel.secret is not None:
        names.append(channel.secret)
    return tuple(dict.fromkeys(names))
