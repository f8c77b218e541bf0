"""The pages in Debian's Chromium: quiet, live, by keyboard, and without scripts."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from checkwire.store import incidents, registry
from checkwire.store.records import Incident
from support.pages.served import MISSED, Filled, uid_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser(real: object) -> Iterator[Browser]:
    """Playwright keeps an event loop running in this thread, in which no other one can run: so it
    begins after what needs one, and is over with this file.
    """
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


class Reader:
    """A page, and all that it asked for and complained about."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 900}} | options
        self.context = browser.new_context(**options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._ask)

    def _complain(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _ask(self, request: Request) -> None:
        self.asked.append(request.url)


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    made = Reader(browser)
    yield made
    made.context.close()
    assert made.complaints == []


@pytest.fixture
def plain(browser: Browser) -> Iterator[Reader]:
    """One without scripts."""
    made = Reader(browser, java_script_enabled=False)
    yield made
    made.context.close()
    assert made.complaints == []


def chosen(page: Page) -> str:
    return page.locator('.fw[aria-selected="true"] .n').inner_text()


def test_pages_are_quiet_and_ask_nobody_else(shared: Filled, reader: Reader) -> None:
    for address in (
        f"{shared.url}/",
        f"{shared.url}/incidents",
        shared.check("ticker_subscribe"),
        shared.check("burst"),
        shared.run("ticker_subscribe"),
        shared.run("order_updates"),
        shared.run("private_authority"),
        shared.run("burst"),
        f"{shared.url}/runs/{MISSED}",
    ):
        reader.page.goto(address, wait_until="load")
        expect(reader.page.locator("h1")).to_be_visible()
    assert len(reader.asked) > 10
    assert all(url.startswith(shared.url) for url in reader.asked)


def test_the_fonts_are_ours(shared: Filled, reader: Reader) -> None:
    reader.page.goto(shared.run("ticker_subscribe"))
    loaded = (
        "async () => { await document.fonts.ready; return [...document.fonts].map(f => f.status) }"
    )
    assert reader.page.evaluate(loaded) == ["loaded", "loaded"]


def test_keys_walk_through_frames(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    first = int(chosen(page))
    page.keyboard.press("k")
    assert int(chosen(page)) == first - 1
    expect(page.locator("#frame h2")).to_contain_text(f" {first - 1} ")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert int(chosen(page)) == first + 1
    expect(page.locator("#frame h2")).to_contain_text(f" {first + 1} ")
    expect(page).to_have_url(re.compile(rf"frame=1\.{first + 1}"))
    page.reload()
    assert int(chosen(page)) == first + 1


def test_keys_lead_to_other_runs_and_to_the_failure(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    here = page.url
    page.keyboard.press("[")
    page.wait_for_url(lambda url: url != here)
    page.keyboard.press("]")
    page.wait_for_url(here)
    page.set_viewport_size({"width": 1280, "height": 300})
    page.keyboard.press("f")
    expect(page.locator("#failure")).to_be_in_viewport()


def test_keys_type_where_something_is_typed(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    before = chosen(page)
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.locator("#text").input_value() == "jk"
    assert chosen(page) == before or page.locator(".fw[data-frame]").count() == 0
    page.keyboard.press("Escape")
    expect(page.locator("#text")).not_to_be_focused()


def test_rows_are_filtered_while_one_types(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    rows = page.locator(".fw[data-frame]")
    count = rows.count()
    page.locator("#text").fill("auth")
    expect(rows).to_have_count(2)
    page.get_by_text("↑ Sent", exact=True).click()
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("way=sent"))
    page.locator("#text").fill("")
    page.get_by_text("All", exact=True).click()
    expect(rows).to_have_count(count)


def test_the_timeline_leads_to_frames(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    page.locator('a.stem[data-frame="1.2"]').dispatch_event("click")
    expect(page.locator("#frame h2")).to_contain_text("Message 2")
    expect(page.locator('a.stem[data-frame="1.2"]')).to_have_attribute("aria-current", "true")


def test_a_payload_is_shown_as_tree_text_and_bytes(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(shared.run("ticker_subscribe"))
    expect(page.locator(".pane.tree")).to_be_visible()
    page.locator("#frame").get_by_text("Bytes", exact=True).click()
    expect(page.locator(".pane.bytes")).to_be_visible()
    expect(page.locator(".pane.tree")).to_be_hidden()
    page.keyboard.press("k")
    expect(page.locator(".pane.bytes")).to_be_visible()


def test_the_line_beside_the_frame_is_as_long_as_the_transcript(
    shared: Filled, reader: Reader
) -> None:
    page = reader.page
    page.goto(shared.run("burst"))
    line = (
        "[...document.querySelectorAll('.paper, aside')].map((e) => ({"
        " height: e.getBoundingClientRect().height,"
        " line: ['Left', 'Right'].some((s) => getComputedStyle(e)[`border${s}Width`] !== '0px')"
        "}))"
    )
    paper, aside = page.evaluate(line)
    assert paper["height"] > 2 * aside["height"]
    assert (paper["line"], aside["line"]) == (True, False)


def test_keys_walk_through_checks(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(f"{shared.url}/")
    names = page.locator("a[data-row]").all_inner_texts()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("a[data-row]:focus")).to_have_text(names[1])
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_be_visible()
    assert "/checks/" in page.url


def test_a_run_is_followed_live(server: Filled, real: Any, reader: Reader) -> None:
    page, monitor = reader.page, server.running.monitor
    uid = uid_of("slow_feed")
    page.goto(server.check("slow_feed"))
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("h1")).to_have_text("Waiting for its turn.")
    run_id = page.url.rpartition("/")[2]
    run = real["slow_feed"][0]
    events = run.attempts[0].events
    server.running.call(monitor.begin, uid, run_id=run_id)
    for event in events[: len(events) // 2]:
        server.running.call(monitor.tell, run_id, event)
    expect(page.locator("h1")).to_have_text("Running: step 1, listen.")
    expect(page.locator('.fw[data-frame="1.3"]')).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("running")
    assert page.title().startswith("◌")
    for event in events[len(events) // 2 :]:
        server.running.call(monitor.tell, run_id, event)
    server.running.do(monitor.finish(run_id, run))
    expect(page.locator("h1")).to_contain_text("Passed in")
    expect(page.locator("#announce")).to_have_text("slow_feed: passed")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    assert page.title().startswith("●")
    assert page.locator("#icon").get_attribute("href", timeout=1000)
    assert "ok.svg" in (page.locator("#icon").get_attribute("href") or "")


def test_the_overview_changes_by_itself(server: Filled, real: Any, reader: Reader) -> None:
    page, monitor = reader.page, server.running.monitor
    page.goto(f"{server.url}/")
    expect(page.locator("h1")).to_contain_text("5 checks fail")
    uid = uid_of("snapshot")
    run_id = server.running.call(monitor.begin, uid, location="eu-north")
    server.running.do(monitor.finish(run_id, real["order_updates"][0]))
    expect(page.locator("h1")).to_contain_text("4 checks fail")
    expect(page.locator("#announce")).to_contain_text("4 checks fail")


def test_incidents_open_and_close_before_ones_eyes(server: Filled, reader: Reader) -> None:
    page, running = reader.page, server.running

    async def open_one() -> Incident:
        async with running.store.writing() as tx:
            check = await registry.get_check(tx, uid_of("burst"))
            assert check is not None
            now_ns = time.time_ns()
            opened = await incidents.open_incident(
                tx,
                check_id=check.id,
                began_ns=now_ns - 300_000_000_000,
                opened_ns=now_ns,
                opened_by=server.latest["burst"],
                code="ws.closed",
                message="The server closed the connection",
            )
            assert opened is not None
            return opened

    async def close(incident: Incident) -> None:
        async with running.store.writing() as tx:
            await incidents.close_incident(
                tx, incident.id, closed_ns=time.time_ns(), closed_by=None
            )

    page.goto(f"{server.url}/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Incidents").click()
    expect(page.locator("h1")).to_have_text("1 incident is open.")
    opened = running.do(open_one())
    running.call(running.monitor.hub.publish, "incidents", "opened", {"check_uid": "any"})
    expect(page.locator("h1")).to_have_text("2 incidents are open.")
    expect(page.locator("#announce")).to_have_text("2 incidents are open.")
    rows = page.locator("#list tbody tr")
    expect(rows.first).to_contain_text("The server closed the connection. ws.closed")
    running.do(close(opened))
    running.call(running.monitor.hub.publish, "incidents", "closed", {"check_uid": "any"})
    expect(page.locator("h1")).to_have_text("1 incident is open.")
    expect(rows.last).to_contain_text("5 min")
    assert rows.last.get_by_role("img", name="closed").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(server.run("ticker_subscribe"))


def test_incidents_are_chosen_without_scripts(server: Filled, plain: Reader) -> None:
    page = plain.page
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="1 open").click()
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Closed").click()
    expect(page.get_by_text("None has been closed so far.")).to_be_visible()
    page.get_by_role("link", name="Open", exact=False).last.click()
    page.get_by_role("link", name="ticker_subscribe").click()
    expect(page.locator("h1")).to_contain_text("of type str. The check expects float.")
    page.locator("#incidents").get_by_role("link", name="all").click()
    expect(page.get_by_text("Those of ticker_subscribe only.")).to_be_visible()


def test_what_is_open_stays_open_when_the_page_changes(
    server: Filled, real: Any, reader: Reader
) -> None:
    page, monitor = reader.page, server.running.monitor
    uid = uid_of("order_updates")
    run_id = server.running.call(monitor.begin, uid)
    page.goto(f"{server.url}/runs/{run_id}")
    run = real["order_updates"][0]
    events = run.attempts[0].events
    for event in events[:-6]:
        server.running.call(monitor.tell, run_id, event)
    details = page.locator(".note.http details")
    details.locator("summary").click()
    expect(details).to_have_attribute("open", "")
    for event in events[-6:]:
        server.running.call(monitor.tell, run_id, event)
    server.running.do(monitor.finish(run_id, run))
    expect(page.locator("h1")).to_contain_text("Passed")
    expect(details).to_have_attribute("open", "")


def test_the_theme_is_chosen_and_kept(shared: Filled, reader: Reader) -> None:
    page = reader.page
    page.goto(f"{shared.url}/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.locator("#theme").click()
    dark = page.evaluate(background)
    assert dark != light
    page.goto(shared.run("burst"))
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate(background) == dark
    page.locator("#theme").click()
    assert page.locator("html").get_attribute("data-theme") is None
    assert page.evaluate(background) == light


def test_dark_follows_the_system(shared: Filled, browser: Browser) -> None:
    made = Reader(browser, color_scheme="dark")
    made.page.goto(f"{shared.url}/")
    colour = made.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert colour == "rgb(18, 21, 26)"
    made.context.close()


def test_all_of_it_works_without_scripts(server: Filled, plain: Reader) -> None:
    page = plain.page
    page.goto(f"{server.url}/")
    page.get_by_role("link", name="ticker_subscribe").click()
    page.locator("#headline a").click()
    expect(page.locator("h1")).to_contain_text("of type str. The check expects float.")
    page.locator('.fw[data-frame="1.2"] .n a').click()
    expect(page.locator("#frame h2")).to_contain_text("Message 2")
    page.locator("#frame").get_by_text("Bytes", exact=True).click()
    expect(page.locator(".pane.bytes")).to_be_visible()
    page.locator("#text").fill("auth")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".fw[data-frame]")).to_have_count(2)
    page.locator("details", has_text="Handshake").locator("summary").click()
    expect(page.get_by_text("Sec-WebSocket-Key")).to_be_visible()
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("h1")).to_have_text("Waiting for its turn.")
    server.running.call(
        server.running.monitor.begin, uid_of("ticker_subscribe"), run_id=page.url.rpartition("/")[2]
    )
    expect(page.locator("h1")).to_have_text("Starting.")  # it loads itself again
    page.goto(server.check("room_join"))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("h1")).to_contain_text("Paused from this machine")
    assert page.locator("#theme").is_hidden()


def test_pages_fit_a_narrow_screen(shared: Filled, browser: Browser) -> None:
    made = Reader(browser, viewport={"width": 400, "height": 800})
    for address in (
        f"{shared.url}/",
        f"{shared.url}/incidents",
        shared.check("ticker_subscribe"),
        shared.run("order_updates"),
        shared.run("public_authority"),
        shared.run("burst"),
    ):
        made.page.goto(address)
        width = made.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 400, address
    made.context.close()


def test_names_roles_and_headings_are_there(shared: Filled, reader: Reader) -> None:
    page = reader.page
    for address in (
        f"{shared.url}/",
        f"{shared.url}/incidents",
        shared.check("burst"),
        shared.run("ticker_subscribe"),
    ):
        page.goto(address)
        assert page.locator("h1").count() == 1
        for role in ("banner", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1, (address, role)  # type: ignore[arg-type]
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, a[href], input:not([type=hidden])')]"
            ".filter(e => !(e.innerText || e.getAttribute('aria-label') || e.labels?.length"
            " || e.querySelector('[aria-label]'))).map(e => e.outerHTML)"
        )
        assert unnamed == []
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
