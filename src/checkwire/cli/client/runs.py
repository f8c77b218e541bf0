"""A list of runs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from checkwire.cli.client.access import find_access
from checkwire.cli.client.answers import (
    CheckAnswer,
    RunAnswer,
    decoded,
    short_name,
    watches_several,
)
from checkwire.cli.client.finding import find_check, require_known
from checkwire.cli.client.server import Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.instants import instant
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import FLAKY, MARKS, RUNNING, Mark
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, clean, width_of, wrap
from checkwire.model.durations import format_ns, parse_duration
from checkwire.model.errors import UsageError

__all__ = ["mark_of", "names_of_checks", "run_lines", "sentence_lines", "show_runs"]

_PAGE = 100
_GAP = 2
_RUN_ID = 26
_DURATION = 8
_PLACE = 10
_NAMED = 1000
_CODE = re.compile(r"[a-z][a-z0-9_]*(?:\.(?:\*|[a-z][a-z0-9_]*)?)?", re.ASCII)


def show_runs(
    check: str | None,
    statuses: Sequence[str],
    code: str | None,
    location: str | None,
    tag: str | None,
    project: str | None,
    since: str | None,
    limit: int,
    server: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Write the runs that fit.

    Raises:
        CheckwireError: the server cannot be asked, or does not take or know a filter.
    """
    began_ns = None if since is None else _since(since)
    asked = Server(find_access(server, token))
    query: dict[str, Any] = {
        "check": None if check is None else find_check(asked, check, removed=True).uid,
        "status": list(dict.fromkeys(statuses)),
        "code": None if code is None else _code(code),
        "location": location,
        "tag": tag,
        "project": project,
        "since": began_ns,
    }
    runs = [decoded(item, RunAnswer, asked) for item in asked.pages("/runs", query, limit)]
    if not runs:
        require_known(asked, project=project, tag=tag, location=location, removed=True)
    output = Output()
    if as_json:
        document = {"server": asked.access.server, "runs": msgspec.to_builtins(runs)}
        output.write(format_document(document))
        return
    console = Console(output)
    if not runs:
        narrowed = any(value for value in query.values())
        console.lines([Text("no run fits" if narrowed else "there is no run yet", "bold")])
        return
    several = watches_several(asked)
    console.lines(
        run_lines(runs, names_of_checks(asked), console.width, time.time_ns(), several=several)
    )


def names_of_checks(server: Server) -> dict[str, str]:
    """The names of the checks, of many at least, by their uids."""
    items = server.pages("/checks", {"removed": "true"}, limit=_NAMED)
    checks = [decoded(item, CheckAnswer, server) for item in items]
    return {check.uid: check.name for check in checks}


def _code(text: str) -> str:
    """A code, or a floor of codes: ``tls``, ``tls.`` and ``tls.*`` are the same."""
    if not _CODE.fullmatch(text):
        raise UsageError(
            f'--code: "{text}" is no code of a failure: write tls.certificate_expired, or tls for '
            "its floor"
        )
    floor, _, rest = text.partition(".")
    return text if rest not in ("", "*") else f"{floor}."  # which older servers know, too


def _since(text: str) -> int | str:
    """For the server: ns since 1970 for a duration, anything else as it is."""
    try:
        if (seconds := parse_duration(text.strip())) > 0:
            return max(0, time.time_ns() - round(seconds * 1e9))
    except ValueError:
        if text[:1].isdigit() and "-" in text:
            return text
    raise UsageError(
        f'--since: "{text}" is no time in the past: write how long ago (30m, 2h, 7d), a day '
        "(2026-11-23), or an instant (2026-11-23T14:00+01:00)"
    )


def mark_of(run: RunAnswer) -> Mark:
    """The mark of a run, whatever became of it."""
    if run.flaky and run.status == "passed":
        return FLAKY
    if not run.is_over:
        return RUNNING._replace(word=run.status)
    return MARKS.get(run.status, Mark("○", "warn", run.status))


def run_lines(
    runs: Sequence[RunAnswer],
    known: Mapping[str, str],
    width: int,
    now_ns: int,
    *,
    several: bool = False,
) -> Iterator[Text]:
    """A line for each, and its failure's sentence below.

    Args:
        runs: one or more.
        known: names of checks by their uids; others are named by their ids.
        width: columns of the terminal.
        now_ns: the time.
        several: whether to say of which project each check is.
    """
    whens = [instant(run.due_ns, now_ns) for run in runs]
    names = [known.get(run.check_uid) or short_name(run.check) for run in runs]
    if several:
        names = [f"{run.project}/{name}" for run, name in zip(runs, names, strict=True)]
    when = max(map(len, whens))
    place = min(max(len("from"), *(width_of(clean(run.location)) for run in runs)), _PLACE)
    fixed = 2 + 2 + when + _GAP + _GAP + place + _GAP + _DURATION + _GAP + _RUN_ID
    longest = max(width_of(clean(name)) for name in names)
    name_column = max(min(longest, width - fixed), 8)
    heading = Text("    ").add("due".ljust(when), "dim").add("  ").add("check", "dim")
    heading.pad(4 + when + _GAP + name_column + _GAP).add("from", "dim")
    heading.pad(4 + when + _GAP + name_column + _GAP + place + _GAP)
    yield heading.add("took".rjust(_DURATION), "dim").add("  ").add("run", "dim").cut(width)
    for run, at, name in zip(runs, whens, names, strict=True):
        mark = mark_of(run)
        line = Text("  ").add(mark.shape, mark.style).add(" ")
        line.add(at.ljust(when), "dim").add("  ")
        style = "fail bold" if mark.style == "fail" else ""
        line.join(Text(name, style).cut(name_column)).pad(4 + when + _GAP + name_column + _GAP)
        line.join(Text(run.location).cut(place))
        line.pad(4 + when + _GAP + name_column + _GAP + place + _GAP)
        took = format_ns(run.duration_ns) if run.duration_ns else mark.word
        line.add(took.rjust(_DURATION)).add("  ").add(run.run_id, "dim")
        yield line.cut(width)
        yield from _more(run, min(width, _PAGE))


def _more(run: RunAnswer, page: int) -> Iterator[Text]:
    if run.message:
        yield from sentence_lines(run.message, run.code, 6, page, "dim")
    told = []
    if run.status == "missed" and run.missed > 1:
        told.append(f"{run.missed:,} runs in a row were missed.")
    if run.flaky:
        told.append(f"It passed on attempt {run.attempts}.")
    for sentence in told:
        yield from sentence_lines(sentence, "", 6, page, "dim")


def sentence_lines(
    sentence: str, code: str | None, indent: int, page: int, style: str = ""
) -> Iterator[Text]:
    """A sentence, and the code of its failure behind it or below it."""
    lines = [Text(" " * indent).add(text, style) for text in wrap(sentence, page - indent)]
    if code:
        if lines[-1].width + 2 + width_of(clean(code)) <= page:
            lines[-1].add("  ").add(code, "dim")
        else:
            lines.append(Text(" " * indent).add(code, "dim"))
    return iter(lines)
