"""``checkwire import checkly``: real projects, read by a real Node."""

from __future__ import annotations

import json
import shutil
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.echo_server import running_echo
from support.golden import assert_golden
from support.httpserver import HttpServer, json_reply
from support.npm import npm_folder
from support.program import Result, checkwire, report

SHOP = Path(__file__).with_name("shop")
GOLDEN = Path(__file__).with_name("golden")
MAIL = ("--mail-server", "smtp+starttls://mail.example.org", "--mail-from", "robot@example.org")
SECRETS = (
    "sesame",
    "tell-nobody-of-this",
    "whsec_very-very-private",
    "very-private",
    "0123456789abcdef",
    "a-secret-of-the-group",
    "written-down-by-mistake",
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


def project(root: Path, config: str = "export default { logicalId: 'p' }", **files: str) -> Path:
    """A Checkly project: keywords are names of ``.check.ts`` files."""
    (root / "checkly.config.ts").write_text(config)
    for name, text in files.items():
        (root / f"{name}.check.ts").write_text(textwrap.dedent(text).lstrip("\n"))
    return root


def imported(root: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """The report of an import, as JSON."""
    result = checkwire("import", "checkly", ".", "--json", *arguments, cwd=root, **variables)
    document: dict[str, Any] = json.loads(result.out)
    return document


def gaps(root: Path, **variables: str) -> list[tuple[str, int, str]]:
    """File, line and subject of what has no equal."""
    found = imported(root, **variables)["without_equal"]
    return [(one["file"], one["line"], one["what"]) for one in found]


def checks(root: Path, **variables: str) -> list[dict[str, Any]]:
    """The ``[[check]]`` tables that are written."""
    text = imported(root, **variables)["toml"]
    found: list[dict[str, Any]] = tomllib.loads(text)["check"]
    return found


# A whole project


def of_shop(root: Path, *arguments: str) -> Result:
    return checkwire(
        *("import", "checkly", ".", *MAIL, *arguments),
        cwd=root,
        HOOK_SECRET="whsec_very-very-private",
        SHOP_API="https://api.example.org",
    )


def test_a_project_is_taken_over_as_a_whole(shop: Path) -> None:
    result = of_shop(shop)
    assert result.status == 0
    assert_golden(result.out, GOLDEN / "shop.toml")
    assert_golden(result.err, GOLDEN / "shop.txt")


def test_no_secret_gets_out(shop: Path) -> None:
    told = [of_shop(shop), of_shop(shop, "--json")]
    for secret in SECRETS:
        assert all(secret not in one.out + one.err for one in told), secret


def test_what_is_written_is_a_project(shop: Path) -> None:
    (shop / "node_modules").symlink_to(npm_folder())
    result = of_shop(shop, "-o", "checkwire.toml")
    assert (result.status, result.out) == (0, "")
    listed = checkwire("test", "--list", cwd=shop)
    assert listed.status == 0, listed.err
    assert [line.split()[0] for line in listed.out.splitlines()] == [
        *("list-orders", "place-order", "missing-order", "front-page", "first"),
        *("order-feed", "stock-feed", "checks/feeds/prices.spec.ts"),
    ]


def test_a_file_above_the_project_names_the_way_to_the_scripts(shop: Path) -> None:
    (shop / "node_modules").symlink_to(npm_folder())
    result = checkwire("import", "checkly", "shop", "-o", "checkwire.toml", cwd=shop.parent)
    assert result.status == 0
    scripts = tomllib.loads((shop.parent / "checkwire.toml").read_text())["check"]
    assert "shop/checks/order_feed.spec.ts" in [one.get("script") for one in scripts]
    assert checkwire("test", "--list", cwd=shop.parent).status == 0


def test_an_api_check_runs_and_fails_as_it_did(tmp_path: Path) -> None:
    project(
        tmp_path,
        api="""
        import { ApiCheck, AssertionBuilder } from 'checkly/constructs'

        for (const [id, state] of [['right', 'open'], ['wrong', 'shut']]) {
          new ApiCheck(id, {
            name: id,
            retryStrategy: { type: 'NO_RETRIES' },
            request: {
              method: 'POST',
              url: '{{API}}/orders',
              headers: [{ key: 'Authorization', value: 'Bearer {{TOKEN}}' }],
              bodyType: 'JSON',
              body: '{"item": "tea"}',
              assertions: [
                AssertionBuilder.statusCode().equals(200),
                AssertionBuilder.jsonBody('$.orders.length').equals(2),
                AssertionBuilder.jsonBody('$.state').equals(state),
                AssertionBuilder.jsonBody('$.page').equals('1'),
                AssertionBuilder.headers('content-type').notEmpty(),
              ],
            },
          })
        }
        """,
    )
    body = '{"orders": [1, 2], "state": "open", "page": 1}'
    with HttpServer(lambda request: json_reply(body)) as server:
        assert checkwire("import", "checkly", ".", "-o", "checkwire.toml", cwd=tmp_path).status == 0
        api = f"http://127.0.0.1:{server.port}"
        document = report(cwd=tmp_path, API=api, TOKEN="the-token")
    statuses = {run["check"]["id"]: run["status"] for run in document["runs"]}
    assert statuses == {"right": "passed", "wrong": "failed"}
    assert {one.header("Authorization") for one in server.seen} == {"Bearer the-token"}
    assert {one.body for one in server.seen} == {b'{"item":"tea"}'}


def test_a_script_runs_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "feed.spec.ts").write_text(
        """
        import { WebSocket } from 'ws'
        const socket = new WebSocket(process.env.FEED as string)
        socket.on('open', () => socket.send('hello'))
        socket.on('message', (data: Buffer) => data.toString() === 'hello' && socket.close())
        """
    )
    project(
        tmp_path,
        feed="""
        import { MultiStepCheck } from 'checkly/constructs'
        new MultiStepCheck('feed', { name: 'Feed', code: { entrypoint: './feed.spec.ts' } })
        """,
    )
    assert checkwire("import", "checkly", ".", "-o", "checkwire.toml", cwd=tmp_path).status == 0
    with running_echo() as server:
        document = report(cwd=tmp_path, FEED=server.url)
    (run,) = document["runs"]
    assert (run["check"]["id"], run["check"]["name"]) == ("feed", "Feed")
    assert run["status"] == "passed", run


IN_THE_WAY = {
    "import { test } from '@playwright/test'\ntest('x', () => {})": (1, "is not installed"),
    "const a = 1\nconst { test } = require('@playwright/test')": (1, "is not installed"),
    "const a = 1\nimport { WebSocket } from 'ws'": (2, "Node takes it for CommonJS"),
}


@pytest.mark.parametrize("text", IN_THE_WAY)
def test_what_keeps_a_script_from_running_is_told_with_its_line(text: str, tmp_path: Path) -> None:
    line, why = IN_THE_WAY[text]
    (tmp_path / "package.json").write_text('{"type": "commonjs"}')
    (tmp_path / "x.spec.ts").write_text(text)
    project(
        tmp_path,
        x="""
        import { MultiStepCheck } from 'checkly/constructs'
        new MultiStepCheck('x', { name: 'x', code: { entrypoint: './x.spec.ts' } })
        """,
    )
    told = imported(tmp_path)["without_equal"]
    assert ("x.spec.ts", line) in [(one["file"], one["line"]) for one in told if why in one["why"]]


# How the project's code is read


def test_what_a_project_does_in_its_code_works(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "commonjs"}')
    (tmp_path / "names.json").write_text('["one", "two"]')
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "index.ts").write_text(
        """
        import { UrlMonitor } from 'checkly/constructs'
        import { readFileSync } from 'fs'
        import names from '../names.json'
        export type Name = string
        export enum Level { low = 'low' }
        export class Page extends UrlMonitor {
          constructor(name: Name, private readonly at: string) {
            super(name, { name, tags: [Level.low], request: { url: `https://example.org/${at}` } })
          }
        }
        export const known: Name[] = names
        export const here = readFileSync(__filename).length > 0
        """
    )
    project(
        tmp_path,
        "module.exports = async () => ({ logicalId: 'p', checks: { frequency: 2 } })",
        pages="""
        import { Page, known, Name } from './lib'
        known.forEach((name: Name) => new Page(name, name))
        """,
    )
    found = [(one["id"], one["step"][0]["get"]) for one in checks(tmp_path)]
    assert found == [("one", "https://example.org/one"), ("two", "https://example.org/two")]
    defaults = tomllib.loads(imported(tmp_path)["toml"])["defaults"]
    assert (defaults["every"], defaults["tags"]) == ("2m", ["low"])


def test_variables_come_from_the_environment_and_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SITE=https://of-the-file.example.org\nMINUTES=15\n")
    project(
        tmp_path,
        page="""
        import { UrlMonitor } from 'checkly/constructs'
        new UrlMonitor('page', {
          name: 'Page',
          frequency: Number(process.env.MINUTES),
          request: { url: `${process.env.SITE}/start` },
        })
        """,
    )
    (check,) = checks(tmp_path)
    assert (check["every"], check["step"][0]["get"]) == ("15m", "${SITE}/start")
    (check,) = checks(tmp_path, MINUTES="30")
    assert check["every"] == "30m"


BROKEN = {
    "throws": ("const a = 1\n\nthrow new RangeError('too far')", 3, "RangeError: too far"),
    "rejects": ("await Promise.reject(new Error('no'))", 1, "Error: no"),
    "syntax": ("const a = 1\nconst b = \n", 2, "SyntaxError: Expression expected"),
    "package": ("const a = 1\nimport b from 'b'\nb()", 2, "Cannot find package 'b'"),
    "module": ("import { b } from './b'\nb()", 1, "Cannot find module"),
    "exits": ("const a = 1\nprocess.exit(0)", 2, "process.exit(0) was called"),
    "variable": ("const a = 1\nnew URL(process.env.NOT_SET!)", 2, "TypeError: Invalid URL"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_throws_is_told_with_its_line_and_the_others_are_read(
    name: str, tmp_path: Path
) -> None:
    text, line, message = BROKEN[name]
    good = "import { UrlMonitor } from 'checkly/constructs'\n" + (
        "new UrlMonitor('NAME', { name: 'NAME', request: { url: 'https://example.org' } })"
    )
    files = {"a": good.replace("NAME", "a"), "b_": text, "c": good.replace("NAME", "c")}
    found = imported(project(tmp_path, **files))
    assert [one["id"] for one in tomllib.loads(found["toml"])["check"]] == ["a", "c"]
    (gap,) = found["without_equal"]
    assert (gap["file"], gap["line"]) == ("b_.check.ts", line)
    assert message in gap["why"]
    if name == "variable":
        assert gap["todo"] == "set NOT_SET, and import again"


def test_what_ends_node_is_told_and_what_was_not_read(tmp_path: Path) -> None:
    project(tmp_path, a="process.kill(process.pid, 'SIGKILL')", b="", c="")
    result = checkwire("import", "checkly", ".", cwd=tmp_path)
    assert result.status == 1
    assert "a.check.ts:1: what it declares: it ended Node with signal 9" in result.err
    assert "c.check.ts:1: what it declares: not read, since a.check.ts ended Node" in result.err


# What has no equal


KINDS = {
    "TcpMonitor": "{ name: 'x', request: { hostname: 'h', port: 1 } }",
    "TcpCheck": "{ name: 'x', request: { hostname: 'h', port: 1 } }",
    "DnsMonitor": "{ name: 'x' }",
    "IcmpMonitor": "{ name: 'x' }",
    "GrpcMonitor": "{ name: 'x' }",
    "SslMonitor": "{ name: 'x' }",
    "TracerouteMonitor": "{ name: 'x' }",
    "HeartbeatMonitor": "{ name: 'x' }",
    "HeartbeatCheck": "{ name: 'x' }",
    "BrowserCheck": "{ name: 'x', code: { content: '' } }",
    "PlaywrightCheck": "{ name: 'x' }",
    "AgenticCheck": "{ name: 'x' }",
    "Dashboard": "{ tags: [] }",
    "MaintenanceWindow": "{ name: 'x' }",
    "StatusPage": "{ name: 'x' }",
    "StatusPageV3": "{ name: 'x' }",
    "StatusPageService": "{ name: 'x' }",
    "SmsAlertChannel": "{ phoneNumber: '+4900000' }",
    "PhoneCallAlertChannel": "{ phoneNumber: '+4900000' }",
    "OpsgenieAlertChannel": "{ name: 'x', apiKey: 'k' }",
    "MSTeamsAlertChannel": "{ name: 'x', url: 'https://example.org' }",
    "TelegramAlertChannel": "{ name: 'x', chatId: '1', apiKey: 'k' }",
    "IncidentioAlertChannel": "{ name: 'x', url: 'https://example.org', apiKey: 'k' }",
    "SlackAppAlertChannel": "{ slackChannels: ['#x'] }",
    "EmailAlertChannel": "{ address: 'ops@example.org' }",
    "SomethingNew": "{ name: 'x' }",
}


def test_every_kind_without_an_equal_is_told_with_its_line(tmp_path: Path) -> None:
    lines = [f"import {{ {', '.join(KINDS)} }} from 'checkly/constructs'", ""]
    lines += [f"new {kind}('x-{kind}', {props})" for kind, props in KINDS.items()]
    project(tmp_path, all="\n".join(lines))
    assert gaps(tmp_path) == [
        ("all.check.ts", line, f'{kind} "x-{kind}"') for line, kind in enumerate(KINDS, 3)
    ]


PROPERTIES = {
    "muted": "true",
    "shouldFail": "true",
    "triggerIncident": "{ severity: 'MAJOR' }",
    "setupScript": "{ content: '' + 'x' }",
    "tearDownScript": "{ entrypoint: './x.ts' }",
    "intent": "{ goal: 'x' }",
    "privateLocations": "[PrivateLocation.fromId('1')]",
}


def test_every_property_without_an_equal_is_told_with_its_line(tmp_path: Path) -> None:
    lines = ["import { ApiCheck, PrivateLocation } from 'checkly/constructs'"]
    lines += ["new ApiCheck('x', {", "  name: 'x',"]
    lines += [f"  {name}: {value}," for name, value in PROPERTIES.items()]
    lines += ["  request: { method: 'GET', url: 'https://example.org' },", "})"]
    project(tmp_path, all="\n".join(lines))
    found = {line: what for file, line, what in gaps(tmp_path)}
    wanted = {line: f'{name} of ApiCheck "x"' for line, name in enumerate(PROPERTIES, 4)}
    wanted[10] = 'private location 1 of ApiCheck "x"'
    assert found == wanted


def test_a_reference_to_the_account_is_told(tmp_path: Path) -> None:
    project(
        tmp_path,
        group="""
        import { CheckGroupV2, UrlMonitor } from 'checkly/constructs'
        new UrlMonitor('page', {
          name: 'Page',
          group: CheckGroupV2.fromId(42),
          request: { url: 'https://example.org' },
        })
        """,
    )
    assert gaps(tmp_path) == [("group.check.ts", 4, 'CheckGroupV2Ref "42"')]


# Bad input, and the command itself


def test_strict_fails_if_anything_has_no_equal(shop: Path, tmp_path: Path) -> None:
    assert of_shop(shop, "--strict").status == 1
    good = """
    import { UrlMonitor } from 'checkly/constructs'
    new UrlMonitor('a', { name: 'a', request: { url: 'https://example.org' } })
    """
    (tmp_path / "good").mkdir()
    root = project(tmp_path / "good", a=good)
    result = checkwire("import", "checkly", ".", "--strict", cwd=root)
    assert (result.status, result.err.splitlines()[-1]) == (0, "1 check. Everything has an equal.")


def test_no_file_is_overwritten_without_force(shop: Path) -> None:
    (shop / "checkwire.toml").write_text("# mine\n")
    refused = of_shop(shop, "-o", "checkwire.toml")
    assert refused.status == 2
    assert "checkwire.toml is there already: name another file, or add --force" in refused.err
    assert (shop / "checkwire.toml").read_text() == "# mine\n"
    assert of_shop(shop, "-o", "checkwire.toml", "--force").status == 0
    assert "[[check]]" in (shop / "checkwire.toml").read_text()


def test_a_file_elsewhere_is_refused_since_scripts_stay_where_they_are(shop: Path) -> None:
    refused = of_shop(shop, "-o", str(shop / "checks" / "checkwire.toml"))
    assert refused.status == 2
    assert "is not in . or above it, and scripts are left where they are: write" in refused.err


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("gone", "gone is no folder: name the one with checkly.config.ts"),
        ("empty", "empty is no Checkly project: it has no checkly.config.ts, nor .js\n"),
        (".", "it has no checkly.config.ts, nor .js; there is one in inner"),
    ],
)
def test_what_is_no_checkly_project_is_told(folder: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "inner").mkdir()
    project(tmp_path / "inner")
    result = checkwire("import", "checkly", folder, cwd=tmp_path)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_a_project_without_checks_is_told(tmp_path: Path) -> None:
    result = checkwire("import", "checkly", ".", "-o", "checkwire.toml", cwd=project(tmp_path))
    assert result.status == 1
    assert result.err == "Nothing was written: no check of . could be taken over.\n"
    assert not (tmp_path / "checkwire.toml").exists()


def test_without_node_it_says_how_to_get_one(tmp_path: Path) -> None:
    project(tmp_path)
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v20.19.0\n")
    old.chmod(0o755)
    result = checkwire("import", "checkly", ".", cwd=tmp_path, CHECKWIRE_NODE=str(old))
    assert result.status == 2
    assert "is Node v20.19.0, and a Checkly project needs 22.15 or newer" in result.err
    assert "pip install 'checkwire[node]'" in result.err
