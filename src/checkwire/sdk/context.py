"""The attempt that the calling code belongs to: where all the SDK's parts meet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from checkwire.model.errors import UsageError
from checkwire.model.events import Event
from checkwire.model.failures import Failure, Location, Severity
from checkwire.model.masking import Masker, without_credentials
from checkwire.sdk.abandoned import Waits
from checkwire.sdk.leaving import FAREWELL, leave
from checkwire.sdk.ledger import Ledger, Origin
from checkwire.sdk.scope import (
    Opener,
    Site,
    current_flow,
    current_step,
    expecting,
    for_flow,
    opening,
)
from checkwire.wire.clock import Timeline
from checkwire.wire.observer import Observer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from checkwire.sdk.websocket import WebSocket

__all__ = [
    "Context",
    "Site",
    "current",
    "declared_secrets",
    "early_secrets",
    "encodable",
    "enter",
    "here",
    "is_ours",
    "notes_on",
    "on_behalf_of",
]

_ORIGIN = "checkwire_origin"
"""Attribute of an exception on its way out of the script."""

_PACKAGE = str(Path(__file__).parent.parent) + os.sep

early_secrets: dict[str, str] = {}
"""Secrets read outside of an attempt, while a check file was imported, by name: every attempt of
this process masks them."""

declared_secrets: set[str] = set()
"""Names of the secrets that the project declares. Outside of an attempt they have no values."""

_calling: ContextVar[Site | None] = ContextVar("checkwire_calling", default=None)


class Context(Observer):
    """One attempt, seen from the script.

    Attributes:
        env: variables for ``env[...]``.
        secrets: values for ``secret(...)``, by name.
        absent: for secrets that are declared and have no value, why, and how to set them.
        resolve: addresses for hosts, see ``ConnectOptions.resolve``.
        ca: a file of further authorities to trust, for every connection.
        deny: ranges of addresses that are not connected to, see ``ConnectOptions.deny``.
        root: the project's folder; paths are told relative to it.
        ledger: what was verified and what failed.
        waits: what the script waits for.
        sockets: the WebSockets opened and not yet closed.
        on_secret: told the name of each variable that the check reads as a secret.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        absent: Mapping[str, str] | None = None,
        resolve: Mapping[tuple[str, int], tuple[str, int]] | None = None,
        ca: str | None = None,
        deny: Sequence[Any] = (),
        root: str | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.secrets = dict(secrets or {})
        self.absent = dict(absent or {})
        super().__init__(timeline, Masker((*self.secrets.values(), *early_secrets.values())))
        self._emit = emit
        self.env: Mapping[str, str] = os.environ if env is None else env
        self.resolve = dict(resolve or {})
        self.ca = ca
        self.deny = deny
        self.root = root
        self.ledger = Ledger(self.emit, self.timeline.now, current_step.get)
        self.sockets: set[WebSocket] = set()
        self.on_secret: Callable[[str], None] = lambda name: None
        self.waits = Waits(self)
        self._steps = 0
        self._openers: dict[int | None, Opener] = {}
        self._unused: dict[object, tuple[Site, str]] = {}

    def next_step(self) -> int:
        """A number for a new step, from 1."""
        self._steps += 1
        return self._steps

    @property
    def step(self) -> int:
        return current_step.get()

    @property
    def is_attempt(self) -> bool:
        """Whether there is somebody to tell: not while check files are imported."""
        return self._emit is not None

    def take(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    # What went wrong

    def mark(self, error: BaseException) -> None:
        """An exception leaves a part of the script: remember which step it was raised in, and when.

        The first call counts: that of the innermost part.
        """
        notes_on(error).setdefault(_ORIGIN, Origin(self.step, self.timeline.now()))

    def raised(self, error: BaseException, failure: Failure) -> int:
        """An exception ended the script: tell the failure it stands for; its number."""
        failure = self.masked(failure)
        origin = notes_on(error).get(_ORIGIN)
        return self.ledger.number_of(failure) or self.ledger.failed(failure, origin=origin)

    def next_connection(self) -> int:
        number = super().next_connection()
        if (place := opening.get()) is not None:
            self._openers[number] = Opener(place[0], self.step, expecting.get(), current_flow())
        return number

    def failed(
        self, failure: Failure, severity: Severity = "failed", *, at_ns: int | None = None
    ) -> None:
        opener = self._openers.get(failure.connection)
        step = self.step
        if opener is not None:
            failure = self.located(failure, opener.site)
            if current_step.get(None) is None:  # It is a socket that calls, and no script.
                step = opener.step
        elif (place := opening.get()) is not None:
            failure = self.located(failure, place[0])
        origin = Origin(step, self.timeline.now() if at_ns is None else at_ns)
        self.ledger.failed(self.masked(failure), severity, origin=origin, opener=opener)

    def verification_failed(self, failure: Failure, key: Hashable) -> Failure:
        """A verification of the script failed; returns the failure as it was told.

        Args:
            failure: with its location.
            key: what makes a later try the same one: its place in the script, and what else it
                takes. See :meth:`Ledger.recovered`.
        """
        failure = self.masked(failure)
        self.ledger.failed(failure, "failed", key)
        return failure

    def noticed(self, failure: Failure, key: Hashable) -> Failure:
        """The script finds out that a connection failed, which is told unless the wire did so.

        Args:
            failure: with its location.
            key: what the script wanted of the connection, as in :meth:`verification_failed`.
        """
        failure = self.masked(failure)
        if number := self.ledger.number_of(failure):
            self.ledger.noticed(number, failure, site=key)
        else:
            self.ledger.failed(failure, "failed", key)
        return failure

    def misused(self, message: str, site: Site | None = None) -> UsageError:
        """The script uses the SDK in a way that cannot work: tell it, and get what to raise.

        It is told, not only raised, since a mistake that the script swallows is still one.
        """
        location = self.location(site or here())
        failure = self.masked(Failure(code="check.usage", message=message, location=location))
        self.ledger.failed(failure)
        return UsageError(failure.message)

    def number_of(self, failure: Failure) -> int:
        """The number under which a failure was told, 0 if it was not."""
        return self.ledger.number_of(self.masked(failure))

    def masked(self, failure: Failure) -> Failure:
        """The failure as it may be told: without secrets, and with text that can be encoded."""
        message, details = encodable(failure.message), encodable(failure.details)
        if message is not failure.message or details is not failure.details:
            failure = replace(failure, message=message, details=details)
        return self.masker.data(failure)

    def located(self, failure: Failure, site: Site) -> Failure:
        """The failure with its place in the script, unless it has one."""
        if failure.location is not None:
            return failure
        return replace(failure, location=self.location(site))

    def location(self, site: Site, function: str = "") -> Location:
        """A place in the script as it is told: path relative to the project, line and text."""
        import linecache

        path, line = site
        text = linecache.getline(path, line).strip()
        return Location(self.relative(path), line, function, text)

    def relative(self, path: str) -> str:
        """The path relative to the project, with forward slashes."""
        if self.root is not None and path.startswith(self.root.rstrip(os.sep) + os.sep):
            path = path[len(self.root.rstrip(os.sep)) + 1 :]
        return path.replace(os.sep, "/")

    def owns(self, path: str) -> bool:
        """Whether a file is the project's, not a library's; outside of a project, any is."""
        if "site-packages" in path or not path:
            return False
        return self.root is None or path.startswith(self.root.rstrip(os.sep) + os.sep)

    def while_waiting(self, failure: Failure) -> Failure:
        """The failure with the connection on which the script waits for a message, if on one."""
        waiting = [ws._connection for ws in tuple(self.sockets)]
        awaited = [one for one in waiting if one is not None and one.awaited]
        if len(awaited) != 1:
            return failure
        (connection,) = awaited
        phase = None if "first_message" in connection.phases else "first_message"
        return replace(failure, connection=connection.number, phase=phase)

    @property
    def idle(self) -> float:
        """Seconds for which the script has had nothing to do with any server, until now.

        It has as long as a connection is open, and while one or a request is under way.
        """
        return 0.0 if self.sockets or self.waits.dialling else self.waits.idle

    # What must be used, and closed

    def made(self, thing: object, advice: str, site: Site) -> None:
        """Something was made that has no effect until it is used; ``advice`` says how."""
        if self.is_attempt:
            self._unused[thing] = (site, advice)

    def used(self, thing: object) -> None:
        """It was used."""
        self._unused.pop(thing, None)

    async def close_sockets(self, loop: AbstractEventLoop, within: float = FAREWELL) -> None:
        """The script is done with this loop: close what it left open in it, and say so.

        That takes ``within`` seconds at most, however many there are.
        """
        sockets = self._sockets_in(loop)
        for ws in sockets:
            self._tell_left_open(ws)
        await leave(sockets, within)

    def abandon_sockets(self, loop: AbstractEventLoop) -> None:
        """Let go at once of what is open in this loop, which does not run."""
        for ws in self._sockets_in(loop):
            ws._abandon()

    def _sockets_in(self, loop: AbstractEventLoop) -> list[WebSocket]:
        return [ws for ws in tuple(self.sockets) if ws._loop is loop]

    def _tell_left_open(self, ws: WebSocket) -> None:
        if ws.ready_state is ws.OPEN:
            message = f"The check ended with its connection to {without_credentials(ws.url)} open"
            failure = Failure(code="check.unclosed_connection", message=message)
            self.failed(self.located(failure, ws._site), "warning")

    def end(self, *, returned: bool) -> None:
        """The attempt is over: let go of what is open still, tell what was never used.

        Args:
            returned: whether the check's function returned. If it raised, what is unfinished is
                no mistake.
        """
        for ws in tuple(self.sockets):
            if returned:
                self._tell_left_open(ws)
            ws._abandon()
        unused, self._unused = self._unused, {}
        if returned:
            for site, advice in unused.values():
                self.misused(advice, site)
            self.ledger.settle()


def notes_on(error: BaseException) -> dict[str, Any]:
    """The attributes of an exception itself; asking its class might run its author's code."""
    try:
        notes = object.__getattribute__(error, "__dict__")
    except Exception:  # its class has something else of that name
        notes = None
    return notes if isinstance(notes, dict) else {}


def encodable(text: str) -> str:
    """The text, lone surrogates escaped: JSON can smuggle them in, UTF-8 cannot hold them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


_current: ContextVar[Context] = ContextVar("checkwire_context")
_everywhere: Context | None = None


def current() -> Context:
    """The attempt of the calling code. Outside of one, a context that keeps nothing."""
    global _everywhere
    context = _current.get(None)
    if context is None:
        if _everywhere is None:
            _everywhere = Context()
        context = _everywhere
    return context


def enter(context: Context, *, everywhere: bool = False) -> None:
    """Make this the context of the calling task or thread, and of those it starts.

    Args:
        everywhere: also of all code that has none, such as that of other threads, which inherit
            nothing: for a process that runs one attempt only.
    """
    global _everywhere
    _current.set(context)
    current_step.set(0)
    if everywhere:
        _everywhere = context


def is_ours(path: str) -> bool:
    """Whether a file is of this package, not of a script."""
    return path.startswith(_PACKAGE)


@contextmanager
def on_behalf_of(site: Site) -> Iterator[None]:
    """What the SDK does meanwhile, in other threads too, was called there: :func:`here` says so."""
    token = _calling.set(site)
    try:
        with for_flow(current_flow()):
            yield
    finally:
        _calling.reset(token)


def here() -> Site:
    """Where in the script the SDK was called."""
    if (site := _calling.get()) is not None:
        return site
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)
