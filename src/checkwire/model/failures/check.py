"""``check.*``: the check is not written or configured as it must be."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "check.no_assertion",
        "The check verified nothing",
        blame="check",
        retryable=False,
        hint="Add an assert, an expect(...), or a receive() that must succeed",
    ),
    FailureCode(
        "check.env_missing",
        "An environment variable that the check reads is not set",
        blame="check",
        retryable=False,
        hint="Set it in [env] of checkwire.toml, with --env NAME=VALUE, or with --env-file",
    ),
    FailureCode(
        "check.secret_missing",
        "A secret that the check reads is not set",
        blame="check",
        retryable=False,
        hint="Declare it in [secrets] of checkwire.toml, or set a variable of that name",
    ),
    FailureCode(
        "check.bad_url",
        "The URL is not a WebSocket or HTTP address",
        blame="check",
        retryable=False,
        hint="Write ws://host:port/path or wss://host/path",
    ),
    FailureCode(
        "check.usage",
        "The check uses the API in a way that cannot work",
        blame="check",
        retryable=False,
        hint="Correct the check at the place shown; the target is not at fault",
    ),
    FailureCode(
        "check.declaration",
        "A file of declared checks has mistakes",
        blame="check",
        retryable=False,
        hint="Correct the places shown; with checkwire schema an editor shows them as you write",
    ),
    FailureCode(
        "check.duplicate_id",
        "Two checks have the same id",
        blame="check",
        retryable=False,
        hint="Rename one of the functions, or give it an id of its own: @check(id=...)",
    ),
    FailureCode(
        "check.unclosed_connection",
        "The check left a connection open",
        blame="check",
        retryable=False,
        hint="Open it with 'async with connect(...) as ws', which closes it",
    ),
    FailureCode(
        "check.no_effect",
        "What the check asks for has no effect",
        blame="check",
        retryable=False,
        hint="Write wss:// if TLS is meant; else leave the options out",
    ),
    FailureCode(
        "check.abandoned",
        "The check stopped waiting for something that never came",
        blame="check",
        retryable=False,
        hint="Write within=, which fails if it does not come, or default= if it need not come",
    ),
)
