"""Locations: Checkly's regions and private locations, as names of Checkwire's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap, Recording
from checkwire.importers.toml import Table

__all__ = ["locations_of", "locations_table"]

REGIONS: Final = {
    "us-east-1": "N. Virginia",
    "us-east-2": "Ohio",
    "us-west-1": "N. California",
    "us-west-2": "Oregon",
    "ca-central-1": "Montreal",
    "sa-east-1": "São Paulo",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "eu-central-1": "Frankfurt",
    "eu-south-1": "Milan",
    "eu-north-1": "Stockholm",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Jakarta",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
    "ap-east-1": "Hong Kong",
    "ap-south-1": "Mumbai",
    "me-south-1": "Bahrain",
    "af-south-1": "Cape Town",
}
"""Where Checkly's public regions are."""


def locations_of(check: Effective, recording: Recording) -> tuple[list[str], list[Gap]]:
    """Names of the places that a check runs from, public ones first."""
    names: list[str] = [str(one) for one in check.get("locations") or ()]
    gaps: list[Gap] = []
    for one in check.get("privateLocations") or ():
        location = recording.of(one)
        if isinstance(one, str):
            names.append(one)
        elif location is not None and "slugName" in location.props:
            names.append(str(location.props["slugName"]))
        elif location is not None:
            place = check.place("privateLocations")
            why = "the project names it by its number in the account, and its name is not there"
            todo = "add the location's name to locations of the check"
            gaps.append(Gap(place, f"private location {location.id} of {check.shown}", why, todo))
    return list(dict.fromkeys(names)), gaps


def locations_table(names: Iterable[str], recording: Recording) -> Table | None:
    """``[locations]``: all that checks run from."""
    private = {
        str(one.props["slugName"]): one
        for one in recording.constructs
        if one.kind == "PrivateLocation" and "slugName" in one.props
    }
    entries = {}
    notes = {}
    for name in dict.fromkeys((*names, *private)):
        location = private.get(name)
        title = (
            REGIONS.get(name, name) if location is None else str(location.props.get("name", name))
        )
        entries[name] = {"description": title}
        if location is not None:
            notes[name] = location.place
    return Table(("locations",), entries, notes=notes) if entries else None
