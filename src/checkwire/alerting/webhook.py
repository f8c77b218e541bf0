"""Delivers a notice to a webhook."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from checkwire.alerting.outcome import NotDelivered, without_value
from checkwire.alerting.post import Answer, post, shown_host
from checkwire.alerting.signing import signature_headers
from checkwire.model.alerts import SecretName, WebhookChannel

__all__ = ["deliver_to_webhook"]

_FOR_GOOD = (301, 308)
"""Redirects that say: never come here again. The others are retried, and not followed."""
_COME_BACK = (401, 403, 404, 408, 425, 429)
"""What may pass: a receiver that is being deployed answers 404, one whose key changes 401."""


async def deliver_to_webhook(
    channel: WebhookChannel,
    key: str,
    body: bytes,
    secrets: Mapping[str, str],
    *,
    at: datetime,
    tls: ssl.SSLContext,
    timeout: float,
) -> str:
    """Post a notice; any answer of 200 to 299 is a receipt.

    Args:
        channel: where to.
        key: the idempotency key.
        body: the notice as JSON.
        secrets: the values of the project's secrets.
        at: now.
        tls: for ``https``.
        timeout: seconds for all of it.

    Returns:
        what came back: a sentence.

    Raises:
        NotDelivered: if it was not taken.
    """
    url = _value(channel.url, secrets)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise NotDelivered(f"the address of {channel.name} is a secret that holds no HTTP address")
    signing = None if channel.secret is None else _value(SecretName(channel.secret), secrets)
    headers = {
        **{name: _value(value, secrets) for name, value in channel.headers.items()},
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        **signature_headers(key, body, int(at.timestamp()), signing),
    }
    answer = await post(url, headers, body, tls=tls, timeout=timeout)
    if not 200 <= answer.status < 300:
        raise _refusal(shown_host(url), answer, at)
    return f"{shown_host(url)} answered {answer.status} {answer.reason}".rstrip()


def _value(value: str | SecretName, secrets: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    try:
        return secrets[value.secret].strip()
    except KeyError:
        # Not for good: it may be set any time.
        raise NotDelivered(without_value(value.secret)) from None


def _refusal(host: str, answer: Answer, at: datetime) -> NotDelivered:
    status = answer.status
    said = f"{host} answered {status} {answer.reason}".rstrip()
    if 300 <= status < 400:
        place = answer.headers.get("location", "")
        message = f"{said}, a redirect to {place or 'nowhere'}, which is not followed"
        return NotDelivered(message, final=status in _FOR_GOOD)
    excerpt = " ".join(answer.excerpt.decode("utf-8", "replace").split())[:200]
    return NotDelivered(
        f"{said}: {excerpt}" if excerpt else said,
        final=400 <= status < 500 and status not in _COME_BACK,
        retry_after=_retry_after(answer.headers.get("retry-after"), at),
    )


def _retry_after(value: str | None, at: datetime) -> float | None:
    """Seconds, of either form (RFC 9110 section 10.2.3)."""
    if value is None:
        return None
    if value.isdecimal() and value.isascii():
        return float(value[:9])
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - at).total_seconds())
