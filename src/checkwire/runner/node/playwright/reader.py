"""From what the hook in Playwright tells to run events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_seconds
from checkwire.model.events import Event, Failed, Finished
from checkwire.model.failures import Failure, Severity
from checkwire.model.masking import Masker
from checkwire.runner.exit import Exit
from checkwire.runner.node.playwright.naming import Naming
from checkwire.runner.node.reader import NodeReader
from checkwire.runner.node.records import Ended, Fault

__all__ = ["PlaywrightReader"]


class PlaywrightReader(NodeReader):
    """Reads what Playwright and the process of its tests tell of an attempt.

    Args:
        definition: the check.
        root: the project's folder.
        masker: hides secrets in all that is told.
    """

    def __init__(self, definition: CheckDefinition, root: str, masker: Masker) -> None:
        super().__init__(definition, root, masker)
        self._errors: list[tuple[str, int]] = []
        self._naming = Naming(definition.path, root, definition.memory)

    def explain(self, end: Exit, last_errors: Iterable[str]) -> Failure | None:
        """As for other scripts; that a test spins Playwright itself has told."""
        if end.cause == "timeout" and self._raised:
            return None
        return super().explain(end, last_errors)

    def _fault(self, fault: Fault) -> tuple[Event, ...]:
        name, facts = self._naming, fault.facts
        match fault.kind:
            case "test_error":
                if (told := self._told_already(facts)) is not None:
                    self._raised = self._raised or told
                    return ()
                severity: Severity = "degraded" if facts["soft"] else "failed"
                return (self._fail(fault.at_ns, name.error(facts), severity, fault.step),)
            case "degraded":
                return (self._fail(fault.at_ns, name.degraded(facts), "degraded", fault.step),)
            case "swallowed":
                failure = name.swallowed(facts)
            case "run_error":
                failure = name.of_the_run(facts)
            case "run_failed":
                failure = name.unknown(facts["status"])
            case "browser":
                failure = name.browser(facts)
            case "expected_failure":
                failure = name.expected_failure(facts)
            case "test_timeout":
                failure = name.timeout(facts)
            case "early":
                failure = name.early(facts["code"])
            case "overdue":
                failure = self._overdue(begun=facts["begun"])
            case _:
                events = super()._fault(fault)
                for event in events:
                    if isinstance(event, Failed):
                        self._errors.append((str(facts.get("message", "")), event.number))
                return events
        event = self._fail(fault.at_ns, failure, step=fault.step)
        self._raised = self._raised or event.number
        return (event,)

    def _told_already(self, facts: dict[str, Any]) -> int | None:
        """The number of the failure that has said what the error says again, and no less.

        That is a failed assertion of ``node:assert``; or a connection or a request that failed,
        when the error does not say where in the test that came to be noticed.
        """
        said = facts["message"]
        for (message, _), number in self._messages.items():
            if message == said:
                return number
        if not facts.get("elsewhere"):
            return None
        return next((number for error, number in self._errors if error and error in said), None)

    def _overdue(self, *, begun: bool) -> Failure:
        limit = format_seconds(self._definition.timeout)
        if not begun:
            return Failure(
                code="timeout.check",
                message=f"The check did not finish in {limit}; by then no test had begun",
                hint="Playwright's own start takes a second or two: give the check more time. Or "
                "the file does something at its top level that takes long",
            )
        return Failure(
            code="script.blocked",
            message=f"The check did not stop at its timeout of {limit}, and was killed",
            hint="A test spins, or calls something that blocks, so that no timer and no event "
            "comes through: give the event loop a turn",
        )

    def _end(self, ended: Ended) -> tuple[Event, ...]:
        self._ended = True
        finished = Finished(
            at_ns=ended.at_ns,
            outcome="raised" if self._failing else "returned",
            raised=self._raised,
            verifications=ended.verifications,
        )
        return (finished,)
