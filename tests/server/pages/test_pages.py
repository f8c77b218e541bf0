"""The pages as they are served, without a browser."""

from __future__ import annotations

import html
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from checkwire.model.explanations import explanation_of
from checkwire.model.failures import Failure
from checkwire.server.monitor import Health
from checkwire.store import tokens
from support.commands import advised
from support.pages.runs import TOKEN
from support.pages.served import MISSED, Filled, uid_of
from support.program import checkwire
from support.server.running import Reply

FUNCTIONS = (
    "order_updates",
    "ticker_subscribe",
    "quotes_in_binary",
    "room_join",
    "presence_fanout",
    "snapshot",
    "private_authority",
    "public_authority",
    "order_entry",
    "two_rooms",
    "burst",
)


class Page(HTMLParser):
    """What of a page concerns its policy: addresses, scripts, styles."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.text = reply.body.decode()
        self.addresses: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [given[n] or "" for n in ("href", "src", "action") if n in given]
        self.ids += [given["id"] or ""] if "id" in given else []
        if "style" in given or tag == "style" or (tag == "script" and "src" not in given):
            self.wrong.append(f"<{tag} {given}>")
        self.wrong += [f"{tag}.{name}" for name in given if name.startswith("on")]


def page(server: Filled, path: str, status: int = 200, **headers: str) -> Page:
    reply = server.running.get(path, accept="text/html", **headers)
    assert reply.status == status, reply.body
    assert reply.headers["content-type"].startswith("text/html")
    return Page(reply)


def run_path(server: Filled, function: str) -> str:
    return f"/runs/{server.latest[function]}"


def paths(server: Filled) -> list[str]:
    return [
        "/",
        "/?q=ticker",
        "/?tag=chat&page=2",
        "/?q=%3Cscript%3E",
        "/incidents",
        "/incidents?status=closed",
        f"/runs/{MISSED}",
        *(run_path(server, function) for function in FUNCTIONS),
        *(f"/checks/{uid_of(function)}" for function in FUNCTIONS),
        f"{run_path(server, 'order_entry')}?attempt=1",
        f"{run_path(server, 'burst')}?page=2&frame=1.3&way=sent&text=tick&control=no",
    ]


def test_every_page_keeps_to_the_policy_and_to_this_server(shared: Filled) -> None:
    for path in paths(shared):
        shown = page(shared, path)
        assert not shown.wrong, path
        assert len(set(shown.ids)) == len(shown.ids), path
        for address in shown.addresses:
            assert re.match(r"[/?#]", address), (path, address)
        assert TOKEN not in shown.text


def test_responses_forbid_what_pages_do_not_need(shared: Filled) -> None:
    policy = shared.running.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_what_a_page_links_to_is_there(shared: Filled) -> None:
    seen: set[str] = set()
    for path in (
        "/",
        "/incidents",
        run_path(shared, "order_entry"),
        f"/checks/{uid_of('ticker_subscribe')}",
    ):
        for address in page(shared, path).addresses:
            target = address.partition("#")[0]
            if not target or target.startswith("?") or target in seen or target.endswith("/run"):
                continue
            if target.endswith(("/pause", "/resume", "/logout")):
                continue
            seen.add(target)
            assert shared.running.get(target).status == 200, target
    assert len(seen) > 60


def test_the_overview_tells_the_worst_first(shared: Filled) -> None:
    text = page(shared, "/").text
    assert "5 checks fail, 1 is degraded, 2 have no data, 5 pass." in text
    assert text.index("Nothing listens on") < text.index("room_join") < text.index("two_rooms")
    assert "No runs yet, the first one" in text
    assert "<title>✕ 5 failed · Checkwire</title>" in text


def test_the_overview_finds_checks_and_says_when_there_are_none(shared: Filled) -> None:
    found = page(shared, "/?q=TICKER").text
    assert "ticker_subscribe" in found
    assert "room_join" not in found
    assert "No check matches." in page(shared, "/?q=nonsense").text
    assert "public_authority" in page(shared, "/?q=TLS.").text


def test_a_failed_run_has_its_sentence_for_a_headline(shared: Filled) -> None:
    text = page(shared, run_path(shared, "ticker_subscribe")).text
    headline = re.search(r"<h1.*?</h1>", text, re.DOTALL)
    assert headline is not None
    assert "of type str. The check expects float." in headline[0]
    assert "The target is at fault." in text
    assert "assert isinstance(trade[&#34;data&#34;]" in text
    assert "quiet" in text


def test_what_a_code_means_is_folded_on_the_page_of_its_run(shared: Filled) -> None:
    text = page(shared, run_path(shared, "public_authority")).text
    fold = re.search(r'<details class="meaning">.*?</details>', text, re.DOTALL)
    assert fold is not None
    told = html.unescape(fold[0])
    (code,) = re.findall(r"What <code>(.*?)</code> means", told)
    explanation = explanation_of(code)
    assert explanation is not None
    for part in (*explanation.cause.split("\n\n"), *explanation.remedy.split("\n\n")):
        assert part in told
    for look in explanation.confirm:
        assert f">{look.command}</dt><dd>{look.shows}</dd>" in told
    # The values of an assertion say it all.
    assert "meaning" not in page(shared, run_path(shared, "ticker_subscribe")).text


def test_payloads_are_shown_and_never_run(shared: Filled) -> None:
    text = page(shared, run_path(shared, "two_rooms")).text
    assert "grüße, 你好 🙂 &lt;b&gt;&amp;amp;&lt;/b&gt;" in text
    assert "<b>&amp;</b>" not in text
    searched = page(shared, "/?" + urlencode({"q": '"><script>alert(1)</script>'})).text
    assert "<script>alert" not in searched


def test_attempts_are_tabs(shared: Filled) -> None:
    last = page(shared, run_path(shared, "order_entry")).text
    assert last.count('href="?attempt=') >= 2
    first = page(shared, run_path(shared, "order_entry") + "?attempt=1").text
    assert re.search(r'href="\?attempt=1" aria-current="true"', first)


def test_tls_says_what_the_server_showed(shared: Filled) -> None:
    bad = page(shared, run_path(shared, "public_authority")).text
    assert "tls.unknown_ca" in bad
    assert "echo.websocket.org" in bad
    assert "TLS 1.3" in page(shared, run_path(shared, "private_authority")).text


def test_http_exchanges_are_in_the_transcript(shared: Filled) -> None:
    text = page(shared, run_path(shared, "order_updates")).text
    assert "/login?user=synthetic" in text
    assert "Content-Type" in text


def test_a_frame_can_be_asked_for_without_scripts(shared: Filled) -> None:
    path = run_path(shared, "quotes_in_binary")
    text = page(shared, f"{path}?frame=1.2").text
    assert "Message 2" in text
    assert re.search(r"<i>0000</i>  00 07 00 00 00 00", text)
    fragment = shared.running.get(f"{path}/frame?attempt=1&frame=1.2").body.decode()
    assert "Message 2" in fragment
    assert "<html" not in fragment


def test_rows_can_be_filtered_without_scripts(shared: Filled) -> None:
    path = run_path(shared, "ticker_subscribe")
    sent = page(shared, f"{path}?way=sent").text
    assert 'aria-label="received">↓' not in sent
    assert 'value="sent" checked' in sent
    some = page(shared, f"{path}?text=trades").text
    assert some.count('data-frame="1.') >= 2
    nothing = page(shared, f"{run_path(shared, 'burst')}?text=nowhere").text
    assert "Nothing in this transcript matches." in nothing


@pytest.mark.parametrize(
    "query",
    [
        "page=x",
        "page=-1",
        "attempt=99",
        "frame=9.9",
        "before=",
        "before=1.x.",
        "before=9999999999999999999.1.eu",
        "way=up",
        "page=9999999",
    ],
)
def test_what_makes_no_sense_is_not_asked_for(shared: Filled, query: str) -> None:
    for path in ("/", run_path(shared, "burst"), f"/checks/{uid_of('burst')}"):
        page(shared, f"{path}?{query}")


def test_the_list_of_runs_has_pages(shared: Filled) -> None:
    path = f"/checks/{uid_of('order_updates')}"
    first = page(shared, path)
    older = next(a for a in first.addresses if "?before=" in a)
    second = page(shared, older.partition("#")[0])
    runs = [{a for a in one.addresses if a.startswith("/runs/")} for one in (first, second)]
    listed = [re.findall(r'<a href="(/runs/\w+)" data-row', one.text) for one in (first, second)]
    assert len(listed[0]) == 25
    assert not set(listed[0]) & set(listed[1])
    assert runs[0]


def test_a_run_that_was_missed_says_so(shared: Filled) -> None:
    text = page(shared, f"/runs/{MISSED}").text
    assert "3 due runs in a row were missed" in text
    assert "It never began" in text


def test_what_is_not_there_has_a_page(shared: Filled) -> None:
    for path in ("/nothing", "/runs/01NOTHING", "/checks/nothing"):
        shown = page(shared, path, 404)
        assert "There is nothing at this address." in shown.text
        assert not shown.wrong


def test_a_mistake_of_ours_has_a_page_too(server: Filled, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Health:
        raise RuntimeError("health is broken")

    server.running.monitor.health = broken  # type: ignore[method-assign]
    text = page(server, "/", 500).text
    assert "Checkwire made a mistake." in text
    assert "health is broken" not in text
    assert any(record.exc_info for record in caplog.records)


def test_a_run_is_asked_for_by_a_plain_form(server: Filled) -> None:
    uid = uid_of("room_join")
    reply = server.running.post(f"/checks/{uid}/run")
    assert reply.status == 303
    shown = page(server, reply.headers["location"])
    assert "Waiting for its turn." in shown.text
    assert '<meta http-equiv="refresh"' in shown.text
    assert f'data-live="{reply.headers["location"]}/live?after=' in shown.text


def test_a_check_is_paused_and_resumed_by_plain_forms(server: Filled) -> None:
    uid = uid_of("room_join")
    assert server.running.post(f"/checks/{uid}/pause").status == 303
    assert "Paused from this machine" in page(server, f"/checks/{uid}").text
    assert server.running.post(f"/checks/{uid}/resume").status == 303
    assert "Paused from" not in page(server, f"/checks/{uid}").text
    assert page(server, "/checks/nothing/run", 405).wrong == []
    assert server.running.post("/checks/nothing/run", accept="text/html").status == 404


def test_problems_of_the_service_are_on_the_overview(server: Filled) -> None:
    monitor = server.running.monitor
    monitor.state = Health(ok=False, problems=("12 results wait: the disk is full.",))
    status = monitor.projects()[0]
    failure = Failure(code="script.syntax", message="checks/broken.py is not valid Python")
    broken = replace(status, error="line 7: no", load_failures=(failure,))
    server.running.do(monitor.add_project(broken, []))
    text = page(server, "/").text
    assert "the disk is full" in text
    assert "line 7: no" in text
    assert "checks/broken.py is not valid Python" in text


def test_static_files_are_kept_by_what_they_hold(shared: Filled) -> None:
    style = next(a for a in page(shared, "/").addresses if a.endswith(".css"))
    kept = shared.running.get(style, accept_encoding="gzip")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-encoding"] == "gzip"
    digest = style.split("/")[2]
    old = shared.running.get(style.replace(digest, "0123456789ab"))
    assert old.status == 200
    assert old.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in old.headers
    for path in ("nothing.css", "..%2Frouting.py", "css/tokens.css", "../templates/base.html"):
        assert shared.running.get(f"/static/{digest}/{path}").status == 404, path


def test_fonts_come_with_their_licence(shared: Filled) -> None:
    text = shared.running.get("/static/x/fonts/OFL.txt").body.decode()
    assert "SIL OPEN FONT LICENSE" in text
    font = shared.running.get("/static/x/fonts/sans.woff2")
    assert font.headers["content-type"] == "font/woff2"


def test_pages_hear_that_something_changed(server: Filled) -> None:
    uid = uid_of("room_join")
    monitor = server.running.monitor
    with server.running.stream(f"/checks/{uid}/live") as stream:
        server.running.call(monitor.hub.publish, "runs", "run_started", {"check_uid": "other"})
        server.running.call(monitor.hub.publish, "runs", "run_started", {"check_uid": uid})
        (event,) = stream.take(1)
    assert event.kind == "change"
    with server.running.stream("/live", last_event_id=str(int(event.id) - 1)) as stream:
        assert stream.take(1)[0].kind == "change"


def test_what_happens_while_a_page_is_on_its_way_is_told(server: Filled) -> None:
    running = server.running
    live = re.search(r'data-live="([^"]+)"', page(server, "/").text)
    assert live is not None
    running.call(running.monitor.hub.publish, "runs", "run_started", {})
    with running.stream(live[1]) as stream:
        assert stream.take(1)[0].kind == "change"


def test_many_changes_are_told_as_one(server: Filled) -> None:
    monitor = server.running.monitor
    with server.running.stream("/live") as stream:
        for _ in range(50):
            server.running.call(monitor.hub.publish, "runs", "run_started", {})
        first, second = stream.take(2)
    # The second one stands for all that came after the first.
    assert int(second.id) - int(first.id) > 40


def test_the_stream_of_a_run_ends_with_it(server: Filled) -> None:
    running = server.running
    uid = uid_of("room_join")
    location = running.post(f"/checks/{uid}/run").headers["location"]
    run_id = location.rpartition("/")[2]
    with running.stream(f"{location}/live") as stream:
        running.call(running.monitor.begin, uid, run_id=run_id)
        assert stream.take(1)[0].kind == "change"
        running.call(running.monitor.hub.publish, f"run:{run_id}", "finished", {})
        assert [event.kind for event in stream][-1] == "over"
    with running.stream(f"{run_path(server, 'burst')}/live") as stream:
        assert [event.kind for event in stream] == ["over"]


class TestLogin:
    """Where a token is asked for."""

    def token(self, server: Filled, *scopes: str) -> str:
        async def create() -> str:
            async with server.running.store.writing() as tx:
                return (await tokens.create(tx, "ada", scopes, time.time_ns()))[1]

        return server.running.do(create())

    def log_in(self, server: Filled, token: str) -> Reply:
        body = urlencode({"token": token, "next": "/?q=ticker"}).encode()
        return server.running.post("/login", body, content_type="application/x-www-form-urlencoded")

    def test_a_page_leads_to_the_form_and_back(self, closed: Filled) -> None:
        reply = closed.running.get("/?q=ticker", accept="text/html")
        assert reply.status == 303
        form = page(closed, reply.headers["location"])
        assert "Log in with a token." in form.text
        assert 'value="/?q=ticker"' in form.text
        assert not form.wrong
        wrong = self.log_in(closed, "cw_wrong")
        assert wrong.status == 401
        assert "This token is not known here" in wrong.body.decode()
        right = self.log_in(closed, self.token(closed, "read"))
        assert (right.status, right.headers["location"]) == (303, "/?q=ticker")

    def test_the_form_says_how_to_make_a_token(self, closed: Filled, tmp_path: Path) -> None:
        made = advised(page(closed, "/login").text, tmp_path)
        assert made.status == 0, made.err
        assert "may trigger" in made.err
        database = f"sqlite:///{closed.running.store.address}"
        given = checkwire("token", "create", "me", "--scope", "trigger", "--database", database,
                          cwd=tmp_path)  # fmt: skip
        token = given.out.strip()
        cookie = self.log_in(closed, token).headers["set-cookie"].partition(";")[0]
        text = page(closed, f"/checks/{uid_of('room_join')}", cookie=cookie).text
        assert "Run now" in text

    def test_readers_have_no_buttons_and_may_not_press_them(
        self, closed: Filled, tmp_path: Path
    ) -> None:
        cookie = self.log_in(closed, self.token(closed, "read")).headers["set-cookie"]
        cookie = cookie.partition(";")[0]
        uid = uid_of("room_join")
        text = page(closed, f"/checks/{uid}", cookie=cookie).text
        assert "Run now" not in text
        assert "run now" not in text
        assert "Pause" not in text
        assert "Log out" in text
        reply = closed.running.post(f"/checks/{uid}/run", cookie=cookie, accept="text/html")
        assert reply.status == 403
        assert "That is not allowed." in reply.body.decode()
        assert "may trigger" in advised(reply.body.decode(), tmp_path).err
        reply = closed.running.post(f"/checks/{uid}/pause", cookie=cookie, accept="text/html")
        assert "may admin" in advised(reply.body.decode(), tmp_path).err

    def test_no_token_is_offered_where_none_would_help(self, server: Filled) -> None:
        uid = uid_of("room_join")
        reply = server.running.post(
            f"/checks/{uid}/run", accept="text/html", origin="https://evil.example"
        )
        assert reply.status == 403
        assert "A page of another site sent this" in reply.body.decode()
        assert "token create" not in reply.body.decode()

    def test_feeds_and_frames_are_for_those_who_may_read(self, closed: Filled) -> None:
        for path in (
            "/live",
            f"{run_path(closed, 'burst')}/frame",
            f"/checks/{uid_of('burst')}/live",
        ):
            assert closed.running.get(path).status == 401
