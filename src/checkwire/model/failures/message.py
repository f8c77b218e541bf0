"""``message.*``: a message came, and is not what it must be."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode("message.invalid_json", "The message is not JSON", retryable=False),
    FailureCode(
        "message.wrong_type",
        "Binary came where text was expected, or the reverse",
        retryable=False,
        hint="receive() takes both; receive_text() and receive_bytes() take one",
    ),
    FailureCode("message.schema", "The message does not fit its JSON Schema", retryable=False),
    FailureCode(
        "message.unexpected",
        "A message came where silence was expected",
        retryable=False,
    ),
    FailureCode(
        "message.none_received",
        "Handlers waited for messages, and none came",
        hint="Is a subscription or login needed before the server speaks?",
    ),
)
