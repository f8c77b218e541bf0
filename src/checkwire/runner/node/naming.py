"""From the facts that the hook tells to failures, in the words that Python checks have for them."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
import time
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from checkwire.model.close_codes import family_of
from checkwire.model.durations import format_ns, format_seconds
from checkwire.model.failures import Failure, Severity
from checkwire.model.masking import Masker
from checkwire.model.timers import Lapse
from checkwire.runner.node.rejecting import diagnose_rejected
from checkwire.wire.dial.diagnosis import diagnose_reset, diagnose_tcp
from checkwire.wire.dial.race import Try
from checkwire.wire.dial.resolve import Endpoint, diagnose_dns
from checkwire.wire.dial.whereabouts import located, named
from checkwire.wire.http_head import parse_head
from checkwire.wire.session.closing import diagnose_close_timeout, diagnose_loss
from checkwire.wire.session.ends import (
    NORMAL_CODES,
    Circumstances,
    diagnose_close,
    diagnose_close_answer,
)
from checkwire.wire.session.tokens import expiry_of
from checkwire.wire.session.violations import RULES, diagnose_http
from checkwire.wire.tls.diagnosis import diagnose_tls_after_handshake
from checkwire.wire.tls.trust import diagnose_certificate
from checkwire.wire.upgrade.diagnosis import diagnose_end, diagnose_head
from checkwire.wire.upgrade.refusal import diagnose_refusal

__all__ = ["Named", "Peer", "name_fault"]

Facts = dict[str, Any]
Named = tuple[Failure, Severity] | None

_VERIFY_CODES = {
    "UNABLE_TO_GET_ISSUER_CERT": 2,
    "CERT_SIGNATURE_FAILURE": 7,
    "CERT_NOT_YET_VALID": 9,
    "CERT_HAS_EXPIRED": 10,
    "DEPTH_ZERO_SELF_SIGNED_CERT": 18,
    "SELF_SIGNED_CERT_IN_CHAIN": 19,
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": 20,
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE": 21,
    "CERT_REVOKED": 23,
    "INVALID_CA": 24,
    "PATH_LENGTH_EXCEEDED": 25,
    "INVALID_PURPOSE": 26,
    "CERT_UNTRUSTED": 27,
    "CERT_REJECTED": 28,
    "HOSTNAME_MISMATCH": 62,
    "ERR_TLS_CERT_ALTNAME_INVALID": 62,
}
"""What Node calls OpenSSL's judgements of certificates, X509_V_ERR_*."""

_RESOLVER = {
    "ENOTFOUND": (socket.EAI_NONAME, "Name or service not known"),
    "ENODATA": (getattr(socket, "EAI_NODATA", -5), "No address associated with hostname"),
    "EAI_NODATA": (getattr(socket, "EAI_NODATA", -5), "No address associated with hostname"),
    "EAI_AGAIN": (socket.EAI_AGAIN, "Temporary failure in name resolution"),
}

_PARSER = {
    "WS_ERR_EXPECTED_FIN": "fragmented control frame",
    "WS_ERR_INVALID_CLOSE_CODE": "invalid status code",
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH": "control frame too long",
    "WS_ERR_INVALID_OPCODE": "invalid opcode",
    "WS_ERR_UNEXPECTED_MASK": "incorrect masking",
    "WS_ERR_UNEXPECTED_RSV_1": "reserved bits must be 0",
    "WS_ERR_UNEXPECTED_RSV_2_3": "reserved bits must be 0",
}
"""What npm's ``ws`` calls a broken rule, and the parser of Python checks."""

_OPENSSL = re.compile(r"error:[0-9A-F]{8}:SSL routines:[^:]*:([^:]+):")
"""How OpenSSL prints an error, with its reason."""
_TOO_MANY_HEADERS = ("HPE_HEADER_OVERFLOW", "UND_ERR_HEADERS_OVERFLOW")
_HTTP_TIMEOUTS = (
    "TimeoutError",
    "UND_ERR_BODY_TIMEOUT",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
)
_TOO_BIG = 1009
_NOT_UTF8 = 1007


class Peer(msgspec.Struct):
    """What was told of a connection before it failed.

    Attributes:
        url: where to.
        chain: the certificates it presented, DER.
    """

    url: str
    chain: tuple[bytes, ...] = ()


def name_fault(kind: str, facts: Facts, peer: Peer, masker: Masker) -> Named:
    """What the facts of a connection come to; ``None`` if that is nothing to speak of.

    Args:
        kind: what sort of facts.
        facts: as the hook has them.
        peer: what is known of the connection.
        masker: hides secrets.
    """
    found = _KINDS[kind](facts, peer, masker)
    if found is None or "elapsed_ns" not in facts:
        return found
    failure, severity = found
    return located(failure, facts.get("place") or facts.get("host", ""), facts["elapsed_ns"]), (
        severity
    )


def _dns(facts: Facts, peer: Peer, masker: Masker) -> Named:
    number, words = _RESOLVER.get(facts["error"], (0, facts["message"]))
    error = socket.gaierror(number, words)
    return diagnose_dns(facts["host"], error, facts["elapsed_ns"]), "failed"


def _tcp(facts: Facts, peer: Peer, masker: Masker) -> Named:
    error = _os_error(facts)
    tries = _tries(facts, error)
    return diagnose_tcp(tries, facts["host"], error=error), "failed"


def _tries(facts: Facts, error: OSError | None) -> list[Try]:
    tries = []
    for told in facts["tries"]:
        address, port = str(told["address"]), told["port"]
        if address.startswith("/"):
            endpoint = Endpoint(socket.AF_UNIX, address)
        else:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            endpoint = Endpoint(family, (address, port))
        code = told.get("error")
        its_own = _error_of(code) if isinstance(code, str) else None
        tries.append(Try(endpoint, told["started_ns"], told.get("duration_ns"), its_own or error))
    return tries


def _error_of(code: str) -> OSError | None:
    number = getattr(errno, code, None)
    return None if number is None else OSError(number, os.strerror(number))


def _os_error(facts: Facts) -> OSError:
    return _error_of(facts["error"]) or OSError(0, facts["message"])


def _tls(facts: Facts, peer: Peer, masker: Masker) -> Named:
    code, where = facts["error"], named(facts["place"], facts["host"])
    if (verify_code := _VERIFY_CODES.get(code)) is not None:
        error = ssl.SSLCertVerificationError(1, facts["message"])
        error.verify_code, error.verify_message = verify_code, facts["message"]
        chain = list(peer.chain)
        return diagnose_certificate(error, facts["name"], where, chain, [], {}), "failed"
    if (reason := _openssl_reason(facts)) is not None:
        refused = ssl.SSLError(1, facts["message"])
        refused.reason = reason
        return diagnose_tls_after_handshake(
            refused, str(facts.get("name") or facts["host"]), where
        ), ("failed")
    if code == "ECONNRESET" or getattr(errno, code, None) is not None:
        reset = code != "ECONNRESET" or not facts["message"].startswith("Client network socket")
        how = "reset" if reset else "closed"
        return Failure(
            code="tls.closed",
            message=f"{where} {how} the connection during the TLS handshake",
            phase="tls",
            evidence={"ended": "rst" if reset else "fin"},
        ), "failed"
    message = f"The TLS handshake with {where} failed: {facts['message']}"
    return Failure(code="tls.handshake_failed", message=message, phase="tls"), "failed"


def _openssl_reason(facts: Facts) -> str | None:
    """What OpenSSL calls the reason, such as ``TLSV1_ALERT_PROTOCOL_VERSION``; if it is its."""
    if match := _OPENSSL.search(facts["message"]):
        # From 3.2 on it calls what is not of one version by both names.
        return match[1].replace("ssl/tls", "sslv3").upper().replace(" ", "_")
    code: str = facts["error"]
    return code.removeprefix("ERR_SSL_") if code.startswith("ERR_SSL_") else None


def _answer(facts: Facts, peer: Peer, masker: Masker) -> Named:
    data, where = b64decode(facts["head"]), facts["place"]
    head = parse_head(data)
    if head is None:
        return diagnose_head(data, where, masker), "failed"
    return diagnose_refusal(head, b64decode(facts["body"]), where, masker), "failed"


def _rejected(facts: Facts, peer: Peer, masker: Masker) -> Named:
    data = b64decode(facts["head"])
    head = parse_head(data)
    if head is None:
        return diagnose_head(data, facts["place"], masker), "failed"
    headers = tuple((name, value) for name, value in facts["request_headers"])
    return diagnose_rejected(head, facts["place"], headers, facts["said"], masker), "failed"


def _unanswered(facts: Facts, peer: Peer, masker: Masker) -> Named:
    data, where = b64decode(facts["data"]), named(facts["place"], facts["host"])
    if facts.get("error") and _openssl_reason(facts) is not None:
        return _tls(facts, peer, masker)
    if facts["said"] in _TOO_MANY_HEADERS or facts.get("error") in _TOO_MANY_HEADERS:
        message = f"{where} sent more headers than Node takes, {len(data):,} bytes so far"
        return Failure(code="upgrade.headers_too_large", message=message, phase="upgrade"), "failed"
    if data and (not data.startswith(b"HTTP/1.") or b"\r\n\r\n" in data):
        return diagnose_head(data, where, masker), "failed"
    error: BaseException = _error_of(facts.get("error") or "") or EOFError()
    if facts.get("error") == "ECONNRESET" and not data:
        return diagnose_reset(error, where, "upgrade"), "failed"
    if facts["ended"] == "local":
        error = TimeoutError()
    seconds = round(facts["elapsed_ns"] / 1e9, 3)
    return diagnose_end(error, data, where, masker, timeout=seconds), "failed"


def _given_up(facts: Facts, peer: Peer, masker: Masker) -> Named:
    host, phase = facts["host"], facts["phase"]
    seconds = round(facts["elapsed_ns"] / 1e9, 3)
    if phase == "dns":
        message = f"Looking up {host} got no answer within {seconds:g} s"
        return Failure(code="dns.timeout", message=message, phase="dns"), "failed"
    if phase == "tcp" and facts["tries"]:
        return diagnose_tcp(_tries(facts, None), host, timeout=seconds), "failed"
    where = named(facts["place"], host)
    if phase == "tcp":
        message = f"{where} did not answer the connection request within {seconds:g} s"
        return Failure(code="tcp.timeout", message=message, phase="tcp"), "failed"
    message = f"The TLS handshake with {where} did not finish within {seconds:g} s"
    return Failure(code="tls.timeout", message=message, phase="tls"), "failed"


def _exited(facts: Facts, peer: Peer, masker: Masker) -> Named:
    after = format_ns(facts["after_ns"])
    return Failure(
        code="script.exited",
        message=f"The script ended (exit status {facts['code']}) before its connection to "
        f"{facts['place'] or peer.url} was open, {after} after it was begun",
        hint="Wait for the connection's events before process.exit(), or do not call it: Node ends "
        "by itself when nothing is left to be done",
        evidence={"exit_status": facts["code"]},
    ), "failed"


def _unclosed(facts: Facts, peer: Peer, masker: Masker) -> Named:
    return Failure(
        code="check.unclosed_connection",
        message=f"The check ended with its connection to {peer.url} open",
        hint="Close it, and wait for its close event",
    ), "warning"


def _none_received(facts: Facts, peer: Peer, masker: Masker) -> Named:
    within = format_seconds(round(facts["elapsed"], 3))
    return Failure(
        code="message.none_received",
        message=f"{facts['place']} sent no message within {within}, and a 'message' handler waited "
        "for one",
        phase="open",
    ), "failed"


def _circumstances(facts: Facts, peer: Peer) -> Circumstances:
    subprotocol = facts["subprotocol"]
    return Circumstances(
        place=facts["place"],
        lapse=Lapse(
            lifetime=facts["lifetime"],
            sent=facts["sent_ago"],
            received=facts["received_ago"],
            before=max(0.0, facts["silent_before"]),
            reset=facts.get("error") == "ECONNRESET",
        ),
        family=family_of((subprotocol,) if subprotocol else (), peer.url),
        expiry=expiry_of((peer.url,)),
        now=time.time(),
    )


def _close(facts: Facts, peer: Peer, masker: Masker) -> Named:
    code = facts["code"]
    if code in NORMAL_CODES:
        return None
    reason = masker.excerpt(facts["reason"], 123, ends=False)
    about = _circumstances(facts, peer)
    return diagnose_close(code, reason, about, sent=facts["sent_code"]), "failed"


def _close_answer(facts: Facts, peer: Peer, masker: Masker) -> Named:
    code, sent = facts["code"], facts["sent"]
    if code in (sent, *NORMAL_CODES) or sent == NORMAL_CODES[1]:
        return None
    reason = masker.excerpt(facts["reason"], 123, ends=False)
    return diagnose_close_answer(code, reason, _circumstances(facts, peer), sent), "warning"


def _loss(facts: Facts, peer: Peer, masker: Masker) -> Named:
    failure = diagnose_loss(
        _os_error(facts) if facts.get("error") else None,
        _circumstances(facts, peer),
        facts["partial"],
        facts["missing"] or None,
        sent=facts["sent_code"],
        closing=facts["closing"],
    )
    return failure, "warning" if facts["closing"] else "failed"


def _violation(facts: Facts, peer: Peer, masker: Masker) -> Named:
    place, said = facts["place"], facts["message"]
    evidence: Facts = {"error": facts["error"], "sent_code": facts["code"]}
    rule = _PARSER.get(facts["error"], facts["error"])
    code, message = "ws.protocol_error", f"{place} broke the protocol: {said}"
    if rule in RULES:
        meaning, section = RULES[rule]
        message = f"{place} broke the protocol: {meaning} ({section})"
        evidence |= {"rule": rule, "section": section}
    elif str(facts["error"]).startswith("Z_") or not facts["inflated"]:
        code = "ws.bad_compression"
        message = f"{place} sent a compressed message that cannot be inflated (RFC 7692): {said}"
    elif facts["code"] == _TOO_BIG:
        code = "ws.too_big"
        message = f"{place} sent a message that is larger than the script takes: {said}"
    elif facts["code"] == _NOT_UTF8 or facts["error"] == "WS_ERR_INVALID_UTF8":
        code = "ws.invalid_utf8"
        message = f"{place} sent text that is not UTF-8 (RFC 6455 8.1)"
    return Failure(code=code, message=message, phase="open", evidence=evidence), "failed"


def _request(facts: Facts, peer: Peer, masker: Masker) -> Named:
    """An HTTP request that was not answered."""
    error, phase = facts["error"], facts["phase"]
    if phase == "dns":
        return _dns(facts, peer, masker)
    if error in _HTTP_TIMEOUTS:
        seconds = round(facts["elapsed_ns"] / 1e9, 3)
        target = urlsplit(facts["url"]).path
        message = f"{facts['place']} did not answer {facts['method']} {target} within {seconds:g} s"
        return Failure(code="http.timeout", message=message), "failed"
    if phase == "tcp":
        return _tcp(facts, peer, masker)
    if phase == "tls":
        return _tls(facts, peer, masker)
    what = f"{facts['method']} {urlsplit(facts['url']).path}"
    if error.startswith("HPE_"):
        message = f"The answer of {facts['place']} to {what} is not valid HTTP: {facts['message']}"
        return Failure(code="http.protocol", message=message), "failed"
    part = f"{facts['received']:,} bytes of the body"
    if error == "ECONNRESET":
        after = f"after {part}" if facts["answered"] else "before anything came"
        message = f"The connection to {facts['place']} was reset {after} of the answer to {what}"
    else:
        after = f"after {part} of its answer to" if facts["answered"] else "without answering"
        message = f"{facts['place']} closed the connection {after} {what}"
    evidence = {"error": error, "bytes_received": facts["received"]}
    return Failure(code="http.closed", message=message, evidence=evidence), "failed"


def _not_websocket(facts: Facts, peer: Peer, masker: Masker) -> Named:
    data = b64decode(facts["data"])
    return diagnose_http(facts["place"], data, masker, inside=facts["inside"]), "failed"


def _close_timeout(facts: Facts, peer: Peer, masker: Masker) -> Named:
    return diagnose_close_timeout(facts["place"], facts["waited"], facts["unsent"]), "failed"


def _unwatched(facts: Facts, peer: Peer, masker: Masker) -> Named:
    return Failure(
        code="runner.protocol",
        message=f"What the connection to {facts['place'] or peer.url} says can no longer be read",
        hint="A fault of Checkwire: please report it, with the details",
        details=facts["message"],
    ), "failed"


_KINDS: dict[str, Callable[[Facts, Peer, Masker], Named]] = {
    "dns": _dns,
    "tcp": _tcp,
    "tls": _tls,
    "answer": _answer,
    "rejected": _rejected,
    "request": _request,
    "unanswered": _unanswered,
    "given_up": _given_up,
    "exited": _exited,
    "unclosed": _unclosed,
    "close": _close,
    "close_answer": _close_answer,
    "close_timeout": _close_timeout,
    "loss": _loss,
    "not_websocket": _not_websocket,
    "none_received": _none_received,
    "unwatched": _unwatched,
    "violation": _violation,
}
"""By the kinds that connections have, see ``hook/connection.cjs``."""
