"""docs/declared.md: every table on it can be loaded, and every key is on it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.failures import Failure
from checkwire.project.declared.composites import ListOf, MapOf, OneOf, TableOf
from checkwire.project.declared.kinds import Kind
from checkwire.project.declared.tables import CHECK, STEPS

Load = Callable[..., Any]

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "declared.md").read_text()
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    "block", BLOCKS, ids=lambda block: tomllib.loads(block)["check"][0]["name"]
)
def test_what_is_on_the_page_can_be_loaded(load: Load, block: str) -> None:
    checks = load(block)
    assert not isinstance(checks, Failure), checks.details
    assert checks


def test_the_readme_has_one_that_can_be_loaded(load: Load) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(load(block)) == 1


def test_the_script_on_the_page_is_that_of_its_table(tmp_path: Path) -> None:
    from support.program import checkwire

    (tmp_path / "checkwire.toml").touch()
    (tmp_path / "orders.check.toml").write_text(BLOCKS[0])
    script = checkwire("eject", "Echo", cwd=tmp_path).out
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert script.endswith(shown)


def keys_of(kind: Kind) -> Iterator[str]:
    """All keys that may stand in it, at any depth."""
    match kind:
        case TableOf():
            for key, field in kind.fields.items():
                yield key
                yield from keys_of(field.kind)
        case OneOf():
            for one in kind.kinds:
                yield from keys_of(one)
        case ListOf():
            yield from keys_of(kind.item)
        case MapOf():
            yield from keys_of(kind.value)


def test_every_key_is_on_the_page() -> None:
    words = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    quoted = set(re.findall(r"[a-z_0-9]+", " ".join([*re.findall(r"`([^`]+)`", words), *BLOCKS])))
    keys = {key for kind in (CHECK, *STEPS) for key in keys_of(kind)}
    # The phases that a timeout can be set for are connect()'s.
    assert keys - quoted == {"upgrade", "pong"} - quoted
    assert len(keys) > 100
