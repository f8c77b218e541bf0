"""Notices go to webhooks: to real servers of every temper."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from checkwire.model.alerts import SecretName
from support.delivering import delivering, hook
from support.httpserver import Handler, HttpServer, SeenRequest, reply
from support.loops import run, until
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, answering, dead_address
from support.watched import definition, watched


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def answers(*statuses: str) -> Handler:
    """A handler that answers so, one request after another, and the last for ever."""
    left = list(statuses)

    def handler(_: SeenRequest) -> bytes:
        status, _, header = (left.pop(0) if len(left) > 1 else left[0]).partition("|")
        return reply(status, b"so it is", *([header] if header else []))

    return handler


def test_a_notice_is_posted_as_json(sqlite_url: str) -> None:
    async def story() -> None:
        with HttpServer() as server:
            channels = hook(f"{server.url}/checkwire?team=ops", headers={"X-Team": "ops"})
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- - +")
                opening, closing = await delivery.delivered(2)
            first, second = server.seen
            assert (first.method, first.target) == ("POST", "/checkwire?team=ops")
            assert first.body == opening.payload
            assert second.body == closing.payload
            assert json.loads(first.body)["event"] == "opened"
            assert json.loads(first.body)["id"] == first.header("Idempotency-Key") == opening.id
            assert json.loads(second.body)["id"] == second.header("Idempotency-Key") == closing.id
            assert first.header("Content-Type") == "application/json"
            assert first.header("Host") == server.place
            assert first.header("X-Team") == "ops"
            assert (first.header("User-Agent") or "").startswith("checkwire/")
            assert first.header("Webhook-Signature") is None
            assert (opening.tries, opening.next_try_ns, opening.error) == (1, None, None)

    run(story())


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("correct horse battery", b"correct horse battery"),
        (f"whsec_{b64encode(b'0123456789abcdef').decode()}", b"0123456789abcdef"),
        ("whsec_no base64", b"whsec_no base64"),
    ],
)
def test_a_secret_signs_what_is_sent(sqlite_url: str, secret: str, key: bytes) -> None:
    async def story() -> None:
        with HttpServer() as server:
            channels = hook(server.url, secret="SIGNING")
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, {"SIGNING": secret}) as delivery,
            ):
                await delivery.runs("- -")
                await delivery.delivered()
                now = delivery.now_ns() / 1e9
            (request,) = server.seen
            id_, at = request.header("Webhook-Id"), request.header("Webhook-Timestamp")
            assert id_ == request.header("Idempotency-Key")
            assert at is not None
            assert abs(int(at) - now) < 60
            version, signature = (request.header("Webhook-Signature") or "").split(",")
            assert version == "v1"
            signed = f"{id_}.{at}.".encode() + request.body
            assert b64decode(signature) == hmac.new(key, signed, hashlib.sha256).digest()

    run(story())


def test_addresses_and_headers_may_be_secrets(sqlite_url: str) -> None:
    async def story() -> None:
        with HttpServer(answers("500 Oh", "200 OK")) as server:
            channels = hook(
                SecretName("URL"),  # type: ignore[arg-type]
                headers={"Authorization": SecretName("TOKEN")},
            )
            secrets = {"URL": f"{server.url}/hidden", "TOKEN": "Bearer abcdefgh\n"}
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, secrets) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == f"{server.place} answered 500 Oh: so it is"
                delivery.pass_time(10)
                await delivery.delivered()
            assert [request.target for request in server.seen] == ["/hidden"] * 2
            assert server.seen[0].header("Authorization") == "Bearer abcdefgh"

    run(story())


def test_what_the_server_says_back_of_a_secret_is_masked(sqlite_url: str) -> None:
    def echo(request: SeenRequest) -> bytes:
        return reply("403 Forbidden", f"bad token {request.header('Authorization')}".encode())

    async def story() -> None:
        with HttpServer(echo) as server:
            channels = hook(server.url, headers={"Authorization": SecretName("TOKEN")})
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, {"TOKEN": "abcdefgh"}) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
            assert entry.error == f"{server.place} answered 403 Forbidden: bad token ••••••"

    run(story())


def test_a_secret_without_a_value_is_waited_for(sqlite_url: str) -> None:
    async def story() -> None:
        with HttpServer() as server:
            channels = hook(server.url, secret="SIGNING")
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- -")
                assert (await delivery.failed()).error == (
                    "the secret SIGNING has no value: set it with checkwire secret set SIGNING"
                )
                assert server.seen == []
                delivery.secrets["SIGNING"] = "value"
                delivery.pass_time(10)
                await delivery.delivered()

    run(story())


def test_a_secret_that_is_no_address_or_header_is_told_and_not_shown(sqlite_url: str) -> None:
    async def story() -> None:
        with HttpServer() as server:
            channels = hook(SecretName("URL"), headers={"X": SecretName("X")})  # type: ignore[arg-type]
            secrets = {"URL": "hunter2", "X": "hun\r\nter2"}
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, channels, secrets) as delivery,
            ):
                await delivery.runs("- -")
                error = (await delivery.failed()).error
                assert error == "the address of hook is a secret that holds no HTTP address"
                delivery.secrets["URL"] = server.url
                delivery.pass_time(10)
                error = (await delivery.failed(2)).error
                assert error == (
                    f"a header for {server.place} has characters that no header can have"
                )

    run(story())


@pytest.mark.parametrize(
    "status",
    [
        "500 Oh",
        "502 Bad Gateway",
        "408 Timeout",
        "429 Too Many",
        "404 Not Found",
        "401 No",
        "403 No",
    ],
)
def test_what_may_pass_is_tried_again_later_with_the_same_key(sqlite_url: str, status: str) -> None:
    async def story() -> None:
        with HttpServer(answers(status, status, "204 No Content")) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(server.url)) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == f"{server.place} answered {status}: so it is"
                assert entry.next_try_ns is not None
                assert entry.next_try_ns - entry.created_ns >= 4e9
                assert entry.next_try_ns <= delivery.now_ns() + 6e9
                delivery.pass_time(7)
                entry = await delivery.failed(2)
                assert entry.next_try_ns is not None
                assert entry.next_try_ns - delivery.now_ns() + 1e9 >= 7e9
                delivery.pass_time(13)
                (entry,) = await delivery.delivered()
                assert (entry.tries, entry.error) == (3, None)
            assert len({request.header("Idempotency-Key") for request in server.seen}) == 1
            assert len({request.body for request in server.seen}) == 1
            assert len(server.seen) == 3

    run(story())


@pytest.mark.parametrize("as_date", [False, True])
def test_a_server_that_asks_for_patience_gets_it(sqlite_url: str, as_date: bool) -> None:
    async def story() -> None:
        async with watched(sqlite_url) as scene:
            at = datetime.fromtimestamp(scene.now_ns / 1e9, UTC) + timedelta(hours=2, minutes=2)
            wish = format_datetime(at, usegmt=True) if as_date else "7200"
            busy = f"429 Too Many|Retry-After: {wish}"
            with HttpServer(answers(busy, "200 OK")) as server:
                async with delivering(scene, hook(server.url)) as delivery:
                    await delivery.runs("- -")
                    entry = await delivery.failed()
                    assert entry.next_try_ns is not None
                    assert abs(entry.next_try_ns - entry.created_ns - 7200e9) < 30e9
                    delivery.pass_time(7100)
                    await delivery.runs("+ - -")
                    assert len(server.seen) == 1
                    delivery.pass_time(200)
                    await delivery.delivered(3)

    run(story())


def test_an_endless_wish_for_patience_is_not_granted(sqlite_url: str) -> None:
    async def story() -> None:
        busy = "503 Busy|Retry-After: 99999999999999"
        with HttpServer(answers(busy)) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(server.url)) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.next_try_ns == entry.created_ns + 86_400 * 10**9

    run(story())


@pytest.mark.parametrize("status", ["400 Bad", "410 Gone", "413 Large", "422 No"])
def test_what_will_not_pass_is_given_up_at_once(sqlite_url: str, status: str) -> None:
    async def story() -> None:
        with HttpServer(answers(status)) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(server.url)) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.given_up()
                assert entry.error == f"{server.place} answered {status}: so it is"
                # Who never heard of the beginning does not hear of the end.
                await delivery.runs("+")
                assert [one.event for one in await scene.told()] == ["opened"]
            assert len(server.seen) == 1

    run(story())


@pytest.mark.parametrize(
    ("status", "for_good"),
    [("302 Found", False), ("307 T", False), ("301 M", True), ("308 P", True)],
)
def test_a_redirect_is_not_followed(sqlite_url: str, status: str, for_good: bool) -> None:
    async def story() -> None:
        with HttpServer() as elsewhere:
            with HttpServer(answers(f"{status}|Location: {elsewhere.url}/")) as server:
                async with (
                    watched(sqlite_url) as scene,
                    delivering(scene, hook(server.url)) as delivery,
                ):
                    await delivery.runs("- -")
                    entry = await delivery.failed()
            assert entry.error == (
                f"{server.place} answered {status}, a redirect to {elsewhere.url}/, which is not "
                "followed"
            )
            assert (entry.next_try_ns is None) == for_good
            assert elsewhere.seen == []

    run(story())


def closes_early(peer: Peer) -> None:
    peer.read_head()
    peer.fin()


def closes_at_once(peer: Peer) -> None:
    peer.fin()


def resets(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def hangs(peer: Peer) -> None:
    peer.stay()


def endless_head(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        peer.send(b"x" * 65536)


def endless_interim(peer: Peer) -> None:
    peer.read_head()
    while True:
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@pytest.mark.parametrize(
    ("temper", "error"),
    [
        (closes_early, "the connection to {} failed: it closed the connection before it answered"),
        (closes_at_once, "the connection to {} failed: "),
        (resets, "the connection to {} failed: Connection reset by peer"),
        (hangs, "{} did not answer within 0.5 s"),
        (endless_interim, "{} did not answer within 0.5 s"),
        (endless_head, "what {} answered is not HTTP: "),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "what {} answered is not HTTP: "),
    ],
)
def test_a_server_that_does_not_answer_is_tried_again(
    sqlite_url: str, temper: Script, error: str
) -> None:
    async def story() -> None:
        with RawServer(temper, answering("HTTP/1.1 200 OK", "Content-Length: 0")) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(f"http://{server.place}/"), timeout=0.5) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert (entry.error or "").startswith(error.format(server.place))
                assert entry.next_try_ns is not None
                delivery.pass_time(10)
                await delivery.delivered()

    run(story())


def test_nobody_there_is_tried_again(sqlite_url: str) -> None:
    async def story() -> None:
        with RawServer() as server:
            place = server.place
        with dead_address() as port:
            async with watched(sqlite_url) as scene:
                async with delivering(scene, hook(f"http://{place}/")) as delivery:
                    await delivery.runs("- -")
                    entry = await delivery.failed()
                    assert entry.error == f"{place} refused the connection"
                    assert entry.next_try_ns is not None
                dead = hook(f"http://127.0.0.1:{port}/")
                async with delivering(scene, dead, timeout=0.5) as delivery:
                    delivery.pass_time(10)
                    entry = await delivery.failed(2)
                    assert entry.error == f"127.0.0.1:{port} did not answer within 0.5 s"
                    assert entry.next_try_ns is not None

    run(story())


def test_a_receipt_needs_no_body_and_an_endless_one_is_not_read(sqlite_url: str) -> None:
    def endless(peer: Peer) -> None:
        peer.read_head()
        status = "200 OK" if len(peer.server.peers) > 1 else "500 Oh"
        peer.send(f"HTTP/1.1 {status}\r\nContent-Length: 99999999999\r\n\r\n".encode())
        while True:
            peer.send(b"never mind " * 10_000)

    async def story() -> None:
        with RawServer(endless) as server:
            channels = hook(f"http://{server.place}/")
            async with watched(sqlite_url) as scene, delivering(scene, channels) as delivery:
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert (entry.error or "").startswith(f"{server.place} answered 500 Oh: never mind")
                assert len(entry.error or "") < 300
                delivery.pass_time(10)
                await delivery.delivered()

    run(story())


def test_a_notice_is_given_up_after_a_day(sqlite_url: str) -> None:
    async def story() -> None:
        with HttpServer(answers("500 Oh")) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(server.url)) as delivery,
            ):
                await delivery.runs("- -")
                for tries in range(1, 12):
                    entry = await delivery.failed(tries)
                    assert entry.next_try_ns is not None
                    delivery.pass_time((entry.next_try_ns - delivery.now_ns()) / 1e9 + 0.001)
                entry = await delivery.failed(12)
                assert entry.next_try_ns is not None
                assert 480e9 < entry.next_try_ns - delivery.now_ns() + 1e9 < 722e9
                delivery.pass_time(86_400)
                entry = await delivery.given_up()
                assert entry.tries == 13
                assert entry.error == f"{server.place} answered 500 Oh: so it is"

    run(story())


def test_one_channel_that_hangs_does_not_hold_up_another(sqlite_url: str) -> None:
    async def story() -> None:
        checks = [definition(f"c{number}") for number in range(30)]
        with RawServer(hangs) as stuck, HttpServer() as server:
            channels = hook(f"http://{stuck.place}/", "stuck") | hook(server.url, "good")
            async with (
                watched(sqlite_url, *checks, channels=("stuck", "good")) as scene,
                delivering(scene, channels, timeout=30.0) as delivery,
            ):
                for check in checks:
                    await delivery.runs("- -", check=check.name)
                told = await delivery.delivered(30)
                assert {e.channel for e in told if e.delivered_ns} == {"good"}
                assert 0 < len(stuck.peers) <= 4
                assert delivery.deliverer.under_way == len(stuck.peers)
                # It ends when what is under way has ended; the servers end that here.
                delivery.stopping.set()
                stuck.over.set()
            assert len(server.seen) == 30

    run(story())


def test_a_project_that_is_not_loaded_waits_and_a_channel_that_is_gone_is_given_up(
    sqlite_url: str,
) -> None:
    async def story() -> None:
        with HttpServer() as server:
            async with (
                watched(sqlite_url, channels=("hook", "old")) as scene,
                delivering(scene, None) as delivery,
            ):
                await delivery.runs("- -")
                entry = await delivery.failed()
                assert entry.error == "the project orders is not loaded"
                assert entry.next_try_ns is not None
                delivery.channels = hook(server.url)
                delivery.pass_time(10)
                await delivery.delivered()
                told = await delivery.until(lambda told: all(not e.next_try_ns for e in told))
                (old,) = (entry for entry in told if entry.channel == "old")
                assert old.error == "the project orders no longer declares the channel old"
                assert old.delivered_ns is None

    run(story())


def test_certificates_are_verified(sqlite_url: str, pki: Pki) -> None:
    async def story() -> None:
        trusting = ssl.create_default_context(cafile=pki.ca)
        with HttpServer(tls=pki.expired()) as expired, HttpServer(tls=pki.server()) as server:
            channels = hook(server.url)
            async with watched(sqlite_url) as scene:
                async with delivering(scene, channels) as delivery:  # trusts what the machine does
                    await delivery.runs("- -")
                    entry = await delivery.failed()
                    assert (entry.error or "").startswith(
                        f"the certificate of {server.place} does not hold: "
                    )
                    assert entry.next_try_ns is not None
                async with delivering(scene, hook(expired.url), tls=trusting) as delivery:
                    delivery.pass_time(10)
                    entry = await delivery.failed(2)
                    assert entry.error == (
                        f"the certificate of {expired.place} does not hold: certificate has expired"
                    )
                async with delivering(scene, channels, tls=trusting) as delivery:
                    delivery.pass_time(60)
                    await delivery.delivered()
            assert len(server.seen) == 1
            assert expired.seen == []

    run(story())


def test_a_stop_waits_for_what_is_under_way(sqlite_url: str) -> None:
    def slow(peer: Peer) -> None:
        peer.read_head()
        peer.wait(peer.server.go)
        peer.send(reply())

    async def story() -> None:
        with RawServer(slow) as server:
            async with watched(sqlite_url) as scene:
                async with delivering(scene, hook(f"http://{server.place}/")) as delivery:
                    await delivery.runs("- - +")
                    await until(lambda: server.peers and server.peers[0].head)
                    delivery.stopping.set()
                    server.go.set()
                opening, closing = await scene.told()
                assert opening.delivered_ns is not None
                assert (closing.delivered_ns, closing.tries) == (None, 0)

    run(story())


def test_a_database_that_is_away_is_waited_for(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkwire.alerting.deliverer._PAUSE", 0.05)

    async def story() -> None:
        file, away = tmp_path / "checkwire.db", tmp_path / "away.db"
        gone = False

        def handler(_: SeenRequest) -> bytes:
            nonlocal gone
            if not gone:  # While the notice is on its way.
                file.rename(away)
                gone = True
            return reply()

        with HttpServer(handler) as server:
            async with (
                watched(sqlite_url) as scene,
                delivering(scene, hook(server.url)) as delivery,
            ):
                await delivery.runs("- -")
                await until(lambda: gone)
                away.rename(file)
                await delivery.delivered()
                await delivery.runs("+")
                await delivery.delivered(2)
            assert len(server.seen) == 2

    run(story())
