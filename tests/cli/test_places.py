"""Where a server's data are, if nothing or something is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkwire.cli.places import data_folder, database_url, secrets_key
from checkwire.project.config import Project


def test_data_are_in_the_projects_folder_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = Project(root="/srv/orders", id="orders", name="orders")
    assert data_folder(None, project) == Path("/srv/orders/.checkwire")
    assert data_folder(Path("data"), project) == tmp_path / "data"
    assert data_folder(Path("/var/lib/checkwire"), project) == Path("/var/lib/checkwire")


def test_the_database_is_a_file_in_the_data_unless_another_is_named() -> None:
    data = Path("/srv/my orders/.checkwire")
    assert database_url(None, data) == "sqlite:////srv/my orders/.checkwire/checkwire.db"
    assert database_url("postgresql://db/checkwire", data) == "postgresql://db/checkwire"
    assert secrets_key(data) == data / "secrets.key"
