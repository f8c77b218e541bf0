"""What every check has, whatever its kind: the options of ``[[check]]``."""

from __future__ import annotations

import re
from typing import Any

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.places import locations_of
from checkwire.importers.checkly.recording import Gap, Recording
from checkwire.importers.checkly.schedules import every_of, retries_of

__all__ = ["id_of", "options_of"]


def id_of(check: Effective) -> str:
    """The check's id: one word."""
    return re.sub(r"\s+", "-", check.construct.id.strip()) or f"check-{check.construct.number}"


def options_of(check: Effective, recording: Recording) -> tuple[dict[str, Any], list[Gap]]:
    """The options, in the order of a table."""
    id_ = id_of(check)
    found: dict[str, Any] = {"id": id_, "name": str(check.get("name") or "").strip() or id_}
    if isinstance(check.get("description"), str) and check.get("description").strip():
        found["description"] = check.get("description").strip()
    if check.get("activated") is False:
        found["activated"] = False
    every, gaps = every_of(check)
    if every is not None:
        found["every"] = every
    locations, unknown = locations_of(check, recording)
    if locations:
        found["locations"] = locations
    if check.get("runParallel") and len(locations) > 1:
        found["scheduling"] = "parallel"
    tags = [str(tag).strip() for tag in check.get("tags") or () if str(tag).strip()]
    if tags:
        found["tags"] = list(dict.fromkeys(tags))
    retries, different = retries_of(check)
    if retries is not None:
        found["retries"] = retries
    return found, [*gaps, *unknown, *different, *_without_equal(check)]


_UNEQUAL = {
    "muted": (
        "here each incident of a check is told",
        'set activated = false, or run "checkwire pause" while nobody is to be told',
    ),
    "triggerIncident": (
        "there are no status pages whose incidents a check could open",
        "open it by hand, or from a webhook channel",
    ),
    "runtimeId": (
        "scripts run on this machine's Node, with the packages of the project's node_modules",
        "npm install what the scripts import; pip install 'checkwire[node]' gives Node 24",
    ),
    "intent": ("it is for Checkly's own analysis", "nothing; it may become the description"),
    "aiAutoRepairEnabled": ("nobody repairs scripts here but you", "nothing"),
}


def _without_equal(check: Effective) -> list[Gap]:
    return [
        Gap(check.place(key), check.whose(key), why, todo)
        for key, (why, todo) in _UNEQUAL.items()
        if check.get(key) and (key != "runtimeId" or check.kind == "MultiStepCheck")
    ]
