"""``message.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

_FRAME = {"frame": "the number of the frame that ended the message; it is marked in the transcript"}

EXPLANATIONS = {
    "message.invalid_json": Explanation(
        messages=("The message is not JSON: {reason}",),
        cause="receive_json() took a message that is not JSON (RFC 8259). The caret shows where "
        "it goes wrong.\n\n"
        "Commonly: the server greets with a line of plain text; it answers with an error in "
        "words; it sends NaN, single quotes or a comma too many, which some serializers write; a "
        "protocol puts something before the JSON (42[...] in Socket.IO), or several documents in "
        "one message.",
        confirm=(
            Look("websocat wss://HOST:PORT/PATH | head -n 3", "the messages as they come"),
            Look("websocat wss://HOST:PORT/PATH | head -n 1 | jq .", "parse error, with its place"),
        ),
        remedy="If it is a greeting: take it with receive_text() first, or say what is awaited: "
        "receive_json(where={...}) skips what is not JSON. If it should be JSON, repair the "
        "server.",
        evidence=_FRAME,
        see=("RFC 8259 2",),
    ),
    "message.wrong_type": Explanation(
        messages=(
            "A text message came where binary was expected",
            "A binary message of {size} bytes came where {type} was expected",
        ),
        cause="A message is text or binary (opcode 1 or 2), and it was not the one that "
        "receive_text() or receive_bytes() takes. receive_json() takes both, if binary ones hold "
        "UTF-8.\n\n"
        "Commonly: a server that changed its encoding (to MessagePack, protobuf, or compressed "
        "JSON); an error sent as text on a binary protocol; a library that sends a bytes object "
        "as binary where a string was meant.",
        confirm=(
            Look("wscat -c wss://HOST:PORT/PATH", "text in words, binary as what it is"),
            Look("checkwire test FILE::CHECK -vv", "the frame, with a hex dump if it is binary"),
        ),
        remedy="Take what the server sends: receive_bytes() for binary. If it should be text, "
        "send it as text there: browsers hand binary over as Blob, which breaks clients too.",
        evidence=_FRAME,
        see=("RFC 6455 5.6",),
    ),
    "message.schema": Explanation(
        messages=("{value} does not fit its JSON Schema: {error}[, and in {count} more places]",),
        cause="expect(...).matches_schema(...) found places where the value is not as the schema "
        "says. Up to 20 are listed, each with its path.\n\n"
        "Commonly: a field that is missing or null; a number that became a string; a new field "
        "where the schema forbids others (additionalProperties: false); a schema of an older "
        "version.",
        confirm=(
            Look(
                "websocat wss://HOST:PORT/PATH | head -n 1 > m.json; check-jsonschema "
                "--schemafile SCHEMA m.json",
                "the same places",
            ),
        ),
        remedy="If the message is right, correct the schema. If it is not, the server broke its "
        "contract: show its owner the path and the message.",
        see=("JSON Schema 2020-12",),
    ),
    "message.unexpected": Explanation(
        messages=(
            "A message came {time} into {time} of expected silence",
            "A message was waiting already when silence was expected",
        ),
        cause="expect_silence() awaits that nothing comes (or nothing that fits where=), and "
        "something did. It is shown.\n\n"
        "Commonly: a message of before that the check had not taken; heartbeats, tickers and "
        "presence messages that come all the time; what the check is for: events after an "
        "unsubscribe, or of another user.",
        confirm=(Look("websocat -v wss://HOST:PORT/PATH", "what comes unasked"),),
        remedy="Take what is still waiting before silence is expected. Say with where= what must "
        "not come, so that heartbeats may. Otherwise the server sends what it should not.",
        evidence=_FRAME,
    ),
    "message.none_received": Explanation(
        messages=(
            "{place} sent no message within {limit}, and a 'message' handler waited for one",
            "{place} sent no message before it was closed, and a 'message' handler waited for one",
        ),
        cause="The check has a handler for messages, ran for its time, and the handler was never "
        "called. What stands in the handler has verified nothing.\n\n"
        "Commonly: the server speaks only after a subscription or a login, and the check sends "
        "none, or before the connection is open; the time of run() is too short; the feed behind "
        "the server is down.",
        confirm=(
            Look(
                "websocat -v wss://HOST:PORT/PATH", "silence, or the first message after some time"
            ),
        ),
        remedy="Send in the handler of 'open' what the server waits for. Give run(for_=...) more "
        "time. If no message is right, take the handler out.",
    ),
}
