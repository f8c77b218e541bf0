"""``stream.*``: messages come, but not as a stream of them should."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "stream.gap",
        "Messages are missing from the sequence",
        hint="Compare the missing numbers with what the source published: a lost subscription, a "
        "full buffer on the way, or a reconnect without resume",
    ),
    FailureCode(
        "stream.duplicate",
        "A message came twice",
        hint="Look for two publishers, or a replay that overlaps what was sent already",
    ),
    FailureCode(
        "stream.out_of_order",
        "Messages came in another order than they were numbered",
        hint="Something on the way sends in parallel: look at partitions, workers and fan-out",
    ),
    FailureCode(
        "stream.stale",
        "The stream paused for longer than it may",
        hint="Ask the source whether it published meanwhile; if it did, look at what lies between",
    ),
    FailureCode(
        "stream.rate_low",
        "Fewer messages come than should",
        hint="Compare with the rate that the source publishes at, and with the filters subscribed",
    ),
    FailureCode(
        "stream.rate_high",
        "More messages come than should",
        hint="Look for a subscription that is too wide, a flapping source, or several publishers",
    ),
    FailureCode(
        "stream.lagging",
        "Messages arrive too long after their time",
        hint="Compare the clocks of both machines first; then look at queues that grow on the way",
    ),
)
