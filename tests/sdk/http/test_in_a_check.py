"""What a check makes of its requests, run by ``checkwire test``."""

from __future__ import annotations

from pathlib import Path

from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.program import project, report
from support.rawserver import Peer, RawServer

CHECKS = """
    from checkwire import check, env, http
    from checkwire.sync import http as plain_http

    @check
    async def asserted():
        reply = await http.get(env["URL"] + "/good")
        assert reply.status == 200

    @check
    async def asserted_wrong():
        reply = await http.get(env["URL"] + "/bad")
        assert reply.status == 200

    @check
    async def swallowed():
        try:
            await http.get("http://127.0.0.1:1/")
        except Exception:
            pass

    @check
    async def forgotten():
        http.get(env["URL"] + "/never")

    @check
    async def verified_nothing():
        await http.get(env["URL"] + "/good")

    @check
    def plain():
        with plain_http.session(base_url=env["URL"]) as api:
            assert api.get("/good").raise_for_status().json() == {}
"""


def _handler(request: SeenRequest) -> bytes:
    if request.path == "/bad":
        return reply("500 Internal Server Error", b"the disk is full")
    return json_reply("{}")


def test_a_check_cannot_pass_in_silence(tmp_path: Path):
    with HttpServer(_handler) as server:
        document = report(cwd=project(tmp_path, http_check=CHECKS), URL=server.url)
    found = {run["check"]["function"]: run for run in document["runs"]}
    outcome = {
        name: (
            run["status"],
            sorted({f["failure"]["code"] for f in run["attempts"][0].get("failures", ())}),
        )
        for name, run in found.items()
    }
    assert outcome == {
        "asserted": ("passed", []),
        "asserted_wrong": ("failed", ["assertion.failed"]),
        "swallowed": ("failed", ["tcp.refused"]),
        "forgotten": ("error", ["check.usage"]),
        "verified_nothing": ("passed", ["check.no_assertion"]),
        "plain": ("passed", []),
    }
    assert "the disk is full" in str(found["asserted_wrong"]["attempts"][0]["failures"])
    assert not any(request.path == "/never" for request in server.seen)


def test_a_request_that_outlasts_the_check_is_in_its_transcript(tmp_path: Path):
    checks = """
        from checkwire import check, env, http
        from checkwire.sync import http as plain_http

        @check(timeout="1s")
        async def waiting():
            await http.get(env["URL"])

        @check(timeout="1s")
        def waiting_plainly():
            plain_http.get(env["URL"])
    """
    with RawServer(Peer.stay) as server:
        url = f"http://{server.place}/"
        document = report(cwd=project(tmp_path, slow_check=checks), URL=url)
    for run in document["runs"]:
        (attempt,) = run["attempts"]
        assert attempt["failure"]["code"] == "timeout.check"
        (exchange,) = [event for event in attempt["events"] if event["type"] == "http_exchange"]
        assert exchange["url"] == url
        assert "status" not in exchange
