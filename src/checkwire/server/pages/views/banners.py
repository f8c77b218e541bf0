"""What the overview says above all: what is wrong with the service, its projects and channels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from checkwire.server.monitor import Health, ProjectStatus
from checkwire.server.notices import advice_of, trouble_of
from checkwire.server.pages.views.failure import FailureView, failure_view
from checkwire.store.records import ChannelNotices

__all__ = ["Banner", "banners_of"]

_MOST_LINKS = 5
_PLACED_TWICE = re.compile(r"(?:^|(?<=; ))([^:;]+):\d+: (?=\1[ ,])")
"""A file and a line before a sentence that begins with the file."""


@dataclass(frozen=True, slots=True)
class Banner:
    """A problem of the service itself.

    Attributes:
        links: the checks whose incidents are concerned, with addresses.
        advice: what to do.
    """

    title: str
    text: str
    detail: str = ""
    failures: tuple[FailureView, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    advice: str = ""


def banners_of(
    projects: Sequence[ProjectStatus], health: Health, notices: Sequence[ChannelNotices]
) -> list[Banner]:
    """Make them.

    Args:
        projects: the projects.
        health: of the service.
        notices: how those to each channel fare.
    """
    return [*_banners(projects, health), *_undelivered(notices, projects)]


def _banners(projects: Sequence[ProjectStatus], health: Health) -> Iterable[Banner]:
    of_projects = {f"project {project.key}: {project.error}" for project in projects}
    for problem in health.problems:
        if problem not in of_projects:
            yield Banner("Checkwire itself", problem)
    for project in projects:
        if error := _refused(project):
            yield Banner(
                f"Project {project.name}",
                "Its files cannot be loaded as they are now; the version before keeps running.",
                error,
            )
        for warning in project.warnings:
            yield Banner(f"Project {project.name}", f"{warning[:1].upper()}{warning[1:]}.")
        if project.load_failures:
            count = len(project.load_failures)
            files = "A check file" if count == 1 else f"{count} check files"
            yield Banner(
                f"Project {project.name}",
                f"{files} could not be loaded; the checks in {'it' if count == 1 else 'them'} do "
                "not run.",
                failures=tuple(failure_view(failure) for failure in project.load_failures),
            )


def _refused(project: ProjectStatus) -> str:
    """Why the files as they are now do not run, beyond what is wrong in those that do."""
    text = project.error or ""
    for failure in project.load_failures:
        place = failure.location
        where = f"{place.path}:{place.line}: " if place is not None else ""
        text = text.replace(f"{where}{failure.message}", "").replace(failure.message, "")
    return _PLACED_TWICE.sub("", text.strip("; "))


def _undelivered(
    notices: Sequence[ChannelNotices], projects: Sequence[ProjectStatus]
) -> Iterable[Banner]:
    names = {project.key: project.name for project in projects}
    for one in notices:
        if not one.troubled:
            continue
        links = [
            (check.check.rpartition("::")[2], f"/incidents?check={check.check_uid}")
            for check in one.untold[:_MOST_LINKS]
        ]
        if len(one.untold) > _MOST_LINKS:
            links.append((f"{len(one.untold) - _MOST_LINKS:,} more", "/incidents"))
        yield Banner(
            f"Channel {one.channel} of {names.get(one.project, one.project)}",
            trouble_of(one),
            one.error or "",
            links=tuple(links),
            advice=advice_of(one),
        )
