"""``message.*``: a message came, and is not what it must be."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "message.invalid_json",
        "The message is not JSON",
        retryable=False,
        hint="The caret marks the first character that does not fit; the message as it came is "
        "in the transcript",
        phase="open",
    ),
    FailureCode(
        "message.wrong_type",
        "Binary came where text was expected, or the reverse",
        retryable=False,
        hint="receive() takes both; receive_text() and receive_bytes() take one",
        phase="open",
    ),
    FailureCode(
        "message.schema",
        "The message does not fit its JSON Schema",
        retryable=False,
        hint="The places that do not fit are listed; if the message is right, the schema is out "
        "of date",
        phase="open",
    ),
    FailureCode(
        "message.unexpected",
        "A message came where silence was expected",
        retryable=False,
        hint="If such messages are right here, say with where= which ones are not",
        phase="open",
    ),
    FailureCode(
        "message.none_received",
        "Handlers waited for messages, and none came",
        hint="Is a subscription or login needed before the server speaks?",
        phase="open",
    ),
)
