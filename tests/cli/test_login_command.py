"""``checkwire login``, and which server and token the other commands take."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.asking import Watched, watching
from support.httpserver import HttpServer, SeenRequest, json_reply
from support.program import Result, checkwire
from support.typing_in import type_in


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched"), required=True) as made:
        yield made


def token(watched: Watched, *scopes: str) -> str:
    """A token of that server."""
    database = f"sqlite:///{watched.server.store.address}"
    options = [option for scope in scopes for option in ("--scope", scope)]
    made = checkwire(
        "token", "create", "test", *options, "--database", database, cwd=watched.folder
    )
    assert made.status == 0, made.err
    return made.out.strip()


def login(watched: Watched, config: Path, text: str) -> Result:
    """Log in on a terminal."""
    return type_in(
        "login",
        watched.url,
        prompt=f"Token of {watched.url}: ",
        answer=text,
        cwd=config,
        XDG_CONFIG_HOME=str(config),
    )


def kept(config: Path) -> Path:
    return config / "checkwire" / "credentials.json"


def test_a_token_is_asked_for_unseen_tried_and_kept(watched: Watched, tmp_path: Path) -> None:
    secret = token(watched, "read")
    result = login(watched, tmp_path, secret)
    assert result.status == 0, result.out
    assert secret not in result.out
    assert f"Logged in to {watched.url}, version " in result.out
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(kept(tmp_path).parent.stat().st_mode) == 0o700
    asked = checkwire("status", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    assert asked.status == 1, asked.err  # something is down, so it was let in
    assert f"  {watched.url}  " in asked.out


def test_a_token_comes_from_standard_input(watched: Watched, tmp_path: Path) -> None:
    import subprocess
    import sys

    from support.program import environment

    done = subprocess.run(
        [sys.executable, "-m", "checkwire", "login", watched.url],
        input=token(watched, "read") + "\n",
        cwd=tmp_path,
        env=environment(XDG_CONFIG_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert watched.url in json.loads(kept(tmp_path).read_text())["servers"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "cw_00000000000000000000000000_0000000000000000000000000000000000000000000",
            "does not know the token of this login, or it has expired or was revoked",
        ),
        ("two words", "that is not a token"),
    ],
)
def test_a_wrong_token_is_not_kept(watched: Watched, tmp_path: Path, text: str, error: str) -> None:
    result = login(watched, tmp_path, text)
    assert result.status == 2
    assert error in result.out
    assert not kept(tmp_path).exists()


def test_without_a_token_one_is_told_how_to_log_in(watched: Watched) -> None:
    result = watched.ask("status")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"checkwire: error: {watched.url} wants a token: run checkwire login {watched.url}\n"
    )


def test_a_scope_that_is_missing_is_named(watched: Watched) -> None:
    result = watched.ask("pause", "positions", CHECKWIRE_TOKEN=token(watched, "read"))
    assert result.status == 2
    assert result.err == (
        "checkwire: error: the token of CHECKWIRE_TOKEN has not the scope admin: make one with "
        "checkwire token create NAME --scope admin on the server's machine\n"
    )


def test_a_token_with_the_scope_that_was_named_does(watched: Watched) -> None:
    asked = ("trigger", "positions", "--location", "eu")
    refused = watched.ask(*asked, CHECKWIRE_TOKEN=token(watched, "read"))
    assert refused.status == 2
    (scope,) = re.findall(r"checkwire token create NAME --scope (\w+)", refused.err)
    result = watched.ask(*asked, CHECKWIRE_TOKEN=token(watched, scope))
    assert (result.status, result.err) == (0, "")


def test_logging_out_forgets_the_token(watched: Watched, tmp_path: Path) -> None:
    login(watched, tmp_path, token(watched, "read"))
    config = {"XDG_CONFIG_HOME": str(tmp_path)}
    result = checkwire("login", "--forget", watched.url, cwd=tmp_path, **config)
    assert result.status == 0
    assert json.loads(kept(tmp_path).read_text()) == {"latest": None, "servers": {}}
    again = checkwire("login", "--forget", watched.url, cwd=tmp_path, **config)
    assert (again.status, again.err) == (
        2,
        f"checkwire: error: no token of {watched.url} is kept here\n",
    )


class Counting:
    """A server that answers with little, and keeps whom it was asked by."""

    def __init__(self) -> None:
        self.server = HttpServer(self.answer)

    def answer(self, request: SeenRequest) -> bytes:
        if request.path == "/api/v1/server":
            return json_reply('{"version": "1", "started_ns": 1}')
        return json_reply('{"items": [], "next": null}')

    def tokens(self) -> set[str | None]:
        """The tokens shown so far."""
        found = {request.header("Authorization") for request in self.server.seen}
        self.server.seen.clear()
        return found


def test_where_server_and_token_come_from_in_the_order_of_their_weight(tmp_path: Path) -> None:
    (tmp_path / "config" / "checkwire").mkdir(parents=True)
    option, variable, settings, latest = (Counting() for _ in range(4))
    everybody = (option, variable, settings, latest)
    with option.server, variable.server, settings.server, latest.server:
        urls = [one.server.url for one in everybody]
        servers = {urls[2]: "of-settings", urls[3]: "of-latest"}
        file = kept(tmp_path / "config")
        file.write_text(json.dumps({"latest": urls[3], "servers": servers}))
        file.chmod(0o600)
        base = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
        environment = {**base, "CHECKWIRE_SERVER": urls[1], "CHECKWIRE_TOKEN": "of-variable"}

        def asks(counting: Counting, shown: str | None, *arguments: str, **env: str) -> None:
            result = checkwire("status", *arguments, cwd=tmp_path, **env)
            assert (result.status, result.err) == (0, "")
            assert counting.tokens() == {shown}
            assert not any(other.server.seen for other in everybody)

        asks(latest, "Bearer of-latest", **base)
        (tmp_path / "checkwire.toml").write_text(f'[server]\nurl = "{urls[2]}/"\n')
        asks(settings, "Bearer of-settings", **base)
        asks(variable, "Bearer of-variable", **environment)
        asks(option, "Bearer of-variable", "--server", urls[0], **environment)
        asks(option, "Bearer of-option", "--server", urls[0], "--token", "of-option", **environment)
        # A token that was kept for one server is shown to no other.
        asks(option, None, "--server", urls[0], **base)


def test_tokens_that_others_can_read_are_worth_a_warning(tmp_path: Path) -> None:
    counting = Counting()
    with counting.server:
        file = kept(tmp_path)
        file.parent.mkdir()
        file.write_text(json.dumps({"latest": None, "servers": {counting.server.url: "x"}}))
        file.chmod(0o644)
        result = checkwire(
            "status", "--server", counting.server.url, cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path)
        )
    assert result.status == 0
    assert result.err == (
        f"checkwire: warning: others can read your tokens: chmod 600 {kept(tmp_path)}\n"
    )


@pytest.mark.parametrize("text", ["", "[]", "{", '{"servers": {"a": 1}}', '{"servers": 7}'])
def test_a_file_of_tokens_that_is_damaged_says_so(tmp_path: Path, text: str) -> None:
    kept(tmp_path).parent.mkdir()
    kept(tmp_path).write_text(text)
    result = checkwire("status", cwd=tmp_path, XDG_CONFIG_HOME=str(tmp_path))
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"checkwire: error: {kept(tmp_path)} is not what checkwire login wrote: remove it, and "
        "log in again\n"
    )
