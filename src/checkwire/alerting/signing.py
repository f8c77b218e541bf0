"""Signs what webhooks get, as https://www.standardwebhooks.com/ describes it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

__all__ = ["signature_headers"]

_PREFIX = "whsec_"
"""Before a secret that is bytes in base64; any other is taken as it is."""


def signature_headers(key: str, body: bytes, at: int, secret: str | None) -> dict[str, str]:
    """The headers that say which notice this is and when it was sent, and prove it.

    Args:
        key: the idempotency key.
        body: what is sent.
        at: seconds since the Unix epoch: of this try, not of the notice.
        secret: to sign with; ``None`` to not sign.
    """
    headers = {"Webhook-Id": key, "Webhook-Timestamp": str(at)}
    if secret is not None:
        signed = b".".join((key.encode(), str(at).encode(), body))
        digest = hmac.digest(_bytes_of(secret), signed, hashlib.sha256)
        headers["Webhook-Signature"] = f"v1,{b64encode(digest).decode()}"
    return headers


def _bytes_of(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return b64decode(secret.removeprefix(_PREFIX), validate=True)
        except NotBase64:
            pass
    return secret.encode()
