"""``check.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

EXPLANATIONS = {
    "check.no_assertion": Explanation(
        messages=("The check verified nothing",),
        cause="The check ended without an error, and nothing in it could have failed because of "
        "an answer: no assert, no expect(...), no receive(). It is a warning. What it says is no "
        "more than that a connection could be opened, if it opened one.",
        confirm=(Look("checkwire test FILE::CHECK -v", "what it did"),),
        remedy="Say what must come back: await ws.receive_json(where={...}), or an assert about "
        "it. receive() with default= verifies nothing by itself.",
    ),
    "check.env_missing": Explanation(
        messages=("The variable {name} is not set[; did you mean {name}?]",),
        cause="The check reads env[NAME], and there is no such variable. It fails the check even "
        "if the script swallows the exception.\n\n"
        "Commonly: it is set in your shell and not where the server runs; a name with a typing "
        "error; an .env file that was not given. checkwire test takes the shell's variables; a "
        "server only [env] of checkwire.toml and what it was started with.",
        confirm=(
            Look("printenv NAME", "nothing, exit status 1"),
            Look("grep -A20 '^\\[env\\]' checkwire.toml", "what the project sets"),
        ),
        remedy="Set it under [env] of checkwire.toml, with --env NAME=VALUE or --env-file FILE. "
        "If it may be missing: env.get(NAME, default). If it is secret: secret(NAME), and "
        "[secrets].",
    ),
    "check.secret_missing": Explanation(
        messages=("The secret {name} is not set[; did you mean {name}?]",),
        cause="The check reads a secret that has no value here. The hint of the failure says "
        "where it was looked for: in the server's own secrets, in the variable or file that "
        "[secrets] of checkwire.toml names.\n\n"
        "Secrets have values only inside of a check's function: not while its file is imported.",
        confirm=(
            Look("checkwire secret list", "on the server: the names that it holds"),
            Look("grep -A20 '^\\[secrets\\]' checkwire.toml", "where the project says that it is"),
            Look('test -n "$NAME" && echo set', "nothing: the variable is not set, or empty"),
        ),
        remedy="On a server: checkwire secret set NAME. For checkwire test: the variable that "
        '[secrets] names, or --env NAME="$NAME".',
    ),
    "check.bad_url": Explanation(
        messages=("{url}: {what is wrong}",),
        cause="What was given as a URL cannot be connected to: no scheme or a wrong one, no host, "
        "a port that is none, white space, a fragment (#…), which has no meaning for "
        "WebSocket.\n\n"
        "Commonly: http:// for a WebSocket, or the reverse; a variable that is empty or has a "
        "line break at its end; a host and port without ws://.",
        confirm=(
            Look(
                "printenv NAME | cat -A",
                "a $ before the end of the line, ^M, or blanks that do not belong there",
            ),
        ),
        remedy="Write ws://host:port/path or wss://host/path; for http, http:// or https://. "
        "Escape what has a meaning in URLs: @ in a password is %40.",
        see=("RFC 6455 3", "RFC 3986 3"),
    ),
    "check.usage": Explanation(
        messages=("{what cannot work, and what to write instead}",),
        cause="The check calls something of Checkwire in a way that cannot work: a keyword that "
        "does not exist, a value of the wrong kind, a coroutine without await, a message sent "
        "after its own close, options of @check that contradict each other. It is told even if "
        "the script swallows the exception, as the check does not do what it seems to.\n\n"
        "The target is not at fault.",
        confirm=(Look("checkwire test FILE::CHECK", "the line, and what to write instead"),),
        remedy="Correct the line shown. docs/writing-checks.md has an example of each call.",
    ),
    "check.declaration": Explanation(
        messages=(
            "{what is wrong, and what to write instead}",
            "{count} mistakes, the first: {what is wrong, and what to write instead}",
        ),
        cause="A file with [[check]] tables does not say what a check must say, or says it in "
        "another way: a key that does not exist, a value of the wrong kind, a regular expression, "
        "JSONPath or JSON Schema that is none, a variable that nothing sets, a capture that is "
        "used before it is made, two checks of one name. None of the file's checks is run until "
        "all is right; those of other files are.\n\n"
        "The details name every mistake of the file, with line and column.",
        confirm=(
            Look("checkwire test --list FILE", "each mistake, or the ids of the file's checks"),
        ),
        remedy="Correct the places shown. docs/declared.md has every key; with the schema that "
        "`checkwire schema` prints, an editor shows mistakes as they are written.",
        evidence={"problems": "line, column and message of each, up to 20"},
    ),
    "check.duplicate_id": Explanation(
        messages=('{count} checks have the id "{id}", and none of them is run: {places}',),
        cause="A check's id names its history, so two checks with one id would be mixed up. None "
        "of them is run until it is clear which is which.\n\n"
        "Commonly: two functions of one name in a file; a function copied together with its id=; "
        "two folders that are links to one.",
        confirm=(Look("checkwire test --list", "the ids of all checks"),),
        remedy='Rename one of the functions, or give it an id of its own: @check(id="...").',
        evidence={"id": "the id", "places": "file and line of each check that has it"},
    ),
    "check.unclosed_connection": Explanation(
        messages=("The check ended with its connection to {url} open",),
        cause="The check returned, and a WebSocket that it opened was still open. It is closed "
        "for it, and this is a warning: an end by leaving is not one that the server sees as a "
        "client's close, and what came after the last receive() was looked at by nobody.",
        confirm=(
            Look(
                "checkwire test FILE::CHECK -v", "which connection it is, and where it was opened"
            ),
        ),
        remedy="async with connect(...) as ws closes it. Where that does not fit: await "
        "ws.close().",
        see=("RFC 6455 7.1.1",),
    ),
    "check.no_effect": Explanation(
        messages=(
            "{options} has no effect on {url}: no TLS is spoken there",
            "{options} have no effect on {url}: no TLS is spoken there",
        ),
        cause="The check gives options of TLS (ca=, verify=, server_name=, client_cert=) for a "
        "ws:// URL. No TLS is spoken there, so they do nothing; whoever wrote them may believe "
        "that the connection is encrypted. It is a warning.",
        confirm=(
            Look(
                "openssl s_client -connect HOST:PORT -servername HOST </dev/null",
                "a certificate: then the port has TLS, and wss:// is right",
            ),
        ),
        remedy="Write wss:// if TLS is meant; otherwise leave the options out.",
        see=("RFC 6455 3",),
    ),
    "check.abandoned": Explanation(
        messages=(
            "The check gave up {doing} after {time}, and that did not succeed later",
            "The check closed or ended after {time} of {doing}, which never succeeded",
        ),
        cause="The check began to wait for something, stopped waiting by its own means "
        "(asyncio.timeout, asyncio.wait_for, cancelling a task, closing), and it never came. "
        "Nothing failed by that, so nobody would learn of it. It is a warning.",
        confirm=(Look("checkwire test FILE::CHECK -v", "what came instead, and when it gave up"),),
        remedy="If it must come: within= in place of asyncio.timeout, which fails. If it need "
        "not: default=, which says so.",
    ),
}
