"""What came, where it is not what should have come."""

from __future__ import annotations

from typing import Final

__all__ = ["Check", "differences"]

Check = tuple[str, object, object]
"""What is compared, what there is, and what there should be."""

_SHOWN: Final = 160


def differences(checks: list[Check]) -> list[str]:
    """A sentence for each check that fails."""
    return [f"{what}: {_show(got)}, not {_show(wanted)}" for what, got, wanted in checks
            if got != wanted]  # fmt: skip


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
