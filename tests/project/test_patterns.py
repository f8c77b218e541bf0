"""Patterns of paths."""

from __future__ import annotations

import pytest

from checkwire.project.patterns import matches_path, parse_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (
            "**/*_check.py",
            ["a_check.py", "x/a_check.py", "x/y/_check.py"],
            ["a_check.pyc", "check.py"],
        ),
        ("**/check_*.py", ["check_a.py", "x/check_.py"], ["xcheck_a.py", "check_a/b.py"]),
        ("*.py", ["a.py", ".py"], ["x/a.py", "a.py\n"]),
        ("a/**", ["a", "a/b", "a/b/c"], ["ab", "b/a"]),
        ("a/**/b.py", ["a/b.py", "a/x/y/b.py"], ["a/xb.py"]),
        ("a?.py", ["ab.py"], ["a.py", "a/.py"]),
        ("[ab].py", ["a.py", "b.py"], ["c.py", "[ab].py"]),
        ("[!ab].py", ["c.py"], ["a.py"]),
        ("[^[].py", ["^.py", "[.py"], ["a.py"]),
        ("[!].py", ["!.py"], ["a.py"]),
        ("a+(b).py", ["a+(b).py"], ["aab.py"]),
        ("legacy/", ["legacy"], ["legacy/x"]),
        ("[x", ["[x"], ["x"]),
    ],
)
def test_a_pattern_matches_whole_paths(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    assert [path for path in matching if not matches_path(pattern, path)] == []
    assert [path for path in others if matches_path(pattern, path)] == []


def test_what_can_be_no_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="bad character range"):
        parse_pattern("[z-a].py")
