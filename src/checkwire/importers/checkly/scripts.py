"""A ``MultiStepCheck`` as a check whose script is left where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap

__all__ = ["script_of"]

_LONGEST: Final = "4m"
"""What Checkly gives the script of a check: 240 s."""


def script_of(check: Effective, root: str) -> tuple[dict[str, Any] | None, list[Gap]]:
    """The keys that say what runs; ``None`` if there is no script that could.

    Args:
        check: the check.
        root: the project's folder.
    """
    code = check.get("code")
    code = code if isinstance(code, dict) else {}
    path = code.get("entrypoint")
    place = check.place("code")
    if not isinstance(path, str):
        why = "its script stands in the construct, and a check's script is a file of its own"
        todo = 'put it into a file, with code: { entrypoint: "..." }, and import again'
        return None, [Gap(place, check.shown, why, todo)]
    if path.startswith("../") or not Path(root, path).is_file():
        where = "is outside of the project" if path.startswith("../") else "is not there"
        why = f"its script {path} {where}"
        return None, [Gap(place, check.shown, why, "move it into the project, and import again")]
    gaps = []
    if check.get("shouldFail"):
        why = "a script says itself what is wrong"
        todo = "expect the failure in the script"
        gaps.append(Gap(check.place("shouldFail"), check.whose("shouldFail"), why, todo))
    if check.get("playwrightConfig"):
        why = "scripts are run with the project's own playwright.config"
        todo = "move use, expect and timeout to playwright.config.ts"
        gaps.append(
            Gap(check.place("playwrightConfig"), check.whose("playwrightConfig"), why, todo)
        )
    return {"script": path, "timeout": _LONGEST}, gaps
