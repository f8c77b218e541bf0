"""Who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkwire.server.auth import SCOPES, Principal, first_token
from checkwire.server.auth.limits import FailureLimit
from checkwire.store import tokens
from checkwire.store.database import Store
from support.server.running import Reply, Running
from support.server.shop import BOOKS, NOW_NS, shop, token

ROUTES = [
    ("GET", "/api/v1/server", "read"),
    ("GET", "/api/v1/projects", "read"),
    ("POST", "/api/v1/projects/shop/reload", "admin"),
    ("POST", "/api/v1/projects/shop/channels/none/test", "admin"),
    ("GET", "/api/v1/checks", "read"),
    ("GET", f"/api/v1/checks/{BOOKS}", "read"),
    ("POST", f"/api/v1/checks/{BOOKS}/pause", "admin"),
    ("POST", f"/api/v1/checks/{BOOKS}/resume", "admin"),
    ("POST", f"/api/v1/checks/{BOOKS}/runs", "trigger"),
    ("GET", f"/api/v1/checks/{BOOKS}/uptime", "read"),
    ("GET", f"/api/v1/checks/{BOOKS}/percentiles", "read"),
    ("GET", f"/api/v1/checks/{BOOKS}/phases", "read"),
    ("GET", "/api/v1/runs", "read"),
    ("GET", "/api/v1/runs/{run}", "read"),
    ("GET", "/api/v1/runs/{run}/transcript", "read"),
    ("GET", "/api/v1/runs/{run}/har", "read"),
    ("GET", "/api/v1/runs/{run}/events", "read"),
    ("GET", "/api/v1/uptime", "read"),
    ("GET", "/api/v1/failures", "read"),
    ("GET", "/api/v1/failures/codes", "read"),
    ("GET", "/api/v1/incidents", "read"),
    ("GET", "/api/v1/incidents/{incident}", "read"),
    ("GET", "/api/v1/events", "read"),
    ("GET", "/api/v1/openapi.json", "read"),
]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with shop(tmp_path_factory.mktemp("shop"), required=True) as running:
        yield running


@pytest.fixture(scope="module")
def texts(matrix: Running) -> dict[str, str]:
    """A token for each scope, and one that may nothing."""
    return {scope: token(matrix, scope) for scope in SCOPES} | {"none": token(matrix)}


def asked(running: Running, method: str, path: str, headers: dict[str, str]) -> Reply:
    if path.endswith("/events"):
        with running.stream(path, **headers) as stream:
            response = stream.response
            body = b"" if response.status == 200 else response.read()
            return Reply(response.status, response.headers, body)
    return running.ask(method, path, headers=headers)


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_each_route_asks_for_its_scope(
    matrix: Running, texts: dict[str, str], method: str, path: str, scope: str
) -> None:
    for has, text in texts.items():
        reply = asked(matrix, method, path, bearer(text))
        if has in SCOPES[SCOPES.index(scope) :]:  # each includes those before it
            assert reply.status in (200, 202, 204, 404), (has, reply)
        else:
            assert (reply.status, reply.kind) == (403, "missing_scope"), has
            assert reply.headers["www-authenticate"] == (
                f'Bearer error="insufficient_scope", scope="{scope}"'
            )


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_nothing_is_told_without_a_token(
    matrix: Running, method: str, path: str, scope: str
) -> None:
    reply = asked(matrix, method, path, {})
    assert (reply.status, reply.kind) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_every_route_of_the_api_is_in_the_matrix(reading: Running) -> None:
    document = reading.get("/api/v1/openapi.json").json
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
        if path.startswith("/api/")
    }
    known = {
        (
            method,
            path.replace(BOOKS, "{uid}")
            .replace("projects/shop", "projects/{key}")
            .replace("channels/none", "channels/{channel}"),
        )
        for method, path, _ in ROUTES
        if path != "/api/v1/openapi.json"
    }
    renamed = {
        (method, path.replace("{run_id}", "{run}").replace("{incident_id}", "{incident}"))
        for method, path in described
    }
    assert renamed == known


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_told_to_everybody(matrix: Running, path: str) -> None:
    assert matrix.get(path).status == 200


def test_what_a_token_may_not_do_is_not_done(guarded: Running) -> None:
    text = token(guarded, "read", "trigger")
    assert guarded.post(f"/api/v1/checks/{BOOKS}/pause", **bearer(text)).status == 403
    admin = token(guarded, "admin")
    check = guarded.get(f"/api/v1/checks/{BOOKS}", **bearer(admin)).json
    assert check["paused"] is False


def test_who_did_it_is_the_name_of_the_token(guarded: Running) -> None:
    text = token(guarded, "admin", name="deploys")
    paused = guarded.post(f"/api/v1/checks/{BOOKS}/pause", **bearer(text)).json
    assert paused["paused_by"] == "deploys"


@pytest.mark.parametrize(
    "value",
    [
        "Bearer cw_nonsense",
        "Bearer ",
        "bearer x",
        "Bearer " + "x" * 5000,
        "Bearer cw_01KAYF0M7Z0000000000000000_" + "A" * 43,
        "Bearer \x00",
        "Bearer é",
    ],
)
def test_a_token_that_is_none_is_refused_and_not_repeated(guarded: Running, value: str) -> None:
    reply = guarded.get("/api/v1/checks", Authorization=value)
    if reply.status == 400:  # uvicorn's own, for what no header may hold
        return
    assert (reply.status, reply.kind) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert b"nonsense" not in reply.body


def test_a_token_is_refused_once_it_expired_or_was_revoked(guarded: Running) -> None:
    assert (
        guarded.get("/api/v1/checks", **bearer(token(guarded, "read", expires_ns=1))).status == 401
    )
    text = token(guarded, "read")
    assert guarded.get("/api/v1/checks", **bearer(text)).status == 200

    async def revoke() -> None:
        async with guarded.store.writing() as tx:
            for record in await tokens.list_tokens(tx):
                await tokens.revoke(tx, record.id, NOW_NS)

    guarded.do(revoke())
    assert guarded.get("/api/v1/checks", **bearer(text)).status == 401


def test_another_scheme_is_of_a_proxy_and_counts_as_none(guarded: Running) -> None:
    reply = guarded.get("/api/v1/checks", Authorization="Basic Y3c6Y3c=")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_when_a_token_was_used_is_noted(guarded: Running) -> None:
    text = token(guarded, "read")
    guarded.get("/api/v1/checks", **bearer(text))

    async def used() -> list[int | None]:
        async with guarded.store.reading() as tx:
            return [record.used_ns for record in await tokens.list_tokens(tx)]

    (used_ns,) = guarded.do(used())
    assert used_ns is not None


def test_nobody_is_asked_where_no_token_is_required(reading: Running) -> None:
    assert reading.get("/api/v1/checks").status == 200
    assert reading.get("/api/v1/checks", Authorization="Bearer stale").status == 200


def test_no_answer_holds_a_token(guarded: Running) -> None:
    text = token(guarded, "admin", "read", "trigger")
    for method, path, _ in ROUTES:
        reply = asked(guarded, method, path, bearer(text))
        assert text.encode() not in reply.body
        assert text[-43:] not in str(reply.headers)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    limit = FailureLimit(capacity=3, seconds_each=10.0, clock=clock)
    with shop(tmp_path, required=True, limit=limit) as running:
        yield running


def test_who_fails_too_often_has_to_wait(limited: Running, clock: Clock) -> None:
    for _ in range(3):
        assert limited.get("/api/v1/checks", **bearer("cw_wrong")).status == 401
    reply = limited.get("/api/v1/checks", **bearer("cw_wrong"))
    assert (reply.status, reply.kind) == (429, "too_many_failures")
    assert reply.headers["retry-after"] == "10"
    # A right one is not told from a wrong one now: else guessing would go on.
    assert limited.get("/api/v1/checks", **bearer(token(limited, "read"))).status == 429
    clock.now = 9.5
    assert limited.get("/api/v1/checks", **bearer("cw_wrong")).headers["retry-after"] == "1"
    clock.now = 10.0
    assert limited.get("/api/v1/checks", **bearer("cw_wrong")).status == 401
    assert limited.get("/api/v1/checks", **bearer("cw_wrong")).status == 429


def test_who_was_known_before_is_not_locked_out_by_others_of_the_same_address(
    limited: Running,
) -> None:
    text = token(limited, "read")
    assert limited.get("/api/v1/checks", **bearer(text)).status == 200
    for _ in range(4):
        limited.get("/api/v1/checks", **bearer("cw_wrong"))
    assert limited.get("/api/v1/checks", **bearer("cw_wrong")).status == 429
    assert limited.get("/api/v1/checks", **bearer(text)).status == 200


def test_asking_without_a_token_is_no_failed_attempt(limited: Running) -> None:
    for _ in range(5):
        assert limited.get("/api/v1/checks").status == 401


def test_health_is_told_even_to_who_has_to_wait(limited: Running) -> None:
    for _ in range(4):
        limited.get("/api/v1/checks", **bearer("cw_wrong"))
    assert limited.get("/healthz").status == 200


def test_clients_have_a_bucket_each_and_the_idle_are_forgotten() -> None:
    clock = Clock()
    limit = FailureLimit(capacity=1, seconds_each=5.0, clients=2, clock=clock)
    limit.failed("10.0.0.1")
    assert limit.wait("10.0.0.1") == 5.0
    assert limit.wait("10.0.0.2") == 0.0
    limit.failed("2001:db8::1")
    assert limit.wait("2001:db8::ffff:1") == 5.0  # the same /64
    assert limit.wait("2001:db8:0:1::1") == 0.0
    limit.failed("::ffff:10.0.0.9")
    assert limit.wait("10.0.0.9") == 5.0
    assert limit.wait("10.0.0.1") == 0.0  # forgotten
    clock.now = 2.5
    assert limit.wait("10.0.0.9") == 2.5


def test_a_scope_includes_those_below_it() -> None:
    admin = Principal(name="a", scopes=("admin",))
    assert all(admin.may(scope) for scope in SCOPES)
    reader = Principal(name="r", scopes=("read",))
    assert [scope for scope in SCOPES if reader.may(scope)] == ["read"]
    trigger = Principal(name="t", scopes=("trigger",))
    assert [scope for scope in SCOPES if trigger.may(scope)] == ["read", "trigger"]


def test_the_first_start_makes_one_token(tmp_path: Path) -> None:
    async def work() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/checkwire.db")
        try:
            text = await first_token(store, NOW_NS)
            assert text is not None
            async with store.reading() as tx:
                record = await tokens.find(tx, text, NOW_NS)
                assert record is not None
                assert record.scopes == ("admin",)
            assert await first_token(store, NOW_NS) is None
            async with store.writing() as tx:
                await tokens.revoke(tx, record.id, NOW_NS)
            assert await first_token(store, NOW_NS) is None
        finally:
            await store.close()

    asyncio.run(work())
