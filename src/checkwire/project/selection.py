"""Which of the checks found are the ones that the user named."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from checkwire.model.errors import UsageError
from checkwire.project.duplicates import duplicates, failures_of_duplicates
from checkwire.project.kinds import DECLARED_SUFFIX
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from checkwire.model.definition import CheckDefinition
    from checkwire.model.failures import Failure
    from checkwire.project.discovery import Pick, Selection

__all__ = ["Selected", "no_check_warning", "not_shared_warnings", "select"]


class Selected(NamedTuple):
    """What a selection names.

    Attributes:
        definitions: the checks that can be run, in their order.
        failures: why others of them cannot be.
    """

    definitions: list[CheckDefinition]
    failures: list[Failure]


def select(
    definitions: Sequence[CheckDefinition], selection: Selection, failed: Container[str] = ()
) -> Selected:
    """The checks that the selection names; those of one id are left out.

    Args:
        definitions: the checks of all the selection's files.
        selection: from :func:`checkwire.project.discovery.discover`.
        failed: paths, relative to the project, of the files that could not be loaded: what was
            named in them is not missed.

    Raises:
        UsageError: if a function or a case that was named does not exist.
    """
    chosen = {d.id for d in definitions if d.path in selection.whole}
    for pick in selection.picks:
        if pick.path not in failed:
            chosen.update(definition.id for definition in _picked(definitions, pick))
    ambiguous = [same for same in duplicates(definitions) if same[0].id in chosen]
    left = chosen - {same[0].id for same in ambiguous}
    return Selected(
        [definition for definition in definitions if definition.id in left],
        [failure for same in ambiguous for failure in failures_of_duplicates(same)],
    )


def no_check_warning(path: str) -> str:
    """What to tell of a check file in which there is no check."""
    what = "write [[check]]" if path.endswith(DECLARED_SUFFIX) else "put @check above a function"
    return f"{path} declares no check: {what}"


def not_shared_warnings(
    definitions: Iterable[CheckDefinition], blocking: Container[str]
) -> list[str]:
    """What to tell of checks that are to share a process, and cannot.

    Args:
        definitions: of the checks that are to be run.
        blocking: ids of those that are no ``async def`` functions.
    """
    found = [one for one in definitions if one.isolation == "shared" and one.id in blocking]
    if not found:
        return []
    others = f" and {len(found) - 1} more" if len(found) > 1 else ""
    run = "run in processes of their own" if others else "runs in a process of its own"
    return [
        f'{found[0].id}{others} {run}, though isolation is "shared": only an async def function '
        "can share one"
    ]


def _picked(definitions: Sequence[CheckDefinition], pick: Pick) -> list[CheckDefinition]:
    in_file = [definition for definition in definitions if definition.path == pick.path]
    named = [d for d in in_file if pick.function in (d.function, _id_without_case(d))]
    if not named:
        known = {name for d in in_file for name in (d.function, _id_without_case(d))}
        hint = did_you_mean(pick.function or "", known, quote="")
        raise UsageError(f'{pick.path} has no check "{pick.function}"{hint}')
    if pick.case is None:
        return named
    of_case = [definition for definition in named if definition.case == pick.case]
    if not of_case:
        cases = [definition.case for definition in named if definition.case is not None]
        hint = did_you_mean(pick.case, cases, quote="") or (
            f"; its cases are {', '.join(cases)}" if cases else "; it has no cases"
        )
        raise UsageError(f'{pick.path}::{pick.function} has no case "{pick.case}"{hint}')
    return of_case


def _id_without_case(definition: CheckDefinition) -> str:
    return definition.id.removesuffix(f"[{definition.case}]")
