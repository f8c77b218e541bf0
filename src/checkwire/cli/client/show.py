"""One run, in full."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec

from checkwire._version import __version__
from checkwire.cli.client.access import find_access
from checkwire.cli.client.again import OfServer, again_there
from checkwire.cli.client.answers import RunAnswer, decoded
from checkwire.cli.client.finding import find_check, is_run_id, latest_run
from checkwire.cli.client.runs import mark_of, run_lines
from checkwire.cli.client.server import Refusal, Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import ago, iso
from checkwire.cli.reporters.json import format_document, run_document
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, wrap
from checkwire.model.attempt import Run
from checkwire.model.errors import UsageError

__all__ = ["fetch_transcript", "show_run"]

_PAGE = 100


def show_run(
    run: str, failed: bool, verbose: bool, server: str | None, token: str | None, as_json: bool
) -> None:
    """Write one run.

    Raises:
        CheckwireError: there is no such run, or the server cannot be asked.
    """
    asked = Server(find_access(server, token))
    if is_run_id(run):
        if failed:
            raise UsageError("--failed goes with a check, and this is a run")
        record = _record(asked, run.upper())
    else:
        record = latest_run(asked, find_check(asked, run, removed=True), failed=failed)
    whole, why = None, "It is not over yet: checkwire show tells more when it is."
    if record.is_over:
        whole, why = fetch_transcript(asked, record.run_id)
    output = Output()
    if as_json:
        document = {
            "checkwire": __version__,
            "server": asked.access.server,
            "record": msgspec.to_builtins(record),
            "run": None if whole is None else run_document(whole),
        }
        output.write(format_document(document))
        return
    console = Console(output)
    width = console.width
    console.lines(_title(record, min(width, _PAGE)))
    console.lines([Text()])
    if whole is not None and whole.attempts:
        from checkwire.cli.reporters.failure_block import run_block

        check = whole.check
        location = record.location if len(check.locations) > 1 else ""
        again = again_there([OfServer(check.id, record.project, check.name, location)], server)
        console.lines(run_block(whole, width, 2 if verbose else 1, again=again))
        return
    console.lines(run_lines([record], {}, width, time.time_ns()))
    if why:
        console.lines([Text(), *(Text("  ").add(line, "dim") for line in wrap(why, width - 2))])


def fetch_transcript(server: Server, run_id: str) -> tuple[Run | None, str]:
    """The run with its attempts; or ``None``, and why there is none.

    Raises:
        CannotAsk: the server does not answer as it must.
    """
    try:
        answer = server.get(f"/runs/{run_id}/transcript")
    except Refusal as refusal:
        return None, f"{refusal}."
    return decoded(answer, Run, server), ""


def _record(server: Server, run_id: str) -> RunAnswer:
    try:
        return decoded(server.get(f"/runs/{run_id}"), RunAnswer, server)
    except Refusal as refusal:
        raise UsageError(f"{server.access.server}: {refusal}") from None


def _title(run: RunAnswer, page: int) -> Iterator[Text]:
    """What the run was: which, where, when."""
    mark = mark_of(run)
    line = Text("run ", "dim").add(run.run_id).add(f"  {run.project}", "dim")
    line.add(f"  at {run.location}", "dim").add(f"  {mark.word}", mark.style)
    yield line.cut(page)
    yield Text(f"due {iso(run.due_ns)}, {ago(run.due_ns, time.time_ns())}", "dim").cut(page)
