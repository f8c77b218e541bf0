"""A ``MultiStepCheck`` as a check whose script is left where it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from checkwire.importers.checkly.effective import Effective
from checkwire.importers.checkly.recording import Gap
from checkwire.model.failures import Failure
from checkwire.project.playwright import is_for_playwright
from checkwire.runner.node.playwright.installation import find_playwright

__all__ = ["script_of"]

_LONGEST: Final = "4m"
"""What Checkly gives the script of a check: 240 s."""
_IMPORT: Final = re.compile(r"^\s*import\b.*?['\"]", re.MULTILINE)


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
    gaps = _in_the_way(Path(root, path), path, root, check)
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


def _in_the_way(file: Path, path: str, root: str, check: Effective) -> list[Gap]:
    """What keeps it from being run as it is."""
    text = file.read_text("utf-8", "replace")
    if is_for_playwright(file, text):  # Its own loader takes all forms of modules.
        found_it = find_playwright(file, root, path)
        if not isinstance(found_it, Failure):
            return []
        why = "it is run by the project's own Playwright, and that is not installed"
        todo = "npm install --save-dev @playwright/test"
        return [Gap(f"{path}:1", f"script of {check.shown}", why, todo)]
    gaps = []
    package = next((one for one in _packages(file) if one.is_file()), None)
    found = _IMPORT.search(text)
    if file.suffix in (".ts", ".js") and found is not None and _is_commonjs(package):
        line = text.count("\n", 0, found.end()) + 1
        why = "Node takes it for CommonJS, where there is no import: its package.json says so"
        other = f"{file.stem}.m{file.suffix[1:]}"
        todo = f'take "type": "commonjs" out of package.json, or name it {other}'
        gaps.append(Gap(f"{path}:{line}", f"script of {check.shown}", why, todo))
    return gaps


def _packages(file: Path) -> list[Path]:
    return [folder / "package.json" for folder in file.absolute().parents]


def _is_commonjs(package: Path | None) -> bool:
    if package is None:
        return False
    try:
        settings = json.loads(package.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and settings.get("type") == "commonjs"
