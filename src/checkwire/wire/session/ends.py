"""What the end of a connection means: the close code, the time it came, and what was agreed."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from checkwire.model.close_codes import Family, Meaning, meaning_of
from checkwire.model.durations import format_ns
from checkwire.model.failures import Failure
from checkwire.model.timers import TIMERS, Lapse, Match, Timer, match_timers, ping_interval
from checkwire.wire.session.tokens import utc

__all__ = [
    "NORMAL_CODES",
    "Circumstances",
    "close_name",
    "diagnose_close",
    "diagnose_close_answer",
    "timed_out",
]

NORMAL_CODES = (1000, 1005)
"""Closes by the server that are no failure by themselves: normal, and without a status.

In the middle of a message they are one: whoever waited for it waited in vain.
"""

_IDLE_CODES = (1000, 1001, 1005, 1008, 1011, 3008)
"""Closes that say too little of why, and so may well be a timer's."""
_LIFETIME_CODES = (1001, 3008)
"""Fewer of them: a server may well end after half a minute because it is done."""
_TIMED = re.compile(
    r"^$|\b(idle|inactiv\w+|timed? ?-?out|going away|(connection|session) (duration|lifetime))\b",
    re.IGNORECASE,
)
"""Reasons that leave a timer possible."""

_SETTLED = 10.0
"""Seconds after which credentials that are not accepted must have been so before."""
_SKEW = 5.0
"""Seconds that clocks may differ by."""

_EXPIRED = re.compile(
    r"(token|jwt|session|auth\w*|credential\w*|ticket|login)\b.{0,40}\b(expir|too old)"
    r"|\bexpired?\b.{0,40}\b(token|jwt|session|auth\w*|credential\w*|ticket|login)\b",
    re.IGNORECASE,
)
_AUTH = re.compile(
    r"\b(unauthori[sz]ed|unauthenticated|not authori[sz]ed|not authenticated|forbidden|"
    r"(invalid|bad|wrong|revoked) (\w+ )?(token|jwt|credentials?|session)|"
    r"(token|session|credentials?) (was |is |are )?(revoked|invalid)|auth\w* (failed|required))\b",
    re.IGNORECASE,
)
_EVICTED = re.compile(
    r"\bslow (consumer|client|reader|connection|subscriber)|\btoo slow|\bslow$|^slow\b"
    r"|(client|consumer|reader|connection)\b.{0,20}\b(slow|lagging|behind)"
    r"|(send|write|output|outbound|client|message) ?(buffer|queue|backlog)\b.{0,20}"
    r"\b(full|overflow\w*|exceed\w*|limit)"
    r"|\bbackpressure\b|\bcan(no|')t keep up|\bErrSlowConsume",
    re.IGNORECASE,
)
_DRAINING = re.compile(
    r"\b(server|service|node|instance|pod|process|system|gateway)\b.{0,20}"
    r"(shut(ting)?[ -]?down|restart\w*|draining|stopping|going (away|down))"
    r"|^(shutdown|shutting down|restarting|draining|server ?shutdown)\b",
    re.IGNORECASE,
)

_HINTS = {
    1000: "The server ended it in good order while the check still awaited something: see in the "
    "transcript what it had answered, and in its log why it was done",
    1002: "The server says that the check broke the protocol: something on the way may change "
    "frames, or compression is at fault: try compression=False",
    1003: "The server does not take this kind of message: send text in place of bytes, or the "
    "reverse",
    1007: "The server could not read what the check sent: its encoding, or compression: try "
    "compression=False",
    1008: "A rule of the server's own, such as credentials, the Origin, a rate or a quota; if the "
    "reason does not say which, the server's log at this time does",
    1009: "What the check sent is larger than the server takes: send less at once, or raise the "
    "server's limit",
    1011: "An exception in the server, most likely: its log at this time has it",
    1014: "A gateway got no proper answer from behind it: look at its backend, and at its own log",
}
"""What to look at, by the code, where nothing else says more. Without a code it is as with 1000."""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a connection when it ends.

    Attributes:
        place: the peer's address.
        lapse: how long it had been there, and silent.
        family: the protocol spoken on it, if it is known.
        expiry: when a token it was opened with expires, in seconds since 1970.
        now: the time, in the same.
        untaken: messages that the check has not taken yet.
        timers: those that may have ended it.
    """

    place: str
    lapse: Lapse
    family: Family | None = None
    expiry: float | None = None
    now: float = 0.0
    untaken: int = 0
    timers: tuple[Timer, ...] = TIMERS

    @property
    def opened(self) -> str:
        """How long ago it opened, in words."""
        age = round(self.lapse.lifetime * 1e9)
        return f"{format_ns(age)} after it opened" if age > 0 else "as soon as it opened"

    @property
    def silence(self) -> float:
        """Seconds since a frame was sent or came."""
        return min(self.lapse.sent, self.lapse.received)

    @property
    def times(self) -> dict[str, Any]:
        """Lifetime and silence as evidence."""
        return {
            "lifetime_ms": round(self.lapse.lifetime * 1000),
            "idle_ms": round(self.silence * 1000),
        }

    def timer(self) -> Match | None:
        """The timers that may have ended it."""
        name = None if self.family is None else self.family.name
        return match_timers(self.lapse, self.timers, name)


def close_name(code: int, family: Family | None = None) -> str:
    """What a close code means, in a few words, with who says so if it is no registered one."""
    return _named(meaning_of(code, family))


def _named(meaning: Meaning) -> str:
    if meaning.family is not None:
        return f"{meaning.family}: {meaning.name}"
    if meaning.name == "private use" and meaning.candidates:
        shown = " or ".join(
            f'"{name}" of {family}'
            for family, _, name in (entry.partition(": ") for entry in meaning.candidates[:3])
        )
        return f"private use; perhaps {shown}"
    return meaning.name


def _evidence(code: int, reason: str, meaning: Meaning) -> dict[str, Any]:
    evidence: dict[str, Any] = {"code": code, "reason": reason, "name": meaning.name}
    if meaning.family is not None:
        evidence["family"] = meaning.family
    if meaning.candidates:
        evidence["candidates"] = list(meaning.candidates)
    evidence["reconnect"] = meaning.reconnect
    return evidence


def diagnose_close(
    code: int,
    reason: str,
    about: Circumstances,
    *,
    sent: int | None = None,
    awaited: bool = False,
    cut_short: bool = False,
) -> Failure:
    """The server closed with a Close frame; ``cut_short`` if in the middle of a message.

    Args:
        code, reason: what it said.
        about: the connection.
        sent: the code it was answered with.
        awaited: whether somebody waited for a message.
        cut_short: whether it came between the fragments of a message.
    """
    meaning = meaning_of(code, about.family)
    why = f" {reason!r}" if reason else ""
    message = f"{about.place} closed the connection with {code} ({_named(meaning)}){why}"
    message += f" {about.opened}"
    if awaited:
        message += ", while a message was awaited"
    if cut_short:
        message += ", in the middle of a message"
    evidence = _evidence(code, reason, meaning)
    evidence |= {"initiator": "remote", "sent_code": sent} | about.times
    hint = _HINTS.get(1000 if code in NORMAL_CODES else code, "")
    if meaning.family is not None and meaning.meaning:
        hint = f"{meaning.meaning}; the server's log at this time says more"
    failure = Failure(
        code="ws.closed", message=message, hint=hint, phase="close", evidence=evidence
    )
    said = msgspec.structs.replace
    if not cut_short and (match := _timer(code, reason, meaning, about)):
        return timed_out(failure, match)
    kind = _kind(code, reason, meaning, about)
    if kind == "expired":
        failure = said(failure, code="ws.auth_expired", hint="")
        return _with_token(failure, about)
    if kind == "auth":
        hint = "The server does not accept the credentials: look at the token the check sends"
        return _with_token(said(failure, hint=hint), about)
    if kind == "evicted":
        evidence |= {"messages_not_taken": about.untaken}
        return said(failure, code="ws.evicted", hint="", evidence=evidence)
    if kind == "draining":
        return said(failure, code="ws.draining", hint="")
    if about.family is not None and about.family.note and code >= 3000:
        return said(failure, hint=about.family.note)
    return failure


def _timer(code: int, reason: str, meaning: Meaning, about: Circumstances) -> Match | None:
    """The timers that may have sent a Close frame."""
    if code not in _IDLE_CODES or meaning.kind == "evicted" or not _TIMED.search(reason):
        return None
    match = about.timer()
    return match if match and (match.idle or code in _LIFETIME_CODES) else None


def _kind(
    code: int, reason: str, meaning: Meaning, about: Circumstances
) -> Literal["", "draining", "auth", "expired", "evicted"]:
    """What sort of end it is, by the code, the reason, the time and the token."""
    if code in NORMAL_CODES:
        return ""
    # A protocol that defines a code says what it means, whatever the reason may read like.
    own = (code == 1008 or code >= 3000) and meaning.family is None
    if meaning.kind in ("draining", "evicted", "expired"):
        return meaning.kind
    if own and _EVICTED.search(reason):
        return "evicted"
    if own and _EXPIRED.search(reason):
        return "expired"
    # 4401 is 401 to many who define codes of their own, and 4403 is 403.
    auth = meaning.kind == "auth" or (
        own and (code in (4401, 4403) or _AUTH.search(reason) is not None)
    )
    ran_out = about.expiry is not None and about.expiry <= about.now + _SKEW
    if auth:
        return "expired" if ran_out or about.lapse.lifetime >= _SETTLED else "auth"
    # Where neither code nor reason tells, the token does, if it ran out while it was in use.
    if own and not reason and about.expiry is not None:
        used = about.now - about.lapse.lifetime
        if used < about.expiry <= about.now + _SKEW:
            return "expired"
    if (own or code == 1011) and _DRAINING.search(reason):
        return "draining"
    return ""


def _with_token(failure: Failure, about: Circumstances) -> Failure:
    """What is to be said of the token, of which only the end of its life is known."""
    if about.expiry is None:
        return failure
    left = about.expiry - about.now
    span = format_ns(round(abs(left) * 1e9))
    said = f"had expired {span} before" if left <= 0 else f"was good for another {span}"
    return msgspec.structs.replace(
        failure,
        message=f"{failure.message}; the token it was opened with {said}",
        evidence=failure.evidence
        | {"token_expires_at": utc(about.expiry), "token_left_ms": round(left * 1000)},
    )


def timed_out(failure: Failure, match: Match) -> Failure:
    """The same end, taken for what a timer did."""
    span = format_ns(round(match.measured * 1e9))
    products = list(dict.fromkeys(timer.product for timer in match.timers))
    shown = " or ".join(filter(None, (", ".join(products[:-1]), products[-1])))
    limit = _span(match.seconds)
    settings = list(dict.fromkeys(t.setting for t in match.timers if t.setting))
    raised = f", or raise {' or '.join(settings)}" if settings else ""
    evidence: dict[str, Any] = failure.evidence | {
        "timer": products,
        "timer_s": match.seconds,
        "measured_ms": round(match.measured * 1000),
    }
    message = failure.message
    if match.idle:
        interval = ping_interval(match.seconds)
        also = list(dict.fromkeys(timer.product for timer in match.also))
        evidence |= {"ping_every_s": interval} | ({"lifetime_timer": also} if also else {})
        if " of silence" not in message:
            message += f", after {span} of silence"
        code = "ws.idle_timeout"
        message += f": {limit} is the idle timeout of {shown}"
        hint = f"Send a ping at least every {_span(interval)} (await ws.ping()){raised}"
        if also:
            hint += f". If that does not help, {' or '.join(also)} ends connections of that age"
    else:
        code = "ws.lifetime_limit"
        message += f": {limit} is as long as {shown} lets a connection live"
        hint = f"Connect again before, as every client of this service must{raised}"
    return msgspec.structs.replace(
        failure, code=code, message=message, hint=hint, evidence=evidence
    )


def _span(seconds: float) -> str:
    """Seconds as one would write them: ``60 s``, ``10 min``, ``2 h``."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def diagnose_close_answer(code: int, reason: str, about: Circumstances, sent: int) -> Failure:
    """The server answered our Close frame with another code than ours, of which one tells.

    An endpoint typically echoes the code (RFC 6455 section 5.5.1).
    """
    meaning = meaning_of(code, about.family)
    why = f" {reason!r}" if reason else ""
    message = f"{about.place} answered a Close frame of {sent} with {code} ({_named(meaning)}){why}"
    evidence = _evidence(code, reason, meaning) | {"initiator": "local", "sent_code": sent}
    return Failure(code="ws.closed", message=message, phase="close", evidence=evidence)
