"""``assertion.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

EXPLANATIONS = {
    "assertion.failed": Explanation(
        messages=(
            "{what was found}. The check expects {what is wanted}[.]",
            "{what the assertion says}",
        ),
        cause="An `assert`, or an expect(...), does not hold: what the target answered is not "
        "what the check says it must be. The failure shows the values of the parts, with a diff "
        "where they are large; `-` is expected, `+` is what was found.\n\n"
        "An `assert` whose expression cannot even be computed, since a key is missing or a type "
        "is another, counts as one that does not hold.",
        confirm=(
            Look("checkwire test FILE::CHECK -vv", "the message that the value comes from, whole"),
            Look("websocat wss://HOST:PORT/PATH | head -n 5", "what the server really sends"),
        ),
        remedy="Compare the value with the message in the transcript. If the server is wrong, "
        "this is what the check is for. If the check is out of date, correct it. If it depends on "
        "the moment (an id, an order), assert only what must hold always.",
        evidence={
            "exit_status": "of a script on Node that says by it that it failed",
        },
    ),
    "assertion.too_slow": Explanation(
        messages=(
            "{value} was {time}. The check expects below {limit}",
            "The check took {time}; above {limit} it counts as degraded",
        ),
        cause="Something worked, and took longer than expect(...).below(...) or degraded= allows. "
        "It degrades the run, which is not a failure, unless expect.hard(...) makes it one.\n\n"
        "Where the time went stand the phases: dns, tcp and tls grow with distance and with the "
        "network; upgrade and first_message with the server's load.",
        confirm=(
            Look(
                "curl -so /dev/null -w '%{time_namelookup} %{time_connect} %{time_appconnect} "
                "%{time_starttransfer}\\n' https://HOST:PORT/",
                "seconds until the name was known, TCP stood, TLS stood, the answer began",
            ),
            Look("mtr -n --tcp -P PORT HOST", "on which hop the time is lost"),
        ),
        remedy="Compare the phases with those of a run that was fast: the one that grew says "
        "where to look. If it is always so, the limit is too low for this place; each location "
        "may have its own check.",
        evidence={
            "duration_ns": "of the whole check: how long it took",
            "limit_ns": "of the whole check: what degraded= says",
        },
    ),
    "assertion.degraded": Explanation(
        messages=("{what the check says}", "The check says that it is degraded"),
        cause="A file of Playwright's tests has called `markCheckAsDegraded()` of "
        "`@checkly/playwright-helpers`, as it does where something works and is not as it should "
        "be. Nothing failed; a failure would lead.",
        confirm=(Look("checkwire test FILE -vv", "the step, and the requests in it"),),
        remedy="Look at the condition that the call depends on, and at the values in the "
        "transcript that it was made from.",
        evidence={},
    ),
    "assertion.never_ran": Explanation(
        messages=("The check has assertions, and none of them was reached",),
        cause="The check ended without an error, it has asserts, and not one of them was "
        "executed: so it verified nothing, and does not pass.\n\n"
        "Commonly: they stand in a handler that was never called, behind an `if` that was never "
        "true, in a loop over nothing, or after an except that swallowed what went wrong.",
        confirm=(
            Look("checkwire test FILE::CHECK -v", "which messages came, and where the check ended"),
        ),
        remedy="Await what must come with receive(), which fails if it does not. Where handlers "
        "are used, verify after ws.run() what they collected. Do not swallow exceptions.",
    ),
    "assertion.not_found": Explanation(
        messages=(
            "{what was looked into} has nothing at {a JSONPath}",
            "{what was looked into} has nothing that {a regular expression} matches",
            "{what was looked into} has nothing named {a header}",
        ),
        cause="The check takes a part out of a message, a body or the headers of an answer, to "
        "send it on or to verify it: by expect(...).find(...), or by a capture of a declared "
        "check. It is not there, so what comes later cannot be done.\n\n"
        "Commonly: the answer is an error, in another form; a member has another name; the path "
        "is of a list and the answer is one object, or the reverse.",
        confirm=(
            Look("checkwire test FILE::CHECK -vv", "the message that it was looked for in, whole"),
        ),
        remedy="Compare the answer with what is looked for. If only some messages have it, say "
        "which one is meant: where= of receive_json(), or where in a declared check.",
        see=("RFC 9535 2",),
    ),
    "assertion.expected_failure": Explanation(
        messages=(
            "{code} was expected, and it did not happen",
            "{code} was expected, and {code} did instead",
            "The test {name} passed, and test.fail() says that it must not",
        ),
        cause="The check says with expect.failure(code) that something must go wrong inside the "
        "block, and it did not, or something else did.\n\n"
        "So what should be refused is accepted: a port that should be closed is open, a token "
        "that should be rejected is taken, a server does not close where it must.",
        confirm=(Look("checkwire test FILE::CHECK -v", "what happened in the block"),),
        remedy="If the target now allows what it must not, that is the finding. If another code "
        'is right, name that one; `*` stands for anything: expect.failure("tls.*").',
    ),
}
