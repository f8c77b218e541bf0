"""Sessions of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse

from checkwire.server.api import create_app
from checkwire.server.auth import Auth, Principal
from checkwire.server.auth.limits import FailureLimit
from checkwire.store import tokens
from support.commands import advised
from support.server.running import Reply, Running, serving
from support.server.shop import NOW_NS, fill, sqlite, token

FORM = "application/x-www-form-urlencoded"


def build(running: Running):  # type: ignore[no-untyped-def]
    limit = FailureLimit(capacity=2, clock=lambda: 0.0)
    auth = Auth(running.store, True, limit=limit)
    router = APIRouter()
    read, admin = Depends(auth.page("read")), Depends(auth.page("admin"))

    @router.get("/page")
    async def page(who: Principal = read) -> PlainTextResponse:
        return PlainTextResponse(f"hello {who.name}")

    @router.post("/page")
    async def change(who: Principal = admin) -> PlainTextResponse:
        return PlainTextResponse(f"done by {who.name}")

    app = create_app(running.monitor, auth, [router])

    async def https(scope, receive, send):  # type: ignore[no-untyped-def]
        """What a proxy in front of us says."""
        if (b"x-forwarded-proto", b"https") in scope.get("headers", ()):
            scope = {**scope, "scheme": "https"}
        await app(scope, receive, send)

    return https


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Running]:
    with serving(sqlite(tmp_path), build, fill) as running:
        yield running


def log_in(site: Running, text: str, to: str | None = None, **headers: str) -> Reply:
    fields = {"token": text} | ({} if to is None else {"next": to})
    body = urlencode(fields).encode()
    return site.ask("POST", "/login", body=body, headers={"Content-Type": FORM, **headers})


def cookie_of(reply: Reply) -> tuple[str, str]:
    (morsel,) = SimpleCookie(reply.headers["set-cookie"]).values()
    return morsel.key, morsel.value


def session(site: Running, *scopes: str) -> dict[str, str]:
    name, value = cookie_of(log_in(site, token(site, *scopes, name="ann")))
    return {"Cookie": f"{name}={value}"}


def test_a_page_sends_to_the_login_and_the_login_back_to_the_page(site: Running) -> None:
    away = site.get("/page?tab=runs&x=%2F")
    assert away.status == 303
    assert away.headers["location"] == "/login?next=%2Fpage%3Ftab%3Druns%26x%3D%252F"
    form = site.get(away.headers["location"])
    assert form.status == 200
    assert b"value='/page?tab=runs&amp;x=%2F'" in form.body
    back = log_in(site, token(site, "read"), "/page?tab=runs&x=%2F")
    assert (back.status, back.headers["location"]) == (303, "/page?tab=runs&x=%2F")


def test_the_form_says_how_to_make_a_token(site: Running, tmp_path: Path) -> None:
    made = advised(site.get("/login").body.decode(), tmp_path)
    assert made.status == 0, made.err
    assert made.out.startswith("cw_")


def test_a_session_opens_pages_and_the_api(site: Running) -> None:
    cookie = session(site, "read")
    assert site.get("/page", **cookie).body == b"hello ann"
    assert site.get("/api/v1/checks", **cookie).status == 200


def test_a_session_may_what_its_token_may(site: Running) -> None:
    assert site.post("/page", **session(site, "read")).kind == "missing_scope"
    assert site.post("/page", **session(site, "admin")).body == b"done by ann"


def test_the_cookie_is_of_this_host_only_and_no_script_sees_it(site: Running) -> None:
    text = token(site, "read")
    plain = log_in(site, text).headers["set-cookie"]
    assert plain.startswith("checkwire=")
    secure = log_in(site, text, X_Forwarded_Proto="https").headers["set-cookie"]
    assert not secure.startswith("__Host-")  # the header's name has to have dashes
    secure = log_in(site, text, **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
    assert secure.startswith("__Host-checkwire=")
    for cookie, has in ((plain, False), (secure, True)):
        attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")}
        assert {"httponly", "path", "samesite", "max-age"} <= attributes
        assert ("secure" in attributes) is has
        assert "domain" not in attributes
        assert "SameSite=lax" in cookie
        assert text not in cookie


def test_over_https_a_cookie_of_http_is_not_believed(site: Running) -> None:
    cookie = session(site, "read")
    reply = site.get("/page", **cookie, **{"X-Forwarded-Proto": "https"})
    assert reply.status == 303


def test_a_wrong_token_shows_the_form_again(site: Running) -> None:
    reply = log_in(site, "cw_wrong<script>", "/page")
    assert reply.status == 401
    assert b"not known here" in reply.body
    assert b"cw_wrong" not in reply.body
    assert b"value='/page'" in reply.body
    assert "set-cookie" not in reply.headers


def test_guessing_is_slowed_down(site: Running) -> None:
    for _ in range(2):
        assert log_in(site, "cw_wrong").status == 401
    assert log_in(site, "cw_wrong").kind == "too_many_failures"
    assert site.get("/page", Cookie="checkwire=guess").status == 429


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/a\r\nSet-Cookie: x=1",
        "/\t/evil.example",
        "/é",
        "/a b",
    ],
)
def test_the_way_back_leads_nowhere_else(site: Running, to: str) -> None:
    assert log_in(site, token(site, "read"), to).headers["location"] == "/"
    form = site.get(f"/login?{urlencode({'next': to})}")
    assert b"name=next value='/'" in form.body


@pytest.mark.parametrize("to", ["/", "/page", "/checks/4m0?x=1#run", "/a//b"])
def test_paths_of_ours_are_kept(site: Running, to: str) -> None:
    assert log_in(site, token(site, "read"), to).headers["location"] == to


def test_a_path_is_no_way_into_the_form(site: Running) -> None:
    form = site.get("/login?" + urlencode({"next": "/'><script>"}))
    assert b"&#x27;&gt;&lt;script&gt;" in form.body
    assert b"<script" not in form.body


def test_logging_out_ends_the_session(site: Running) -> None:
    cookie = session(site, "read")
    reply = site.post("/logout", **cookie)
    assert (reply.status, reply.headers["location"]) == (303, "/login")
    assert cookie_of(reply) == ("checkwire", "")
    assert site.get("/page", **cookie).status == 303


def test_a_session_ends_with_its_token(site: Running) -> None:
    cookie = session(site, "read")

    async def revoke() -> None:
        async with site.store.writing() as tx:
            for record in await tokens.list_tokens(tx):
                await tokens.revoke(tx, record.id, NOW_NS)

    site.do(revoke())
    assert site.get("/page", **cookie).status == 303
    assert site.get("/api/v1/checks", **cookie).kind == "unauthenticated"


def test_what_was_to_change_something_is_not_what_the_login_leads_to(site: Running) -> None:
    assert site.post("/page").headers["location"] == "/login"


def test_a_cookie_of_another_kind_is_no_session(site: Running) -> None:
    assert site.get("/page", Cookie="checkwire=" + "x" * 2000).status == 303
    assert site.get("/page", Cookie="other=1; ;;=; checkwire").status == 303


def test_where_no_token_is_required_there_is_no_login(reading: Running) -> None:
    reply = reading.get("/login?next=/page")
    assert (reply.status, reply.headers["location"]) == (303, "/page")
