"""``[alerts]`` and ``[channels.NAME]``: what they may say, and how it is told what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkwire.model.alerts import AlertPolicy, EmailChannel, MailServer, SecretName, WebhookChannel
from checkwire.model.errors import DefinitionError
from checkwire.project.config import Project, load_project

HOOK = "[secrets]\nKEY = { env = 'KEY' }\n[channels.hook]\nkind = 'webhook'\nurl = 'http://h/'\n"
MAIL = (
    "[secrets]\nKEY = { env = 'KEY' }\n[channels.mail]\nkind = 'email'\nto = 'a@b.org'\n"
    "from = 'c@d.org'\n"
)


def load(folder: Path, text: str) -> Project:
    (folder / "checkwire.toml").write_text(f"{text}\n")
    return load_project(folder)


def complaint(folder: Path, text: str) -> str:
    """``line: message`` of what is wrong with the settings."""
    with pytest.raises(DefinitionError) as caught:
        load(folder, text)
    assert "\n" not in caught.value.message
    return f"{caught.value.line}: {caught.value.message}"


def test_without_settings_incidents_open_after_two_runs_and_nobody_is_told(tmp_path: Path) -> None:
    assert load(tmp_path, "").alerts == AlertPolicy(after=2, channels=())
    assert load(tmp_path, "[alerts]").alerts == AlertPolicy(after=2, channels=())


def test_every_channel_is_told_unless_the_policy_says_which(tmp_path: Path) -> None:
    both = f"{HOOK}[channels.other]\nkind = 'webhook'\nurl = 'https://o'\n"
    assert load(tmp_path, both).alerts.channels == ("hook", "other")
    assert load(tmp_path, f"{both}[alerts]\nafter = 1").alerts.channels == ("hook", "other")
    some = load(tmp_path, f"{both}[alerts]\nchannels = ['other', 'other']")
    assert some.alerts.channels == ("other",)
    assert list(some.channels) == ["hook", "other"]
    assert load(tmp_path, f"{both}[alerts]\nchannels = []").alerts.channels == ()


def test_an_address_that_is_itself_a_secret_is_named(tmp_path: Path) -> None:
    text = "[secrets]\nURL = { env = 'U' }\n[channels.h]\nkind = 'webhook'\nurl.secret = 'URL'"
    assert load(tmp_path, text).channels["h"] == WebhookChannel(name="h", url=SecretName("URL"))


@pytest.mark.parametrize(
    ("server", "meant"),
    [
        ("smtp://m", MailServer(host="m", port=25, security="none")),
        ("smtp://[::1]:2525/", MailServer(host="::1", port=2525, security="none")),
        ("smtps://m", MailServer(host="m", port=465, security="tls")),
        ("smtp+starttls://m", MailServer(host="m", port=587, security="starttls")),
    ],
)
def test_a_mail_server_has_the_usual_port_of_its_scheme(
    tmp_path: Path, server: str, meant: MailServer
) -> None:
    channel = load(tmp_path, f"{MAIL}server = '{server}'").channels["mail"]
    assert channel == EmailChannel(name="mail", to=("a@b.org",), sender="c@d.org", server=meant)


def test_a_password_may_go_in_plain_text_over_loopback(tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        channel = load(
            tmp_path, f"{MAIL}server = 'smtp://{host}'\nusername = 'u'\npassword = 'KEY'"
        ).channels["mail"]
        assert isinstance(channel, EmailChannel)
        assert channel.password == "KEY"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alerts = 1", "1: alerts must be a table, not an integer"),
        ("channels = []", "1: channels must be a table, not an array"),
        ("[alerts]\naftr = 1", '2: unknown key "aftr" in alerts; did you mean "after"?'),
        ("[alerts]\nafter = 0", "2: alerts.after: 0 is not a number of failed runs in a row, 1 to"),
        ("[alerts]\nafter = 101", "2: alerts.after: 101 is not a number of failed runs"),
        ("[alerts]\nafter = true", "2: alerts.after: true is not a number of failed runs"),
        ("[alerts]\nafter = '2m'", '2: alerts.after: "2m" is not a number of failed runs'),
        (
            "[alerts]\nchannels = 'hook'",
            '2: alerts.channels must be an array: write channels = ["hook"]',
        ),
        ("[alerts]\nchannels = [\n'hook']", '3: alerts.channels: "hook" is not declared; write ['),
        ("[alerts]\nchannels = [1]", "2: item 1 of alerts.channels must be a string"),
        (
            "[alerts]\nchannels = ['hook', 'hok']\n[channels.hook]\nkind='webhook'\nurl='http://h'",
            '2: alerts.channels: "hok" is not declared; did you mean "hook"?',
        ),
        (
            "[channels]\nhook = 'https://h'",
            "2: channels.hook must be a table: write [channels.hook]",
        ),
        ("[channels.'a b']\nkind = 'webhook'", '1: channels: "a b" will not do as a name'),
        ("[channels.h]\nurl = 'http://h'", '1: channels.h lacks "kind": write kind = "webhook"'),
        (
            "[channels.h]\nkind = 'webhok'",
            '2: channels.h.kind: "webhok" is none of "webhook", "email"; did you mean "webhook"?',
        ),
        ("[channels.h]\nkind = 1", "2: channels.h.kind: 1 is none of"),
        ("[channels.h]\nkind = 'webhook'", '1: channels.h lacks "url"'),
        (
            "[channels.h]\nkind = 'webhook'\nurll = 'http://h'",
            '3: unknown key "urll" in channels.h; did you mean "url"?',
        ),
        (f"{MAIL}url = 'x'", '7: unknown key "url" in channels.mail'),
        ("[channels.h]\nkind = 'webhook'\nurl = 1", "3: channels.h.url must be a string"),
        ("[channels.h]\nkind = 'webhook'\nurl = ''", "3: channels.h.url is empty"),
        (
            "[channels.h]\nkind = 'webhook'\nurl = 'example.org'",
            '3: channels.h.url: "example.org" is not an HTTP address: write "https://host/path"',
        ),
        ("[channels.h]\nkind = 'webhook'\nurl = 'ftp://h'", '3: channels.h.url: "ftp://h" is not'),
        ("[channels.h]\nkind = 'webhook'\nurl = 'http://h:x'", "3: channels.h.url: "),
        ("[channels.h]\nkind = 'webhook'\nurl = 'http://h:0'", "3: channels.h.url: "),
        ("[channels.h]\nkind = 'webhook'\nurl = 'http://[h'", "3: channels.h.url: "),
        (
            "[channels.h]\nkind = 'webhook'\nurl = 'http://h/é'",
            '3: channels.h.url: "http://h/é" must be percent-encoded ASCII',
        ),
        ("[channels.h]\nkind = 'webhook'\nurl.secert = 'K'", "3: channels.h.url: write a string"),
        (
            "[channels.h]\nkind = 'webhook'\nurl.secret = 'K'",
            "3: channels.h.url: no secret of that",
        ),
        (
            f"{HOOK}secret = 'KYE'",
            "6: channels.hook.secret: no secret of that name is declared in [",
        ),
        (f"{HOOK}secret = 1", "6: channels.hook.secret: it must be the name of a secret"),
        (f"{HOOK}headers = 1", "6: channels.hook.headers: it must be a table"),
        (f"{HOOK}headers.'a:' = 'x'", '6: channels.hook.headers.a:: "a:" is not a header'),
        (f"{HOOK}headers.A = 1", "6: channels.hook.headers.A must be a string"),
        (f'{HOOK}headers.A = "a\\nb"', "6: channels.hook.headers.A: a header's value is printable"),
        (f"{HOOK}headers.Host = 'a'", "6: channels.hook.headers.Host: this header is set by Check"),
        (f"{MAIL}", '3: channels.mail lacks "server"'),
        (
            f"{MAIL}server = 'mail'",
            '7: channels.mail.server: "mail" will not do: write "smtp+starttls://mail.example.org',
        ),
        (f"{MAIL}server = 'smtp://m/path'", '7: channels.mail.server: "smtp://m/path" will not do'),
        (f"{MAIL}server = 'smtp://m:x'", "7: channels.mail.server: "),
        (
            f"{MAIL}server = 'smtp://m'\nusername = 'u'",
            '8: channels.mail.username: it goes with "pa',
        ),
        (
            f"{MAIL}server = 'smtp://m'\npassword = 'KEY'",
            '8: channels.mail.password: it goes with "username", which is not there',
        ),
        (
            f"{MAIL}server = 'smtp://m'\nusername = 'u'\npassword = 'KEY'",
            "7: channels.mail.server: a password would go over the network for all to read",
        ),
        ("[channels.m]\nkind='email'\nfrom='a@b'\nserver='smtp://m'", '1: channels.m lacks "to"'),
        ("[channels.m]\nkind='email'\nto='a@b'\nserver='smtp://m'", '1: channels.m lacks "from"'),
        (
            "[channels.m]\nkind='email'\nto=[]\nfrom='a@b'\nserver='smtp://m'",
            '3: channels.m.to: write to = ["ops@example.org"]',
        ),
        (
            "[channels.m]\nkind='email'\nto=['a@b',\n'ops']\nfrom='a@b'\nserver='smtp://m'",
            '4: channels.m.to: "ops" is not an e-mail address: write "ops@example.org" or',
        ),
        (
            "[channels.m]\nkind='email'\nto='a@b'\nfrom='a@b, c@d'\nserver='smtp://m'",
            '4: channels.m.from: "a@b, c@d" is not an e-mail address',
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    assert complaint(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        f"{HOOK}secret = 'hunter2'",
        f"{HOOK}headers.Authorization.secret = 'hunter2'",
        "[channels.h]\nkind = 'webhook'\nurl = 'https://bot:hunter2@h/'",
        f"{MAIL}server = 'smtps://bot:hunter2@m'",
        f"{MAIL}server = 'smtps://m'\nusername = 'u'\npassword = 'hunter2'",
    ],
)
def test_a_secret_written_out_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    message = complaint(tmp_path, text)
    assert "channels." in message
    assert "hunter2" not in message
