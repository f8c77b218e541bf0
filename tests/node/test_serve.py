"""Scripts under ``checkwire serve``, and the secrets that they are given."""

from __future__ import annotations

from pathlib import Path

from support.program import checkwire, report
from support.serve import Server

SECRET = "correct-horse-battery"
SOURCE = """// checkwire: every=1h
console.log('version %s');
if (process.env.TOKEN !== 'correct-horse-battery') throw new Error(`${process.env.TOKEN} is wrong`);
console.log('it is', process.env.TOKEN);
"""


def declared(tmp_path: Path, source: str) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "checkwire.toml").write_text(
        f'[project]\nid = "scripts"\n[secrets]\nTOKEN = {{ env = "{source}" }}\n'
    )
    (folder / "a.check.js").write_text(SOURCE % 1)
    return folder


def test_a_script_has_the_secrets_of_the_project_and_shows_none(tmp_path: Path) -> None:
    folder = declared(tmp_path, "SAFE")
    document = report(cwd=folder, SAFE=SECRET)
    (attempt,) = document["runs"][0]["attempts"]
    assert attempt["status"] == "passed", attempt
    logged = [event["message"] for event in attempt["events"] if event["type"] == "logged"]
    assert logged[0] == "version 1"
    assert logged[1].startswith("it is ")
    assert SECRET not in str(document)
    (attempt,) = report(cwd=folder, SAFE="another-horse")["runs"][0]["attempts"]
    assert attempt["failure"]["code"] == "script.exception"
    assert "another-horse" not in str(attempt)


def test_a_server_runs_scripts_as_they_are_now_with_its_secrets(tmp_path: Path) -> None:
    folder = declared(tmp_path, "TOKEN")
    done = checkwire("secret", "set", "TOKEN", cwd=folder, given=SECRET)
    assert done.status == 0, done.err
    with Server(folder) as server:
        assert outcome(server) == ("passed", "version 1")
        (folder / "a.check.js").write_text(SOURCE % 2)
        server.wait_for(lambda: len(server.logged("project loaded")) == 2 or None)
        assert outcome(server) == ("passed", "version 2")
        (folder / "a.check.js").write_text("const = 1;\n")
        server.wait_for(lambda: len(server.logged("project loaded")) == 3 or None)
        assert outcome(server) == ("error", "script.syntax")


def outcome(server: Server) -> tuple[str, str]:
    """How a run of the script ends, and what it logs first; or the code of its failure."""
    run = server.run(server.trigger("a"))
    transcript = server.ask(f"/api/v1/runs/{run['run_id']}/transcript")
    assert SECRET not in str(transcript)
    logged = [e["message"] for e in transcript["attempts"][-1]["events"] if e["type"] == "logged"]
    return run["status"], run["code"] or logged[0]
