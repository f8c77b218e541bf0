"""What docs/alerts.md says is so."""

from __future__ import annotations

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

from checkwire.alerting.notice import Notice
from checkwire.alerting.signing import signature_headers
from checkwire.project.config import load_project
from checkwire.store.outbox import key_of

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text()


def block(kind: str) -> str:
    return PAGE.split(f"```{kind}\n")[1].split("```")[0]


def test_the_example_is_a_notice_with_all_its_members() -> None:
    example = json.loads(block("json"))
    notice = Notice.decode(block("json").encode())
    assert json.loads(notice.encode()) == example
    assert example["id"] == key_of(notice.incident.id, "opened", "ops-hook")


def test_the_settings_are_settings(tmp_path: Path) -> None:
    (tmp_path / "checkwire.toml").write_text(block("toml"))
    assert load_project(tmp_path).alerts.channels == ("ops-hook", "ops-mail")


def test_the_code_that_verifies_does() -> None:
    names: dict[str, Any] = {"base64": base64, "hmac": hmac, "time": time}
    exec(block("python"), names)
    is_genuine = names["is_genuine"]
    now = int(time.time())
    headers = signature_headers("01K.opened.hook", b"{}", now, "correct horse")
    assert is_genuine(headers, b"{}", b"correct horse")
    assert not is_genuine(headers, b"{ }", b"correct horse")
    assert not is_genuine(headers, b"{}", b"battery")
    old = signature_headers("01K.opened.hook", b"{}", now - 400, "correct horse")
    assert not is_genuine(old, b"{}", b"correct horse")
