"""What the options of a check come to with the defaults of its project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checkwire.sdk.options import DEFAULTABLE
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checkwire.model.definition import Isolation
    from checkwire.project.config import Project

__all__ = ["complete", "undeclared_location"]


def complete(
    options: Mapping[str, Any], project: Project, *, isolation: Isolation
) -> dict[str, Any]:
    """A value for each option that has a default: that which is given, or the project's.

    There is one schedule at most: that of the check replaces that of the defaults, of either form.

    Args:
        options: those that are given, parsed; others than :data:`DEFAULTABLE` are left out.
        project: for its defaults.
        isolation: what the check has if neither says anything.
    """
    values = {name: options.get(name, getattr(project.defaults, name)) for name in DEFAULTABLE}
    values["isolation"] = values["isolation"] or isolation
    if "every" in options or "cron" in options:
        values |= {name: options.get(name) for name in ("every", "cron")}
    if values["cron"] is None:
        values["timezone"] = "UTC"  # The default of those that have a cron.
    return values


def undeclared_location(locations: Iterable[str], project: Project) -> str:
    """What to say of the first location that the project does not know; empty if it knows all."""
    if project.locations is None:
        return ""
    for location in locations:
        if location not in project.locations:
            hint = did_you_mean(location, project.locations)
            return f'locations: "{location}" is not declared in [locations] of the project{hint}'
    return ""
