"""Asking a peer from which nothing comes whether it is still there."""

from __future__ import annotations

import weakref
from typing import Protocol

from websockets.protocol import State

from checkwire.model.failures import Failure
from checkwire.wire.observer import Observer
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.incoming import Incoming
from checkwire.wire.session.pings import Ping, Pings
from checkwire.wire.session.protocol import MeasuredProtocol
from checkwire.wire.session.silence import LEAST, Probe, Silence, diagnose_silence

__all__ = ["Owner", "Probes"]


class Owner(Protocol):
    """What the probes ask of their connection."""

    opened_ns: int
    phases: dict[str, int]

    @property
    def place(self) -> str:
        """The peer's address."""

    def send_ping(self, payload: bytes, *, quiet: bool) -> Ping:
        """Send a ping."""


class Probes:
    """Sends pings for the sake of a diagnosis, and makes it.

    There is one for each connection on which something was waited for in vain; most never need it.
    """

    __slots__ = ("_ignored", "_incoming", "_observer", "_owner", "_pings", "_pipe", "_protocol")

    def __init__(
        self,
        owner: Owner,
        protocol: MeasuredProtocol,
        pipe: Pipe,
        pings: Pings,
        incoming: Incoming,
        observer: Observer,
    ) -> None:
        self._owner: Owner = weakref.proxy(owner)  # As in Incoming.
        self._protocol = protocol
        self._pipe = pipe
        self._pings = pings
        self._incoming = incoming
        self._observer = observer
        self._ignored: int | None = None
        """How many messages had come when a probe went unanswered, unless one was since."""

    @property
    def _deaf(self) -> bool:
        """Whether the peer sent something since a probe of which it took no notice."""
        return self._ignored is not None and self._incoming.messages > self._ignored

    def ask(self, deadline: float) -> Probe | None:
        """Send a ping that is to be answered by then, by the loop's clock, if it may be sent.

        It may not when this side has begun to close (RFC 6455 section 5.5.1). A peer that ignores
        pings need not be asked again.
        """
        if self._protocol.state is not State.OPEN or self._deaf:
            return None
        if deadline - self._pipe.loop.time() < LEAST:
            return None
        last_ns, messages = self._incoming.last_ns, self._incoming.messages
        ping = self._owner.send_ping(self._pings.probe(), quiet=True)
        return Probe(ping, last_ns, messages)

    def end(self, probe: Probe) -> None:
        """The wait is over, in whatever way."""
        if probe.answered:
            self._ignored = None
        else:
            self._ignored = probe.messages
            self._pings.forget(probe.ping.payload)

    def late(self) -> None:
        """A pong came to a probe, perhaps after its wait was over."""
        self._ignored = None

    def judge(self, within: float, closing: str, probe: Probe | None) -> Failure:
        """Nothing came; the arguments are those of :class:`~.silence.Silence`."""
        owner, incoming = self._owner, self._incoming
        if (foreign := incoming.foreign()) is not None:
            return foreign
        now = self._observer.timeline.now()
        silence = Silence(
            place=owner.place,
            within=within,
            closing=closing,
            messages=incoming.messages,
            open_ns=now - owner.opened_ns,
            quiet_ns=now - (incoming.last_ns if probe is None else probe.last_ns),
            partial=len(self._protocol.reader.buffer),
            within_frame=not self._protocol.between_frames,
            kernel="the proxy's" if "proxy" in owner.phases else "its",
            deaf=self._deaf,
        )
        return diagnose_silence(self._pipe, silence, probe, self._pipe.loop.time())
