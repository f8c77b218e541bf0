"""Runs as JUnit XML, in the form that Jenkins, GitLab, GitHub's actions and others read.

There is no standard. This is what they have in common (see github.com/testmoapp/junitxml), and
``tests/exporters/junit.xsd`` says exactly what is written here: one ``testsuite`` per check file,
one ``testcase`` per run; ``failure`` when the target is at fault, ``error`` when the check is;
times in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from checkwire.exporters.transcript_text import transcript_text
from checkwire.model.attempt import Attempt, Run, Unfinished
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_ns
from checkwire.model.events import Logged
from checkwire.model.failures import Failure, code_of

__all__ = ["junit_xml"]

_ILLEGAL = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u200a\u2010-\u2027\u202f-\u205f\u2070-\ud7ff\ue000-\ufdcf"
    "\ufdf0-\ufefe\uff00-\ufffd\U00010000-\U0010fffd]"
)
"""What XML 1.0 section 2.2 forbids or discourages, and what changes the direction of text."""

_MAX_TEXT = 256 * 1024
"""Characters of one ``system-out`` or ``system-err``: CI servers read the document into memory."""


class _File:
    """What there is to tell of one check file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.failures: list[Failure] = []
        self.runs: list[Run] = []
        self.unfinished: list[Unfinished] = []


def junit_xml(
    runs: Sequence[Run],
    *,
    load_failures: Iterable[Failure] = (),
    unfinished: Iterable[Unfinished] = (),
    ended_by: str = "",
    duration_ns: int | None = None,
) -> str:
    """The document.

    Args:
        runs: in the order in which they shall stand.
        load_failures: what kept check files from being loaded: each is a case with an ``error``.
        unfinished: the checks that were to run and have no run: each is a case that is
            ``skipped``, as it says nothing of the target. So do other runners have it (Bazel,
            Playwright): the CI server shows what is missing, and blames nobody for it.
        ended_by: why: what comes after ``not run: ``.
        duration_ns: of all runs together, by the clock on the wall; by default their sum.
    """
    files: dict[str, _File] = {}

    def file(path: str) -> _File:
        return files.setdefault(path, _File(path))

    for failure in load_failures:
        file(failure.location.path if failure.location else "").failures.append(failure)
    for run in runs:
        file(run.check.path).runs.append(run)
    for one in unfinished:
        file(one.check.path).unfinished.append(one)
    if duration_ns is None:
        duration_ns = sum(run.duration_ns for run in runs)
    began = min((run.started_ns for run in runs), default=None)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    count, time = _counts(files.values()), _seconds(duration_ns)
    lines.append(f'<testsuites name="checkwire"{count} time="{time}"{_at(began)}>')
    for one_file in files.values():
        lines += _suite(one_file, ended_by)
    lines.append("</testsuites>\n")
    return "\n".join(lines)


def _suite(file: _File, ended_by: str) -> Iterator[str]:
    path = file.path
    began = min((run.started_ns for run in file.runs), default=None)
    time = sum(run.duration_ns for run in file.runs)
    time += sum(one.duration_ns or 0 for one in file.unfinished)
    totals = f'{_counts([file])} time="{_seconds(time)}"{_at(began)}'
    yield f"  <testsuite name={_quoted(path or 'checkwire')}{totals}>"
    for failure in file.failures:
        line = failure.location.line if failure.location else 1
        name = str(failure.evidence.get("id") or path or "checkwire")
        yield (
            f"    <testcase name={_quoted(name)} classname={_quoted(_class(path))}"
            f' file={_quoted(path)} line="{line}" time="0.000">'
        )
        yield _problem("error", failure)
        yield "    </testcase>"
    for run in file.runs:
        yield from _case(run)
    for one in file.unfinished:
        yield from _unfinished_case(one, ended_by)
    yield "  </testsuite>"


def _case(run: Run) -> Iterator[str]:
    yield from _case_head(run.check, run.duration_ns, _properties(run))
    last = run.attempts[-1] if run.attempts else None
    if run.status == "skipped":
        yield f"      <skipped message={_quoted(run.skipped)}/>"
    elif run.status in ("failed", "error"):
        failure = last.failure if last is not None else None
        unknown = Failure(
            code=f"check.{run.status}", message=f"The run has the status {run.status}"
        )
        yield _problem("error" if run.status == "error" else "failure", failure or unknown)
    if out := "\n".join(line for attempt in run.attempts for line in _transcript(run, attempt)):
        yield f"      <system-out>{_content(out)}</system-out>"
    errors = [
        event.message
        for attempt in run.attempts
        for event in attempt.events
        if isinstance(event, Logged) and event.source == "stderr"
    ]
    if errors:
        yield f"      <system-err>{_content(chr(10).join(errors))}</system-err>"
    yield "    </testcase>"


def _unfinished_case(one: Unfinished, ended_by: str) -> Iterator[str]:
    if one.duration_ns is None:
        status, told = "not_run", "not run"
    else:
        status, told = "stopped", f"stopped after {format_ns(one.duration_ns)}"
    properties = [("id", one.check.id), ("status", status)]
    yield from _case_head(one.check, one.duration_ns or 0, properties)
    yield f"      <skipped message={_quoted(f'{told}: {ended_by}' if ended_by else told)}/>"
    yield "    </testcase>"


def _case_head(
    check: CheckDefinition, duration_ns: int, properties: Iterable[tuple[str, str]]
) -> Iterator[str]:
    yield (
        f"    <testcase name={_quoted(check.name)} classname={_quoted(_class(check.path))}"
        f' file={_quoted(check.path)} line="{check.line}" time="{_seconds(duration_ns)}">'
    )
    yield "      <properties>"
    for name, value in properties:
        yield f"        <property name={_quoted(name)} value={_quoted(value)}/>"
    yield "      </properties>"


def _properties(run: Run) -> Iterator[tuple[str, str]]:
    """Facts for tools: id, status, and the phases of the first connection in seconds."""
    yield "id", run.check.id
    yield "status", run.status
    yield "location", run.location
    for tag in run.check.tags:
        yield "tag", tag
    if len(run.attempts) > 1:
        yield "attempts", str(len(run.attempts))
    if run.flaky:
        yield "flaky", "true"
    if not run.attempts:
        return
    last = run.attempts[-1]
    if last.failure is not None:
        yield "code", last.failure.code
        yield "blame", code_of(last.failure.code).blame
    for connection in last.connections[:1]:
        yield "url", connection.url
        for phase in connection.phases:
            yield f"phase.{phase.name}", f"{phase.duration_ns / 1e9:.6f}"


def _problem(element: str, failure: Failure) -> str:
    lines = [failure.message]
    if failure.location is not None:
        lines.append(f"{failure.location.path}:{failure.location.line}")
        if failure.location.text and failure.location.text not in failure.details:
            lines.append(f"    {failure.location.text}")
    if failure.details:
        lines += ["", failure.details]
    if hint := failure.hint or code_of(failure.code).hint:
        lines += ["", hint]
    text = _content("\n".join(lines))
    message = _quoted(failure.message)
    return f"      <{element} message={message} type={_quoted(failure.code)}>{text}</{element}>"


def _transcript(run: Run, attempt: Attempt) -> Iterator[str]:
    if len(run.attempts) > 1:
        yield f"attempt {attempt.number}: {attempt.status}"
    yield from transcript_text(attempt)


def _counts(files: Iterable[_File]) -> str:
    statuses: list[str] = []
    for file in files:
        statuses += [run.status for run in file.runs]
        statuses += ["error"] * len(file.failures) + ["skipped"] * len(file.unfinished)
    return (
        f' tests="{len(statuses)}" failures="{statuses.count("failed")}"'
        f' errors="{statuses.count("error")}" skipped="{statuses.count("skipped")}"'
    )


def _class(path: str) -> str:
    """The file as the dotted name by which such tools group: ``checks.orders_check``."""
    return path.removesuffix(".py").strip("./").replace("/", ".") or "checkwire"


def _at(started_ns: int | None) -> str:
    if started_ns is None:
        return ""
    moment = datetime.fromtimestamp(started_ns / 1e9, UTC)
    return f' timestamp="{moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}"'


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.3f}"


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda match: ascii(match[0])[1:-1], text)


def _quoted(text: str) -> str:
    """The value of an attribute, in quotes; a parser would take its line breaks for spaces."""
    value = escape(_legal(text)).replace("\t", "&#9;").replace("\n", "&#10;")
    return f'"{value}"'


def _content(text: str) -> str:
    text = _legal(text)
    if len(text) > _MAX_TEXT:
        half = _MAX_TEXT // 2
        text = f"{text[:half]}\n… {len(text) - _MAX_TEXT:,} characters …\n{text[-half:]}"
    return escape(text, quote=False)
