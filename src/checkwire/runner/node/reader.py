"""From the hook's records to run events: masked, and with a name for whatever went wrong."""

from __future__ import annotations

import signal
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_seconds
from checkwire.model.events import (
    ConnectionStarted,
    Event,
    Excused,
    Failed,
    Finished,
    FrameSeen,
    Handshake,
    HttpExchange,
    TlsEstablished,
)
from checkwire.model.failures import Failure, Location, Severity
from checkwire.model.masking import Masker, without_credentials
from checkwire.runner.exit import Exit
from checkwire.runner.node.errors import failure_of_error, over_memory
from checkwire.runner.node.naming import Peer, name_fault
from checkwire.runner.node.records import (
    RECORD_TYPES,
    Asserted,
    Ended,
    Exchange,
    Fault,
    Held,
    Record,
    Tls,
    decode_record,
)
from checkwire.runner.stream import EventReader
from checkwire.wire.options import Limits
from checkwire.wire.tls.certificates import read_certificate

__all__ = ["NodeReader"]

_PAYLOAD: Final = Limits().payload
_UNSETTLED = 13
"""Exit status of Node when a top-level ``await`` never settles."""
_OUT_OF_MEMORY = ("out of memory", "Allocation failed", "allocation failure")


class NodeReader(EventReader):
    """Reads what a Node process tells of an attempt.

    Args:
        definition: the check.
        root: the project's folder.
        masker: hides secrets in all that is told.
    """

    known = RECORD_TYPES

    def __init__(self, definition: CheckDefinition, root: str, masker: Masker) -> None:
        super().__init__()
        self._definition = definition
        self._root = root
        self._masker = masker
        self._peers: dict[int, Peer] = {}
        self._failures = 0
        self._failing = False
        self._of_connections: dict[int, int] = {}
        self._asserted: dict[int, int] = {}
        self._messages: dict[tuple[str, str], int] = {}
        self._of_requests: dict[int, int] = {}
        self._unanswered: dict[tuple[str, str], list[int]] = {}
        self._raised = 0
        self._ended = False

    @property
    def payload(self) -> int:
        """Characters of a payload that are needed to mask what begins within the limit."""
        return _PAYLOAD + self._masker.longest + 1

    def decode(self, line: bytes) -> Sequence[Event]:
        """The events that a line of the hook comes to."""
        record = decode_record(line)
        try:
            return self._events_of(record)
        except Exception as error:
            # The script may write to the descriptor, too. Whatever it is, it must not be lost.
            raise ValueError(f"{type(error).__name__} {error}") from error

    def _events_of(self, record: Record) -> Sequence[Event]:
        match record:
            case FrameSeen():
                return (self._frame(record),)
            case ConnectionStarted(connection=number, url=url):
                self._peers[number] = Peer(url=without_credentials(url))
                record = msgspec.structs.replace(record, url=without_credentials(url))
            case Handshake():
                record = msgspec.structs.replace(
                    record,
                    request_headers=self._masker.headers(record.request_headers),
                    response_headers=self._masker.headers(record.response_headers),
                )
            case Tls():
                return (self._masker.data(self._tls(record)),)
            case Exchange():
                return self._exchange(record)
            case Fault():
                return self._fault(record)
            case Asserted():
                return self._verification(record)
            case Held(at_ns=at_ns, number=number):
                told = self._asserted.get(number)
                return (
                    ()
                    if told is None
                    else (Excused(at_ns=at_ns, number=told, reason="held_later"),)
                )
            case Ended():
                return self._end(record)
        return (self._masker.data(record),)

    def explain(self, end: Exit, last_errors: Iterable[str]) -> Failure | None:
        """What the end of the process means, where Python's words for it would not do."""
        if end.cause == "timeout":
            limit = format_seconds(self._definition.timeout)
            return Failure(
                code="script.blocked",
                message=f"The check did not stop at its timeout of {limit}, and was killed",
                hint="It spins, or calls something that blocks, so that no timer and no event "
                "comes through: give the event loop a turn",
            )
        if end.cause != "itself" or self._ended:
            return None
        if end.signal is not None:
            crashed = end.signal in (signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGSEGV)
            if crashed and any(word in line for line in last_errors for word in _OUT_OF_MEMORY):
                return Failure(code="runner.memory", message=over_memory(self._definition.memory))
            return None
        return Failure(
            code="script.exited",
            message=f"The script's process ended (exit status {end.code}) without Node's coming "
            "to its end",
            hint="Does it close descriptors that it has not opened, or replace functions of "
            "process? What it printed last is in the transcript",
            evidence={} if end.code is None else {"exit_status": end.code},
        )

    # Parts

    def _frame(self, frame: FrameSeen) -> FrameSeen:
        payload = frame.payload
        if payload is None:
            return frame
        mask = self._masker
        if not frame.base64:
            ends = frame.opcode in ("text", "continuation")
            cut = frame.truncated or len(payload) > _PAYLOAD
            shown = mask.excerpt(payload, _PAYLOAD, ends=ends)
            return msgspec.structs.replace(frame, payload=shown, truncated=cut)
        data = b64decode(payload)
        cut = frame.truncated or len(data) > _PAYLOAD
        if frame.opcode in ("ping", "pong"):
            text = data.decode("utf-8", "replace")
            if text.isprintable() and "\ufffd" not in text:
                return msgspec.structs.replace(
                    frame, payload=mask.excerpt(text, _PAYLOAD, ends=False), base64=False
                )
        part = mask.excerpt_of_bytes(data, _PAYLOAD)
        return msgspec.structs.replace(frame, payload=b64encode(part).decode(), truncated=cut)

    def _tls(self, told: Tls) -> TlsEstablished:
        chain = tuple(map(b64decode, told.chain))
        if (peer := self._peers.get(told.connection)) is not None:
            peer.chain = chain
        return TlsEstablished(
            at_ns=told.at_ns,
            connection=told.connection,
            version=told.version,
            cipher=told.cipher,
            server_name=told.server_name,
            verified=told.verified,
            alpn=told.alpn,
            chain=tuple(map(read_certificate, chain)),
        )

    def _exchange(self, told: Exchange) -> tuple[Event, ...]:
        mask = self._masker
        body = told.response_body
        event = HttpExchange(
            at_ns=told.at_ns,
            method=told.method,
            url=mask.text(without_credentials(told.url)),
            duration_ns=told.duration_ns,
            status=told.status,
            reason=mask.text(told.reason),
            phases=told.phases,
            request_headers=mask.headers(told.request_headers),
            response_headers=mask.headers(told.response_headers),
            response_body=None if body is None else mask.excerpt(body, _PAYLOAD, ends=False),
            response_size=told.response_size,
            remote_address=told.remote_address,
            step=told.step,
        )
        if told.status is None:
            return (event,)
        # It was tried again, and answered: whoever waits for a server to come up does so.
        made_up_for = self._unanswered.pop((told.method, told.url), ())
        return (
            event,
            *(Excused(at_ns=told.at_ns, number=n, reason="held_later") for n in made_up_for),
        )

    # What went wrong

    def _fault(self, fault: Fault) -> tuple[Event, ...]:
        if fault.kind == "uncaught":
            return self._uncaught(fault)
        if fault.kind == "timeout":
            return self._timed_out(fault)
        if fault.kind == "never_ran":
            if self._failing:
                return ()  # That is why.
            script = self._definition.script or self._definition.path
            return (self._fail(fault.at_ns, _never_ran(script)),)
        number = fault.connection or 0
        peer = self._peers.get(number, Peer(url=""))
        named = name_fault(fault.kind, fault.facts, peer, self._masker)
        if named is None:
            return ()
        failure, severity = named
        failure = msgspec.structs.replace(failure, connection=fault.connection)
        event = self._fail(fault.at_ns, failure, severity, fault.step)
        if fault.request is not None:
            self._of_requests[fault.request] = event.number
            key = (fault.facts["method"], fault.facts["url"])
            self._unanswered.setdefault(key, []).append(event.number)
        elif severity == "failed":
            self._of_connections.setdefault(number, event.number)
        return (event,)

    def _fail(
        self, at_ns: int, failure: Failure, severity: Severity = "failed", step: int = 0
    ) -> Failed:
        self._failures += 1
        self._failing = self._failing or severity == "failed"
        failure = self._masker.data(failure)
        return Failed(
            at_ns=at_ns, number=self._failures, failure=failure, severity=severity, step=step
        )

    def _uncaught(self, fault: Fault) -> tuple[Event, ...]:
        facts = fault.facts
        told = (
            self._of_connections.get(facts.get("connection") or 0)
            or self._of_requests.get(facts.get("request") or 0)
            or self._messages.get(_identity(facts))
        )
        if told is not None:
            self._raised = told
            return ()
        event = self._fail(fault.at_ns, self._failure_of(facts))
        self._raised = event.number
        return (event,)

    def _verification(self, told: Asserted) -> tuple[Event, ...]:
        event = self._fail(told.at_ns, self._failure_of(told.facts), step=told.step)
        self._asserted[told.number] = event.number
        self._messages[_identity(told.facts)] = event.number
        return (event,)

    def _failure_of(self, facts: dict[str, Any]) -> Failure:
        definition = self._definition
        return failure_of_error(
            facts, definition.script or definition.path, self._root, definition.memory
        )

    def _timed_out(self, fault: Fault) -> tuple[Event, ...]:
        seconds = format_seconds(self._definition.timeout)
        handles = fault.facts["handles"]
        busy = fault.facts["busy"]
        message = f"The check did not finish in {seconds}"
        if not busy:
            half = format_seconds(self._definition.timeout / 2)
            message += f", and had no connection and no request for the last {half}"
        if handles:
            message += f"; still there: {', '.join(handles)}"
        failure = Failure(
            code="timeout.check" if busy else "script.timeout",
            message=message,
            hint="Node ends when nothing is left to be done: close the connection, clear timers, "
            "or call process.exit() when all is verified",
            details="\n".join(handles),
            evidence={"handles": handles},
        )
        event = self._fail(fault.at_ns, failure, step=fault.step)
        self._raised = event.number
        return (event,)

    def _end(self, ended: Ended) -> tuple[Event, ...]:
        self._ended = True
        events: list[Event] = []
        if ended.code and not ended.uncaught and not ended.timed_out:
            event = self._fail(ended.at_ns, _failure_of_status(ended.code))
            self._raised = event.number
            events.append(event)
        raised = ended.uncaught or ended.timed_out or ended.code != 0
        finished = Finished(
            at_ns=ended.at_ns,
            outcome="raised" if raised else "returned",
            raised=self._raised,
            verifications=ended.verifications,
        )
        return (*events, finished)


def _identity(facts: dict[str, Any]) -> tuple[str, str]:
    return facts["message"], facts["stack"]


def _never_ran(path: str) -> Failure:
    return Failure(
        code="assertion.never_ran",
        message="The check has assertions, and none of them was reached",
        hint="The messages that would have led to them did not come; wait for them, and fail when "
        "they do not come in time",
        location=Location(path, 1),
    )


def _failure_of_status(status: int) -> Failure:
    if status == _UNSETTLED:
        return Failure(
            code="script.exited",
            message="The script waits for something that can never come: an await at its top level "
            "is not settled, and nothing is left that could settle it (exit status 13)",
            hint="A promise whose resolve is called by no event that can still happen: reject it "
            "when the connection closes or fails",
            evidence={"exit_status": status},
        )
    return Failure(
        code="assertion.failed",
        message=f"The script says that it failed, with exit status {status}",
        hint="What it printed is in the transcript",
        evidence={"exit_status": status},
    )
