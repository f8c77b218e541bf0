"""Named parts of a check."""

from __future__ import annotations

from contextlib import suppress
from contextvars import Token
from types import TracebackType

from checkwire.model.events import StepFinished, StepStarted
from checkwire.sdk.context import current, encodable, here
from checkwire.sdk.scope import current_step

__all__ = ["step"]


class step:  # noqa: N801 - used as a function, and as a context manager
    """A named part of the check, with its time and its own place in the transcript.

    Works as ``with step("log in"):`` and as ``async with step("log in"):``. Steps nest, also in
    tasks: what a task does belongs to the step in which it was started.
    """

    __slots__ = ("_context", "_name", "_number", "_site", "_token")

    def __init__(self, name: str) -> None:
        """Take the name, as a reader of the transcript will see it."""
        context = self._context = current()
        self._site = here()
        if not isinstance(name, str) or not name.strip():
            raise context.misused(
                f'step("log in") takes a name, not {context.masker.excerpt(repr(name), 80)}',
                self._site,
            )
        self._name = encodable(name)
        self._number = 0
        self._token: Token[int] | None = None
        advice = f'step("{name}") does nothing by itself: write `async with step("{name}"):`'
        context.made(self, advice, self._site)

    def __enter__(self) -> step:
        context = self._context
        context.used(self)
        if self._token is not None:
            raise context.misused("a step is entered once: write step(...) again for another")
        self._number = context.next_step()
        context.emit(
            StepStarted(
                at_ns=context.timeline.now(),
                step=self._number,
                name=self._name,
                parent=current_step.get(),
                location=context.location(self._site),
            )
        )
        self._token = current_step.set(self._number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._context.mark(error)
        if self._token is not None:
            # A fixture that is an async generator may be left in another context.
            with suppress(ValueError):
                current_step.reset(self._token)
        self._context.emit(
            StepFinished(
                at_ns=self._context.timeline.now(),
                step=self._number,
                status="passed" if error is None else "failed",
            )
        )

    async def __aenter__(self) -> step:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)
