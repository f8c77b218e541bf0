"""Why nothing comes: a feed that is silent, a process that is frozen, or a path that is gone.

All three look alike to whoever waits for a message. So before a wait is over the peer is asked with
a ping (RFC 6455 section 5.5.2): a process that runs answers it, and the kernel of a machine that
can be reached acknowledges it even if the process does not run. What comes of that only names a
failure that happens anyway; a wait that is not in vain does not depend on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from checkwire.model.failures import Failure
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.liveness import NO_WAY, bytes_taken, signs_of
from checkwire.wire.session.pings import Ping

__all__ = ["LEAST", "Probe", "Silence", "diagnose_silence", "lead"]

_SHORTEST = 0.5
"""Seconds of a wait; in what is left of a shorter one a ping would prove nothing."""
_PART = 0.4
"""Of the wait, at its end, is for the ping."""
_LONGEST = 2.0
"""Seconds for the ping at most: it ends silence also for the timers of proxies, which must not be
kept from cutting an idle connection as they do when nobody looks."""
LEAST = 0.15
"""Seconds that a ping must have had, for its fate to mean anything. The event loop may have been
held up when it was to be sent."""
_ROUND_TRIPS = 3
"""That it must have had time for."""


def lead(wait: float) -> float:
    """How many seconds before the end of a wait the peer is to be asked; 0 for not at all."""
    return 0.0 if wait < _SHORTEST else min(_PART * wait, _LONGEST)


class Probe(NamedTuple):
    """A ping of Checkwire's own.

    Attributes:
        last_ns: when a frame was sent or came, before.
        messages: that had come.
    """

    ping: Ping
    last_ns: int
    messages: int

    @property
    def answered(self) -> bool:
        """Whether its pong has come."""
        answered = self.ping.answered
        return answered.done() and not answered.cancelled() and answered.exception() is None


class Silence(NamedTuple):
    """What was waited for in vain.

    Attributes:
        place: the peer's address.
        within: seconds, as whoever waited counts them.
        closing: what the peer should have done, if not send a message: ``"close the connection"``.
        messages: how many came before.
        open_ns: since the connection opened.
        quiet_ns: since the last frame.
        partial: bytes of a frame that is not complete.
        within_frame: whether there is one: no pong can come before its end.
        kernel: whose kernel it is that acknowledges: ``"its"``, or ``"the proxy's"``.
        deaf: whether it is known not to answer pings, though it goes on to send.
    """

    place: str
    within: float
    closing: str
    messages: int
    open_ns: int
    quiet_ns: int
    partial: int
    within_frame: bool
    kernel: str
    deaf: bool

    @property
    def code(self) -> str:
        """As what it is told if the peer is there."""
        if self.closing:
            return "timeout.close"
        return "timeout.message" if self.messages else "timeout.first_message"

    @property
    def what(self) -> str:
        """The fact, without more."""
        if self.closing:
            return f"{self.place} did not {self.closing} within {self.within:.3g} s"
        if self.messages:
            return f"No further message came from {self.place} within {self.within:.3g} s"
        return f"{self.place} sent no message within {self.within:.3g} s"

    @property
    def fact(self) -> str:
        """The same, with the peer as its subject."""
        if self.closing:
            return self.what
        more = "further " if self.messages else ""
        return f"{self.place} sent no {more}message within {self.within:.3g} s"

    @property
    def before(self) -> str:
        """What was before it."""
        if self.closing:
            return ""
        if self.messages:
            return f"; {self.messages} before, the last frame {self.quiet_ns / 1e9:.1f} s ago"
        return f"; open for {self.open_ns / 1e9:.1f} s"


def diagnose_silence(pipe: Pipe, silence: Silence, probe: Probe | None, now: float) -> Failure:
    """Nothing came of what was waited for.

    Args:
        pipe: where.
        silence: what was waited for.
        probe: the ping that was to find out why; ``None`` if there was none.
        now: by the loop's clock.
    """
    evidence: dict[str, Any] = {
        "waited_ms": round(silence.within * 1e3),
        "idle_ms": silence.quiet_ns // 1_000_000,
    }
    if silence.partial:
        evidence["partial_bytes"] = silence.partial
    code, message, hint = silence.code, silence.what + silence.before, ""
    if silence.partial:
        message += f". {silence.partial} bytes of an unfinished frame came"
    if probe is None:
        evidence["ping"] = "ignored" if silence.deaf else "none"
        if silence.deaf:
            message += ". It does not answer pings: it went on without, before"
        info = read_tcp_info(pipe.socket)
        if info is not None:
            evidence["unacknowledged_segments"] = info.unacked
            evidence["retransmits"] = info.retransmits
    elif probe.answered:
        took_ms = probe.ping.answered.result().duration_ns / 1e6
        evidence |= {"ping": "answered", "pong_ms": round(took_ms, 3)}
        message += f". The server still answers pings: in {took_ms:.3g} ms"
    else:
        code, message, hint = _unanswered(pipe, silence, probe, now, code, message, evidence)
    return Failure(code=code, message=message, hint=hint, phase="open", evidence=evidence)


def _unanswered(
    pipe: Pipe,
    silence: Silence,
    probe: Probe,
    now: float,
    code: str,
    message: str,
    evidence: dict[str, Any],
) -> tuple[str, str, str]:
    """Code, message and hint if there was no pong."""
    waited = now - probe.ping.sent
    signs = signs_of(pipe, probe.ping, waited)
    evidence |= {"ping": "unanswered", "ping_waited_ms": round(waited * 1e3), **signs.evidence()}
    rtt = 0.0 if signs.info is None else signs.info.rtt_ns / 1e9
    if signs.stuck:
        fact = f"{silence.fact}, and nothing can be sent to it any more"
        return "ws.peer_lost", f"{fact}: not a ping of {waited:.2g} s before", NO_WAY
    if signs.lost:
        fact = f"{silence.fact}, and {silence.kernel} kernel acknowledges nothing any more"
        return "ws.peer_lost", f"{fact}: not a ping sent {waited:.2g} s before", ""
    if signs.came:
        evidence["bytes_since_ping"] = signs.came
        return code, f"{message}. It goes on sending, but did not answer a ping", ""
    if not signs.left and bytes_taken(pipe) == probe.ping.taken:
        unsent = pipe.unwritten + (signs.info.unsent if signs.info else 0)
        evidence["unsent_bytes"] = unsent
        blocked = f"{silence.fact}, and has read nothing for {waited:.2g} s either"
        return "ws.send_blocked", f"{blocked}; {unsent:,} bytes wait to be sent", ""
    if not signs.left or pipe.paused or waited < max(LEAST, _ROUND_TRIPS * rtt):
        return code, message, ""
    if silence.within_frame or (signs.info is not None and not signs.acked):
        return code, message, ""
    frozen = f"{silence.fact}, and did not answer a ping sent {waited:.2g} s before its end either"
    if signs.acked:
        frozen += f", though {silence.kernel} kernel acknowledged it"
    return "ws.no_pong", frozen, ""
