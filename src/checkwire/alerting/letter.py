"""A notice as an e-mail: plain text, and simple HTML for a phone."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape

from checkwire.alerting.notice import Notice, NoticeFailure
from checkwire.model.alerts import EmailChannel
from checkwire.store.outbox import key_of

__all__ = ["letter"]

_LONGEST_SUBJECT = 150

_MARKS = {"failing": "✕", "recovered": "●", "removed": "○", "test": "○"}
_COLOURS = {"failing": "#b3261e", "recovered": "#1e7a3c", "removed": "#6b6b66", "test": "#6b6b66"}

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{title}</title></head>'
    '<body style="margin:0;padding:16px;background:#fbfaf7;color:#1c1c1a;'
    'font:16px/1.5 system-ui,sans-serif"><div style="max-width:560px;margin:0 auto">'
    '<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px">'
    '<span style="color:{colour}">{mark}</span> {headline}</h1>{body}</div></body></html>'
)
_PARAGRAPH = '<p style="margin:0 0 12px">{}</p>'
_ROW = (
    '<tr><th style="padding:4px 12px 4px 0;text-align:left;vertical-align:top;font-weight:normal;'
    'color:#6b6b66">{}</th><td style="padding:4px 0;word-break:break-word">{}</td></tr>'
)


def letter(notice: Notice, channel: EmailChannel) -> EmailMessage:
    """The message, the same whenever it is made: of a repeated one mail programs show one.

    Args:
        notice: what to tell.
        channel: from whom, to whom.
    """
    message = EmailMessage()
    message["Subject"] = _subject(notice)
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = _message_id(notice.id, channel)
    if notice.event == "closed":  # It stands below the one that it answers.
        opened = _message_id(key_of(notice.incident.id, "opened", channel.name), channel)
        message["In-Reply-To"] = message["References"] = opened
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers
    message["X-Checkwire-Idempotency-Key"] = notice.id
    message["X-Checkwire-Incident"] = notice.incident.id
    message["X-Checkwire-Event"] = notice.event
    message.set_content(_text(notice), cte="quoted-printable")
    message.add_alternative(_html(notice), subtype="html", cte="quoted-printable")
    return message


def _message_id(key: str, channel: EmailChannel) -> str:
    domain = parseaddr(channel.sender)[1].rpartition("@")[2]
    return f"<{key}@{domain}>"


def _subject(notice: Notice) -> str:
    subject = " ".join(f"[{notice.project.name}] {notice.title}".split())
    return subject if len(subject) <= _LONGEST_SUBJECT else f"{subject[: _LONGEST_SUBJECT - 1]}…"


def _headline(notice: Notice) -> str:
    """The title without the failure's sentence, which stands by itself."""
    sentence = " ".join(notice.failure.message.split()) if notice.failure else ""
    return notice.title.removesuffix(f": {sentence}")


def _sentence(notice: Notice, failure: NoticeFailure) -> str:
    return failure.message if notice.event == "opened" else f"What had failed: {failure.message}"


def _text(notice: Notice) -> str:
    lines = [f"{_MARKS[notice.reason]} {_headline(notice)}", ""]
    if notice.failure is not None:
        lines += [_sentence(notice, notice.failure), f"[{notice.failure.code}]", ""]
        if notice.failure.hint and notice.event == "opened":
            lines += [f"Look next: {notice.failure.hint}", ""]
    width = max(len(name) for name, _ in _rows(notice)) + 2
    for name, values in _rows(notice):
        for index, value in enumerate(values):
            lines.append(f"{name if index == 0 else '':<{width}}{value}")
    links = _links(notice)
    return "\n".join([*lines, "", *(f"{name}: {url}" for name, url in links)]).rstrip() + "\n"


def _html(notice: Notice) -> str:
    parts = []
    if notice.failure is not None:
        code = f'<br><code style="color:#6b6b66">{escape(notice.failure.code)}</code>'
        sentence = escape(_sentence(notice, notice.failure)).replace("\n", "<br>")
        parts.append(_PARAGRAPH.format(sentence + code))
        if notice.failure.hint and notice.event == "opened":
            parts.append(_PARAGRAPH.format(f"Look next: {escape(notice.failure.hint)}"))
    rows = (
        _ROW.format(escape(name), "<br>".join(map(escape, values)))
        for name, values in _rows(notice)
    )
    table = '<table style="border-collapse:collapse;border-top:1px solid #d9d7cf;width:100%">'
    parts.append(f"{table}{''.join(rows)}</table>")
    parts += (
        f'<p style="margin:12px 0 0"><a href="{escape(url)}" style="color:#1c1c1a">'
        f"{escape(name)}</a></p>"
        for name, url in _links(notice)
    )
    return _PAGE.format(
        title=escape(notice.title),
        colour=_COLOURS[notice.reason],
        mark=_MARKS[notice.reason],
        headline=escape(_headline(notice)),
        body="".join(parts),
    )


def _rows(notice: Notice) -> list[tuple[str, list[str]]]:
    """What there is to know beside the sentence."""
    check, incident = notice.check, notice.incident
    rows = [("Project", [_named(notice.project.name, notice.project.id)])]
    if notice.event == "test":
        return [*rows, ("Sent", [_moment(notice.at)])]
    rows.append(("Check", [_named(check.name, check.id)]))
    if check.description:
        rows.append(("", [check.description]))
    if notice.locations:
        rows.append(("Locations" if len(notice.locations) > 1 else "Location", _locations(notice)))
    rows.append(("Down since", [_moment(incident.began_at)]))
    if incident.ended_at is not None:
        rows.append(("Until", [_moment(incident.ended_at)]))
    if notice.run is not None:
        rows.append(("Run", [f"{notice.run.id} at {notice.run.location}"]))
    return rows


def _locations(notice: Notice) -> list[str]:
    said = []
    for location in notice.locations:
        bad = location.failed_in_row
        row = f", {bad} runs in a row" if bad > 1 else ""
        said.append(f"{location.name}: {location.status}{row}")
    return said


def _links(notice: Notice) -> list[tuple[str, str]]:
    found = []
    if notice.run is not None and notice.run.url:
        found.append(("The run", notice.run.url))
    if notice.check.url:
        what = "The server" if notice.event == "test" else "The check"
        found.append((what, notice.check.url))
    return found


def _named(name: str, id_: str) -> str:
    return name if name == id_ else f"{name} ({id_})"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
