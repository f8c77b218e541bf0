"""Alert channels and escalation policies, as ``[channels.NAME]`` and ``[alerts]``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Construct, Gap, Recording, resolve
from checkwire.importers.checkly.variables import Variables, is_sensitive
from checkwire.importers.toml import Table
from checkwire.project.channels import SettingError, parse_channel

__all__ = ["Mail", "alerts_table", "channel_table"]

_TOLD: Final = {
    "sendFailure": True,
    "sendRecovery": True,
    "sendDegraded": False,
    "sslExpiry": False,
}
"""What a channel is told, if it does not say."""

_TEMPLATE: Final = re.compile(r"\{\{.*?\}\}")
_OTHERS: Final = {
    "SlackAlertChannel": "Slack takes its own form of message",
    "SlackAppAlertChannel": "Slack takes its own form of message",
    "SmsAlertChannel": "no text messages are sent",
    "PhoneCallAlertChannel": "nobody is called by phone",
    "PagerdutyAlertChannel": "PagerDuty takes its own form of event",
    "OpsgenieAlertChannel": "Opsgenie takes its own form of alert",
    "MSTeamsAlertChannel": "Teams takes its own form of message",
    "TelegramAlertChannel": "Telegram takes its own form of message",
    "IncidentioAlertChannel": "incident.io takes its own form of alert",
}
_BY_MAIL: Final = (
    'give it an e-mail address of that service, with kind = "email"; or put a service of yours '
    "between that takes the webhook of docs/alerts.md"
)
_SECRETS_OF_OTHERS: Final = ("url", "apiKey", "serviceKey", "chatId", "phoneNumber")


class Mail(NamedTuple):
    """How mail is sent.

    Attributes:
        server: ``smtp+starttls://host``, say.
        sender: an address.
    """

    server: str
    sender: str


def channel_table(
    channel: Construct, recording: Recording, variables: Variables, mail: Mail | None
) -> tuple[Table | None, list[Gap]]:
    """A channel's table; ``None`` if it has no equal.

    Args:
        channel: the construct.
        recording: the project.
        variables: of the project; the channel's secrets are added to them.
        mail: how mail is sent; ``None`` if that is not known.
    """
    return _Channel(channel, recording, variables).read(mail)


class _Channel:
    def __init__(self, channel: Construct, recording: Recording, variables: Variables) -> None:
        self._channel = channel
        self._props = channel.props
        self._recording = recording
        self._variables = variables
        self._gaps: list[Gap] = []

    def read(self, mail: Mail | None) -> tuple[Table | None, list[Gap]]:
        entries: dict[str, Any] | None = None
        kind = self._channel.kind
        if kind == "EmailAlertChannel":
            entries = self._email(mail)
        elif kind == "WebhookAlertChannel":
            entries = self._webhook()
        else:
            for key in _SECRETS_OF_OTHERS:
                self._variables.hide(str(self._props.get(key) or ""))
            self._gap("", _OTHERS.get(kind, f"there is no channel like a {kind}"), _BY_MAIL)
        if entries is None:
            return None, self._gaps
        name = name_of(self._channel)
        try:
            parse_channel(name, entries, self._variables.secrets)
        except SettingError as error:
            self._gap("", str(error), "write the channel by hand: docs/alerts.md")
            return None, self._gaps
        for key, usual in _TOLD.items():
            given = self._props.get(key)
            if given is not None and given != usual:
                why = "a channel is told when an incident opens and when it closes, of nothing else"
                self._gap(key, why, "leave the channel out, or filter in what receives it")
        comments = (f"{self._channel.shown}, {self._channel.place}",)
        return Table(("channels", name), entries, comments=comments), self._gaps

    def _gap(self, key: str, why: str, todo: str) -> None:
        place = self._recording.place(self._channel, key) if key else self._channel.place
        what = f"{key} of {self._channel.shown}" if key else self._channel.shown
        self._gaps.append(Gap(place, what, why, todo))

    def _email(self, mail: Mail | None) -> dict[str, Any] | None:
        if mail is None:
            why = "Checkly sends mail by itself; here it goes by a mail server of yours"
            todo = "import again with --mail-server smtp+starttls://HOST --mail-from ADDRESS"
            self._gap("", why, todo)
            return None
        address = self._props.get("address")
        return {"kind": "email", "to": address, "from": mail.sender, "server": mail.server}

    def _webhook(self) -> dict[str, Any] | None:
        url = str(self._props.get("url") or "")
        if _TEMPLATE.search(url):
            why = "its URL has variables of the alert in it"
            self._gap("url", why, "take the values from the body: docs/alerts.md")
            return None
        query = [
            (one["key"], one.get("value") or "")
            for one in self._props.get("queryParameters") or ()
            if isinstance(one, dict) and one.get("key")
        ]
        hidden = any(is_sensitive(name) for name, _ in query) or bool(urlsplit(url).query)
        if query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(query)
        entries: dict[str, Any] = {"kind": "webhook"}
        source = self._variables.source_of(url, self._channel.place)
        if source is not None:
            entries["url"] = {"secret": source}
        elif hidden:
            entries["url"] = {"secret": self._secret("URL", url)}
        else:
            entries["url"] = url
        secret = self._props.get("webhookSecret")
        if isinstance(secret, str) and secret:
            entries["secret"] = self._secret("SECRET", secret)
            why = "requests are signed as Standard Webhooks has it, not with x-checkly-signature"
            self._gap("webhookSecret", why, "verify Webhook-Signature: docs/alerts.md shows how")
        if headers := self._headers():
            entries["headers"] = headers
        if str(self._props.get("method") or "POST").upper() != "POST":
            self._gap("method", "a webhook is a POST", "let what receives it take a POST")
        if self._props.get("template"):
            why = "the body is always that of docs/alerts.md"
            self._gap("template", why, "let what receives it read that body")
        return entries

    def _headers(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in self._props.get("headers") or ():
            if not isinstance(one, dict) or not one.get("key"):
                continue
            name, value = str(one["key"]), str(one.get("value") or "")
            if _TEMPLATE.search(value):
                self._gap("headers", f"{name} has variables in it", "write its value by hand")
            elif one.get("secret") or one.get("locked") or is_sensitive(name):
                source = self._variables.source_of(value, self._channel.place)
                found[name] = {"secret": source or self._secret(name.upper(), value)}
            elif name.lower() != "content-type":
                found[name] = value
        return found

    def _secret(self, what: str, value: str) -> str:
        """A secret that holds what stands in the project's code."""
        if (source := self._variables.source_of(value, self._channel.place)) is not None:
            return source
        self._variables.hide(value)
        name = f"{self._channel.id}_{what}".upper().replace("-", "_")
        name = self._variables.secret(name, self._channel.place)
        why = "its value stands in the project's code, and no secret is written"
        todo = f"set {name} in the environment, or: checkwire secret set {name}"
        self._gap("", why, todo)
        return name


def name_of(channel: Construct) -> str:
    """A channel's name: letters, digits, - and _."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", channel.id).strip("-_")[:64]
    return name or f"channel-{channel.number}"


def alerts_table(
    checks: Sequence[Effective], recording: Recording, written: Sequence[str]
) -> tuple[Table | None, list[Gap]]:
    """``[alerts]``, which holds for all checks; where a check's own say differs, that is a gap.

    Args:
        checks: those that were taken over.
        recording: the project.
        written: names of the channels that were.
    """
    if not checks:
        return None, []
    gaps: list[Gap] = []
    policies = [check.get("alertEscalationPolicy") for check in checks]
    afters = [_after(policy) for policy in policies]
    after = Counter(one for one in afters if one is not None).most_common(1)
    chosen = after[0][0] if after else 1
    told = [
        tuple(
            name
            for one in resolve(recording, check.get("alertChannels"))
            if (name := name_of(one)) in written
        )
        for check in checks
    ]
    all_told = [name for name in written if any(name in names for names in told)]
    for check, policy, own, names in zip(checks, policies, afters, told, strict=True):
        place = check.place("alertEscalationPolicy")
        if isinstance(policy, dict):
            gaps.extend(_differences(check, policy, own, chosen, place))
        if set(names) != set(all_told):
            only = " and ".join(names) or "nobody"
            why = f"the same channels are told of all checks; Checkly tells {only} of this one"
            todo = "run it as a project of its own, with channels of its own, if that matters"
            gaps.append(Gap(check.place("alertChannels"), check.whose("alertChannels"), why, todo))
    entries: dict[str, Any] = {"after": chosen}
    notes = {} if after else {"after": "as Checkly does, unless the account's settings say other"}
    if written:
        entries["channels"] = all_told
    return Table(("alerts",), entries, notes=notes), gaps


def _after(policy: Any) -> int | None:
    """Failed runs in a row that open an incident; ``None`` if that is not what counts."""
    if not isinstance(policy, dict) or policy.get("escalationType") == "TIME_BASED":
        return None
    threshold = (policy.get("runBasedEscalation") or {}).get("failedRunThreshold", 1)
    return threshold if isinstance(threshold, int) and threshold >= 1 else 1


def _differences(
    check: Effective, policy: dict[str, Any], own: int | None, chosen: int, place: str
) -> list[Gap]:
    found: list[tuple[str, str, str]] = []
    if own is None:
        minutes = (policy.get("timeBasedEscalation") or {}).get("minutesFailingThreshold", 5)
        why = f"an incident opens after failed runs in a row, not after {minutes} minutes"
        found.append(("", why, f"choose after in [alerts]; it is {chosen} now"))
    elif own != chosen:
        why = f"[alerts] after is {chosen} for all checks, and this one has {own}"
        found.append(("", why, "choose after in [alerts]"))
    if (policy.get("reminders") or {}).get("amount"):
        why = "each incident is told once when it opens, and once when it closes"
        found.append(("reminders in ", why, "let the service that is told remind"))
    threshold = policy.get("parallelRunFailureThreshold") or {}
    if threshold.get("enabled"):
        why = "an incident opens when the check is down at any one of its locations"
        found.append(
            ("parallelRunFailureThreshold in ", why, "look at the locations in the notice")
        )
    whose = check.whose("alertEscalationPolicy")
    return [Gap(place, f"{what}{whose}", why, todo) for what, why, todo in found]
