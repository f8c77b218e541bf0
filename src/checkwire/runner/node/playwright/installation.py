"""Finding the user's own Playwright, and its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from checkwire.model.failures import Failure, Location

__all__ = ["Playwright", "find_playwright"]

_PACKAGE: Final = Path("node_modules", "@playwright", "test")
_CONFIGS: Final = tuple(
    f"playwright.config.{suffix}" for suffix in ("ts", "js", "mts", "mjs", "cts", "cjs")
)
_OLDEST: Final = (1, 42)


class _Manifest(msgspec.Struct):
    version: str = ""


class Playwright(msgspec.Struct, frozen=True):
    """An installed Playwright.

    Attributes:
        cli: path of its command line.
        config: path of the user's configuration; ``None`` if there is none.
    """

    cli: str
    config: str | None


def find_playwright(file: Path, root: str, path: str) -> Playwright | Failure:
    """The Playwright that a file of tests gets when it imports it, or why there is none.

    Args:
        file: absolute.
        root: the project's folder; the configuration is looked for up to there.
        path: of the file, relative to the project.
    """
    for folder in (file.parent, *file.parent.parents):
        package = folder / _PACKAGE
        cli = package / "cli.js"
        if not cli.is_file():
            continue
        version = _version(package)
        if version < _OLDEST:
            return _failure(
                path,
                f"needs Playwright {_shown(_OLDEST)} or newer, and {_shown(version)} is installed",
                "npm install --save-dev @playwright/test@latest",
            )
        return Playwright(str(cli), next(_configs(file, Path(root)), None))
    return _failure(
        path,
        "needs the package @playwright/test, which is not installed",
        "npm install --save-dev @playwright/test",
    )


def _version(package: Path) -> tuple[int, ...]:
    try:
        text = msgspec.json.decode((package / "package.json").read_bytes(), type=_Manifest).version
        return tuple(int(part) for part in text.partition("-")[0].split("."))
    except (OSError, ValueError):
        return (0,)


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _configs(file: Path, root: Path) -> Iterator[str]:
    for folder in (file.parent, *file.parent.parents):
        for name in _CONFIGS:
            if (config := folder / name).is_file():
                yield str(config)
        if folder == root:
            return


def _failure(path: str, what: str, command: str) -> Failure:
    return Failure(
        code="script.import",
        message=f"{path} {what}",
        hint=f"Install it beside the file: {command} (browsers are not needed, so "
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 saves their download)",
        location=Location(path, 1),
    )
