"""``--keep``: for how long a server keeps what."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from checkwire.model.durations import parse_duration

if TYPE_CHECKING:
    from checkwire.store.retention import Retention

__all__ = ["LEVELS", "keep_option", "retention_of"]

LEVELS = ("passed-transcripts", "transcripts", "runs", "hours", "days", "incidents")
"""What ages on its own; see :class:`checkwire.store.retention.Retention`."""
_SHORTEST_NS = 24 * 3600 * 1_000_000_000

F = TypeVar("F", bound=Callable[..., Any])


class _Kept(click.ParamType[tuple[str, int]]):
    name = "LEVEL=AGE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        level, given, age = str(value).partition("=")
        if not given or level not in LEVELS:
            self.fail(f'"{value}" is not LEVEL=AGE with one of {", ".join(LEVELS)}', param, ctx)
        try:
            age_ns = round(parse_duration(age) * 1e9)
        except ValueError:
            self.fail(f'{level}: "{age}" is no age: write 7d, 90d or 400d', param, ctx)
        if age_ns < _SHORTEST_NS:
            self.fail(
                f"{level}: {age} is too short: statistics are of whole days, and nothing is kept "
                "for less than one; write 1d or more",
                param,
                ctx,
            )
        return level, age_ns


def keep_option(command: F) -> F:
    """Give a command the option ``--keep``; it gets a tuple of pairs as ``keep``."""
    return click.option(
        "--keep",
        multiple=True,
        type=_Kept(),
        metavar="LEVEL=AGE",
        help="How old something may become, as runs=90d, at least 1d. Can be given several times.",
    )(command)


def retention_of(
    keep: tuple[tuple[str, int], ...], otherwise: Retention | None = None
) -> Retention:
    """For how long things are kept.

    Args:
        keep: what the option says.
        otherwise: what holds for the rest; by default the defaults.

    Raises:
        click.BadParameter: roll-ups of hours would be gone before the runs that they are of.
    """
    import msgspec

    from checkwire.store.retention import Retention

    given = {level.replace("-", "_"): age_ns for level, age_ns in keep}
    retention = msgspec.structs.replace(otherwise or Retention(), **given)
    if retention.hours < retention.runs:
        raise click.BadParameter(
            "hours are computed from runs, and have to be kept for at least as long",
            param_hint="--keep",
        )
    return retention
