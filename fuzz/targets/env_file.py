"""Files of variables."""

from __future__ import annotations

import atexit
import functools
import re
import tempfile
from pathlib import Path

from checkwire.cli.testing.env_file import parse_assignment, read_env_file
from checkwire.model.errors import DefinitionError

__all__ = ["target"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@functools.cache
def _file() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="checkwire-fuzz-")
    atexit.register(folder.cleanup)
    return Path(folder.name) / ".env"


def target(data: bytes) -> None:
    """The bytes are the file; then they are a value, which is the same when it is read again."""
    try:
        variables = _read(data)
    except DefinitionError as error:
        assert error.message
    else:
        for name, value in variables.items():
            assert _NAME.fullmatch(name)
            assert "\n" not in value or b"\\n" in data
    text = data.decode("utf-8", "replace")
    if not set(text) & set("\r\n'\0"):
        assert _read(f"NAME='{text}'\n".encode()) == {"NAME": text}
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        assert _read(f'export NAME = "{escaped}"  # so\n'.encode()) == {"NAME": text}
    assert parse_assignment(f"NAME={text}") == ("NAME", text)


def _read(data: bytes) -> dict[str, str]:
    _file().write_bytes(data)
    return read_env_file(str(_file()))
