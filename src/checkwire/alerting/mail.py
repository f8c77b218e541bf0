"""Delivers a notice by e-mail."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING

from checkwire.alerting.letter import letter
from checkwire.alerting.notice import Notice
from checkwire.alerting.outcome import NotDelivered, without_value
from checkwire.alerting.post import connection_trouble
from checkwire.model.alerts import EmailChannel

if TYPE_CHECKING:
    from aiosmtplib import SMTP

__all__ = ["deliver_by_mail"]

_GOODBYE = 2.0
"""Seconds that the server has to answer QUIT: the message is delivered by then."""


async def deliver_by_mail(
    channel: EmailChannel,
    body: bytes,
    secrets: Mapping[str, str],
    *,
    tls: ssl.SSLContext,
    timeout: float,
) -> str | None:
    """Hand a notice to the mail server.

    Args:
        channel: from whom, to whom, by which server.
        body: the notice as JSON.
        secrets: the values of the project's secrets.
        tls: for servers that are to speak it.
        timeout: seconds for all of it.

    Returns:
        what is to be said of recipients that the server refused for good, while it took the
        message for others.

    Raises:
        NotDelivered: if it was not taken, or a recipient is to be tried again later: then all are.
    """
    import aiosmtplib  # 30 ms

    server = channel.server
    host = f"{server.host}:{server.port}"
    password = None
    if channel.password is not None and (password := secrets.get(channel.password)) is None:
        raise NotDelivered(without_value(channel.password))
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=tls,
        timeout=timeout,
        local_hostname="[127.0.0.1]",  # Else it looks up this machine's name, which may take long.
    )
    try:
        async with asyncio.timeout(timeout):
            await client.connect()
            if channel.username is not None and password is not None:
                await client.login(channel.username, password)
            refused, _ = await client.send_message(
                letter(Notice.decode(body), channel),
                sender=parseaddr(channel.sender)[1],
                recipients=[parseaddr(address)[1] for address in channel.to],
            )
        await _say_goodbye(client)
    except TimeoutError:
        raise NotDelivered(f"{host} did not take it within {timeout:g} s") from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        answers = [(r.recipient, r.code, r.message) for r in error.recipients]
        raise _refused(host, answers) from None
    except aiosmtplib.SMTPResponseException as error:
        said = f"{host} answered {error.code} {_line(error.message)}"
        raise NotDelivered(said, final=500 <= error.code < 600) from None
    except aiosmtplib.SMTPException as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, aiosmtplib.SMTPException):
            raise NotDelivered(connection_trouble(host, cause)) from None
        raise NotDelivered(f"{host}: {_line(error.message)}") from None
    except OSError as error:
        raise NotDelivered(connection_trouble(host, error)) from None
    finally:
        client.close()
    if not refused:
        return None
    partial = _refused(host, [(who, r.code, r.message) for who, r in refused.items()])
    if not partial.final:
        raise partial
    return str(partial)


async def _say_goodbye(client: SMTP) -> None:
    import aiosmtplib

    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            await client.quit()


def _refused(host: str, answers: Sequence[tuple[str, int, str]]) -> NotDelivered:
    said = "; ".join(f"{who}: {code} {_line(message)}" for who, code, message in answers)
    # For good only if that is so for each: one that is to come later is not to be lost.
    final = all(500 <= code < 600 for _, code, _ in answers)
    return NotDelivered(f"{host} refused {said}", final=final)


def _line(message: str) -> str:
    return " ".join(message.split())[:300]
