"""``script.*`` at length."""

from checkwire.model.explanations.base import Explanation, Look

EXPLANATIONS = {
    "script.exception": Explanation(
        messages=(
            "{type}[: {text}]",
            "The check raised an exception",
            "The script threw {value}",
        ),
        cause="An exception left the check's function that is neither a failed assertion nor a "
        "failure of a connection. It is taken for a bug of the check, so the run is an error and "
        "not a failure of the target. The failure shows the traceback, from the check's own code "
        "on.\n\n"
        "Commonly: an answer that the check did not reckon with, so that it does not get as far "
        "as its assertions: a key that is missing, None where a string was expected.",
        confirm=(
            Look(
                "checkwire test FILE::CHECK -vv",
                "the traceback, and the message that the code choked on",
            ),
        ),
        remedy="Correct the line shown. If it is the answer's fault, assert what must hold before "
        'it is used: assert "price" in ack.',
    ),
    "script.exited": Explanation(
        messages=(
            "The check called exit([{status}])",
            "The check ended its own process (exit status {status}) before its function was over",
            "The script ended (exit status {status}) before its connection to {place} was open, "
            "{time} after it was begun",
            "The script waits for something that can never come: an await at its top level is not "
            "settled, and nothing is left that could settle it (exit status 13)",
            "The script's process ended (exit status {status}) without Node's coming to its end",
            "The process of the tests ended (exit status {status}) before they were over",
            "Playwright ended (exit status {status}) before its run was over",
        ),
        cause="The check called sys.exit, exit or os._exit, or something that it called did. What "
        "stands behind was not executed.\n\n"
        "Commonly: a script written to be run by itself, with sys.exit(0) at its end; a command "
        "line library (argparse, click) called within the check.",
        confirm=(Look("grep -nE 'exit\\(' FILE", "where"),),
        remedy="Return from the function to end it, raise or assert to fail. Call libraries so "
        "that they raise in place of exiting (click: standalone_mode=False).",
        evidence={"exit_status": "the status that the process ended with"},
    ),
    "script.crashed": Explanation(
        messages=(
            "The check's process crashed with {signal}: {meaning}",
            "The check's process was ended by {signal}: {timer} that it had set, and no handler "
            "for it",
        ),
        cause="The process of the check died of a signal that its own native code caused "
        "(SIGSEGV, SIGBUS, SIGABRT, …), or of an alarm that it had set. No exception of Python "
        "does that.\n\n"
        "Commonly: a library with native parts (a driver, numpy, an OCR or crypto library) that "
        "does not bear being used after a fork, or has a bug; ctypes.",
        confirm=(
            Look(
                "python -X faulthandler -c 'import LIBRARY'",
                "the line of Python in which it crashes, if importing it is enough",
            ),
            Look("journalctl -k --since -10min | grep -i segfault", "the library and address"),
            Look("coredumpctl info", "the native stack, where cores are kept"),
        ),
        remedy="Update the library. Import it inside the check's function in place of at the top "
        "of the file: then it is not carried over a fork.",
        evidence={"signal": "the signal's name"},
        see=("signal(7)",),
    ),
    "script.blocked": Explanation(
        messages=(
            "The check did not stop at its timeout of {limit}, and was killed[; it was here]",
        ),
        cause="The check's time was over, it was told so, and it went on. It was killed 100 ms "
        "later.\n\n"
        "Commonly: a blocking call in an async check (time.sleep, requests, a database driver), "
        "during which nothing else can happen; a loop without an await; an `except BaseException` "
        "or a handler of signals that swallows the end.",
        confirm=(Look("checkwire test FILE::CHECK --timeout 5s", "the line in which it was"),),
        remedy="Use await and asyncio.sleep; http of Checkwire in place of requests; await "
        "asyncio.to_thread(f) for what can only block. Or write the check as a plain function "
        "(def), which may block.",
    ),
    "script.timeout": Explanation(
        messages=(
            "The check did not finish in {limit}, and had no connection and no request for the "
            "last {time}[; it was here][; still there: {handles}]",
        ),
        cause="The check used up its time without having to do with any server: no connection was "
        "open and no request under way for more than half of it. So the target is not at "
        "fault.\n\n"
        "Commonly: a sleep; a computation; a wait for something that Checkwire does not know of: "
        "a queue, a lock, a database, another HTTP library.",
        confirm=(Look("checkwire test FILE::CHECK -v --timeout 5m", "which step takes the time"),),
        remedy="Sleep less, or give the wait a limit of its own. Use Checkwire's http, so that it "
        "knows whom the check waits for. If it is meant to take so long, raise timeout=.",
        evidence={"handles": "what kept Node from ending, of a script on Node"},
    ),
    "script.syntax": Explanation(
        messages=(
            "{path}, line {line}, is not valid Python: {reason}.",
            "{path} is not valid Python: {reason}.",
            "{path} cannot be read by {Node, or Playwright}: {reason}",
            "{path} is not UTF-8 text, from byte {offset} on",
        ),
        cause="The check file cannot be compiled. No check in it is run; those of other files "
        "are.\n\n"
        "Commonly: a bracket or quote that is not closed, often in the line before; an "
        "indentation; a file that is in the middle of being written or merged (<<<<<<<); syntax "
        "of a newer Python than the one that runs Checkwire.",
        confirm=(
            Look("python -m py_compile FILE", "the same place"),
            Look("checkwire --version; python --version", "which Python it is"),
        ),
        remedy="Correct the place marked, or the line before it. Install Checkwire with the "
        "Python that the file is written for.",
    ),
    "script.import": Explanation(
        messages=(
            "{path} cannot be imported: {reason}.",
            "{path} cannot be loaded: its name is not UTF-8 text.",
            "{path} cannot be read: {reason}.",
            "{path} replaces {functions} when it is imported; all checks share the process that "
            "imports it, and need them as they are",
            "{path} starts {threads} when it is imported{names}; attempts are forked from the "
            "process that imports it, and threads do not survive that",
            "The check's file has changed, and lacks the check",
            "{path} needs the package {package}, which is not installed",
            "{path} needs {file}, and there is no such file",
            "{path} needs Playwright {version} or newer, and {version} is installed",
        ),
        cause="The check file is valid Python, and executing its top level failed. No check in it "
        "is run; those of other files are.\n\n"
        "Commonly: a module that is not installed where Checkwire runs, or is not found from the "
        "project's root; code at the top level that connects, waits, exits or starts threads; a "
        "variable read there that is not set.\n\n"
        "Files are imported once, and every attempt is forked from that process. So a file must "
        "not start threads or replace functions of the system when it is imported.",
        confirm=(
            Look("python -c 'import MODULE'", "with the Python of Checkwire: ModuleNotFoundError"),
            Look("head -1 $(command -v checkwire)", "which Python that is"),
        ),
        remedy="Install what is missing beside Checkwire (pip install in the same environment, "
        "pipx inject, or into the image). Put modules of your own into the project's root, or "
        "beside the check file. Move what does something from the top level into the check's "
        "function.",
    ),
}
