"""The authorities that scripts trust beside Node's own, in one file: Node takes no more."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["EXTRA", "JoinedAuthorities"]

EXTRA: Final = "NODE_EXTRA_CA_CERTS"
"""The variable that names the file."""

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----.+?-----END \1-----", re.DOTALL
)


class JoinedAuthorities:
    """A temporary file with the certificates of several files, for as long as this is not closed.

    It holds certificates alone, for others may read it: whoever is in a sandbox is another user.

    Args:
        sources: the files (PEM), absolute paths. What cannot be read adds nothing.

    Attributes:
        path: of the joined file.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, *sources: str) -> None:
        self._sources = sources
        self._fd, self.path = tempfile.mkstemp(prefix="checkwire-authorities-", suffix=".pem")
        os.fchmod(self._fd, 0o644)
        self._joined = b""
        self.refresh()

    def refresh(self) -> None:
        """Have what the files hold now. It stays the same file, which sandboxes have in them."""
        joined = b"".join(map(_certificates_in, self._sources))
        if joined != self._joined:
            os.pwrite(self._fd, joined, 0)
            os.ftruncate(self._fd, len(joined))
            self._joined = joined

    def close(self) -> None:
        """Remove the file."""
        os.close(self._fd)
        Path(self.path).unlink(missing_ok=True)


def _certificates_in(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError:
        return b""
    return b"".join(match[0] + b"\n" for match in _CERTIFICATE.finditer(data))
