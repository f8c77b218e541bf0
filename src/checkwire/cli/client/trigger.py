"""Asking for runs, and waiting for what comes of them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from checkwire.cli.client.access import find_access
from checkwire.cli.client.again import OfServer, again_there
from checkwire.cli.client.answers import (
    Asked,
    AskedList,
    CheckAnswer,
    RunAnswer,
    decoded,
    full_name,
    watches_several,
)
from checkwire.cli.client.finding import find_checks
from checkwire.cli.client.following import Follower
from checkwire.cli.client.server import CannotAsk, Refusal, Server
from checkwire.cli.client.show import fetch_transcript
from checkwire.cli.reporters.base import Finish, Left, Start
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.figures import counted
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import RUNNING
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text
from checkwire.cli.reporters.registry import Choice, Reporters, open_reporters
from checkwire.cli.stderr import tell
from checkwire.model.attempt import Attempt, Run
from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError, UsageError
from checkwire.model.failures import Failure

__all__ = ["trigger"]

_TICK = 0.1
_NAMED = 5


class _Wanted(NamedTuple):
    """One run that was asked for; ``name`` and ``definition`` are its check's, as it is told of."""

    check: CheckAnswer
    name: str
    run: Asked
    definition: CheckDefinition

    @property
    def place(self) -> str:
        """The check, and where it runs."""
        return f"{self.name} at {self.run.location}"


def trigger(
    checks: Sequence[str],
    wait: bool,
    locations: Sequence[str],
    verbosity: int,
    server: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Ask for runs; returns the exit status. Ctrl-C ends the watching, not the runs.

    Raises:
        CheckwireError: a check is not known, or the server does not let us.
    """
    if verbosity and not wait:
        raise UsageError("-v goes with --wait: there is nothing to show before the runs are over")
    asked = Server(find_access(server, token))
    found = [_whole(asked, check) for check in find_checks(asked, checks)]
    several = not as_json and watches_several(asked)
    wanted: list[_Wanted] = []
    left: dict[str, _Wanted] = {}
    try:
        try:
            for check in found:
                for one in _ask(asked, check, full_name(check, several), locations, as_json):
                    wanted.append(one)
                    left[one.run.run_id] = one
        except CheckwireError as error:
            if wanted and wait and as_json:
                with closing(open_reporters([Choice("json")])) as reporters:
                    reporters.start(Start(()))
                    reporters.finish(_broken_off((), 0, left.values(), error))
            raise
        if wait:
            return _wait(asked, wanted, left, verbosity, as_json, server)
    except KeyboardInterrupt:
        _tell_of(left.values())
        raise
    output = Output()
    if as_json:
        document = {
            "server": asked.access.server,
            "runs": [
                {**msgspec.to_builtins(one.run), "check_uid": one.check.uid, "check": one.check.id}
                for one in wanted
            ],
        }
        output.write(format_document(document))
    else:
        console = Console(output)
        console.lines(_lines(wanted))
    return 0


def _whole(server: Server, check: CheckAnswer) -> CheckAnswer:
    """The check with its definition, which lists leave out."""
    if check.definition is not None:
        return check
    return decoded(server.get(f"/checks/{check.uid}"), CheckAnswer, server)


def _ask(
    server: Server, check: CheckAnswer, told: str, locations: Sequence[str], as_json: bool
) -> Iterator[_Wanted]:
    body = {"locations": list(dict.fromkeys(locations))}
    try:
        answer = server.post(f"/checks/{check.uid}/runs", body)
    except Refusal as refusal:
        raise UsageError(f"{told} will not run: {refusal}") from None
    runs = decoded(answer, AskedList, server).runs
    assert check.definition is not None
    for run in runs:
        definition = check.definition
        if not as_json:
            # The report tells checks apart by their ids; here one may run at several places.
            name = f"{told} at {run.location}" if len(runs) > 1 else told
            definition = msgspec.structs.replace(definition, id=run.run_id, name=name)
        yield _Wanted(check, told, run, definition)


def _lines(wanted: Sequence[_Wanted]) -> Iterator[Text]:
    for one in wanted:
        line = Text("  ").add(RUNNING.shape, RUNNING.style).add(f" {one.name}")
        yield line.add(f" at {one.run.location}", "dim").add(f"  {one.run.run_id}")
    yield Text("  checkwire show RUN tells what comes of it", "dim")


def _tell_of(left: Collection[_Wanted]) -> None:
    """After Ctrl-C: the server has been asked, and nobody else knows for what."""
    if not left:
        return
    tell(f"checkwire: the server goes on with {counted(len(left), 'run')}:")
    for one in left:
        tell(f"  {one.place}  {one.run.run_id}")
    tell("checkwire show RUN tells what comes of it")


def _wait(
    server: Server,
    wanted: Sequence[_Wanted],
    left: dict[str, _Wanted],
    verbosity: int,
    as_json: bool,
    named: str | None,
) -> int:
    """Tell of the runs as ``checkwire test`` does; those that are over go from ``left``."""
    choice = Choice("json" if as_json else "list")
    reporters = open_reporters([choice], verbosity=verbosity)
    began_ns = time.monotonic_ns()
    try:
        reporters.start(Start(tuple(one.definition for one in wanted)))
        runs: list[Run] = []
        try:
            _watch(server, left, reporters, runs)
        except (CheckwireError, KeyboardInterrupt) as error:
            if as_json:
                took_ns = time.monotonic_ns() - began_ns
                reporters.finish(_broken_off(runs, took_ns, left.values(), error))
            raise
        statuses = {run.status for run in runs}
        status = 1 if "failed" in statuses else 2 if "error" in statuses else 0
        took_ns = time.monotonic_ns() - began_ns
        again = again_there(map(_of_server, wanted), named)
        reporters.finish(Finish(tuple(runs), took_ns, status, again=again))
    finally:
        reporters.close()
    return status


def _broken_off(
    runs: Sequence[Run], took_ns: int, left: Iterable[_Wanted], error: BaseException
) -> Finish:
    """How it ended, though not all runs did."""
    interrupted = isinstance(error, KeyboardInterrupt)
    return Finish(
        tuple(runs),
        took_ns,
        130 if interrupted else 2,
        interrupted=interrupted,
        error="" if interrupted else str(error),
        left=tuple(Left(one.run.run_id, one.check.id, one.run.location) for one in left),
    )


def _watch(server: Server, left: dict[str, _Wanted], reporters: Reporters, runs: list[Run]) -> None:
    """Tell of the runs until all are over; what came of them is put into ``runs``."""
    begun: set[str] = set()
    with Follower(server, left) as follower:
        while left:
            happened = follower.next(_TICK)
            if happened is None:
                reporters.tick()
                continue
            if isinstance(happened.what, CheckwireError):
                raise _lost(happened.what, list(left.values())) from None
            one = left[happened.run_id]
            if happened.run_id not in begun:
                begun.add(happened.run_id)
                reporters.check_started(one.definition)
            if isinstance(happened.what, RunAnswer):
                run = _result(server, one, happened.what)
                runs.append(run)
                del left[happened.run_id]
                reporters.run_finished(run)
            else:
                reporters.event(one.definition, happened.what)


def _of_server(one: _Wanted) -> OfServer:
    several = len(one.check.locations) > 1
    location = one.run.location if several else ""
    return OfServer(one.definition.id, one.check.project, one.check.name, location)


def _lost(why: CheckwireError, left: Sequence[_Wanted]) -> CheckwireError:
    """Why nothing more can be known, and of which runs."""
    named = ", ".join(f"{one.place} ({one.run.run_id})" for one in left[:_NAMED])
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    said = str(why)
    end = "" if said.endswith((".", "?")) else "."
    return CheckwireError(
        f"{said}{end} What comes of {named}{more} is not known: checkwire show RUN asks again"
    )


def _result(server: Server, one: _Wanted, record: RunAnswer) -> Run:
    try:
        whole, why = fetch_transcript(server, record.run_id)
    except CannotAsk as error:
        if not error.passing:
            raise
        # It told the result as it stopped; the transcript is there when it is back.
        whole, why = None, f"{error}."
    if whole is not None:
        return msgspec.structs.replace(
            whole,
            check=msgspec.structs.replace(
                whole.check, id=one.definition.id, name=one.definition.name
            ),
        )
    started_ns, took_ns = record.started_ns or record.due_ns, record.duration_ns or 0
    if record.status in ("passed", "degraded", "failed", "error", "skipped"):
        status, message = record.status, record.message or why
    else:
        status, message = "error", "The run was missed: it could not begin in time."
    failure = Failure(code=record.code or "runner.cancelled", message=message)
    good = status in ("passed", "degraded", "skipped")
    attempt = Attempt(
        number=max(record.attempts, 1),
        status=status,  # type: ignore[arg-type]
        started_ns=started_ns,
        duration_ns=took_ns,
        failure=None if good else failure,
    )
    return Run(
        id=record.run_id,
        check=one.definition,
        status=status,  # type: ignore[arg-type]
        started_ns=started_ns,
        duration_ns=took_ns,
        attempts=() if status == "skipped" else (attempt,),
        location=record.location,
        skipped=message if status == "skipped" else "",
    )
