"""``stream.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_PLACE = {
    "last": "the number before",
    "number": "the number that came",
    "key": "the value of by=, if that is given",
    "frame": "the number of its frame, as in the transcript",
}
_WATCH = Look(
    "websocat URL | jq -r .SEQUENCE", "the numbers as they come; watch for one that is not next"
)

EXPLANATIONS = {
    "stream.gap": Explanation(
        messages=(
            "{messages} missing in {places}, first {numbers}: number {number} came after {last}",
        ),
        cause="The numbers in the messages grow by one, and some never came while the stream was "
        "watched. TCP loses nothing, so the server, or what it reads from, did not send them: a "
        "buffer that was full and dropped the oldest, a subscription that missed a partition, a "
        "reconnect behind the server without resume, or a source that skips numbers by itself.",
        confirm=(
            _WATCH,
            Look("checkwire show RUN -v", "the frames before and after the gap"),
        ),
        remedy="Compare the missing numbers with what the source published at that time. If it "
        "published them, look at the queues between it and the server: their limits, and what "
        "they do when they are full. If numbers are per instrument, say so: by=.",
        evidence={
            **_PLACE,
            "missing": "how many numbers never came",
            "gaps": "in how many places",
        },
    ),
    "stream.duplicate": Explanation(
        messages=("{messages} came twice, first: number {number} came again",),
        cause="A number came that had come before. Delivery is at least once somewhere: two "
        "publishers, a consumer that did not acknowledge in time, or a snapshot that overlaps the "
        "updates after it.",
        confirm=(_WATCH,),
        remedy="Look for a second publisher, and at acknowledgements of the queue behind. If "
        "repeats are right for this feed, do not watch sequence=, or take only what is new by "
        "where=.",
        evidence={**_PLACE, "count": "how many came twice"},
    ),
    "stream.out_of_order": Explanation(
        messages=("{messages} came out of order, first: number {number} came after {last}",),
        cause="Messages came in another order than they are numbered in. One connection keeps the "
        "order in which it is written to, so several writers share it, or the order was lost "
        "before: several partitions, workers or retries.",
        confirm=(_WATCH,),
        remedy="Look at whatever fans out in parallel before the connection. If order is kept for "
        "each instrument only, say so: by=.",
        evidence={**_PLACE, "count": "how many came late"},
    ),
    "stream.stale": Explanation(
        messages=("no message came for {silence}; at most {limit} is right",),
        cause="The connection is open, and for longer than max_silence= no message came, before "
        "the first, between two, or after the last. The source had nothing to say, or what it "
        "said did not come through.",
        confirm=(
            Look("websocat URL | ts -i", "seconds between messages, another client's at the time"),
        ),
        remedy="Ask whether the source published in that time. If it is quiet by nature, subscribe "
        "to its heartbeat, or allow more. Whether the server still answers is told by ws.ping().",
        evidence={
            "silence_ms": "the longest pause",
            "limit_ms": "what is allowed",
            "after_frame": "the frame before it; null if it was the first",
            "before_frame": "the frame after it; null if none came",
            "count": "how many pauses were too long",
        },
    ),
    "stream.rate_low": Explanation(
        messages=(
            "{messages} came in {time}, {rate} a second; at least {limit} a second is right",
        ),
        cause="Over all of the time fewer messages came than min_rate= asks for: a quiet market, a "
        "subscription that is narrower than it seems, or a server that sheds load.",
        confirm=(Look("websocat URL | pv -l >/dev/null", "messages a second, live"),),
        remedy="Compare with the rate at the source, and with what was subscribed to. A rate that "
        "depends on the time of day wants a check with cron= for the busy hours.",
        evidence={
            "messages": "how many came",
            "seconds": "in how long",
            "limit": "messages a second that are asked for",
        },
    ),
    "stream.rate_high": Explanation(
        messages=("{messages} came in {time}, {rate} a second; at most {limit} a second is right",),
        cause="Over all of the time more messages came than max_rate= allows: a subscription that "
        "is too wide, a source that flaps, a replay, or several publishers of the same.",
        confirm=(Look("websocat URL | pv -l >/dev/null", "messages a second, live"),),
        remedy="Look at what the messages are, in the transcript: repeats point at publishers, "
        "strangers at the subscription.",
        evidence={
            "messages": "how many came",
            "seconds": "in how long",
            "limit": "messages a second that are allowed",
        },
    ),
    "stream.lagging": Explanation(
        messages=(
            "{messages} of {all} arrived late, one {lag} after the time in it; at most {limit} is "
            "right",
        ),
        cause="A message says when it was made, and arrived more than max_lag= later, by this "
        "machine's clock and the kernel's stamp of arrival. Either the clocks differ, or the "
        "message waited somewhere: in a queue, in a batch, or in a buffer of a slow connection.",
        confirm=(
            Look("chronyc tracking", "on both machines: the offset of the clock"),
            Look("ss -tn dst ADDRESS", "a Recv-Q that is not 0: this machine is slow"),
        ),
        remedy="Compare the clocks first. Then look where messages wait: consumer lag of a queue, "
        "batching, and the event loop of the server.",
        evidence={
            "lag_ms": "the longest",
            "limit_ms": "what is allowed",
            "frame": "of the message that lagged most",
            "count": "how many were late",
        },
    ),
}
