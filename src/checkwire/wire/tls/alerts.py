"""What ended a handshake, as the peer put it (RFC 8446 section 6)."""

from __future__ import annotations

import re
import ssl
from typing import NamedTuple

__all__ = ["Alert", "alert_of"]

_NAMES = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
_NUMBERS = {name: number for number, name in _NAMES.items()}
_REASON = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)")
"""How OpenSSL calls what an alert said (its ssl/ssl_stat.c and sslerr.h)."""


class Alert(NamedTuple):
    """An alert by number and name, such as 40 and ``handshake_failure``."""

    number: int
    name: str


def alert_of(error: ssl.SSLError, last: bytes = b"") -> Alert | None:
    """The peer's alert, if it was one that ended the session.

    Args:
        error: what OpenSSL says. It has no words for some alerts.
        last: the last bytes that came, of which an alert in the clear is seven.
    """
    if error.reason:
        named = _REASON.fullmatch(error.reason)
        number = _NUMBERS.get(named[1].lower()) if named else None
        return None if number is None else Alert(number, _NAMES[number])
    if len(last) >= 7 and last[-7:-5] == b"\x15\x03" and last[-4:-2] == b"\x00\x02":
        return Alert(last[-1], _NAMES.get(last[-1], f"alert {last[-1]}"))
    return None
