"""``timeout.*``: the connection works, but something expected did not come in time."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "timeout.first_message",
        "Nothing was received after the connection opened",
        hint="Is a subscription or login needed before the server speaks?",
        phase="open",
    ),
    FailureCode(
        "timeout.message",
        "No message came in time",
        hint="What did come is in the transcript; raise within= if this is only slow",
        phase="open",
    ),
    FailureCode(
        "timeout.no_match",
        "Messages came, but none that matches",
        hint="The closest ones are shown with what differs: a wrong where=, or the answer never "
        "came",
        phase="open",
    ),
    FailureCode(
        "timeout.close",
        "The server did not close the connection in time",
        hint="The server keeps the connection where the check expects it to end: see what it "
        "answered; raise within= if it is only slow",
        phase="open",
    ),
    FailureCode(
        "timeout.handler",
        "An event handler did not end in time",
        hint="It may wait for something that never came; give what it awaits a limit of its own",
    ),
    FailureCode(
        "timeout.check",
        "The check did not finish in its time",
        hint="The last thing it waited for is in the transcript; timeout= is the limit",
    ),
)
