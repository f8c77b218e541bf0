"""``github``: annotations in the files of a pull request, and a summary of the job, in Markdown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from checkwire.cli.reporters.at_end import ReporterAtEnd
from checkwire.cli.reporters.base import Finish
from checkwire.cli.reporters.failure_block import load_failure_block, run_block
from checkwire.cli.reporters.marks import MARKS, RUNNING, fate_of, mark_of_run
from checkwire.cli.reporters.output import Output
from checkwire.cli.reporters.paint import Text, clean
from checkwire.cli.reporters.summary import summary_line
from checkwire.model.attempt import Run, Unfinished, folded
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_ns
from checkwire.model.errors import CheckwireError
from checkwire.model.failures import Failure, Location, code_of

__all__ = ["GitHubReporter"]

_SUMMARY_LIMIT = 1024 * 1024
"""Bytes of a step's summary; GitHub shows nothing at all of a larger one."""

_TITLE = 160
_BLOCK_WIDTH = 100
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~@$-])")


class GitHubReporter(ReporterAtEnd):
    """Writes workflow commands to standard output, and the summary where it is asked for.

    The summary is appended to the file that ``GITHUB_STEP_SUMMARY`` names, or written to the file
    given (``--reporter github=FILE``).

    GitHub shows ten errors and ten warnings per step, so the gravest come first.
    """

    def write(self, finish: Finish) -> None:
        commands = Output(stdout=self._output.stdout)
        commands.write("".join(f"{line}\n" for line in self._annotations(finish)))
        if not self._output.is_stdout:
            self._output.write(self._summary(finish, _SUMMARY_LIMIT))
        elif path := self._environ.get("GITHUB_STEP_SUMMARY"):
            self._append(path, finish)

    def _append(self, path: str, finish: Finish) -> None:
        try:
            with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123 - as plain as it is
                room = _SUMMARY_LIMIT - file.tell()
                file.write(self._summary(finish, room))
        except OSError as error:
            raise CheckwireError(
                f"GITHUB_STEP_SUMMARY={path} cannot be written: {error.strerror or error}"
            ) from None

    # Annotations

    def _annotations(self, finish: Finish) -> Iterator[str]:
        for failure in self._start.load_failures:
            yield self._command("error", failure, failure.location, fate_of(failure))
        for status in ("error", "failed"):
            for run in finish.runs:
                if run.status == status:
                    yield self._of_run("error", run)
        for run in finish.runs:
            if run.status == "degraded":
                yield self._of_run("warning", run)
            elif run.flaky:
                first = run.attempts[0].failure
                if first is not None:
                    title = f"{run.check.name} is flaky"
                    yield self._command("warning", first, _location(run, first), title)
        if finish.interrupted:
            total = summary_line(self._start, finish)
            yield f"::warning title=Checkwire was interrupted::{_data(total)}"
        for run in finish.runs:
            if run.status == "passed":
                for failed in folded(run.attempts[-1].failures) if run.attempts else ():
                    place = _location(run, failed.failure)
                    yield self._command("warning", failed.failure, place, run.check.name)

    def _of_run(self, kind: str, run: Run) -> str:
        failure = run.attempts[-1].failure if run.attempts else None
        if failure is None:
            failure = Failure(code=f"check.{run.status}", message=f"The run {run.status}")
        title = f"{run.check.name} {'has an error' if run.status == 'error' else run.status}"
        return self._command(kind, failure, _location(run, failure), title)

    def _command(self, kind: str, failure: Failure, place: Location | None, title: str) -> str:
        properties = []
        if place is not None:
            properties += [f"file={_property(clean(self._path(place.path)))}", f"line={place.line}"]
        properties.append(f"title={_property(clean(title)[:_TITLE])}")
        lines = [f"{failure.message} [{failure.code}]"]
        if hint := failure.hint or code_of(failure.code).hint:
            lines.append(hint)
        if failure.details:
            lines += ["", *failure.details.splitlines()]
        message = "\n".join(map(clean, lines))
        return f"::{kind} {','.join(properties)}::{_data(message)}"

    def _path(self, path: str) -> str:
        """As the repository has it: the project may be a folder in it."""
        workspace = self._environ.get("GITHUB_WORKSPACE")
        if not workspace:
            return path
        whole = os.path.join(os.path.abspath(self._start.root), path)  # noqa: PTH118, PTH100
        relative = os.path.relpath(whole, workspace)
        return path if relative.startswith("..") else relative.replace(os.sep, "/")

    # Summary

    def _summary(self, finish: Finish, room: int) -> str:
        """Markdown of at most so many bytes; the blocks that do not fit are named as missing."""
        parts = [f"### Checkwire: {_text(summary_line(self._start, finish))}\n\n"]
        if finish.runs or finish.unfinished:
            parts.append("| | check | took | |\n|---|---|---:|---|\n")
            parts += [_row_of_run(run) for run in finish.runs]
            parts += [_row_of_unfinished(one, finish) for one in finish.unfinished]
            parts.append("\n")
        blocks = [
            _fold(f"✕ {_place(failure.location)}", load_failure_block(failure, _BLOCK_WIDTH))
            for failure in self._start.load_failures
        ]
        blocks += [
            _fold(
                f"{mark_of_run(run).shape} {run.check.name}",
                run_block(run, _BLOCK_WIDTH, root=self._start.root, again=finish.again),
            )
            for run in finish.runs
            if run.attempts and run.status not in ("passed", "skipped")
        ]
        omitted = "\n… what else there is to say does not fit into GitHub's limit.\n"
        room -= len(omitted.encode())
        text = ""
        for part in (*parts, *blocks):
            room -= len(part.encode("utf-8", "replace"))
            if room < 0:
                return text + omitted
            text += part
        return text


def _location(run: Run, failure: Failure) -> Location:
    return failure.location or Location(run.check.path, run.check.line)


def _place(location: Location | None) -> str:
    return "checkwire" if location is None else f"{location.path}:{location.line}"


def _row_of_run(run: Run) -> str:
    mark = mark_of_run(run)
    said = run.skipped
    if run.attempts and (failure := run.attempts[-1].failure) is not None:
        said = f"{failure.message} {failure.code}"
    elif run.flaky:
        said = f"passed on attempt {len(run.attempts)}"
    elif run.attempts and run.attempts[-1].failures:
        said = "; ".join(one.failure.message for one in folded(run.attempts[-1].failures))
    took = "" if run.status == "skipped" else format_ns(run.duration_ns)
    return _row(f"{mark.shape} {mark.word}", run.check, took, said)


def _row_of_unfinished(one: Unfinished, finish: Finish) -> str:
    if one.duration_ns is None:
        return _row(f"{MARKS['skipped'].shape} not run", one.check, "", finish.ended_by)
    return _row(f"{RUNNING.shape} stopped", one.check, format_ns(one.duration_ns), finish.ended_by)


def _row(status: str, check: CheckDefinition, took: str, said: str) -> str:
    name = f"{_text(check.name)}<br><sub>{_text(check.path)}</sub>"
    return f"| {status} | {name} | {took} | {_text(said)} |\n"


def _fold(title: str, lines: Iterator[Text]) -> str:
    """A block that opens with a click; its text as it is in a terminal."""
    text = "\n".join(line.cut(_BLOCK_WIDTH).plain.rstrip() for line in lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    code = f"{fence}text\n{text}\n{fence}"
    return f"<details><summary>{_html(title)}</summary>\n\n{code}\n\n</details>\n\n"


def _html(text: str) -> str:
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> str:
    """As text in Markdown, in one line: no link, no mention, no cell of a table begins in it."""
    return _MARKDOWN.sub(r"\\\1", _html(" ".join(text.split())))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
