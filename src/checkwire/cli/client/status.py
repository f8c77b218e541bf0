"""How all checks stand: a sentence each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from checkwire.cli.client.access import find_access
from checkwire.cli.client.answers import (
    CheckAnswer,
    ProjectAnswer,
    RunAnswer,
    ServerAnswer,
    Standing,
    decoded,
    full_name,
)
from checkwire.cli.client.finding import require_known
from checkwire.cli.client.runs import sentence_lines
from checkwire.cli.client.server import Refusal, Server
from checkwire.cli.reporters.console import Console
from checkwire.cli.reporters.figures import counted
from checkwire.cli.reporters.instants import ago, instant, span
from checkwire.cli.reporters.json import format_document
from checkwire.cli.reporters.marks import MARKS, Mark
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, clean, width_of, wrap
from checkwire.model.people import by_whom

__all__ = ["show_status"]

_DOWN = ("failed", "error")
_GRAVITY = ("failed", "error", "degraded", "missed", "new", "passed", "skipped", "paused")
_STATES = {
    "failed": MARKS["failed"]._replace(word="down"),
    "error": MARKS["error"]._replace(word="in error"),
    "degraded": MARKS["degraded"],
    "missed": Mark("○", "warn", "missed"),
    "new": Mark("○", "dim", "no run yet"),
    "passed": MARKS["passed"]._replace(word="up"),
    "skipped": MARKS["skipped"],
    "paused": Mark("○", "dim", "paused"),
}
_LONGEST_NAME = 40
_PAGE = 100
_ASKED_SINGLY = 20
"""Runs whose sentence is asked for by itself: those that are not among the latest bad ones."""


class _Answers(NamedTuple):
    server: ServerAnswer
    projects: list[ProjectAnswer]
    checks: list[CheckAnswer]
    sentences: dict[str, RunAnswer]
    several: bool


def show_status(
    project: str | None, tag: str | None, server: str | None, token: str | None, as_json: bool
) -> int:
    """Write how all checks stand; returns the exit status.

    Raises:
        CheckwireError: the server cannot be asked, or knows no such project or tag.
    """
    asked = Server(find_access(server, token))
    answers = _ask(asked, project, tag)
    status = 1 if any(_state(check) in _DOWN for check in answers.checks) else 0
    output = Output()
    if as_json:
        output.write(format_document(_document(asked, answers, status)))
        return status
    console = Console(output)
    console.lines(_lines(asked, answers, status, console.width))
    return status


def _ask(server: Server, project: str | None, tag: str | None) -> _Answers:
    about = decoded(server.get("/server"), ServerAnswer, server)
    projects = [decoded(item, ProjectAnswer, server) for item in server.items("/projects")]
    query = {"project": project, "tag": tag}
    checks = [decoded(item, CheckAnswer, server) for item in server.pages("/checks", query)]
    if not checks:
        keys = [one.key for one in projects]
        require_known(server, project=project, tag=tag, projects=keys)
    checks.sort(key=_gravity)
    several = len(projects) > 1
    if project is not None:
        projects = [one for one in projects if one.key == project]
    return _Answers(about, projects, checks, _sentences(server, checks), several)


def _state(check: CheckAnswer) -> str:
    if check.paused:
        return "paused"
    return check.status if check.status in _STATES else "new"


def _gravity(check: CheckAnswer) -> tuple[int, int, str, str]:
    """The worst first, and of those what happened last."""
    state = _state(check)
    return _GRAVITY.index(state), -_since(check), check.project, check.id


def _worst(check: CheckAnswer) -> list[Standing]:
    """Where it stands as it stands at its worst, since the longest time first."""
    there = [one for one in check.states if one.status == check.status]
    return sorted(there, key=lambda one: one.since_ns)


def _since(check: CheckAnswer) -> int:
    if check.paused:
        return check.paused_ns or 0
    if check.status in _DOWN and check.down_since_ns is not None:
        return check.down_since_ns
    worst = _worst(check)
    return worst[0].since_ns if worst else 0


def _sentences(server: Server, checks: Iterable[CheckAnswer]) -> dict[str, RunAnswer]:
    """The runs that say what is wrong, by their ids."""
    wanted = {
        _worst(check)[-1].run_id
        for check in checks
        if _state(check) in (*_DOWN, "degraded") and check.states
    }
    if not wanted:
        return {}
    found: dict[str, RunAnswer] = {}
    query = {"status": [*_DOWN, "degraded"]}
    for item in server.pages("/runs", query, limit=200):
        run = decoded(item, RunAnswer, server)
        if run.run_id in wanted:
            found[run.run_id] = run
    for run_id in sorted(wanted - set(found), reverse=True)[:_ASKED_SINGLY]:
        try:
            found[run_id] = decoded(server.get(f"/runs/{run_id}"), RunAnswer, server)
        except Refusal:
            continue  # it is no longer kept
    return found


def _document(server: Server, answers: _Answers, status: int) -> dict[str, Any]:
    import msgspec

    checks = []
    for check in answers.checks:
        worst = _worst(check)
        run = answers.sentences.get(worst[-1].run_id) if worst else None
        told = {"code": run.code, "message": run.message} if run is not None else {}
        checks.append({**msgspec.to_builtins(check), "state": _state(check), **told})
    about = msgspec.to_builtins(answers.server)
    del about["running"]
    return {
        "server": {"url": server.access.server, **about},
        "projects": msgspec.to_builtins(answers.projects),
        "counts": dict(_counts(answers.checks)),
        "checks": checks,
        "exit_code": status,
    }


def _counts(checks: Iterable[CheckAnswer]) -> Iterator[tuple[str, int]]:
    states = [_state(check) for check in checks]
    for state in _GRAVITY:
        yield state, states.count(state)


def _lines(server: Server, answers: _Answers, status: int, width: int) -> Iterator[Text]:
    now_ns = time.time_ns()
    title = Text("checkwire", "bold").add(f" {answers.server.version}", "dim")
    running = counted(len(answers.server.running), "run")
    title.add(f"  {server.access.server}", "dim")
    title.add(f"  up {span(now_ns - answers.server.started_ns)}, {running} under way", "dim")
    yield title.cut(width)
    yield Text()
    problems = list(_problems(answers, now_ns, min(width, _PAGE)))
    yield from problems
    if problems:
        yield Text()
    names = {check.uid: full_name(check, answers.several) for check in answers.checks}
    longest = max((width_of(clean(name)) for name in names.values()), default=0)
    column = min(longest, _LONGEST_NAME, width // 2)
    for check in answers.checks:
        yield from _check(check, names[check.uid], column, answers.sentences, width, now_ns)
    yield Text()
    yield _summary(answers.checks, status).cut(width)


def _problems(answers: _Answers, now_ns: int, page: int) -> Iterator[Text]:
    mark = MARKS["warning"]
    # A server's problems are its projects', too.
    again = {f"project {project.key}: {project.error}" for project in answers.projects}
    told = [("server", problem) for problem in answers.server.problems if problem not in again]
    for project in answers.projects:
        if project.error is not None and not _is_of_failures(project, project.error):
            loaded = instant(project.loaded_ns, now_ns)
            error = project.error.rstrip(".")
            told.append((project.key, f"{error}. The version of {loaded} runs on."))
        told += [(project.key, failure.message) for failure in project.load_failures]
        told += [(project.key, f"{warning}.") for warning in project.warnings]
    for whose, sentence in told:
        first, *rest = wrap(sentence, page - len(whose) - 6)
        yield Text("  ").add(mark.shape, mark.style).add(f" {whose}  ", "bold").add(first)
        for line in rest:
            yield Text().pad(len(whose) + 6).add(line)


def _is_of_failures(project: ProjectAnswer, error: str) -> bool:
    """Whether an error says only what is wrong with files of the version that runs."""
    failures = project.load_failures
    return bool(failures) and all(failure.message in error for failure in failures)


def _check(
    check: CheckAnswer,
    name: str,
    column: int,
    sentences: dict[str, RunAnswer],
    width: int,
    now_ns: int,
) -> Iterator[Text]:
    state = _state(check)
    mark = _STATES[state]
    style = {"fail": "fail bold", "dim": "dim"}.get(mark.style, "")
    line = Text("  ").add(mark.shape, mark.style).add(" ").join(Text(name, style).cut(column))
    line.pad(4 + column + 2)
    if state in (*_DOWN, "degraded"):
        worst = _worst(check)
        line.add(f"{mark.word} for {span(now_ns - _since(check))}", mark.style)
        if len(check.states) > 1:
            places = ", ".join(one.location for one in worst)
            line.add(f" at {places} ({len(worst)} of {len(check.states)})")
        yield line.cut(width)
        run = sentences.get(worst[-1].run_id)
        if run is not None and run.message:
            yield from sentence_lines(run.message, run.code, 4, min(width, _PAGE))
        return
    yield line.join(_fact(check, state, now_ns)).cut(width)


def _fact(check: CheckAnswer, state: str, now_ns: int) -> Text:
    word = _STATES[state].word
    last_ns = max((one.due_ns for one in check.states), default=0)
    last = f", last run {ago(last_ns, now_ns)}" if last_ns else ""
    match state:
        case "paused":
            since = "" if check.paused_ns is None else f" {ago(check.paused_ns, now_ns)}"
            line = Text(f"{word}{by_whom(check.paused_by)}{since}", "dim")
            if check.incident is not None:
                line.add(f", incident open for {span(now_ns - check.incident.began_ns)}", "warn")
            return line
        case "new":
            due = "" if check.next_due_ns is None else f", due {ago(check.next_due_ns, now_ns)}"
            return Text(f"{word}{due or ', and not scheduled'}", "dim")
        case "missed":
            return _missed(check, now_ns)
        case "skipped":
            return Text(f"{word} for {span(now_ns - _since(check))}", "dim")
        case _:
            return Text(f"{word} for {span(now_ns - _since(check))}").add(last, "dim")


def _missed(check: CheckAnswer, now_ns: int) -> Text:
    there, places = _worst(check), len(check.states)
    for_long = f"no run could begin in time for {span(now_ns - _since(check))}"
    if places == 1:
        return Text(for_long, "warn")
    where = ", ".join(one.location for one in there)
    line = Text(f"{for_long} at {where} ({len(there)} of {places})", "warn")
    others = [one for one in check.states if one not in there]
    if others:
        latest = max(others, key=lambda one: one.due_ns)
        line.add(f", {latest.status} {ago(latest.due_ns, now_ns)} at {latest.location}", "dim")
    return line


def _summary(checks: list[CheckAnswer], status: int) -> Text:
    line = Text()
    for state, count in _counts(checks):
        if count:
            mark = _STATES[state]
            style = f"{mark.style} bold" if state in _DOWN else mark.style
            line.add(", " if line.width else "").add(f"{count:,} {mark.word}", style)
    if not checks:
        line.add("no checks", "bold")
    return line.add(f"  exit {status}", "dim")
