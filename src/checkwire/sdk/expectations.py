"""``expect``: what a plain ``assert`` cannot say."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from checkwire.model.durations import Duration, format_seconds
from checkwire.model.errors import ExpectationFailed, FailureError, UsageError
from checkwire.model.failures import Failure
from checkwire.sdk.context import Site, current, here
from checkwire.sdk.facts import Seconds
from checkwire.sdk.ledger import Expected
from checkwire.sdk.matching import Pattern, describe, project, why_not
from checkwire.sdk.waiting import seconds

__all__ = ["Expectation", "ExpectedFailure", "expect"]

Hardness = Literal["soft", "hard", None]

_UNUSED = "expect(...) verifies nothing by itself: go on with .below(), .equals(), .matches(), ..."


class Expectation:
    """A value of which something is expected; see :data:`expect`. Calls can be chained."""

    __slots__ = ("_context", "_hardness", "_label", "_site", "_value")

    def __init__(self, value: Any, label: str | None, hardness: Hardness, site: Site) -> None:
        self._value = value
        self._label = label
        self._hardness: Hardness = hardness
        self._site = site
        self._context = current()
        self._context.made(self, _UNUSED, site)

    if not TYPE_CHECKING:  # A type checker would say so before it runs.

        def __getattr__(self, name):
            from checkwire.sdk.foreign import no_such_expectation

            raise no_such_expectation(name, dir(type(self)))

    # Durations and numbers: soft unless said otherwise, since slow is not broken.

    def below(self, limit: Duration) -> Expectation:
        """A duration in seconds, or any number, is less than the limit. Soft.

        The limit may be written as ``"300ms"``.
        """
        return self._compare(limit, "below", lambda value, bound: value < bound)

    def above(self, limit: Duration) -> Expectation:
        """A duration in seconds, or any number, is more than the limit. Soft."""
        return self._compare(limit, "above", lambda value, bound: value > bound)

    def _compare(self, limit: Duration, word: str, holds: Any) -> Expectation:
        self._context.used(self)
        value = self._value
        timed = isinstance(limit, str) or isinstance(value, Seconds)
        if timed:
            bound = seconds(f"expect(...).{word}()", limit)
        elif isinstance(limit, int | float) and not isinstance(limit, bool):
            bound = limit
        else:
            raise self._context.misused(
                f'expect(...).{word}() takes a number, or a duration as "300ms", not {limit!r}',
                self._site,
            )
        if not isinstance(value, int | float) or isinstance(value, bool):
            return self._judge(
                False, "soft", "assertion.failed", f"was {self._show(value)}", f"{word} {limit}"
            )
        found = format_seconds(value) if timed and value >= 0 else f"{value:g}"
        code = "assertion.too_slow" if timed and word == "below" else "assertion.failed"
        wanted = f"{word} {format_seconds(bound) if timed else limit}"
        return self._judge(holds(value, bound), "soft", code, f"was {found}", wanted)

    # Content: hard unless said otherwise.

    def equals(self, expected: Any) -> Expectation:
        """The value equals another. Hard."""
        details = "" if self._value == expected else self._diff(expected, self._value)
        return self._judge(
            bool(self._value == expected),
            "hard",
            "assertion.failed",
            f"was {self._show(self._value)}",
            self._show(expected),
            details,
        )

    def matches(self, pattern: Pattern) -> Expectation:
        """The value fits a pattern, as ``where=`` of ``receive``. Hard."""
        self._context.used(self)
        reason = why_not(pattern, self._value)
        wanted = describe(pattern)
        named = isinstance(wanted, str) and not isinstance(pattern, str)
        details = ""
        if reason is not None and not named:
            details = self._diff(wanted, project(pattern, self._value))
        raised = isinstance(reason, Exception)
        why = f" (the pattern raised {type(reason).__name__}: {reason})" if raised else ""
        return self._judge(
            reason is None,
            "hard",
            "assertion.failed",
            f"was {self._show(self._value)}{why}",
            f"something that matches {wanted if named else self._show(wanted)}",
            details,
        )

    def contains(self, part: Any) -> Expectation:
        """The part is in the value: a substring, a member, a key. Hard."""
        try:
            found = part in self._value
        except TypeError:
            found = False
        return self._judge(
            found,
            "hard",
            "assertion.failed",
            f"was {self._show(self._value)}",
            f"{self._show(part)} in it",
        )

    def matches_schema(self, schema: dict[str, Any] | bool) -> Expectation:
        """The value is valid against a JSON Schema (draft 2020-12 unless it says otherwise). Hard.

        Args:
            schema: as ``json.loads`` would give it. A ``$ref`` leads to a part of it: nothing is
                fetched.

        Raises:
            UsageError: the schema itself is not valid.
        """
        from checkwire.sdk.schema import schema_errors

        self._context.used(self)
        try:
            errors = schema_errors(schema, self._value)
        except UsageError as error:
            raise self._context.misused(str(error), self._site) from None
        more = f", and in {len(errors) - 1} more places" if len(errors) > 1 else ""
        return self._judge(
            not errors,
            "hard",
            "message.schema",
            f"does not fit its JSON Schema: {errors[0]}{more}" if errors else "",
            "",
            "\n".join(errors[:20]),
        )

    def find(self, what: Any) -> Any:
        """Take a part out of the value, which must be there. Hard.

        Args:
            what: a JSONPath (RFC 9535), for the first thing that it finds; a regular expression,
                compiled or from :func:`checkwire.patterns.regex`, for its first group, or all that
                it matches if it has none; the name of a header, for ``ws.response.headers``.

        Returns:
            The part, which expectations can be made of in turn.

        Raises:
            ExpectationFailed: ``assertion.not_found``.
            UsageError: it is none of these.
        """
        from checkwire.sdk.finding import find_part

        self._context.used(self)
        try:
            found, where = find_part(what, self._value)
        except UsageError as error:
            raise self._context.misused(str(error), self._site) from None
        self._judge(bool(found), "hard", "assertion.not_found", f"has nothing {where}", "", "")
        return found[0]

    def _diff(self, expected: Any, actual: Any) -> str:
        from checkwire.sdk.diff import diff

        if not isinstance(actual, dict | list | str):
            return ""
        return "\n".join(diff(expected, actual, masker=self._context.masker))

    def _show(self, value: Any) -> str:
        from checkwire.sdk.values import show

        return show(value, masker=self._context.masker)

    def _judge(
        self,
        holds: bool,
        hardness: Hardness,
        code: str,
        found: str,
        wanted: str,
        details: str = "",
    ) -> Expectation:
        context = self._context
        context.used(self)
        key = (self._site, self._label, wanted)
        if holds:
            context.ledger.held(key)
            return self
        label = self._label or _written(self._site) or "The value"
        message = f"{label} {found}."
        message = f"{message} The check expects {wanted}" if wanted else message.rstrip(".")
        failure = Failure(
            code=code,
            message=message,
            details=details,
            location=context.location(self._site),
        )
        if (self._hardness or hardness) == "soft":
            context.ledger.verifications += 1
            context.ledger.failed(context.masked(failure), "degraded")
            return self
        raise ExpectationFailed(context.verification_failed(failure, key))


class ExpectedFailure:
    """A block in which a failure must happen: ``with expect.failure("tcp.refused"):``.

    Works with ``async with`` too. The failure does not count then; if it does not happen, the
    check fails with ``assertion.expected_failure``.

    Attributes:
        failure: what happened, after the block.
    """

    def __init__(self, pattern: str, site: Site) -> None:
        self._expected = Expected(pattern)
        self._site = site
        self._context = current()
        advice = "expect.failure(...) does nothing by itself: write `with expect.failure(...):`"
        self._context.made(self, advice, site)

    @property
    def failure(self) -> Failure:
        """The failure that happened.

        Raises:
            UsageError: none did, or not yet.
        """
        if self._expected.met is None:
            raise self._context.misused("the failure is known after the block in which it happens")
        return self._expected.met

    def __enter__(self) -> ExpectedFailure:
        self._context.used(self)
        self._context.ledger.expect(self._expected)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        context, expected = self._context, self._expected
        happened = list(_failures_of(error))
        for failure in happened:
            if number := context.number_of(failure):
                context.ledger.noticed(number, failure)
            else:  # Raised, and told to nobody so far.
                context.ledger.failed(context.masked(context.located(failure, self._site)))
        context.ledger.expect_no_more(expected)
        if expected.met is None and (error is None or happened):
            instead = f"{happened[0].code} did instead" if happened else "it did not happen"
            failure = Failure(
                code="assertion.expected_failure",
                message=f"{expected.pattern} was expected, and {instead}",
                location=context.location(self._site),
            )
            failure = context.verification_failed(failure, self._site)
            if error is None:
                raise ExpectationFailed(failure)
        elif error is None:
            context.ledger.recovered(self._site)
        if isinstance(error, BaseExceptionGroup):
            covered, rest = error.split(lambda inner: self._covers(inner))  # 3.11: no method
            if covered is not None and rest is not None:
                raise rest from rest.__cause__
            return rest is None
        return error is not None and self._covers(error)

    def _covers(self, error: BaseException) -> bool:
        failure = _failure_of(error)
        return failure is not None and self._expected.covers(failure)

    async def __aenter__(self) -> ExpectedFailure:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        return self.__exit__(kind, error, traceback)


class _Expect:
    """``expect(value)`` begins an expectation.

    What is expected of times and numbers (``below``, ``above``) is *soft*: if it does not hold the
    check goes on, and is ``degraded``. What is expected of content (``equals``, ``matches``,
    ``contains``, ``matches_schema``) is *hard*: if it does not hold the check fails there.
    ``expect.soft(value)`` and ``expect.hard(value)`` make any of them one or the other.
    """

    def __call__(self, value: Any, label: str | None = None) -> Expectation:
        return Expectation(value, label, None, here())

    def soft(self, value: Any, label: str | None = None) -> Expectation:
        """An expectation that degrades the check if it does not hold."""
        return Expectation(value, label, "soft", here())

    def hard(self, value: Any, label: str | None = None) -> Expectation:
        """An expectation that fails the check if it does not hold."""
        return Expectation(value, label, "hard", here())

    def failure(self, code: str) -> ExpectedFailure:
        """A block in which a failure with this code must happen.

        ``*`` stands for anything; a floor (``tls``, ``tls.``) for all codes of it, as ``tls.*``.

        Raises:
            UsageError: there is no such code.
        """
        return ExpectedFailure(_pattern(code), here())


def _pattern(code: str) -> str:
    """What fits the codes that are meant."""
    from fnmatch import filter as matching

    from checkwire.model.failures import CODES
    from checkwire.sdk.suggestion import did_you_mean

    if isinstance(code, str):
        floor = f"{code.removesuffix('.')}.*"
        for pattern in (code, floor):
            if matching(CODES, pattern):
                return pattern
    hint = did_you_mean(str(code), CODES)
    raise current().misused(f"no failure has the code {code!r}{hint}")


def _failures_of(error: BaseException | None) -> Iterator[Failure]:
    """The failures that an exception stands for; a group may stand for several."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _failures_of(inner)
    elif error is not None and (failure := _failure_of(error)) is not None:
        yield failure


def _failure_of(error: BaseException) -> Failure | None:
    """The failure that an exception stands for; a wrong use of the SDK is one too."""
    if isinstance(error, FailureError):
        return error.failure
    if isinstance(error, UsageError):
        return Failure(code="check.usage", message=str(error))
    return None


def _written(site: Site) -> str:
    """What stands between the brackets of ``expect(...)`` at this place."""
    line = linecache.getline(*site).strip()
    try:
        tree = ast.parse(line)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            function = node.func
            if isinstance(function, ast.Attribute):  # expect.soft(...)
                function = function.value
            if isinstance(function, ast.Name) and function.id == "expect":
                return ast.unparse(node.args[0])
    return ""


expect = _Expect()
