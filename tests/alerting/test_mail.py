"""Notices go by e-mail: through a real SMTP server."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest

from checkwire.alerting import notice
from checkwire.model.alerts import Channel, EmailChannel, MailServer
from checkwire.store.registry import sync_project
from support.delivering import delivering
from support.loops import run
from support.mailserver import MailBox
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script
from support.watched import EPOCH_NS, definition, watched


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def mail(server: MailServer, *to: str, **options: str) -> dict[str, Channel]:
    """One e-mail channel, which is named as the webhook elsewhere."""
    return {
        "hook": EmailChannel(
            name="hook",
            to=to or ("On call <oncall@example.org>",),
            sender="Checkwire <checkwire@example.org>",
            server=server,
            **options,  # type: ignore[arg-type]
        )
    }


def test_a_notice_reads_well(sqlite_url: str) -> None:
    async def story() -> None:
        about = definition(description="A subscriber gets <order> updates.")
        async with MailBox() as box:
            channels = mail(box.server(), "On call <oncall@example.org>", "ops@example.org")
            async with watched(sqlite_url, about) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- - - +", base_url="https://cw.example.org")
                opening, closing = await delivery.delivered(2)
            down, up = box.seen
            assert down.sender == "checkwire@example.org"
            assert down.recipients == ("oncall@example.org", "ops@example.org")
            assert down.message["To"] == "On call <oncall@example.org>, ops@example.org"
            assert down.message["Subject"] == (
                "[Order service] updates is down: The server closed the connection without a "
                "Close frame after 3.02 s"
            )
            assert down.message["Message-ID"] == f"<{opening.id}@example.org>"
            assert down.message["X-Checkwire-Idempotency-Key"] == opening.id
            assert down.message["X-Checkwire-Event"] == "opened"
            assert down.message["Auto-Submitted"] == "auto-generated"
            at = datetime.fromtimestamp(opening.created_ns / 1e9, UTC)
            assert down.message["Date"].datetime == at
            run_id = opening.payload.decode().split('"run":{"id":"')[1][:26]
            uid = opening.payload.decode().split('"uid":"')[1][:12]
            assert down.text() == (
                "✕ updates is down\n"
                "\n"
                "The server closed the connection without a Close frame after 3.02 s\n"
                "[ws.closed_abnormally]\n"
                "\n"
                "Look next: Look at the server's log of that second\n"
                "\n"
                "Project     Order service (orders)\n"
                "Check       updates (orders_check.py::updates)\n"
                "            A subscriber gets <order> updates.\n"
                "Location    local: failed, 2 runs in a row\n"
                "Down since  2026-01-01 00:01:00 UTC\n"
                f"Run         {run_id} at local\n"
                "\n"
                f"The run: https://cw.example.org/runs/{run_id}\n"
                f"The check: https://cw.example.org/checks/{uid}\n"
            )
            assert "A subscriber gets &lt;order&gt; updates." in down.html()
            assert f'href="https://cw.example.org/runs/{run_id}"' in down.html()
            assert up.message["Subject"] == "[Order service] updates is up again after 3 m 00 s"
            assert up.message["In-Reply-To"] == down.message["Message-ID"]
            assert up.message["Message-ID"] == f"<{closing.id}@example.org>"
            assert up.text().startswith(
                "● updates is up again after 3 m 00 s\n\nWhat had failed: The server closed"
            )
            assert "Look next" not in up.text()
            assert "Look next" not in up.html()

    run(story())


def test_a_test_reads_as_one(sqlite_url: str) -> None:
    async def story() -> None:
        async with MailBox() as box:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, mail(box.server())) as delivery,
            ):
                tried = notice.test_notice(
                    "k",
                    "hook",
                    project="orders",
                    name="Order service",
                    now_ns=EPOCH_NS,
                    base_url="https://cw.example.org",
                )
                said = await delivery.deliverer.try_channel(tried, "hook")
                assert said == f"{box.place} took the message"
                assert await scene.told() == []
            (message,) = box.seen
            assert message.message["Subject"] == (
                "[Order service] This is a test of the channel hook: nothing is down"
            )
            assert message.text() == (
                "○ This is a test of the channel hook: nothing is down\n"
                "\n"
                "Project  Order service (orders)\n"
                "Sent     2026-01-01 00:00:00 UTC\n"
                "\n"
                "The server: https://cw.example.org\n"
            )

    run(story())


def test_what_a_check_says_cannot_forge_a_message(sqlite_url: str) -> None:
    async def story() -> None:
        about = definition("x\r\nBcc: all@example.org\r\n\r\n<script>" + "long " * 100)
        async with MailBox() as box:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, mail(box.server())) as delivery,
            ):
                await scene.declare(about)
                async with scene.store.writing() as tx:
                    await sync_project(
                        tx,
                        key="orders",
                        name="Ordérs\r\nX-Evil: 1 \U0001f600",
                        root="/",
                        definitions=[about],
                        now_ns=EPOCH_NS,
                    )
                await delivery.runs("- -", check=about.name)
                await delivery.delivered()
            (seen,) = box.seen
            assert seen.recipients == ("oncall@example.org",)
            assert (seen.message["Bcc"], seen.message["X-Evil"]) == (None, None)
            subject = seen.message["Subject"]
            assert subject.startswith("[Ordérs X-Evil: 1 \U0001f600] x Bcc: all@example.org <scr")
            assert len(subject) == 150
            assert "<script>" not in seen.html()

    run(story())


def test_a_repeated_message_is_the_same_message(sqlite_url: str) -> None:
    async def story() -> None:
        async with MailBox() as box:
            refusals = ["451 later", "421 too busy"]
            box.on_data = lambda: refusals.pop(0) if refusals else None
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, mail(box.server())) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == f"{box.place} answered 451 later"
                assert entry.next_try_ns is not None
                delivery.pass_time(10)
                assert (await delivery.failed(2)).error == f"{box.place} answered 421 too busy"
                delivery.pass_time(15)
                (entry,) = await delivery.delivered()
            assert [mail.message["X-Checkwire-Idempotency-Key"] for mail in box.seen] == [entry.id]

    run(story())


def test_a_server_that_refuses_for_good_is_not_asked_again(sqlite_url: str) -> None:
    async def story() -> None:
        async with MailBox() as box:
            box.on_data = lambda: "554 this is spam"
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, mail(box.server())) as delivery,
            ):
                await delivery.runs("- -")
                assert (await delivery.given_up()).error == f"{box.place} answered 554 this is spam"

    run(story())


def test_recipients_who_are_refused_for_good_do_not_hold_up_the_others(sqlite_url: str) -> None:
    async def story() -> None:
        async with MailBox() as box:
            box.on_recipient = lambda who: "550 no such user" if who.startswith("old") else None
            channels = mail(box.server(), "old@example.org", "new@example.org")
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- -")
                (entry,) = await delivery.delivered()
                assert entry.error == f"{box.place} refused old@example.org: 550 no such user"
            assert [mail.recipients for mail in box.seen] == [("new@example.org",)]

    run(story())


def test_a_recipient_who_is_to_be_tried_later_is_not_lost(sqlite_url: str) -> None:
    async def story() -> None:
        async with MailBox() as box:
            grey = ["450 greylisted"]
            box.on_recipient = lambda who: grey.pop() if grey and who.startswith("b") else None
            channels = mail(box.server(), "a@example.org", "b@example.org")
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == f"{box.place} refused b@example.org: 450 greylisted"
                delivery.pass_time(10)
                await delivery.delivered()
            assert box.seen[-1].recipients == ("a@example.org", "b@example.org")
            assert len({mail.message["Message-ID"] for mail in box.seen}) == 1

    run(story())


@pytest.mark.parametrize(("code", "for_good"), [("550", True), ("450", False)])
def test_when_nobody_is_taken_the_server_says_for_how_long(
    sqlite_url: str, code: str, for_good: bool
) -> None:
    async def story() -> None:
        async with MailBox() as box:
            box.on_recipient = lambda _: f"{code} no"
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, mail(box.server())) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == f"{box.place} refused oncall@example.org: {code} no"
                assert (entry.next_try_ns is None) == for_good

    run(story())


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_mail_goes_encrypted_and_with_a_password(sqlite_url: str, pki: Pki, security: str) -> None:
    async def story() -> None:
        context = pki.server()
        async with MailBox(
            tls=context if security == "tls" else None,
            starttls=context if security == "starttls" else None,
            login=("checkwire", "hunter2!") if security == "starttls" else None,
        ) as box:
            options = {"username": "checkwire", "password": "MAIL"} if box._login else {}
            channels = mail(box.server(), **options)
            async with watched(sqlite_url) as scene:
                async with delivering(scene, channels, {"MAIL": "hunter2!"}) as delivery:
                    await delivery.runs("- -")
                    entry = await delivery.failed()
                    assert (entry.error or "").startswith(
                        f"the certificate of {box.place} does not hold: "
                    )
                trusting = ssl.create_default_context(cafile=pki.ca)
                async with delivering(scene, channels, tls=trusting) as delivery:
                    if box._login:
                        delivery.pass_time(10)
                        entry = await delivery.failed(2)
                        assert entry.error == (
                            "the secret MAIL has no value: set it with checkwire secret set MAIL"
                        )
                    delivery.secrets["MAIL"] = "hunter2!"
                    delivery.pass_time(60)
                    await delivery.delivered()
            (seen,) = box.seen
            assert seen.secure
            assert seen.user == ("checkwire" if box._login else None)

    run(story())


def test_a_wrong_password_is_given_up_and_not_shown(sqlite_url: str, pki: Pki) -> None:
    async def story() -> None:
        trusting = ssl.create_default_context(cafile=pki.ca)
        async with MailBox(starttls=pki.server(), login=("checkwire", "hunter2!")) as box:
            channels = mail(box.server(), username="checkwire", password="MAIL")
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, {"MAIL": "letmein!"}, tls=trusting) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.given_up()
            assert (entry.error or "").startswith(f"{box.place} answered 535 ")
            assert "letmein" not in (entry.error or "")

    run(story())


def says_nothing(peer: Peer) -> None:
    peer.stay()


def hangs_up(peer: Peer) -> None:
    peer.send(b"220 hello\r\n")
    peer.read_until(b"\r\n")
    peer.fin()


def is_no_mail_server(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.fin()


def forgets_to_say_goodbye(peer: Peer) -> None:
    peer.send(b"220 hello\r\n")
    for answer in (b"250 hello", b"250 ok", b"250 ok", b"354 go on"):
        peer.read_until(b"\r\n")
        peer.send(answer, b"\r\n")
    peer.read_until(b"\r\n.\r\n")
    peer.send(b"250 taken\r\n")
    peer.read_until(b"QUIT\r\n")
    peer.fin()


@pytest.mark.parametrize(
    ("temper", "error"),
    [
        (says_nothing, "{} did not take it within 0.5 s"),
        (hangs_up, "{}: "),
        (is_no_mail_server, "{}"),
    ],
)
def test_a_server_that_does_not_play_along_is_tried_again(
    sqlite_url: str, temper: Script, error: str
) -> None:
    async def story() -> None:
        with RawServer(temper) as server:
            channels = mail(MailServer(host="127.0.0.1", port=server.port))
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, timeout=0.5) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert (entry.error or "").startswith(error.format(server.place))
                assert entry.next_try_ns is not None

    run(story())


def test_what_the_server_took_is_delivered_however_it_says_goodbye(sqlite_url: str) -> None:
    async def story() -> None:
        with RawServer(forgets_to_say_goodbye) as server:
            channels = mail(MailServer(host="127.0.0.1", port=server.port))
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- -")
                (entry,) = await delivery.delivered()
                assert entry.error is None

    run(story())


def test_nobody_there_is_tried_again(sqlite_url: str) -> None:
    async def story() -> None:
        with RawServer() as server:
            pass
        channels = mail(MailServer(host="127.0.0.1", port=server.port))
        async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
            await delivery.runs("- -")
            entry = await delivery.failed()
            assert entry.error == f"{server.place} refused the connection"
            assert entry.next_try_ns is not None

    run(story())
