"""Waiting for the message that a check wants, and saying well what came instead."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from typing import Any, Final, Literal, NamedTuple, TypeVar

from msgspec.structs import replace
from websockets.protocol import State

from checkwire.model.errors import ConnectionClosed, MessageError, TimedOut, UsageError
from checkwire.model.failures import CLOSES, Failure
from checkwire.sdk.abandoned import Wait
from checkwire.sdk.context import Context, Site
from checkwire.sdk.facts import Closed
from checkwire.sdk.json_text import NotJson, parse_json
from checkwire.sdk.matching import Pattern, describe, identity, matches, problem_of, why_not
from checkwire.sdk.misses import Misses
from checkwire.sdk.patterns import is_textual
from checkwire.sdk.scope import current_flow
from checkwire.sdk.streams import Stream, StreamJudge, StreamRules
from checkwire.sdk.values import show
from checkwire.wire.session.connection import Connection
from checkwire.wire.session.inbox import Message

__all__ = ["REQUIRED", "Kind", "Receiver"]

T = TypeVar("T")

REQUIRED: Final[Any] = object()
"""There is no default: the message must come."""

Kind = Literal["any", "text", "bytes", "json"]
"""Of message that is awaited."""

_WAITED_FOR: Final = {"silence": "silence", "close": "the server to close", "stream": "a stream"}

_SHOWN = 500
"""Characters of a message that a failure shows."""


class _Unfit(Exception):  # noqa: N818 - never leaves this module
    """A message is not of the kind asked for."""

    def __init__(self, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class _Try(NamedTuple):
    """A verification under way.

    Attributes:
        wait: where, and since when.
        what: the kind of it.
        where: the pattern, if it has one.
        in_use: whether it began before the check closed the connection, for all it knew.
        required: whether it fails if nothing comes.
    """

    wait: Wait
    what: str
    where: Pattern
    in_use: bool
    required: bool

    @property
    def site(self) -> Site:
        return self.wait.site

    @property
    def key(self) -> Hashable:
        """What a later try must have in common with it to be the same one."""
        return self.site, self.what, identity(self.where)


class Receiver:
    """Receives on one connection, for the script.

    Attributes:
        closer: the flow in which the script has closed the connection, if it has.
    """

    __slots__ = ("_connection", "_context", "closer")

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context
        self.closer: object = None

    @property
    def may_be_in_use(self) -> bool:
        """Whether the calling code need not know yet that the script itself closed it.

        What a task does in the background, when another has closed the connection meanwhile, is
        no mistake: that is how it learns that it is over.
        """
        if self._connection.state is State.OPEN:
            return True
        return self.closer is not None and self.closer != current_flow()

    async def receive(
        self, kind: Kind, where: Pattern, within: float, default: Any, site: Site
    ) -> Any:
        """See :meth:`checkwire.sdk.inbound.Inbound.receive`."""
        this = self._begin(where, kind, site, required=default is REQUIRED)
        misses = Misses(where)
        while True:
            try:
                message = await self._message(this, within, probe=this.required)
            except TimedOut as error:
                if default is not REQUIRED:
                    return default
                failure = error.failure
                if misses.count:
                    failure = self._missed(failure, misses, within)
                raise TimedOut(self._failed(failure, this)) from None
            except ConnectionClosed as closed:
                raise self._closed(closed, this, misses) from None
            try:
                value = _convert(kind, message.data)
            except _Unfit as unfit:
                if where is None:
                    raise MessageError(self._failed(self._unfit(unfit, message), this)) from None
                misses.add(message.frame, message.data, None)
                continue
            reason = None if where is None else why_not(where, value)
            if reason is None:
                self._connection.answered(message)
                return self._held(this, value)
            misses.add(message.frame, value, reason)

    async def next(self) -> str | bytes:
        """The next message, however long it takes.

        Raises:
            ConnectionClosed: the connection has ended.
        """
        return (await self._connection.receive()).data

    async def silence(self, duration: float, where: Pattern, site: Site) -> None:
        """See :meth:`checkwire.sdk.inbound.Inbound.expect_silence`."""
        this = self._begin(where, "silence", site)
        began_ns = self._context.timeline.now()
        while True:
            try:
                message = await self._message(this, duration, probe=False)
            except TimedOut:
                self._held(this, None)
                return
            except ConnectionClosed as closed:
                raise self._closed(closed, this) from None
            if where is not None and not _concerns(where, message.data):
                continue
            came = "A message was waiting already when silence was expected"
            if message.at_ns > began_ns:
                after = (message.at_ns - began_ns) / 1e9
                came = f"A message came {after:.2f} s into {duration:g} s of expected silence"
            failure = Failure(
                code="message.unexpected",
                message=came,
                details=self._show(message.data),
                evidence={"frame": message.frame},
                connection=self._connection.number,
            )
            raise MessageError(self._failed(failure, this))

    async def stream(
        self, duration: float, where: Pattern, rules: StreamRules, site: Site
    ) -> Stream:
        """See :meth:`checkwire.sdk.inbound.Inbound.expect_stream`."""
        this = self._begin(where, "stream", site)
        timeline = self._context.timeline
        judge = StreamJudge(rules, timeline.now(), timeline.started_ns)
        while True:
            try:
                message = await self._message(this, duration)
            except TimedOut:
                break
            except ConnectionClosed as closed:
                raise self._closed(closed, this) from None
            if where is None or _concerns(where, message.data):
                judge.take(_loosely(message.data), message.at_ns, message.frame)
        found, problems = judge.end(timeline.now())
        if unread := judge.unread():
            raise self._context.misused(
                f"expect_stream(): none of the {found.messages:,} messages has what {unread}= "
                "names",
                site,
            )
        failures = [
            self._failed(
                Failure(
                    code=problem.code,
                    message=problem.message,
                    evidence=problem.evidence,
                    connection=self._connection.number,
                ),
                this,
            )
            for problem in problems
        ]
        if failures:
            raise MessageError(failures[0])
        return self._held(this, found)

    async def close(self, code: int | None, within: float, site: Site) -> Closed:
        """See :meth:`checkwire.sdk.inbound.Inbound.receive_close`."""
        this = self._begin(None, "close", site)
        wanted = "close the connection" + ("" if code is None else f" with {code}")
        while True:
            try:
                await self._message(this, within, closing=wanted)
            except TimedOut as error:
                raise TimedOut(self._failed(error.failure, this)) from None
            except ConnectionClosed as closed:
                return self._judge_close(closed, code, this)

    def _judge_close(self, closed: ConnectionClosed, code: int | None, this: _Try) -> Closed:
        failure, context = closed.failure, self._context
        by_server = failure.code in CLOSES and closed.code != 1006
        told = context.number_of(failure)
        if by_server and told:
            # It was told as it happened; here is who says what of it.
            context.ledger.excuse(told, "expected")
        if by_server and code in (None, closed.code):
            return self._held(this, Closed(closed.code, closed.reason))
        if by_server:
            failure = replace(failure, message=f"{failure.message}. The check expects {code}")
        raise self._closed(ConnectionClosed(failure, closed.code, closed.reason), this)

    def _begin(
        self,
        where: Pattern,
        what: Kind | Literal["silence", "close", "stream"],
        site: Site,
        *,
        required: bool = True,
    ) -> _Try:
        # Here messages are looked into as far as they can be.
        kind = "json" if what in ("silence", "stream") else what
        if where is not None and (problem := problem_of(where, kind)):
            raise self._context.misused(problem, site)
        wait = self._context.waits.begin(site)
        return _Try(wait, what, where, self.may_be_in_use, required)

    async def _message(
        self, this: _Try, duration: float, *, closing: str = "", probe: bool = True
    ) -> Message:
        left = max(duration - (time.monotonic() - this.wait.started), 0.0)
        try:
            return await self._connection.receive(
                left, within=duration, closing=closing, probe=probe
            )
        except UsageError as error:
            raise self._context.misused(str(error), this.site) from None
        except asyncio.CancelledError:
            if this.required:
                self._context.waits.cancelled(this.wait, *self._undone(this))
            raise

    def _missed(self, failure: Failure, misses: Misses, within: float) -> Failure:
        """Messages came, but not the one awaited: unless the server is gone, that is what it is."""
        if not failure.code.startswith("timeout."):
            return replace(failure, details=misses.report(self._context.masker))
        missed = misses.failure(within, self._context.masker)
        return replace(
            missed,
            phase=failure.phase,
            evidence={**missed.evidence, **failure.evidence},
            connection=self._connection.number,
        )

    def _undone(self, this: _Try) -> tuple[Hashable, str, int]:
        what = _WAITED_FOR.get(this.what, "a message")
        if this.where is not None:
            what += f" that matches {show(describe(this.where), _SHOWN, self._context.masker)}"
        return this.key, f"waiting for {what}", self._connection.number

    def _held(self, this: _Try, value: T) -> T:
        self._context.waits.came(this.wait)
        ledger = self._context.ledger
        ledger.held(this.key if ledger.unsettled else None, connection=self._connection.number)
        return value

    def _failed(self, failure: Failure, this: _Try) -> Failure:
        failure = self._context.located(failure, this.site)
        return self._context.verification_failed(failure, this.key)

    def _closed(
        self, closed: ConnectionClosed, this: _Try, misses: Misses | None = None
    ) -> ConnectionClosed:
        """The connection ended first: the wire has told so, unless it was a normal close.

        If the check itself closed it meanwhile, that is the end that it wanted for this wait.
        """
        failure = self._context.located(closed.failure, this.site)
        if closed.by_check and this.in_use:
            if this.required:
                self._context.waits.cut_short(this.wait, *self._undone(this))
            return ConnectionClosed(failure, closed.code, closed.reason)
        if misses is not None and misses.count:
            failure = replace(failure, details=misses.report(self._context.masker))
        failure = self._context.noticed(failure, this.key)
        return ConnectionClosed(failure, closed.code, closed.reason)

    def _unfit(self, unfit: _Unfit, message: Message) -> Failure:
        return Failure(
            code=unfit.code,
            message=unfit.message,
            details=unfit.details or self._show(message.data),
            evidence={"frame": message.frame},
            connection=self._connection.number,
        )

    def _show(self, value: object) -> str:
        return show(value, _SHOWN, self._context.masker)


def _convert(kind: Kind, data: str | bytes) -> Any:
    if kind == "any":
        return data
    if kind == "bytes":
        if isinstance(data, bytes):
            return data
        raise _Unfit("message.wrong_type", "A text message came where binary was expected")
    if isinstance(data, bytes):
        wanted = "text" if kind == "text" else "JSON"
        unfit = _Unfit(
            "message.wrong_type",
            f"A binary message of {len(data):,} bytes came where {wanted} was expected",
        )
        if kind == "text":
            raise unfit
        # JSON in binary frames is common, and no less JSON.
        try:
            data = data.decode()
        except UnicodeDecodeError:
            raise unfit from None
    return _parse(data) if kind == "json" else data


def _parse(text: str) -> Any:
    try:
        return parse_json(text)
    except NotJson as error:
        message = f"The message is not JSON: {error}"
        raise _Unfit("message.invalid_json", message, error.caret) from None


def _loosely(data: str | bytes) -> Any:
    """JSON parsed where it is JSON: a pattern for silence does not say which it means."""
    try:
        return _convert("json", data)
    except _Unfit:
        return data


def _concerns(where: Pattern, data: str | bytes) -> bool:
    """Whether a pattern for silence, or for a stream, means this message.

    One that speaks of text means the text of JSON, too.
    """
    if matches(where, _loosely(data)):
        return True
    return isinstance(data, str) and is_textual(where) and matches(where, data)
