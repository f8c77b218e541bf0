"""What Playwright says of tests, as failures."""

from __future__ import annotations

import re
from signal import Signals
from typing import Any

import msgspec

from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure, Location
from checkwire.runner.exit import CRASHES
from checkwire.runner.node.errors import failure_of_error, over_memory
from checkwire.runner.node.stack import location_in

__all__ = ["Naming"]

Facts = dict[str, Any]

_EXPECTED = re.compile(r"^Expected(?: [\w ]+)?: (.+)$", re.MULTILINE)
_RECEIVED = re.compile(r"^Received(?: [\w ]+)?: (.+)$", re.MULTILINE)
_FOCUSED = re.compile(r"focused item|\.only\b")
_PLACE = re.compile(
    r"^SyntaxError: (?P<path>/.+?): (?P<said>.+?) \((?P<line>\d+):\d+\)", re.MULTILINE
)
_CRASHED = re.compile(r"worker process exited unexpectedly \(code=(\w+), signal=(\w+)\)")
_SHOWN = 120


class Naming:
    """Names what was told of the tests of one file.

    Args:
        path: the file, relative to the project.
        root: the project's folder.
        memory: bytes that the check may take.
    """

    def __init__(self, path: str, root: str, memory: int) -> None:
        self._path = path
        self._root = root
        self._memory = memory

    def error(self, facts: Facts) -> Failure:
        """An error that ended a test, or that it went on after."""
        if not facts["assertion"]:
            return self._exception(facts)
        message: str = facts["message"]
        first, _, rest = message.strip().partition("\n")
        first = first.partition(" // ")[0].rstrip()
        expected, received = _EXPECTED.search(rest), _RECEIVED.search(rest)
        if expected and received:
            first += f": expected {_short(expected[1])}, received {_short(received[1])}"
        return Failure(
            code="assertion.failed",
            message=first or "An expectation does not hold",
            details=message.strip(),
            location=self._place(facts),
        )

    def swallowed(self, facts: Facts) -> Failure:
        """An expectation that did not hold, and whose error the test has caught."""
        return msgspec.structs.replace(
            self.error(facts),
            hint=f'The test "{facts["test"]}" caught the error, and passed all the same: '
            "let the error out, or use expect.soft() if the check is to be degraded",
        )

    def of_the_run(self, facts: Facts) -> Failure:
        """What is wrong with the file, or with all that is around tests."""
        message: str = facts["message"]
        if message.startswith("No tests found"):
            return Failure(
                code="check.usage",
                message=f"{self._path} imports @playwright/test, and has no test",
                hint="Write test('what it does', async ({ request }) => { ... })",
                location=Location(self._path, 1),
            )
        if _FOCUSED.search(message.partition("\n")[0]):
            return Failure(
                code="check.usage",
                message=f"{self._path} has a test.only, so that its other tests would never run",
                hint="Take the .only away",
                location=self._place(facts) or Location(self._path, 1),
            )
        return self._exception(facts)

    def browser(self, facts: Facts) -> Failure:
        """A test that asks for a browser."""
        return Failure(
            code="check.usage",
            message=f'The test "{facts["test"]}" needs a browser, and Checkwire runs no browser '
            "checks",
            hint="Use request instead of page, or ws for a WebSocket; leave tests of pages to "
            "Playwright itself",
            location=self._place(facts) or Location(self._path, 1),
        )

    def expected_failure(self, facts: Facts) -> Failure:
        """A ``test.fail()`` that passed."""
        return Failure(
            code="assertion.expected_failure",
            message=f'The test "{facts["test"]}" passed, and test.fail() says that it must not',
            hint="If what was broken is in order again, take test.fail() away",
            location=_location(facts.get("place")),
        )

    def timeout(self, facts: Facts) -> Failure:
        """A test took longer than Playwright lets it."""
        handles: list[str] = facts["handles"]
        limit = format_seconds(facts["limit"] / 1000)
        message = f'The test "{facts["test"]}" did not end in its time of {limit}'
        if handles:
            message += f"; still there: {', '.join(handles)}"
        return Failure(
            code="timeout.check",
            message=message,
            hint="That is Playwright's limit: test.setTimeout(), or timeout in playwright.config. "
            "What it waited for last is in the transcript",
            details="\n\n".join(filter(None, (facts["message"].strip(), facts["details"]))),
            location=self._place(facts),
            evidence={"handles": handles},
        )

    def degraded(self, facts: Facts) -> Failure:
        """``markCheckAsDegraded()``."""
        return Failure(
            code="assertion.degraded",
            message=facts["reason"] or "The check says that it is degraded",
            location=location_in(facts["stack"], self._root),
        )

    def early(self, code: int) -> Failure:
        """Playwright ended before it could say how the run went."""
        return Failure(
            code="script.exited",
            message=f"Playwright ended (exit status {code}) before its run was over",
            hint="What it printed last is in the transcript",
            location=Location(self._path, 1),
            evidence={"exit_status": code},
        )

    def unknown(self, status: str) -> Failure:
        """It says no more than that."""
        return Failure(
            code="assertion.failed",
            message=f"Playwright says that the run {status}",
            hint="What it printed is in the transcript",
            location=Location(self._path, 1),
        )

    def _exception(self, facts: Facts) -> Failure:
        if match := _PLACE.search(f"SyntaxError: {facts['message']}"):
            place = self._relative(match["path"], int(match["line"]))
            return Failure(
                code="script.syntax",
                message=f"{place.path} cannot be read by Playwright: {match['said']}",
                details=facts["message"].partition("\n")[2].strip("\n"),
                hint="Correct the line shown",
                location=place,
            )
        if match := _CRASHED.search(facts["message"]):
            place = self._place(facts) or Location(self._path, 1)
            return self._death(match[1], match[2], place, facts["out_of_memory"])
        failure = failure_of_error(facts, self._path, self._root, self._memory)
        return msgspec.structs.replace(
            failure,
            location=self._place(facts) or failure.location,
            details=failure.details or facts["message"].partition("\n")[2].strip(),
        )

    def _death(self, status: str, signal: str, place: Location, out_of_memory: bool) -> Failure:
        """The end of the process that ran the tests."""
        if out_of_memory:
            return Failure(code="runner.memory", message=over_memory(self._memory), location=place)
        if signal == "null":
            return Failure(
                code="script.exited",
                message=f"The process of the tests ended (exit status {status}) before they were "
                "over",
                hint="Does a test call process.exit()? What it printed last is in the transcript",
                location=place,
                evidence={"exit_status": int(status)},
            )
        if (meaning := CRASHES.get(getattr(Signals, signal, 0))) is not None:
            return Failure(
                code="script.crashed",
                message=f"The check's process crashed with {signal}: {meaning}",
                location=place,
                evidence={"signal": signal},
            )
        return Failure(
            code="runner.killed",
            message=f"The check's process was killed from outside, by {signal}",
            location=place,
            evidence={"signal": signal},
        )

    def _place(self, facts: Facts) -> Location | None:
        return _location(facts.get("place")) or location_in(facts.get("stack", ""), self._root)

    def _relative(self, path: str, line: int) -> Location:
        return location_in(f"\n    at {path}:{line}:1", self._root) or Location(self._path, line)


def _location(place: Facts | None) -> Location | None:
    return None if place is None else Location(place["path"], place["line"], "", place["text"])


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
