"""From what a Checkly project declares to the text of the equal ``checkwire.toml``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from checkwire.importers.checkly.alerting import Mail, alerts_table, channel_table, name_of
from checkwire.importers.checkly.effective import Effective, effective, group_of
from checkwire.importers.checkly.options import id_of, options_of
from checkwire.importers.checkly.places import locations_of, locations_table
from checkwire.importers.checkly.recording import Construct, Gap, Recording
from checkwire.importers.checkly.requests import request_of
from checkwire.importers.checkly.scripts import script_of
from checkwire.importers.checkly.unequal import without_equal
from checkwire.importers.checkly.variables import Variables
from checkwire.importers.toml import Table, write_toml

__all__ = ["Imported", "Taken", "translate"]

_REQUESTS: Final = ("ApiCheck", "UrlMonitor")
_GROUPS: Final = ("CheckGroup", "CheckGroupV1", "CheckGroupV2")
_SHARED: Final = ("every", "scheduling", "locations", "tags", "retries")
"""Options that are written once, if all checks have the same."""


class Taken(NamedTuple):
    """Something that was taken over.

    Attributes:
        place: file and line.
        what: what it was.
        became: what it is now.
    """

    place: str
    what: str
    became: str


class Imported(NamedTuple):
    """What came of an import.

    Attributes:
        text: of the ``checkwire.toml``.
        taken: what is in it.
        gaps: what is not, or not quite.
        checks: how many checks are in it.
    """

    text: str
    taken: tuple[Taken, ...]
    gaps: tuple[Gap, ...]
    checks: int


def translate(recording: Recording, *, prefix: str = "", mail: Mail | None = None) -> Imported:
    """Write a Checkly project as one of Checkwire's.

    Args:
        recording: the Checkly project.
        prefix: the way to its folder from that of the ``checkwire.toml``; empty if it is the same.
        mail: how mail is sent; ``None`` if that is not known.
    """
    return _Translation(recording, prefix, mail).done()


class _Check(NamedTuple):
    """A check on its way."""

    effective: Effective
    options: dict[str, Any]
    step: dict[str, Any] | None


class _Translation:
    def __init__(self, recording: Recording, prefix: str, mail: Mail | None) -> None:
        self._recording = recording
        self._prefix = prefix
        self._mail = mail
        self._variables = Variables(recording)
        self._taken: list[Taken] = []
        self._gaps: list[Gap] = []
        self._ids: dict[str, str] = {}

    def done(self) -> Imported:
        self._broken()
        for key in ("playwrightChecks", "playwrightConfigPath"):
            if _checks(self._recording.config).get(key):
                why = "whole Playwright suites are not run here"
                todo = "make a MultiStepCheck of each file that needs no browser"
                self._gap(self._recording.place(None, key), f"{key} of the settings", why, todo)
        self._unheard()
        checks = self._checks()
        channels = self._channels()
        written = [table.name[1] for table in channels]
        alerts, gaps = alerts_table([one.effective for one in checks], self._recording, written)
        self._gaps.extend(gaps)
        self._groups(checks)
        self._gaps.extend(self._variables.gaps)
        names = [name for one in checks for name in locations_of(one.effective, self._recording)[0]]
        locations = locations_table(names, self._recording)
        defaults = self._defaults(checks)
        tables = [
            self._project(),
            defaults,
            *self._variables.tables(),
            *([] if locations is None else [locations]),
            *([] if alerts is None else [alerts]),
            *channels,
            *(table for one in checks for table in self._tables(one)),
        ]
        text = write_toml(map(self._without_secrets, tables), comments=self._head())
        return Imported(text, tuple(self._taken), self._told(), len(checks))

    def _gap(self, place: str, what: str, why: str, todo: str) -> None:
        self._gaps.append(Gap(place, what, why, todo))

    def _head(self) -> Iterable[str]:
        name = self._recording.config.get("projectName") or self._recording.config.get("logicalId")
        yield f"From the Checkly project {name or 'here'}, by checkwire import checkly."
        yield "Where each thing comes from stands above it. Scripts are left where they are."

    def _told(self) -> tuple[Gap, ...]:
        """What has no equal, each once, without values of secrets."""
        masked = self._variables.masked
        gaps = (
            Gap(masked(one.place), masked(one.what), masked(one.why), masked(one.todo))
            for one in self._gaps
        )
        return tuple(sorted(dict.fromkeys(gaps), key=_by_place))

    # Parts

    def _broken(self) -> None:
        for one in self._recording.broken:
            names = " and ".join(one.unset)
            todo = f"set {names}, and import again" if names else "correct it, and import again"
            if "Cannot find package" in one.message or "Cannot find module" in one.message:
                todo = "npm install in the project, and import again"
            what = (
                "what it declares"
                if one.place.startswith(f"{one.file}:")
                else f"what {one.file} declares"
            )
            self._gap(one.place, what, one.message, todo)

    def _unheard(self) -> None:
        """What the settings say of multistep checks: Checkly's own CLI does not hear it."""
        settings = _checks(self._recording.config).get("multiStepChecks")
        for key in settings if isinstance(settings, dict) else ():
            if key != "testMatch":
                place = self._recording.place(None, "multiStepChecks")
                why = "Checkly's CLI does not apply it, and its checks run as if it were not there"
                todo = f"write it into the [[check]] tables with a script, if {key} is meant"
                self._gap(place, f"{key} in multiStepChecks of the settings", why, todo)

    def _project(self) -> Table:
        config = self._recording.config
        entries: dict[str, Any] = {}
        if isinstance(config.get("logicalId"), str) and config["logicalId"].strip():
            entries["id"] = "-".join(config["logicalId"].split())
        if isinstance(config.get("projectName"), str) and config["projectName"].strip():
            entries["name"] = config["projectName"].strip()
        entries["checks"] = ["**/*_check.py"]
        notes = {"checks": "and no *.check.ts: those are Checkly's constructs"}
        return Table(("project",), entries, (self._recording.config_file,), notes)

    def _checks(self) -> list[_Check]:
        found: list[_Check] = []
        for one in self._recording.constructs:
            if one.kind == "MultiStepCheck" or one.kind in _REQUESTS:
                check = self._check(effective(one, self._recording))
                if check is not None:
                    found.append(check)
            elif one.kind.endswith("Ref") and not self._is_used(one):
                continue
            elif not (
                one.kind in (*_GROUPS, "PrivateLocation") or one.kind.endswith("AlertChannel")
            ):
                self._gaps.append(without_equal(one))
        return found

    def _is_used(self, reference: Construct) -> bool:
        return not reference.kind.startswith("PrivateLocation")  # told with the check that names it

    def _check(self, check: Effective) -> _Check | None:
        id_, place = id_of(check), check.construct.place
        if id_ in self._ids:
            why = f"another check has the same id, {self._ids[id_]}"
            self._gap(place, check.shown, why, "give it another id, and import again")
            return None
        self._variables.declare(check)
        step = None
        if check.kind == "MultiStepCheck":
            further, gaps = script_of(check, self._recording.root)
            if further is not None and self._prefix:
                further["script"] = f"{self._prefix}/{further['script']}"
        else:
            step, further, gaps = request_of(check, self._variables)
        self._gaps.extend(gaps)
        if further is None or (step is None and check.kind in _REQUESTS):
            return None
        options, gaps = options_of(check, self._recording)
        self._gaps.extend(gaps)
        self._ids[id_] = place
        became = f'[[check]] id = "{id_}", ' + (
            f"script = {further['script']}" if step is None else "one HTTP request"
        )
        self._taken.append(Taken(place, check.shown, became))
        if step is None:
            options = {"script": further.pop("script"), **options}
        return _Check(check, {**options, **further}, step)

    def _channels(self) -> list[Table]:
        tables = []
        for one in self._recording.constructs:
            if not one.kind.endswith("AlertChannel"):
                continue
            table, gaps = channel_table(one, self._recording, self._variables, self._mail)
            self._gaps.extend(gaps)
            if table is not None:
                tables.append(table)
                self._taken.append(Taken(one.place, one.shown, f"[channels.{name_of(one)}]"))
        return tables

    def _groups(self, checks: Sequence[_Check]) -> None:
        for one in self._recording.constructs:
            if one.kind == "PrivateLocation" and "slugName" in one.props:
                became = f"[locations] {one.props['slugName']}"
                self._taken.append(Taken(one.place, one.shown, became))
                if one.props.get("proxyUrl"):
                    self._variables.hide(str(one.props["proxyUrl"]))
                    why = "proxies are those of the machine's environment"
                    todo = "set HTTPS_PROXY where checks run, or proxy in a [[check]]"
                    place = self._recording.place(one, "proxyUrl")
                    self._gap(place, f"proxyUrl of {one.shown}", why, todo)
            if one.kind not in _GROUPS:
                continue
            members = [
                check
                for check in checks
                if group_of(check.effective.construct, self._recording) == one
            ]
            if members:
                count = (
                    "its only check" if len(members) == 1 else f"each of its {len(members)} checks"
                )
                self._taken.append(Taken(one.place, one.shown, f"its settings, in {count}"))
            if one.props.get("concurrency"):
                why = "a group has no limit of its own; a location has"
                todo = "write concurrency for the location in [locations]"
                place = self._recording.place(one, "concurrency")
                self._gap(place, f"concurrency of {one.shown}", why, todo)

    def _defaults(self, checks: Sequence[_Check]) -> Table:
        """``[defaults]``: what all checks have alike, taken out of them."""
        entries: dict[str, Any] = {}
        for key in _SHARED:
            values = [one.options.get(key) for one in checks]
            if len(values) > 1 and values[0] is not None and all(v == values[0] for v in values):
                entries[key] = values[0]
                for one in checks:
                    del one.options[key]
        notes = {}
        if "scheduling" not in entries:
            entries["scheduling"] = "round-robin"
            notes = {"scheduling": "Checkly's own; runParallel is parallel"}
        return Table(("defaults",), entries, notes=notes)

    def _tables(self, check: _Check) -> Iterable[Table]:
        construct, group = check.effective.construct, check.effective.group
        comment = f"{construct.shown}, {construct.place}"
        if group is not None:
            comment += f", in {group.shown}"
        notes = {}
        if check.effective.get("testOnly"):
            notes["name"] = "testOnly: run by hand only"
        yield Table(("check",), check.options, (comment,), notes, repeated=True)
        if check.step is not None:
            yield Table(("check", "step"), check.step, repeated=True)

    def _without_secrets(self, table: Table) -> Table:
        """The table without values of secrets, wherever they came from."""
        masked = self._variables.masked

        def hidden(value: Any) -> Any:
            if isinstance(value, str):
                return masked(value)
            if isinstance(value, dict):
                return {key: hidden(one) for key, one in value.items()}
            return list(map(hidden, value)) if isinstance(value, list) else value

        entries = hidden(table.entries)
        if entries != table.entries:
            where = ".".join(table.name)
            why = f"[{where}] would hold it, and no secret is written: *** stands there"
            self._gap(
                self._recording.config_file + ":1", "the value of a secret", why, "write it anew"
            )
        return msgspec.structs.replace(table, entries=entries)


def _checks(config: dict[str, Any]) -> dict[str, Any]:
    found = config.get("checks")
    return found if isinstance(found, dict) else {}


def _by_place(gap: Gap) -> tuple[str, int]:
    file, _, line = gap.place.rpartition(":")
    return file, int(line) if line.isdigit() else 0
