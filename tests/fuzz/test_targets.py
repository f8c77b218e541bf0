"""The fuzz targets, briefly and without a fuzzer: what was found once, and some changes of that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuzz
from fuzz.targets import NAMES, load
from support.streams import mutated

CORPUS = Path(fuzz.__path__[0]) / "corpus"
INPUTS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


def inputs(name: str) -> list[bytes]:
    return [path.read_bytes() for path in INPUTS if path.parent.name == name]


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_input_of_the_corpus_is_taken(path: Path) -> None:
    load(path.parent.name)(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_any_input_is_taken(name: str) -> None:
    target, known = load(name), inputs(name)

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=300) | st.sampled_from(known).flatmap(mutated))
    def check(data: bytes) -> None:
        target(data)

    check()


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert {path.parent.name for path in INPUTS} == set(NAMES)
    assert sum(path.stat().st_size for path in INPUTS) < 32 * 1024
