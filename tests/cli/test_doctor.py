"""``checkwire doctor`` on machines that lack something."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from checkwire.cli.diagnosis.software import EXTRAS
from support.program import checkwire, environment, project

SUBJECTS = {
    "receive stamps", "transmit stamps", "clock", "open files", "processes", "pidfds",
    "subreaper", "sandbox", "data folder", "disk space", "database", "secrets", "channels",
    "trust store", "time zones", "node", "extra server", "extra postgresql", "extra uvloop",
}  # fmt: skip


def doctor(cwd: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What it found, by subject; and under an empty name, its exit status."""
    result = checkwire("doctor", "--json", *arguments, cwd=cwd, **variables)
    document = json.loads(result.out)
    assert document["exit_code"] == result.status
    assert result.err == ""
    return {"": result.status, **{found["subject"]: found for found in document["findings"]}}


def test_each_thing_is_looked_at_and_told_in_80_columns(tmp_path: Path) -> None:
    found = doctor(tmp_path)
    assert set(found) - {""} == SUBJECTS
    assert (
        found["data folder"]["fact"] == f"{tmp_path}/.checkwire can be made; checkwire serve does"
    )
    assert found["receive stamps"]["state"] == found["transmit stamps"]["state"] == "good"
    told = checkwire("doctor", cwd=tmp_path, COLUMNS="80")
    assert told.status == found[""] == 0
    assert all(len(line) <= 80 for line in told.out.splitlines())
    for subject in SUBJECTS:
        assert re.search(rf"^  [●▲✕○] {subject} ", told.out, re.MULTILINE)
    assert not (tmp_path / ".checkwire").exists()


def test_a_data_folder_that_cannot_be_is_bad_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = doctor(tmp_path, "--data", "file/data")
    assert found[""] == 1
    assert found["data folder"]["state"] == "bad"
    assert found["data folder"]["fact"] == f"{tmp_path}/file is no folder"
    assert "--data" in found["data folder"]["advice"]
    told = checkwire("doctor", "--data", "file/data", cwd=tmp_path)
    assert told.status == 1
    assert "✕ data folder " in told.out


def test_few_open_files_are_told_with_how_to_have_more(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "checkwire", "doctor"],
        cwd=tmp_path,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"✕ open files +200 open files\n +→ Raise it: LimitNOFILE=", done.stdout)


@pytest.mark.parametrize(
    ("script", "state", "fact"),
    [
        ("echo v24.1.0", "good", "24.1.0, "),
        ("echo v20.2.0", "unknown", "20.2.0, "),
        ("exit 1", "unknown", "it does not tell its version"),
        (None, "unknown", "not found; only checks in JavaScript need one"),
    ],
)
def test_node_is_found_and_asked_for_its_version(
    tmp_path: Path, script: str | None, state: str, fact: str
) -> None:
    if script is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "node").chmod(0o755)
    node = doctor(tmp_path, PATH=str(tmp_path))["node"]
    assert node["state"] == state
    assert fact in node["fact"]
    assert "advice" not in node
    assert ("this version does not run these" in node["fact"]) is (state != "good")


def test_a_key_that_does_not_open_the_secrets_is_bad(tmp_path: Path) -> None:
    root = project(tmp_path)
    assert doctor(root)["secrets"]["state"] == "unknown"
    assert checkwire("token", "create", "x", cwd=root).status == 0
    assert doctor(root)["secrets"]["fact"] == "the database holds none"
    assert checkwire("secret", "set", "API_KEY", cwd=root, given="hunter2").status == 0
    key = root / ".checkwire" / "secrets.key"
    good = doctor(root)["secrets"]
    assert (good["state"], good["fact"]) == ("good", f"1 secret, which {key} opens")
    key.rename(tmp_path / "kept.key")
    gone = doctor(root)
    assert (gone[""], gone["secrets"]["state"]) == (1, "bad")
    assert gone["secrets"]["fact"] == f"the key to 1 secret, {key}, is not there"
    assert not key.exists()
    key.write_text(f"{'A' * 43}=\n")
    other = doctor(root)
    assert (other[""], other["secrets"]["state"]) == (1, "bad")
    assert "API_KEY of test was sealed with another key than that of" in other["secrets"]["fact"]
    held = {"CHECKWIRE_SECRET_KEY": (tmp_path / "kept.key").read_text().strip()}
    assert doctor(root, **held)["secrets"]["fact"] == "1 secret, which CHECKWIRE_SECRET_KEY opens"


def test_a_trust_store_that_is_empty_is_bad(tmp_path: Path) -> None:
    (tmp_path / "none.pem").touch()
    (tmp_path / "certs").mkdir()
    empty = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path / "certs")}
    found = doctor(tmp_path, **empty)
    assert found[""] == 1
    assert found["trust store"]["state"] == "bad"
    assert "ca-certificates" in found["trust store"]["advice"]


def test_time_zones_come_from_the_package_where_the_system_has_none(tmp_path: Path) -> None:
    assert "tzdata" in doctor(tmp_path, PYTHONTZPATH="")["time zones"]["fact"]


def test_the_extras_are_those_of_the_package() -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    declared = pyproject["project"]["optional-dependencies"]
    for extra, (_, names) in EXTRAS.items():
        wanted = [re.match(r"[\w-]+", requirement) for requirement in declared[extra]]
        assert [match[0] for match in wanted if match] == list(names)


def test_channels_have_the_secrets_that_they_need_or_are_told(tmp_path: Path) -> None:
    root = project(tmp_path, a_check="")
    none = doctor(root)["channels"]
    assert (none["state"], none["fact"]) == ("unknown", "none: nobody is told of incidents")
    with (root / "checkwire.toml").open("a") as settings:
        settings.write(
            '[channels.hook]\nkind = "webhook"\nurl = "http://127.0.0.1:9/"\nsecret = "HOOK_KEY"\n'
            '[secrets]\nHOOK_KEY = { env = "HOOK_KEY" }\n'
        )
    found = doctor(root)
    assert (found[""], found["channels"]["state"]) == (0, "note")
    assert "channel hook cannot be told" in found["channels"]["fact"]
    assert "set it with checkwire secret set HOOK_KEY" in found["channels"]["fact"]
    assert doctor(root, HOOK_KEY="x")["channels"]["state"] == "good"
    assert checkwire("secret", "set", "HOOK_KEY", cwd=root, given="x").status == 0
    assert doctor(root)["channels"]["fact"] == "hook: with all secrets that they need"
