"""``[alerts]`` and ``[channels.NAME]`` of a project's settings."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from checkwire.model.alerts import (
    AlertPolicy,
    Channel,
    EmailChannel,
    MailServer,
    SecretName,
    WebhookChannel,
)
from checkwire.sdk.suggestion import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["SettingError", "parse_alerts", "parse_channel"]

Path = tuple[str | int, ...]

MOST_AFTER = 100
"""Above, a slip of the pen is likelier than a wish."""

KINDS: dict[str, tuple[str, ...]] = {
    "webhook": ("url", "secret", "headers"),
    "email": ("to", "from", "server", "username", "password"),
}
"""The keys of each kind of channel, besides ``kind``."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "transfer-encoding",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
_SERVERS = {
    "smtp": ("none", 25),
    "smtps": ("tls", 465),
    "smtp+starttls": ("starttls", 587),
}
_WRITE_SERVER = 'write "smtp+starttls://mail.example.org:587", "smtps://..." or "smtp://..."'


class SettingError(ValueError):
    """A setting will not do.

    Attributes:
        path: where it stands, from the table that was parsed.
    """

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path: Path = path


def parse_alerts(table: dict[str, Any], channels: Collection[str]) -> AlertPolicy:
    """The policy that ``[alerts]`` describes.

    Args:
        table: as it was written.
        channels: names of those that the project declares: all are told, unless it says which.

    Raises:
        SettingError: if it will not do.
    """
    _require_known(table, ("after", "channels"), "alerts")
    after = table.get("after", AlertPolicy().after)
    if isinstance(after, bool) or not isinstance(after, int) or not 1 <= after <= MOST_AFTER:
        raise SettingError(
            f"alerts.after: {_shown(after)} is not a number of failed runs in a row, "
            f"1 to {MOST_AFTER}",
            "after",
        )
    names = table.get("channels")
    if names is None:
        return AlertPolicy(after=after, channels=tuple(channels))
    if not isinstance(names, list):
        raise SettingError(
            f"alerts.channels must be an array: write channels = [{_shown(names)}]", "channels"
        )
    for index, name in enumerate(names):
        if name not in channels:
            if not isinstance(name, str):
                message = f"item {index + 1} of alerts.channels must be a string"
            else:
                hint = did_you_mean(name, channels) or f"; write [channels.{name}]"
                message = f"alerts.channels: {_shown(name)} is not declared{hint}"
            raise SettingError(message, "channels", index)
    return AlertPolicy(after=after, channels=tuple(dict.fromkeys(names)))


def parse_channel(name: str, table: Any, secrets: Collection[str]) -> Channel:
    """The channel that ``[channels.NAME]`` describes.

    Args:
        name: its name.
        table: as it was written.
        secrets: names of those that the project declares.

    Raises:
        SettingError: if it will not do.
    """
    where = f"channels.{name}"
    if _NAME.fullmatch(name) is None:
        raise SettingError(
            f"channels: {_shown(name)} will not do as a name: letters, digits, - and _ will, "
            "at most 64"
        )
    if not isinstance(table, dict):
        raise SettingError(f"{where} must be a table: write [{where}]")
    kind = table.get("kind")
    if kind is None:
        raise SettingError(f'{where} lacks "kind": write kind = "webhook" or kind = "email"')
    if not isinstance(kind, str) or kind not in KINDS:
        hint = did_you_mean(kind, KINDS) if isinstance(kind, str) else ""
        raise SettingError(
            f'{where}.kind: {_shown(kind)} is none of "webhook", "email"{hint}', "kind"
        )
    _require_known(table, ("kind", *KINDS[kind]), where)
    return _Channel(name, table, secrets).parse(kind)


class _Channel:
    def __init__(self, name: str, table: dict[str, Any], secrets: Collection[str]) -> None:
        self._name = name
        self._where = f"channels.{name}"
        self._table = table
        self._secrets = secrets

    def parse(self, kind: str) -> Channel:
        return self._webhook() if kind == "webhook" else self._email()

    # Webhook

    def _webhook(self) -> WebhookChannel:
        return WebhookChannel(
            name=self._name,
            url=self._url(self._required("url")),
            secret=self._secret("secret"),
            headers=self._headers(self._table.get("headers", {})),
        )

    def _url(self, value: Any) -> str | SecretName:
        if isinstance(value, dict):
            return self._secret_name(value, "url")
        url = self._text(value, "url")
        write = 'write "https://host/path"'
        try:
            parts = urlsplit(url)
            port_is_one = parts.port is None or parts.port > 0
        except ValueError:
            raise self._wrong(f"{_shown(url)} is not a URL: {write}", "url") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_one:
            raise self._wrong(f"{_shown(url)} is not an HTTP address: {write}", "url")
        if parts.username is not None:  # What it holds is not repeated.
            raise self._wrong(
                "a user and a password have no place in a file that others read: send them in "
                'headers = { Authorization = { secret = "NAME" } }',
                "url",
            )
        if not url.isascii() or not url.isprintable() or " " in url:
            raise self._wrong(f"{_shown(url)} must be percent-encoded ASCII", "url")
        return url

    def _headers(self, value: Any) -> dict[str, str | SecretName]:
        if not isinstance(value, dict):
            raise self._wrong('it must be a table: write headers = { Name = "..." }', "headers")
        found: dict[str, str | SecretName] = {}
        for name, content in value.items():
            path = ("headers", name)
            if _HEADER_NAME.fullmatch(name) is None:
                raise self._wrong(f"{_shown(name)} is not a header's name", *path)
            if name.lower() in _OURS:
                raise self._wrong("this header is set by Checkwire", *path)
            if isinstance(content, dict):
                found[name] = self._secret_name(content, *path)
                continue
            text = self._text(content, *path)
            if not text.isascii() or not text.isprintable():
                raise self._wrong("a header's value is printable ASCII", *path)
            found[name] = text.strip()
        return found

    # E-mail

    def _email(self) -> EmailChannel:
        to = self._required("to")
        senders = self._addresses([self._required("from")], "from", in_list=False)
        username = self._table.get("username")
        if username is not None:
            self._text(username, "username")
        password = self._secret("password")
        if (username is None) != (password is None):
            given, lacks = (
                ("username", "password") if password is None else ("password", "username")
            )
            raise self._wrong(f'it goes with "{lacks}", which is not there', given)
        server = self._server(self._text(self._required("server"), "server"))
        if password is not None and server.security == "none" and not _is_loopback(server.host):
            raise self._wrong(
                "a password would go over the network for all to read: use smtp+starttls:// "
                "or smtps://",
                "server",
            )
        if isinstance(to, str):
            recipients = self._addresses([to], "to", in_list=False)
        elif isinstance(to, list) and to:
            recipients = self._addresses(to, "to", in_list=True)
        else:
            raise self._wrong('write to = ["ops@example.org"]', "to")
        return EmailChannel(
            name=self._name,
            to=recipients,
            sender=senders[0],
            server=server,
            username=username,
            password=password,
        )

    def _addresses(self, values: list[Any], key: str, *, in_list: bool) -> tuple[str, ...]:
        for index, value in enumerate(values):
            path = (key, index) if in_list else (key,)
            text = self._text(value, *path)
            if not _is_address(text):
                raise self._wrong(
                    f'{_shown(text)} is not an e-mail address: write "ops@example.org" or '
                    '"Operations <ops@example.org>"',
                    *path,
                )
        return tuple(dict.fromkeys(values))

    def _server(self, url: str) -> MailServer:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise self._wrong(f"{_shown(url)} will not do: {_WRITE_SERVER}", "server") from None
        if "@" in parts.netloc:  # What it holds is not repeated.
            raise self._wrong(
                'a user and a password have no place here: write username = "..." and '
                'password = "NAME OF A SECRET"',
                "server",
            )
        rest = (parts.path.strip("/"), parts.query, parts.fragment)
        if parts.scheme not in _SERVERS or not parts.hostname or port == 0 or any(rest):
            raise self._wrong(f"{_shown(url)} will not do: {_WRITE_SERVER}", "server")
        security, usual = _SERVERS[parts.scheme]
        return MailServer(host=parts.hostname, port=port or usual, security=security)  # type: ignore[arg-type]

    # Of both

    def _required(self, key: str) -> Any:
        if key not in self._table:
            raise SettingError(f'{self._where} lacks "{key}"')
        return self._table[key]

    def _text(self, value: Any, *path: str | int) -> str:
        if not isinstance(value, str) or not value.strip():
            what = "is empty" if value == "" else "must be a string"
            raise SettingError(f"{_dotted(self._where, path)} {what}", *path)
        return value

    def _secret(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._wrong("it must be the name of a secret, a string", key)
        self._require_declared(value, key)
        return value

    def _secret_name(self, table: dict[str, Any], *path: str | int) -> SecretName:
        if set(table) != {"secret"} or not isinstance(table["secret"], str):
            raise self._wrong('write a string, or { secret = "NAME" }', *path)
        self._require_declared(table["secret"], *path)
        return SecretName(table["secret"])

    def _require_declared(self, secret: str, *path: str | int) -> None:
        if secret in self._secrets:
            return
        # It may be the secret itself that stands here by mistake: only what looks like a slip of
        # the pen is told.
        hint = did_you_mean(secret, self._secrets)
        advice = hint or (
            ': write NAME = { env = "NAME" } there, also if checkwire secret set gives its value'
        )
        raise self._wrong(f"no secret of that name is declared in [secrets]{advice}", *path)

    def _wrong(self, message: str, *path: str | int) -> SettingError:
        return SettingError(f"{_dotted(self._where, path)}: {message}", *path)


def _is_address(text: str) -> bool:
    from email.headerregistry import Address  # 12 ms, and few projects send mail
    from email.utils import parseaddr

    if not text.isprintable():
        return False
    _, address = parseaddr(text)
    if not address.isascii() or " " in address:
        return False
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain) and text.endswith((address, f"<{address}>"))


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d+){3}", host) is not None


def _require_known(table: dict[str, Any], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise SettingError(f'unknown key "{key}" in {where}{did_you_mean(key, known)}', key)


def _dotted(where: str, path: Path) -> str:
    return ".".join((where, *(key for key in path if isinstance(key, str))))


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"
