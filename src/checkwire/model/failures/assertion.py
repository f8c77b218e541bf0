"""``assertion.*``: what the check says must be true is not."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "assertion.failed",
        "An assertion does not hold",
        hint="The values of its parts are shown; the message they came from is in the transcript",
    ),
    FailureCode(
        "assertion.too_slow",
        "Slower than expected",
        hint="The phases show where the time went; if it is always so, the limit is too low",
    ),
    FailureCode(
        "assertion.degraded",
        "The check says of itself that it is degraded",
        hint="The line that says so is shown; what it looked at is in the transcript",
    ),
    FailureCode(
        "assertion.never_ran",
        "None of the check's assertions was reached",
        hint="The messages that would have led to them did not come; "
        "await them with receive(), which fails when nothing comes",
    ),
    FailureCode(
        "assertion.not_found",
        "What the check wants to take out of an answer is not in it",
        hint="The answer is in the transcript: compare it with what the check looks for",
    ),
    FailureCode(
        "assertion.expected_failure",
        "A failure was expected, and did not happen",
        hint="expect.failure() holds only when the failure it names does happen inside its block",
    ),
)
