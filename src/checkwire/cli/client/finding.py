"""Which check, or which run, somebody means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from checkwire.cli.client.answers import CheckAnswer, RunAnswer, decoded, short_name
from checkwire.cli.client.server import Refusal, Server
from checkwire.model.errors import UsageError
from checkwire.sdk.suggestion import did_you_mean

__all__ = ["find_check", "find_checks", "is_run_id", "latest_run", "require_known"]

_RUN_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.IGNORECASE)
_UID = re.compile(r"[0-9a-hjkmnp-tv-z]{12}")
_SUGGESTED = 500
_LOOKED_AT = 1000
_LISTED = 8
HERE = "local"
"""Where a check runs that names no location."""


def is_run_id(text: str) -> bool:
    """Whether it can be a run's id: a ULID."""
    return _RUN_ID.fullmatch(text) is not None


def find_checks(
    server: Server, names: Iterable[str], *, removed: bool = False
) -> list[CheckAnswer]:
    """The checks of these names, each once; see :func:`find_check`."""
    found = [find_check(server, name, removed=removed) for name in names]
    return list({check.uid: check for check in found}.values())


def find_check(server: Server, name: str, *, removed: bool = False) -> CheckAnswer:
    """The one check that is meant: by its uid, its id, its name, or its function.

    ``PROJECT/NAME`` names a project, too. Of those that one name fits, one that is removed is meant
    only if no other is: a check that moves to another file leaves one behind.

    Args:
        server: where it is.
        name: what was written.
        removed: whether one will do that is no longer in its project.

    Raises:
        UsageError: there is none, or there are several.
    """
    if _UID.fullmatch(name):
        try:
            return decoded(server.get(f"/checks/{name}"), CheckAnswer, server)
        except Refusal:
            pass  # it may be a name that looks like one
    matches = list(_matching(server, name, None, removed))
    project, slash, rest = name.partition("/")
    if not matches and slash and rest:
        matches = list(_matching(server, rest, project, removed))
    matches = [check for check in matches if check.removed_ns is None] or matches
    if len({check.uid for check in matches}) == 1:
        return matches[0]
    if matches:
        named = ", ".join(f"{check.project}/{check.id} ({check.uid})" for check in matches[:5])
        raise UsageError(f'several checks are named "{name}": {named}; write one of these')
    raise _unknown(server, name)


def _unknown(server: Server, name: str) -> UsageError:
    address = server.access.server
    known = list(_all(server))
    project, slash, rest = name.partition("/")
    if slash and rest and "::" not in name:  # else it is an id, whose slash is of a path
        keys = {str(item["key"]) for item in server.items("/projects")}
        if project not in keys:
            hint = did_you_mean(project, keys) or _listed(keys)
            return UsageError(f'{address} has no project "{project}"{hint}')
        known = [check for check in known if check.project == project]
        hint = (
            did_you_mean(rest, _names(known))
            or f"; checkwire status --project {project} names them"
        )
        return UsageError(f'project {project} of {address} has no check "{rest}"{hint}')
    hint = did_you_mean(name, _names(known)) or "; checkwire status names them"
    return UsageError(f'{address} has no check "{name}"{hint}')


def _names(checks: Iterable[CheckAnswer]) -> set[str]:
    return {text for check in checks for text in (check.name, short_name(check.id))}


def _matching(
    server: Server, name: str, project: str | None, removed: bool
) -> Iterator[CheckAnswer]:
    if not name or len(name) > 200 or "\0" in name:
        return
    query = {"text": name, "project": project, "removed": "true" if removed else None}
    for item in server.pages("/checks", query):
        check = decoded(item, CheckAnswer, server)
        if name in (check.id, check.name, short_name(check.id)):
            yield check


def _all(server: Server) -> Iterator[CheckAnswer]:
    for item in server.pages("/checks", {}, limit=_SUGGESTED):
        yield decoded(item, CheckAnswer, server)


def latest_run(server: Server, check: CheckAnswer, *, failed: bool) -> RunAnswer:
    """The latest run of a check that is over; or the latest one that failed.

    Raises:
        UsageError: there is none.
    """
    query = {"check": check.uid, "status": ["failed", "error"] if failed else None}
    for item in server.pages("/runs", query, limit=1):
        return decoded(item, RunAnswer, server)
    what = "run that failed" if failed else "run"
    raise UsageError(f"{check.name} has no {what} yet")


def require_known(
    server: Server,
    *,
    project: str | None = None,
    tag: str | None = None,
    location: str | None = None,
    projects: Iterable[str] = (),
    removed: bool = False,
) -> None:
    """See that nothing was found for another reason than that a name is wrong.

    Args:
        server: what was asked.
        project, tag, location: what was asked for.
        projects: ids that are known to be right.
        removed: whether checks count that are no longer in their project.

    Raises:
        UsageError: a name is not known there.
    """
    projects = set(projects)
    if (project is None or project in projects) and tag is None and location is None:
        return
    query = {"removed": "true" if removed else None}
    items = list(server.pages("/checks", query, limit=_LOOKED_AT))
    if len(items) == _LOOKED_AT:
        return  # there may be more, which have it
    checks = [decoded(item, CheckAnswer, server) for item in items]
    places = {place for check in checks for place in check.locations or (HERE,)}
    places |= {state.location for check in checks for state in check.states}
    address = server.access.server
    for name, known, what in (
        (project, projects | {check.project for check in checks}, f"{address} has no project"),
        (
            tag,
            {tag for check in checks for tag in check.tags},
            f"no check of {address} has the tag",
        ),
        (location, places, f"no check of {address} runs at"),
    ):
        if name is not None and name not in known:
            raise UsageError(f'{what} "{name}"{did_you_mean(name, known) or _listed(known)}')


def _listed(names: set[str]) -> str:
    return f"; known are {', '.join(sorted(names))}" if 0 < len(names) <= _LISTED else ""
