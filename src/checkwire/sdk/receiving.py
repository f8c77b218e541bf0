"""Waiting for the message that a check wants, and saying well what came instead."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any, Final

import msgspec

from checkwire.model.errors import ConnectionClosed, FailureError, MessageError, TimedOut
from checkwire.model.failures import Failure
from checkwire.sdk.context import Context, Site
from checkwire.sdk.facts import Closed
from checkwire.sdk.matching import Pattern, closeness, describe, matches, project
from checkwire.wire.session.connection import Connection
from checkwire.wire.session.inbox import Message

__all__ = ["REQUIRED", "Receiver"]

REQUIRED: Final[Any] = object()
"""There is no default: the message must come."""

_REMEMBERED = 200
"""Messages that did not match, kept to tell which came closest."""
_SHOWN = 3


class _Unfit(Exception):  # noqa: N818 - never leaves this module
    """A message is not of the kind asked for."""

    def __init__(self, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class Receiver:
    """Receives on one connection, for the script."""

    __slots__ = ("_connection", "_context")

    def __init__(self, connection: Connection, context: Context) -> None:
        self._connection = connection
        self._context = context

    async def receive(
        self, kind: str, where: Pattern, within: float, default: Any, site: Site
    ) -> Any:
        """See :meth:`checkwire.sdk.websocket.WebSocket.receive`."""
        started = time.monotonic()
        skipped: deque[tuple[Message, Any]] = deque(maxlen=_REMEMBERED)
        count = 0
        while True:
            left = within - (time.monotonic() - started)
            try:
                message = await self._connection.receive(max(left, 0.0))
            except TimedOut as error:
                if default is not REQUIRED:
                    return default
                failure = error.failure
                if count:
                    failure = self._no_match(where, within, count, skipped)
                raise self._failed(TimedOut, failure, site) from None
            except ConnectionClosed as closed:
                failure = self._located(closed.failure, site)
                failure = self._context.verification_failed(failure, site)
                raise ConnectionClosed(failure, closed.code, closed.reason) from None
            try:
                value = _convert(kind, message.data)
            except _Unfit as unfit:
                if where is None:
                    failure = self._unfit(unfit, message)
                    raise self._failed(MessageError, failure, site) from None
                skipped.append((message, message.data))
            else:
                if where is None or matches(where, value):
                    self._context.ledger.held(site)
                    return value
                skipped.append((message, value))
            count += 1

    async def silence(self, seconds: float, where: Pattern, site: Site) -> None:
        """See :meth:`checkwire.sdk.websocket.WebSocket.expect_silence`."""
        started = time.monotonic()
        while True:
            left = seconds - (time.monotonic() - started)
            try:
                message = await self._connection.receive(max(left, 0.0))
            except TimedOut:
                self._context.ledger.held(site)
                return
            except ConnectionClosed as closed:
                failure = self._context.verification_failed(
                    self._located(closed.failure, site), site
                )
                raise ConnectionClosed(failure, closed.code, closed.reason) from None
            if where is None or matches(where, _loosely(message.data)):
                elapsed = time.monotonic() - started
                failure = Failure(
                    code="message.unexpected",
                    message=f"A message came {elapsed:.2f} s into {seconds:g} s of expected "
                    "silence",
                    details=_show(message.data),
                    evidence={"frame": message.frame},
                    connection=self._connection.number,
                )
                raise self._failed(MessageError, failure, site)

    async def close(self, code: int | None, within: float, site: Site) -> Closed:
        """See :meth:`checkwire.sdk.websocket.WebSocket.receive_close`."""
        started = time.monotonic()
        connection = self._connection
        while True:
            left = within - (time.monotonic() - started)
            try:
                await connection.receive(max(left, 0.0))
            except TimedOut:
                expected = "" if code is None else f" with {code}"
                failure = Failure(
                    code="timeout.close",
                    message=f"{connection.place} did not close the connection{expected} within "
                    f"{within:g} s",
                    connection=connection.number,
                )
                raise self._failed(TimedOut, failure, site) from None
            except ConnectionClosed as closed:
                return self._judge_close(closed, code, site)

    def _judge_close(self, closed: ConnectionClosed, code: int | None, site: Site) -> Closed:
        right = closed.failure.code == "ws.closed" and code in (None, closed.code)
        if right:
            number = self._context.ledger.number_of(closed.failure)
            if number:
                self._context.ledger.excuse(number, "expected")
            self._context.ledger.held(site)
            return Closed(closed.code, closed.reason)
        failure = closed.failure
        if code is not None and failure.code == "ws.closed":
            failure = msgspec.structs.replace(
                failure, message=f"{failure.message}. The check expects {code}"
            )
        failure = self._context.verification_failed(self._located(failure, site), site)
        raise ConnectionClosed(failure, closed.code, closed.reason) from None

    def _failed(
        self, kind: type[TimedOut] | type[MessageError], failure: Failure, site: Site
    ) -> FailureError:
        failure = self._context.verification_failed(self._located(failure, site), site)
        return kind(failure)

    def _located(self, failure: Failure, site: Site) -> Failure:
        return msgspec.structs.replace(failure, location=self._context.location(site))

    def _unfit(self, unfit: _Unfit, message: Message) -> Failure:
        return Failure(
            code=unfit.code,
            message=unfit.message,
            details=unfit.details or _show(message.data),
            evidence={"frame": message.frame},
            connection=self._connection.number,
        )

    def _no_match(
        self,
        where: Pattern,
        within: float,
        count: int,
        skipped: deque[tuple[Message, Any]],
    ) -> Failure:
        from checkwire.sdk.diff import diff

        # The latest of equally close ones: it is the one to be found at the transcript's end.
        ranked = sorted(
            skipped, key=lambda entry: (closeness(where, entry[1]), entry[0].frame), reverse=True
        )
        wanted = describe(where)
        lines: list[str] = []
        for message, value in ranked[:_SHOWN]:
            if lines:
                lines.append("")
            lines.append(f"frame {message.frame}, {closeness(where, value):.0%} of what is wanted:")
            comparable = isinstance(where, dict | list | tuple) and isinstance(value, dict | list)
            changes = (
                diff(wanted, project(where, value), masker=self._context.masker)
                if comparable
                else []
            )
            lines += [f"  {line}" for line in changes] or [f"  {_show(value)}"]
        messages = "message" if count == 1 else "messages"
        none = "it does not match" if count == 1 else "none matches"
        return Failure(
            code="timeout.no_match",
            message=f"{count} {messages} came within {within:g} s, and {none} {_show(wanted)}",
            details="\n".join(lines),
            evidence={
                "messages": count,
                "closest_frame": ranked[0][0].frame,
                "expected": wanted if isinstance(wanted, dict | list | str) else _show(wanted),
            },
            connection=self._connection.number,
        )


def _convert(kind: str, data: str | bytes) -> Any:
    if kind == "any":
        return data
    if kind == "bytes":
        if isinstance(data, bytes):
            return data
        raise _Unfit("message.wrong_type", "A text message came where binary was expected")
    if isinstance(data, bytes):
        if kind == "text":
            raise _Unfit(
                "message.wrong_type",
                f"A binary message of {len(data):,} bytes came where text was expected",
            )
        # JSON in binary frames is common, and no less JSON.
        try:
            data = data.decode()
        except UnicodeDecodeError:
            raise _Unfit(
                "message.wrong_type",
                f"A binary message of {len(data):,} bytes came where JSON was expected",
            ) from None
    return _parse(data) if kind == "json" else data


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_not_json)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        start = max(error.colno - 41, 0)
        caret = f"{line[start : start + 80]}\n{' ' * (error.colno - 1 - start)}^ {error.msg}"
        what = "empty" if not text.strip() else f"{error.msg.lower()} at character {error.pos}"
        raise _Unfit("message.invalid_json", f"The message is not JSON: {what}", caret) from None
    except RecursionError:
        raise _Unfit("message.invalid_json", "The message is JSON nested too deeply") from None


def _not_json(name: str) -> Any:
    raise _Unfit("message.invalid_json", f"The message is not JSON: it holds {name}")


def _loosely(data: str | bytes) -> Any:
    """JSON parsed where it is JSON: a pattern for silence does not say which it means."""
    try:
        return _convert("json", data)
    except _Unfit:
        return data


def _show(value: Any) -> str:
    from checkwire.sdk.values import show

    return show(value, 500)
