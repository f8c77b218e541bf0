"""The ``assert`` statements of check files and of the project's modules, as they run.

``checkwire.project.assertions`` rewrites each ``assert`` so that it reports to its :class:`Site`
here; whoever runs a check listens by setting :data:`observer`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Protocol

from checkwire.model.errors import ExpectationFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checkwire.model.failures import Failure
    from checkwire.model.masking import Masker
    from checkwire.sdk.explain import Explanation

__all__ = [
    "FAILURE",
    "AssertionFailed",
    "AssertionObserver",
    "Site",
    "observer",
    "register",
    "sites_in",
]


FAILURE: Final = "checkwire_failure"
"""Attribute of an exception that left an ``assert``: the failure that was told for it."""


class AssertionFailed(ExpectationFailed):
    """An ``assert`` does not hold: ``assertion.failed``."""


class AssertionObserver(Protocol):
    """What is told of every assertion, at the moment it is decided."""

    @property
    def masker(self) -> Masker | None:
        """Hides secrets in the values shown, before these are cut to length."""

    def passed(self, site: Site) -> None:
        """The assertion holds. Called often: it must be quick."""

    def failed(self, site: Site, failure: Failure) -> None:
        """The assertion does not hold; the script may still swallow the exception."""


observer: AssertionObserver | None = None
"""Who is told. While there is nobody, a failed assertion is a plain ``AssertionError``."""

_sites: dict[str, tuple[Site, ...]] = {}


class Site:
    """One ``assert`` statement.

    Attributes:
        path: its file, relative to the project, with forward slashes.
        line: its line, from 1.
        function: the qualified name of the function it stands in; empty at module level.
        source: the whole statement.
        reached: whether it was decided, either way, in this process.
    """

    __slots__ = ("function", "line", "path", "reached", "source")

    def __init__(self, path: str, line: int, function: str, source: str) -> None:
        self.path = path
        self.line = line
        self.function = function
        self.source = source
        self.reached = False

    def __repr__(self) -> str:
        return f"<Site {self.path}:{self.line} {self.function}>"

    def passed(self) -> None:
        """The assertion holds."""
        self.reached = True
        if observer is not None:
            observer.passed(self)

    def failed(self, values: dict[int, object], *message: object) -> Exception:
        """The assertion does not hold: the exception to raise.

        If a part of it is a coroutine that nobody awaited, that is the check's mistake, and says
        nothing of the target.

        Args:
            values: the values of its parts by their numbers, see ``checkwire.sdk.parts``.
            message: what the author wrote after the comma, if anything.
        """
        from checkwire.sdk.explain import explain
        from checkwire.sdk.forgotten import tell_forgotten

        self.reached = True
        if observer is not None and (mistake := tell_forgotten(values.values())) is not None:
            values.clear()
            return mistake
        explanation = explain(
            self.source, values, message, None if observer is None else observer.masker
        )
        values.clear()  # the frame that asserted keeps the dict, and must not keep the values
        if observer is None:
            error = AssertionError(*message or (explanation.message,))
            error.add_note(explanation.details)
            return error

        failure = self._failure(explanation)
        observer.failed(self, failure)
        return AssertionFailed(failure)

    def broke(self, values: dict[int, object]) -> None:
        """The assertion's expression raised; the exception goes on its way.

        ``assert ack["price"] > 0`` raises when there is no price, or when it is a string: then
        what is under test is not as the check says, just as if the comparison had been false. So
        it counts as a failed assertion, if the expression itself raised it. What a function raises
        that the expression calls is that function's fault.
        """
        error = sys.exc_info()[1]
        if observer is None or not isinstance(error, KeyError | IndexError | TypeError):
            return
        from checkwire.sdk.explain import explain_error
        from checkwire.sdk.forgotten import tell_forgotten

        if tell_forgotten(values.values()) is not None:
            return
        explanation = explain_error(self.source, values, error, observer.masker)
        if explanation is None:
            return
        self.reached = True
        failure = self._failure(explanation)
        error.__dict__[FAILURE] = failure
        observer.failed(self, failure)

    def _failure(self, explanation: Explanation) -> Failure:
        from checkwire.model.failures import Failure, Location

        text = " ".join(self.source.split())
        text = text if len(text) <= 200 else f"{text[:200]}…"
        return Failure(
            code="assertion.failed",
            message=explanation.message,
            details=explanation.details,
            location=Location(self.path, self.line, self.function.rpartition(".")[2], text),
        )


def register(path: str, sites: Iterable[Site]) -> None:
    """Make the sites of a file known; those it had before are forgotten."""
    _sites[path] = tuple(sites)


def sites_in(path: str, function: str | None = None) -> tuple[Site, ...]:
    """The assertions of a file, or of one function in it and the functions nested in that.

    Args:
        path: relative to the project, with forward slashes.
        function: qualified name.
    """
    sites = _sites.get(path, ())
    if function is None:
        return sites
    nested = f"{function}.<locals>."
    return tuple(s for s in sites if s.function == function or s.function.startswith(nested))
