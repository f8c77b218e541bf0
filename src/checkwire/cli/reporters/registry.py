"""Reporters by name, and what ``--reporter`` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from checkwire.cli.reporters.base import Finish, Reporter, Start
    from checkwire.model.attempt import Run
    from checkwire.model.definition import CheckDefinition
    from checkwire.model.events import Event

__all__ = ["NAMES", "Choice", "Reporters", "open_reporters", "parse_reporters"]

_REPORTERS = {
    "list": ("checkwire.cli.reporters.list", "ListReporter"),
    "dot": ("checkwire.cli.reporters.dot", "DotReporter"),
    "json": ("checkwire.cli.reporters.json", "JsonReporter"),
    "junit": ("checkwire.cli.reporters.junit", "JUnitReporter"),
    "github": ("checkwire.cli.reporters.github", "GitHubReporter"),
}
"""Module and class of each; the class is called with an output, a verbosity, and the environment.

Imported only when chosen.
"""

NAMES = tuple(_REPORTERS)
"""What can be chosen."""


class Choice(NamedTuple):
    """A reporter, and the file it writes; ``None`` is standard output."""

    name: str
    file: str | None = None

    def __str__(self) -> str:
        return self.name if self.file is None else f"{self.name}={self.file}"


def parse_reporters(values: Iterable[str]) -> tuple[Choice, ...]:
    """What ``--reporter`` asked for: ``list``, ``junit=report.xml``; ``list`` if nothing did.

    ``-`` as the file is standard output. ``github`` annotates a report for people: alone on
    standard output it brings ``list`` with it; given a file, it writes its Markdown summary there.

    Raises:
        UsageError: an unknown name, or two reporters that would write into each other.
    """
    from checkwire.model.errors import UsageError

    choices: list[Choice] = []
    for value in values:
        name, equals, file = value.partition("=")
        if name not in _REPORTERS:
            raise UsageError(_unknown(name))
        if equals and not file:
            raise UsageError(f"--reporter {value}: write the file's name after '='")
        choice = Choice(name, None if file in ("", "-") else file)
        if choice not in choices:
            choices.append(choice)
    files = [choice.file for choice in choices if choice.file is not None]
    for file in files:
        if files.count(file) > 1:
            both = " and ".join(str(choice) for choice in choices if choice.file == file)
            raise UsageError(f"{both} would write the same file")
    on_stdout = [choice for choice in choices if choice.file is None and choice.name != "github"]
    if len(on_stdout) > 1:
        first, second = on_stdout[:2]
        raise UsageError(
            f"the reporters {first.name} and {second.name} would both write to standard output; "
            f"give one of them a file: --reporter {second.name}=FILE"
        )
    github = any(choice.name == "github" for choice in choices)
    if github and on_stdout and on_stdout[0].name in ("json", "junit"):
        name = on_stdout[0].name
        raise UsageError(
            f"github writes its annotations to standard output, where {name} writes its document; "
            f"give that a file: --reporter {name}=FILE"
        )
    if not choices or (github and not on_stdout):
        choices.append(Choice("list"))
    # What it adds comes after the report for people.
    return tuple(sorted(choices, key=lambda choice: choice.name == "github"))


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, NAMES, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"there is no reporter {name!r}{guess} (there are: {', '.join(NAMES)})"


def open_reporters(
    choices: Sequence[Choice],
    *,
    verbosity: int = 0,
    stdout: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> Reporters:
    """Open the reporters, and their files, so that one that cannot be written is known at once.

    Args:
        choices: what :func:`parse_reporters` returned.
        verbosity: how often ``-v`` was given: 1 shows transcripts, 2 headers and payloads too.
        stdout: instead of ``sys.stdout``.
        environ: instead of ``os.environ``.

    Raises:
        UsageError: a file cannot be written; nothing is left behind.
    """
    import os

    from checkwire.cli.reporters.output import Output

    opened: list[Reporter] = []
    try:
        for choice in choices:
            module, name = _REPORTERS[choice.name]
            make: Callable[..., Reporter] = getattr(import_module(module), name)
            output = Output(choice.file, stdout=stdout)
            opened.append(make(output, verbosity, os.environ if environ is None else environ))
    except BaseException:
        Reporters(opened).close()
        raise
    return Reporters(opened)


class Reporters:
    """Several reporters as one; see :class:`checkwire.cli.reporters.base.Reporter`."""

    def __init__(self, reporters: Sequence[Reporter]) -> None:
        self._reporters = tuple(reporters)
        self.live = any(reporter.live for reporter in reporters)

    def start(self, start: Start) -> None:
        for reporter in self._reporters:
            reporter.start(start)

    def check_started(self, definition: CheckDefinition) -> None:
        for reporter in self._reporters:
            reporter.check_started(definition)

    def event(self, definition: CheckDefinition, event: Event) -> None:
        for reporter in self._reporters:
            reporter.event(definition, event)

    def tick(self) -> None:
        for reporter in self._reporters:
            if reporter.live:
                reporter.tick()

    def run_finished(self, run: Run) -> None:
        for reporter in self._reporters:
            reporter.run_finished(run)

    def finish(self, finish: Finish) -> None:
        """One that cannot write its report does not keep the others from writing theirs."""
        self._each(lambda reporter: reporter.finish(finish))

    def close(self) -> None:
        self._each(lambda reporter: reporter.close())

    def _each(self, act: Callable[[Reporter], Any]) -> None:
        first: Exception | None = None
        for reporter in self._reporters:
            try:
                act(reporter)
            except Exception as error:
                first = first or error
        if first is not None:
            raise first
