"""Variables, secrets, and what a check says; and that no secret is ever told."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from checkwire import FailureError, connect, env, expect, log, secret, step
from checkwire.model.events import FrameSeen, Handshake, StepStarted, encode_event
from support.checks import collect, run_one, write_check
from support.scene import play, refusing_url
from support.wsserver import closing, echo

TOKEN = "s3cr3t-t0ken"


def test_variables_and_secrets_by_name() -> None:
    async def check() -> None:
        assert env["URL"] == "ws://127.0.0.1/"
        assert env["KEY"] == secret("KEY") == TOKEN
        assert secret("URL") == "ws://127.0.0.1/"
        assert env.get("NONE") is None
        assert env.get("NONE", "default") == "default"
        assert "URL" in env
        assert "KEY" in env
        assert "NONE" not in env
        assert sorted(env) == ["KEY", "URL"]
        assert len(env) == 2
        assert repr(env) == "<env: 2 variables>"

    outcome = play(check, env={"URL": "ws://127.0.0.1/"}, secrets={"KEY": TOKEN})
    assert outcome.passed, outcome.error


@pytest.mark.parametrize(
    ("read", "code", "message"),
    [
        (lambda: env["WS_ULR"], "check.env_missing", "WS_ULR is not set; did you mean WS_URL?"),
        (lambda: env["XYZ"], "check.env_missing", "The variable XYZ is not set"),
        (
            lambda: secret("API_KYE"),
            "check.secret_missing",
            "not set; did you mean API_KEY?",
        ),
        (lambda: secret("EMPTY"), "check.secret_missing", "The secret EMPTY is not set"),
    ],
)
def test_what_is_missing_is_named_with_what_was_meant_even_if_swallowed(
    read: Any, code: str, message: str
) -> None:
    async def check() -> None:
        with suppress(FailureError):
            read()

    known = {"WS_URL": "ws://127.0.0.1/", "EMPTY": ""}
    outcome = play(check, env=known, secrets={"API_KEY": TOKEN})
    assert outcome.error is None
    assert outcome.failure.code == code
    assert outcome.failure.message.endswith(message)
    assert outcome.failure.location is not None


def test_what_is_not_set_is_told_how_to_set_it_and_no_other_name_that_is_hardly_like_it() -> None:
    async def check() -> None:
        for read in (env.__getitem__, secret):
            with suppress(FailureError):
                read("OTHER")

    variable, missing = (failed.failure for failed in play(check, env={"TERM": "x"}).counting)
    assert variable.message == "The variable OTHER is not set"
    assert variable.hint.startswith("Set it with export OTHER=..., --env OTHER=... or --env-file")
    assert variable.hint.endswith('[env] of checkwire.toml: OTHER = "..."')
    assert missing.message == "The secret OTHER is not set"
    assert missing.hint.endswith('where it is: OTHER = { env = "..." }')


def test_a_log_line_holds_words_and_fields() -> None:
    async def check() -> None:
        log("subscribed", 7, channel="updates", note="two words", data={"a": [1]}, none=None)
        log.debug("d")
        log.info("i")
        log.warning("w")
        log.error("failed", error=ValueError("bad"), thing=object)

    outcome = play(check)
    assert outcome.passed
    assert outcome.logs == [
        'subscribed 7 channel=updates note="two words" data={"a": [1]} none=null',
        "d",
        "i",
        "w",
        "failed error=bad thing=<class 'object'>",
    ]
    levels = [event.level for event in outcome.events]  # type: ignore[union-attr]
    assert levels == ["info", "debug", "info", "warning", "error"]


class Broken:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


def test_saying_something_never_fails() -> None:
    circle: list[Any] = []
    circle.append(circle)

    async def check() -> None:
        log(Broken(), broken=Broken(), circle=circle)
        log("\ud800", value="\udfff")
        log("x" * 1_000_000)
        with step("\ud800"):
            pass

    outcome = play(check)
    assert outcome.passed
    assert outcome.logs[0].startswith("<Broken whose __str__ raised RuntimeError> broken=<Broken")
    assert outcome.logs[1] == '\\ud800 value="\\udfff"'
    assert outcome.logs[2].endswith("… (1,000,000 characters)")
    assert len(outcome.logs[2]) < 20_000


def test_no_secret_is_told_wherever_it_was_put() -> None:
    async def server(ws: ServerConnection) -> None:
        async for message in ws:
            await ws.send(message)
            await ws.send(json.dumps({"token": TOKEN, "n": 1}))
            await ws.close(4000, f"bad {TOKEN}")

    async def check(url: str) -> None:
        token = secret("TOKEN")
        async with step(f"log in with {token}"):
            log("token", token, token=token)
        with suppress(Exception):
            async with connect(
                f"{url}?token={token}",
                headers={"X-Token": token, "Authorization": f"Bearer {token}"},
            ) as ws:
                await ws.send_json({"token": token})
                await ws.receive_json(where={"token": "other", "note": token}, within="5s")
        with suppress(Exception):
            async with connect(f"{refusing_url()}?{token}"):
                pass
        for value in ({"a": token}, token, [token] * 100, f"{'x' * 70}{token}"):
            with suppress(Exception):
                expect(value).equals(1)
            with suppress(Exception):
                expect(value, f"label {token}").matches({"a": int, token: str})
            with suppress(Exception):
                expect(value).contains(f"{token}!")
        with suppress(Exception):
            connect(url, headers={"X": f"{token}\n"})
        with suppress(Exception):
            connect(f"http://{token}/")
        with suppress(Exception):
            await connect(f"http://{token}/")
        with suppress(Exception):
            env[token]
        connect(f"ws://{token}/")
        step(f"never entered {token}")

    outcome = play(check, server, env={"TOKEN": TOKEN})
    assert outcome.of(FrameSeen)
    assert outcome.of(Handshake)
    assert outcome.of(StepStarted)[0].name == "log in with ••••••"
    assert len(outcome.counting) > 10
    for event in outcome.events:
        text = encode_event(event).decode()
        assert TOKEN not in text
        assert TOKEN[:8] not in text


def test_the_close_s_reason_is_masked_and_still_the_script_s() -> None:
    async def check(url: str) -> None:
        secret("TOKEN")
        async with connect(url) as ws:
            closed = await ws.receive_close(4000)
            assert closed.reason == f"bad {TOKEN}"

    outcome = play(check, closing(4000, f"bad {TOKEN}"), env={"TOKEN": TOKEN})
    assert outcome.passed, outcome.error


def test_a_literal_secret_in_the_source_is_masked_in_the_line_that_is_shown() -> None:
    async def check(url: str) -> None:
        expect("s3cr3t-t0ken").equals("other")

    outcome = play(check, echo, secrets={"TOKEN": TOKEN})
    assert outcome.failure.location is not None
    assert outcome.failure.location.text == 'expect("••••••").equals("other")'


def test_a_secret_read_while_the_file_is_imported_is_masked_too(tmp_path: Path) -> None:
    attempt = run_one(
        tmp_path,
        """
        from checkwire import log, secret

        TOKEN = secret("EARLY_TOKEN")

        @check
        async def a():
            log("the token", TOKEN)
            print("printed", TOKEN)
            assert TOKEN == "other"
        """,
        env={**os.environ, "EARLY_TOKEN": TOKEN},
    )
    assert attempt.failure is not None
    told = b"".join(map(encode_event, attempt.events)).decode()
    assert "the token" in told
    assert "printed" in told
    assert TOKEN not in told


def test_a_declared_secret_that_is_read_too_early_says_where_to_read_it(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text('[secrets]\nAPI_KEY = { env = "KEY" }\n')
    write_check(tmp_path, "from checkwire import secret\nTOKEN = secret('API_KEY')\n")
    (failure,) = collect(tmp_path, env={**os.environ, "KEY": TOKEN}).failures.values()
    assert failure.code == "check.secret_missing"
    assert failure.hint.startswith("Read it inside the check's function")
