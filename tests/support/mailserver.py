"""An SMTP server on loopback that keeps what it is sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from checkwire.model.alerts import MailServer

__all__ = ["MailBox", "SeenMail"]


class SeenMail(NamedTuple):
    """A message as it came, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    secure: bool
    user: str | None

    def text(self) -> str:
        """Its plain text."""
        return self._part("plain")

    def html(self) -> str:
        """Its HTML."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        content: str = part.get_content()
        return content.replace("\r\n", "\n")


class MailBox:
    """A server that listens while it is entered.

    Attributes:
        seen: the messages that it took.
        on_data: what it answers a message, before it is taken; ``None`` to take it.
        on_recipient: what it answers a recipient; ``None`` to take them.
        on_quit: called when a client, whose message it took, says goodbye.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.seen: list[SeenMail] = []
        self.on_data: Callable[[], str | None] = lambda: None
        self.on_recipient: Callable[[str], str | None] = lambda _: None
        self.on_quit: Callable[[], None] = lambda: None
        self._login = login
        self._security = "tls" if tls else "starttls" if starttls else "none"
        options: dict[str, Any] = {}
        if starttls is not None:
            options |= {"tls_context": starttls, "require_starttls": True}
        if login is not None:
            options |= {
                "authenticator": self._check,
                "auth_required": True,
                "auth_require_tls": starttls is not None,
            }
        self._tls = tls
        self._options = options
        self._listener: asyncio.Server
        self.port = 0

    async def __aenter__(self) -> MailBox:
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="mail.example.org", **self._options),
            "127.0.0.1",
            0,
            ssl=self._tls,
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        await self._listener.wait_closed()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def server(self, **options: Any) -> MailServer:
        """How a channel reaches it."""
        values = {"host": "127.0.0.1", "port": self.port, "security": self._security}
        return MailServer(**values | options)

    # What aiosmtpd calls

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        answer = self.on_recipient(address)
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = self.on_data()
        if answer is not None:
            return answer
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.seen.append(
            SeenMail(
                envelope.mail_from,
                tuple(envelope.rcpt_tos),
                message,
                self._tls is not None or session.ssl is not None,
                session.auth_data.login.decode() if session.auth_data else None,
            )
        )
        return "250 taken"

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802
        self.on_quit()
        return "221 bye"

    def _check(self, _server: Any, _session: Any, _envelope: Any, _how: Any, data: Any) -> Any:
        assert isinstance(data, LoginPassword)
        assert self._login is not None
        good = (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=good, handled=False, auth_data=data)
