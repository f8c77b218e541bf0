"""``assertion.*``: what the check says must be true is not."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode("assertion.failed", "An assertion does not hold"),
    FailureCode("assertion.too_slow", "Slower than expected"),
    FailureCode(
        "assertion.never_ran",
        "None of the check's assertions was reached",
        hint="The messages that would have led to them did not come; "
        "await them with receive(), which fails when nothing comes",
    ),
    FailureCode(
        "assertion.expected_failure",
        "A failure was expected, and did not happen",
        hint="expect.failure() holds only when the failure it names does happen inside its block",
    ),
)
