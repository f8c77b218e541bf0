"""Declared checks, loaded as the zygote loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkwire.model.failures import Failure
from checkwire.project.config import load_project
from checkwire.project.declared.loading import load_declared
from checkwire.project.definitions import CollectedCheck, define_all
from checkwire.project.imports import ProjectImports

Load = Callable[..., list[CollectedCheck] | Failure]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Writes a file into a project, and loads it."""
    opened: list[ProjectImports] = []

    def write_and_load(
        text: str | bytes, *, name: str = "some.check.toml", settings: str = ""
    ) -> list[CollectedCheck] | Failure:
        (tmp_path / "checkwire.toml").write_text(settings)
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        project = load_project(tmp_path)
        imports = ProjectImports(project.root)
        imports.install()
        opened.append(imports)
        return define_all(load_declared(file, project, imports), project)

    yield write_and_load
    for imports in opened:
        imports.remove()
