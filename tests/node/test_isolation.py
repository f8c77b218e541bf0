"""What a script in a sandbox cannot do, and all that it can.

Each misdeed is tried in a process of its own, too, where it succeeds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.npm import npm_folder
from support.pki import Pki
from support.processes import with_command
from support.program import checkwire, environment, report
from support.sandboxes import why_there_is_none
from support.wsserver import echo, served

sandboxed = pytest.mark.usefixtures("sandbox")

ROOT = os.geteuid() == 0
IN_A_USER_NAMESPACE = ("unshare", "--user", "--map-root-user")
"""There root has no other user to become, and so a sandbox is made as an ordinary user makes it."""
MISDEEDS = {
    # name: (who can do it without a sandbox, what it does)
    "reads_the_users": ("anybody", "fs.readFileSync('/etc/passwd')"),
    "reads_the_passwords": ("root", "fs.readFileSync('/etc/shadow')"),
    "lists_the_home_of_root": ("root", "fs.readdirSync('/root')"),
    "reads_what_lies_elsewhere": ("anybody", "fs.readFileSync(`${env.OUTSIDE}/file`)"),
    "reads_the_data_of_the_server": ("anybody", "fs.readFileSync('.checkwire/secrets.key')"),
    "reads_the_memory_of_others": (
        "root",
        "fs.closeSync(fs.openSync(`/proc/${env.WATCHER}/mem`))",
    ),
    "reads_the_environment_of_others": (
        "anybody",
        "fs.readFileSync(`/proc/${env.WATCHER}/environ`)",
    ),
    "reads_the_memory_of_init": ("who may", "fs.closeSync(fs.openSync('/proc/1/mem'))"),
    "signals_the_runner": ("anybody", "process.kill(Number(env.WATCHER), 0)"),
    "writes_into_the_project": ("anybody", "fs.writeFileSync('written', '')"),
    "changes_a_file": ("anybody", "fs.truncateSync('victim', 0)"),
    "writes_elsewhere": ("anybody", "fs.writeFileSync(`${env.OUTSIDE}/written`, '')"),
    "does_it_in_a_worker": (
        "anybody",
        "new (require('node:worker_threads').Worker)("
        "\"require('node:fs').writeFileSync('written', '')\", { eval: true })",
    ),
    "has_a_program_do_it": (
        "anybody",
        "require('node:child_process').execSync('cat /etc/passwd', { stdio: 'pipe' })",
    ),
}
GOOD = {
    "own_folder.check.js": """
        if (fs.readdirSync('/tmp').includes('left')) throw new Error('not its own');
        fs.writeFileSync('/tmp/left', '');
        if (process.env.TMPDIR !== '/tmp' || process.env.HOME !== '/tmp') throw new Error('where?');
        if (require('node:os').tmpdir() !== '/tmp') throw new Error('where?');
    """,
    "own_folder_again.check.js": """
        if (fs.readdirSync('/tmp').includes('left')) throw new Error('not its own');
        fs.writeFileSync('/tmp/left', '');
    """,
    "files_of_the_project.check.js": """
        if (fs.readFileSync('victim', 'utf8') !== 'as it was') throw new Error('changed');
    """,
    "webassembly.check.js": """
        const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7,
          7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11];
        const made = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)));
        if (made.exports.add(2, 3) !== 5) throw new Error('sum');
        new WebAssembly.Memory({ initial: 100, maximum: 200 }).grow(50);
    """,
    "worker.check.js": """
        const { Worker } = require('node:worker_threads');
        const source = "require('node:worker_threads').parentPort.postMessage(6 * 7)";
        new Worker(source, { eval: true }).on('message', (got) => {
          if (got !== 42) throw new Error('answer');
        });
    """,
    "programs.check.js": """
        const { execFileSync, spawn } = require('node:child_process');
        const said = execFileSync(process.execPath, ['-p', '1 + 1'], { encoding: 'utf8' });
        if (said !== '2\\n') throw new Error(said);
        spawn('sleep', ['86.406'], { detached: true, stdio: 'ignore' }).unref();
    """,
    "files_and_names.check.mjs": """
        import { readFile, writeFile } from 'node:fs/promises';
        import { lookup } from 'node:dns/promises';
        import { generateKeyPairSync } from 'node:crypto';
        import { brotliCompressSync } from 'node:zlib';
        await writeFile('/tmp/a', await readFile('victim'));
        if (!(await lookup('localhost')).address) throw new Error('names');
        generateKeyPairSync('ec', { namedCurve: 'P-256' });
        brotliCompressSync('x'.repeat(100000));
        new Intl.DateTimeFormat('de', { timeZone: 'Europe/Berlin' }).format(0);
    """,
    "connects.check.js": """
        const WebSocket = require('ws');
        const ws = new WebSocket(process.env.URL);
        ws.on('open', () => ws.send('hello'));
        ws.on('message', () => ws.close());
    """,
    "typed.check.ts": """
        import { WebSocket } from 'ws8';
        const sent: string = 'hello';
        const ws = new WebSocket(process.env.URL!);
        ws.on('open', () => ws.send(sent));
        ws.on('message', (data: Buffer) => {
          if (String(data) !== sent) throw new Error('not what was sent');
          ws.close();
        });
    """,
    "builtin.check.js": """
        const ws = new WebSocket(process.env.URL);
        ws.onopen = () => ws.send('hello');
        ws.onmessage = () => ws.close();
    """,
}
BAD = {
    "spins.check.js": ("timeout=1s", "for (;;);", "script.blocked"),
    "eats.check.js": ("memory=128MiB", "for (const a = [];;) a.push([1, 2]);", "runner.memory"),
    "fills.check.js": (
        "file_size=1GiB",
        "const fd = fs.openSync('/tmp/big', 'w');\n"
        "for (let i = 0; i < 300; i += 1) fs.writeSync(fd, Buffer.alloc(1 << 20));",
        "script.exception",
    ),
    "aborts.check.js": ("timeout=9s", "process.abort();", "script.crashed"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project. Others may read it, as whoever is in a sandbox is another user."""
    folder = tmp_path_factory.mktemp("yard")
    root = folder / "project"
    for path in (root, folder / "outside", root / ".checkwire"):
        path.mkdir()
        path.chmod(0o755)
    (folder / "outside" / "file").write_text("secret")
    (root / ".checkwire" / "secrets.key").write_text("secret")
    (root / "victim").write_text("as it was")
    (root / "node_modules").mkdir()
    shutil.copytree(npm_folder() / "ws8", root / "node_modules" / "ws8")
    (root / "checkwire.toml").write_text(
        '[project]\nid = "scripts"\n[defaults]\nisolation = "sandbox"\n'
    )
    head = "const fs = require('node:fs');\nconst { env } = process;\n"
    for isolation in ("process", "sandbox"):
        for name, (_, deed) in MISDEEDS.items():
            (root / f"{name}_in_{isolation}.js").write_text(
                f"// checkwire: isolation={isolation}\n{head}{deed};\n"
            )
    for name, source in GOOD.items():
        (root / name).write_text((head if name.endswith(".js") else "") + source)
    for name, (option, source, _) in BAD.items():
        (root / name).write_text(f"// checkwire: {option}\n{head}{source}\n")
    return root


@pytest.fixture(scope="module", params=[(), IN_A_USER_NAMESPACE], ids=["as_we_are", "namespace"])
def tried(root: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What became of each misdeed, by name."""
    before = request.param
    if reason := why_there_is_none(*before):
        pytest.skip(reason)
    files = [f"{name}_in_{how}.js" for name in MISDEEDS for how in ("process", "sandbox")]
    variables = {"OUTSIDE": str(root.parent / "outside"), "WATCHER": str(os.getpid())}
    result = checkwire("test", "--reporter", "json", *files, cwd=root, before=before, **variables)
    (root / "written").unlink(missing_ok=True)
    (root / "victim").write_text("as it was")
    runs = {run["check"]["path"]: run["attempts"][-1] for run in json.loads(result.out)["runs"]}
    return runs | {"as_we_are": not before}


@sandboxed
@pytest.mark.parametrize("name", MISDEEDS)
def test_a_misdeed_fails_in_a_sandbox_alone(tried: dict[str, Any], name: str) -> None:
    who, _ = MISDEEDS[name]
    if tried["as_we_are"] and (who == "anybody" or (who == "root" and ROOT)):
        assert tried[f"{name}_in_process.js"]["status"] == "passed"
    failure = tried[f"{name}_in_sandbox.js"]["failure"]
    assert failure["code"] == "script.exception", failure


@sandboxed
@pytest.mark.parametrize("before", [(), IN_A_USER_NAMESPACE], ids=["as_we_are", "namespace"])
def test_scripts_do_their_work_in_a_sandbox(before: tuple[str, ...], root: Path) -> None:
    if reason := why_there_is_none(*before):
        pytest.skip(reason)
    with served(echo) as url:
        arguments = ("test", "-n", "2", "--reporter", "json")
        result = checkwire(*arguments, cwd=root, before=before, URL=url)
    runs = {run["check"]["path"]: run["attempts"][-1] for run in json.loads(result.out)["runs"]}
    assert {path: run.get("failure", {}).get("code", "") for path, run in runs.items()} == {
        **dict.fromkeys(GOOD, ""),
        **{name: code for name, (*_, code) in BAD.items()},
    }
    assert "ENOSPC" in runs["fills.check.js"]["failure"]["message"]
    assert with_command("sleep", "86.406") == []


@sandboxed
def test_a_sandboxed_script_trusts_what_it_is_told_to(tmp_path: Path) -> None:
    """Also where the files lie in folders that a sandbox hides."""
    trusts_both(tmp_path, "sandbox")


def test_an_authority_adds_to_those_of_the_environment(tmp_path: Path) -> None:
    trusts_both(tmp_path, "process")


def trusts_both(tmp_path: Path, isolation: str) -> None:
    """``--ca`` and ``NODE_EXTRA_CA_CERTS`` hold together, and either alone does."""
    for name in ("project", "one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
    root = tmp_path / "project"
    (root / "checkwire.toml").write_text('[project]\nid = "trust"\n')
    for name in ("ONE", "TWO"):
        (root / f"{name.lower()}.check.mjs").write_text(
            f"// checkwire: isolation={isolation}\n"
            f"import WebSocket from 'ws';\nnew WebSocket(process.env.{name})"
            ".on('open', function () { this.close(); });\n"
        )
    one, two = (Pki(tmp_path / name) for name in ("one", "two"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with (
        served(echo, ssl=one.server()) as first,
        served(echo, ssl=two.server()) as second,
    ):
        urls = {"ONE": first, "TWO": second, "TMPDIR": str(temporary)}

        def seen(*arguments: str, **variables: str) -> list[str]:
            runs = report(*arguments, cwd=root, **urls, **variables)["runs"]
            attempts = {run["check"]["path"]: run["attempts"][-1] for run in runs}
            return [
                attempts[f"{name}.check.mjs"].get("failure", {}).get("code", "")
                for name in ("one", "two")
            ]

        assert seen("--ca", one.ca, NODE_EXTRA_CA_CERTS=two.ca) == ["", ""]
        assert seen("--ca", one.ca) == ["", "tls.unknown_ca"]
        assert seen(NODE_EXTRA_CA_CERTS=two.ca) == ["tls.unknown_ca", ""]
        assert seen("--ca", one.ca, NODE_EXTRA_CA_CERTS="/nowhere") == ["", "tls.unknown_ca"]
    assert list(temporary.glob("*.pem")) == []


def test_a_script_shares_no_process_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.check.js").write_text("// checkwire: isolation=shared\nconsole.log(1);\n")
    result = checkwire("test", cwd=tmp_path)
    assert result.status == 0, result.err
    assert (
        'warning: a.check.js runs in a process of its own, though isolation is "shared"'
        in result.err
    )


PLAYWRIGHT = """
import { test, expect } from '@playwright/test';
import fs from 'node:fs';

test('keeps to itself', async ({}, info) => {
  await info.attach('note', { body: 'hello' });
  for (const deed of [
    () => fs.readFileSync('/etc/passwd'),
    () => fs.writeFileSync('written', ''),
    () => process.kill(Number(process.env.WATCHER), 0),
  ]) {
    expect(deed).toThrow(/^E[A-Z]+: |^kill E/);
  }
});
"""


@sandboxed
@pytest.mark.parametrize("isolation", ["sandbox", "process"])
def test_playwrights_tests_are_kept_in_a_sandbox_too(isolation: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    root.chmod(0o755)
    for name in ("@playwright", "playwright", "playwright-core"):
        shutil.copytree(npm_folder() / name, root / "node_modules" / name)
    (root / "checkwire.toml").write_text(
        f'[project]\nid = "playwright"\n[defaults]\nisolation = "{isolation}"\n'
    )
    (root / "a.spec.ts").write_text(PLAYWRIGHT)
    (run,) = report("a.spec.ts", cwd=root, WATCHER=str(os.getpid()))["runs"]
    wanted = "passed" if isolation == "sandbox" else "failed"
    assert run["status"] == wanted, run["attempts"][-1].get("failure")


REPLACED = """
import asyncio, os, shutil, subprocess
from pathlib import Path
from checkwire.project.config import load_project
from checkwire.project.discovery import discover
from checkwire.runner.runner import Runner
from support.processes import descendants

own = Path("..", "etc")
own.mkdir()
shutil.copyfile("/etc/nsswitch.conf", own / "nsswitch.conf")
(own / "hosts").touch()
subprocess.run(["mount", "--bind", own, "/etc"], check=True)

def waits():
    commands = (Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(os.getpid()))
    return any("main.cjs" in command for command in commands)

async def main():
    project = load_project(Path.cwd())
    async with Runner(project, waiting=2) as runner:
        (definition,) = (await runner.collect(discover(project))).definitions
        for name in ("one", "two"):
            Path("name").write_text(f"{name}.test")
            Path("/etc/new").write_text(f"127.0.0.1 {name}.test\\n")
            os.rename("/etc/new", "/etc/hosts")
            run = await runner.run(definition)
            print(run.status)
            async with asyncio.timeout(20):
                while not waits():
                    await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_names_are_looked_up_where_that_is_said_now(tmp_path: Path) -> None:
    """What waits for a job in a sandbox may not open the files that have come in their place."""
    before = (*IN_A_USER_NAMESPACE, "--mount")
    if reason := why_there_is_none(*before):
        pytest.skip(reason)
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.check.mjs").write_text(
        "// checkwire: isolation=sandbox\nimport { readFileSync } from 'node:fs';\n"
        "import { lookup } from 'node:dns/promises';\n"
        "await lookup(readFileSync('name', 'utf8'));\n"
    )
    variables = environment()
    variables["PYTHONPATH"] += f":{Path(__file__).parents[1]}"
    done = subprocess.run(
        [*before, sys.executable, "-c", REPLACED],
        cwd=root,
        env=variables,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.split() == ["passed", "passed"], done.stderr


@sandboxed
def test_playwrights_tests_have_packages_that_lie_above_the_project(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(npm_folder())
    root = tmp_path / "project"
    root.mkdir()
    (root / "checkwire.toml").write_text("")
    (root / "a.spec.ts").write_text(
        "// checkwire: isolation=sandbox\nimport { test, expect } from '@playwright/test';\n"
        "import fs from 'node:fs';\n"
        "test('is kept apart', async () => {\n"
        "  expect(() => fs.writeFileSync('written', '')).toThrow();\n"
        "  fs.writeFileSync('/tmp/own', '');\n"
        "});\n"
    )
    (run,) = report("a.spec.ts", cwd=root)["runs"]
    assert run["status"] == "passed", run["attempts"][-1].get("failure")
