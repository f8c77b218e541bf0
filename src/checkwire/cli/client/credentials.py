"""The tokens that ``checkwire login`` was given, in a file of the user's own."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from checkwire.model.errors import CheckwireError

__all__ = ["Credentials", "credentials_file"]


def credentials_file() -> Path:
    """Where they are kept: XDG Base Directory Specification, ``$XDG_CONFIG_HOME``."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # "If an implementation encounters a relative path [...] it should [...] ignore it."
    try:
        folder = Path(base) if base.startswith("/") else Path("~/.config").expanduser()
    except RuntimeError:
        raise CheckwireError("there is no home to keep tokens in: set XDG_CONFIG_HOME") from None
    return folder / "checkwire" / "credentials.json"


class Credentials:
    """The tokens by server, and which server the latest login was to.

    Attributes:
        file: where they are kept.
        latest: address of that server; ``None`` if there was none.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Read what there is.

        Raises:
            CheckwireError: the file cannot be read, or is not what ``checkwire login`` wrote.
        """
        self.file = file or credentials_file()
        data = self._read()
        self.latest: str | None = data["latest"]
        self._tokens: dict[str, str] = data["servers"]

    def token(self, server: str) -> str | None:
        """The token for a server, as :func:`~checkwire.project.server.parse_server` has it."""
        return self._tokens.get(server)

    @property
    def exposed(self) -> bool:
        """Whether others than its owner may read the file."""
        try:
            mode = self.file.stat().st_mode
        except OSError:
            return False
        return bool(mode & (stat.S_IRWXG | stat.S_IRWXO))

    def put(self, server: str, token: str) -> None:
        """Keep a token. Raises CheckwireError if the file cannot be written."""
        self._tokens[server] = token
        self.latest = server
        self._write()

    def remove(self, server: str) -> bool:
        """Forget a server; returns whether it was known."""
        known = self._tokens.pop(server, None) is not None
        if self.latest == server:
            self.latest = None
        if known:
            self._write()
        return known

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self.file.read_text("utf-8"))
            latest, servers = data.get("latest"), data["servers"]
            if all(isinstance(token, str) for token in servers.values()):
                return {"latest": latest, "servers": dict(servers)}
        except FileNotFoundError:
            return {"latest": None, "servers": {}}
        except OSError as error:
            raise CheckwireError(f"{self.file} cannot be read: {error.strerror}") from None
        except (ValueError, AttributeError, KeyError, TypeError):
            pass
        raise CheckwireError(
            f"{self.file} is not what checkwire login wrote: remove it, and log in again"
        )

    def _write(self) -> None:
        text = json.dumps({"latest": self.latest, "servers": self._tokens}, indent=2) + "\n"
        temporary = self.file.with_name(f".{self.file.name}.{os.getpid()}.tmp")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Nobody else may read it at any moment, so it is made with its final rights.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(self.file)
        except OSError as error:
            raise CheckwireError(f"{self.file} cannot be written: {error.strerror}") from None
        finally:
            with suppress(OSError):
                temporary.unlink()
