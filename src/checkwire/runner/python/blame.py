"""What an exception means that left a check: which failure, and where in the project's source."""

from __future__ import annotations

import errno
import linecache
import traceback
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Final

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.model.errors import CheckwireError, FailureError
from checkwire.model.failures import Failure, Location
from checkwire.model.sizes import size_text
from checkwire.sdk.assertions import FAILURE
from checkwire.sdk.context import notes_on

__all__ = ["Blame", "frames_of_coroutine", "frames_of_stack", "leaves_of"]

_MAX_MESSAGE: Final = 2000
_MAX_DETAILS: Final = 8000
_MAX_FRAMES: Final = 20
_MAX_DEPTH: Final = 200

Place = tuple[FrameType, int]
"""A frame and the line in it that is being executed."""


class Blame:
    """Turns exceptions into failures.

    Args:
        owns: whether a file is the project's own.
        relative: its path as it is told.
        definition: of the check, for its limits.
    """

    def __init__(
        self,
        owns: Callable[[str], bool],
        relative: Callable[[str], str],
        definition: CheckDefinition,
    ) -> None:
        self._owns = owns
        self._relative = relative
        self._limits = definition

    def failure_of(self, error: BaseException) -> Failure:
        """The failure that an exception stands for. Never raises."""
        told = notes_on(error).get(FAILURE)
        if isinstance(told, Failure):
            return told
        if isinstance(error, FailureError):
            failure = error.failure
        else:
            code, message = self._code_and_message(error)
            details = "" if isinstance(error, AssertionError) else self._traceback(error)
            failure = Failure(code=code, message=message, details=details, hint=self._hint(error))
        if failure.location is None:
            location = self.location(_places_of(error.__traceback__))
            failure = msgspec.structs.replace(failure, location=location)
        return failure

    def location(self, places: Iterable[Place]) -> Location | None:
        """The innermost of these places that is in the project, given outermost first."""
        ours = [place for place in places if self._owns(place[0].f_code.co_filename)]
        if not ours:
            return None
        frame, line = ours[-1]
        path = frame.f_code.co_filename
        text = linecache.getline(path, line, frame.f_globals).strip()
        return Location(self._relative(path), line, frame.f_code.co_name, text)

    def _code_and_message(self, error: BaseException) -> tuple[str, str]:
        said = _text(error)
        match error:
            case AssertionError():
                return "assertion.failed", said or "The assertion does not hold"
            case SystemExit():
                return "script.exited", f"The check called exit({said})"
            case MemoryError():
                allowed = f"the {size_text(self._limits.memory)} that memory= allows"
                return "runner.memory", f"The check used more memory than {allowed}"
            case OSError(errno=errno.EMFILE):
                allowed = f"the {self._limits.files:,} files open that files= allows"
                return "runner.files", f"The check has {allowed}: {said}"
            case OSError(errno=errno.EFBIG):
                allowed = f"the {size_text(self._limits.file_size)} that file_size= allows"
                return "runner.file_size", f"The check wrote a file larger than {allowed}"
            case CheckwireError():
                return "check.usage", said
        name = type(error).__qualname__
        return "script.exception", f"{name}: {said}" if said else name

    def _hint(self, error: BaseException) -> str:
        if type(error) is RuntimeError and _text(error) == "can't start new thread":
            return (
                "Each thread takes some MiB of address space for its stack, of which "
                f"memory= allows {size_text(self._limits.memory)}"
            )
        return ""

    def _traceback(self, error: BaseException) -> str:
        """The traceback from the check's own code on, as a reader of Python knows it."""
        try:
            told = traceback.TracebackException.from_exception(error)
            self._cut(told, set())
            text = "".join(told.format()).strip()
        except BaseException:  # repr and str of an exception are the script's own code
            return ""
        return text if len(text) <= _MAX_DETAILS else f"{text[:_MAX_DETAILS]}\n…"

    def _cut(self, told: traceback.TracebackException, seen: set[int]) -> None:
        if id(told) in seen:
            return
        seen.add(id(told))
        ours = [at for at, frame in enumerate(told.stack) if self._owns(frame.filename)]
        del told.stack[: ours[0] if ours else 0]
        del told.stack[_MAX_FRAMES:]
        for frame in told.stack:
            if self._owns(frame.filename):
                frame.filename = self._relative(frame.filename)
        for other in (told.__cause__, told.__context__):
            if other is not None:
                self._cut(other, seen)


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """The exceptions in an exception group, however deep; any other exception as it is."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves_of(inner)
    else:
        yield error


def frames_of_stack(frame: FrameType | None) -> Iterator[Place]:
    """The places on the stack above a frame, outermost first."""
    places = []
    while frame is not None:
        places.append((frame, frame.f_lineno))
        frame = frame.f_back
    return reversed(places)


def frames_of_coroutine(awaitable: Any) -> Iterator[Place]:
    """Where a coroutine that is suspended waits, outermost first."""
    for _ in range(_MAX_DEPTH):
        for prefix in ("cr", "gi", "ag"):
            frame = getattr(awaitable, f"{prefix}_frame", None)
            if frame is not None:
                yield (frame, frame.f_lineno)
                inner = "yieldfrom" if prefix == "gi" else "await"
                awaitable = getattr(awaitable, f"{prefix}_{inner}", None)
                break
        else:
            return


def _places_of(tb: TracebackType | None) -> Iterator[Place]:
    while tb is not None:
        yield (tb.tb_frame, tb.tb_lineno)
        tb = tb.tb_next


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # the script's own code
        return ""
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"
