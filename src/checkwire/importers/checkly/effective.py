"""What holds for a check in the end: its own, its group's, and the project's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from checkwire.importers.checkly.recording import Construct, Recording

__all__ = ["Effective", "effective", "group_of"]

_OF_TYPE: Final = {"BrowserCheck": "browserChecks", "MultiStepCheck": "multiStepChecks"}
"""Where a group has a frequency for checks of a kind."""
_DEFAULTS: Final = (
    "activated",
    "alertChannels",
    "alertEscalationPolicy",
    "doubleCheck",
    "environmentVariables",
    "frequency",
    "locations",
    "muted",
    "playwrightConfig",
    "privateLocations",
    "retryStrategy",
    "runtimeId",
    "shouldFail",
    "tags",
)
_PLACES: Final = ("locations", "privateLocations")


class Effective(NamedTuple):
    """A check with all that holds for it.

    Attributes:
        construct: the check.
        group: that it is in; ``None`` if it is in none.
        props: what holds.
        owners: whose a property is, if not the check's: a group, or ``None`` for the settings.
        recording: the project.
    """

    construct: Construct
    group: Construct | None
    props: Mapping[str, Any]
    owners: Mapping[str, Construct | None]
    recording: Recording

    @property
    def kind(self) -> str:
        """The class of the check."""
        return self.construct.kind

    @property
    def shown(self) -> str:
        """Kind and id, for people."""
        return self.construct.shown

    def get(self, key: str) -> Any:
        """A property; ``None`` if it has none."""
        return self.props.get(key)

    def whose(self, key: str) -> str:
        """A property with whose it is, for people."""
        owner = self.owners.get(key, self.construct)
        return f"{key} of {'the settings' if owner is None else owner.shown}"

    def place(self, key: str) -> str:
        """Where a property stands."""
        return self.recording.place(self.owners.get(key, self.construct), key)


def group_of(check: Construct, recording: Recording) -> Construct | None:
    """The group that a check is in; ``None`` if it is in none."""
    return recording.of(check.props.get("group")) or recording.of(check.props.get("groupId"))


def effective(check: Construct, recording: Recording) -> Effective:
    """Fill in what the check leaves open, as Checkly does.

    First the defaults: those of the group for its kind of check, of the group, of the settings; but
    not what the settings have for multistep checks, which Checkly's CLI 9 reads and does not apply.
    Then what a group decides for its members.
    """
    props = {key: value for key, value in check.props.items() if value is not None}
    owners: dict[str, Construct | None] = {}
    group = group_of(check, recording)
    settings = _table(recording.config, "checks")
    kind = _OF_TYPE.get(check.kind, "")
    inherited = _table(group.props, kind) if group is not None else {}
    sources: list[tuple[Mapping[str, Any], Construct | None]] = [
        ({"frequency": inherited.get("frequency")}, group),
        ({"frequency": group.props.get("frequency") if group is not None else None}, group),
        (settings, None),
    ]
    for key in _DEFAULTS:
        for values, owner in sources:
            if props.get(key) is None and values.get(key) is not None:
                props[key] = values[key]
                owners[key] = owner
    if group is not None:
        _decide(props, owners, group)
    return Effective(check, group, props, owners, recording)


def _decide(props: dict[str, Any], owners: dict[str, Construct | None], group: Construct) -> None:
    """What a group says for all of its checks, whatever they say themselves."""
    theirs = group.props

    def take(key: str, value: Any) -> None:
        props[key] = value
        owners[key] = group

    if theirs.get("activated") is False:
        take("activated", False)
    if theirs.get("muted") is True:
        take("muted", True)
    if any(theirs.get(key) for key in _PLACES):
        for key in _PLACES:
            take(key, theirs.get(key) or [])
    for key in ("runParallel", "retryStrategy", "doubleCheck"):
        if theirs.get(key) is not None:
            take(key, theirs[key])
    policy = theirs.get("alertEscalationPolicy")
    if group.kind != "CheckGroupV2" or policy is not None:
        take("alertEscalationPolicy", None if policy == "global" else policy)
        take("alertChannels", theirs.get("alertChannels") or [])
    if theirs.get("tags"):
        own = props.get("tags") or []
        props["tags"] = list(dict.fromkeys([*theirs["tags"], *own]))
    if theirs.get("environmentVariables"):
        own = props.get("environmentVariables") or []
        named = {one.get("key") for one in own if isinstance(one, dict)}
        rest = [one for one in theirs["environmentVariables"] if one.get("key") not in named]
        props["environmentVariables"] = [*rest, *own]


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key) if key else None
    return found if isinstance(found, dict) else {}
