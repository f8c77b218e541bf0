from __future__ import annotations

from support import samples
from support.reporting import report


def test_each_run_is_one_character_with_a_shape_of_its_own() -> None:
    shown = report(samples.everything(), "dot").splitlines()
    assert shown[2] == "●✕●↻✕E▲○✕✕✕✕✕"


def test_the_characters_wrap_at_the_width() -> None:
    runs = [samples.passed(f"check-{number}") for number in range(100)]
    shown = report(runs, "dot", width=40).splitlines()
    assert shown[2:6] == ["●" * 40, "●" * 40, "●" * 20, ""]


def test_the_failures_and_the_summary_follow() -> None:
    runs = samples.trading()
    shown = report(runs, "dot", broken=samples.load_failures())
    listed = report(runs, "list", broken=samples.load_failures())
    blocks = listed[listed.index("\n✕ checks/broken.py  could not") :]
    assert shown.endswith(blocks)
