"""Style sheets, scripts, fonts and icons: addressed by what they hold, so kept for a year."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

__all__ = ["ASSETS", "Assets", "mount_static"]

_FOLDER = Path(__file__).parent / "static"
_STYLES = (
    "tokens", "base", "layout", "marks", "charts", "overview", "run", "transcript", "print",
)  # fmt: skip
"""Joined in this order; layers (``@layer``) say which of them prevails."""

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_YEAR = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    type: str
    data: bytes
    zipped: bytes | None


class Assets:
    """The files of a folder, in memory.

    All addresses hold a digest of all files: modules find each other by relative ones, and a new
    version of any of them gives new addresses to all.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        files: dict[str, bytes] = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix in _TYPES and not name.startswith("css/"):
                files[name] = path.read_bytes()
        styles = [(folder / "css" / f"{name}.css").read_bytes() for name in _STYLES]
        files["checkwire.css"] = b"\n".join(styles)
        digest = hashlib.blake2b(digest_size=6)
        for name, data in files.items():
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
        self.digest = digest.hexdigest()
        self._files = {name: _file(name, data) for name, data in files.items()}

    def url(self, name: str) -> str:
        """The address of a file.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    def response(self, digest: str, name: str, accepts: str) -> Response:
        """The file, for a client that accepts those encodings.

        With the digest of another version it is this version's, and not to be kept: a page that
        was loaded before an upgrade still works.
        """
        file = self._files.get(name)
        if file is None:
            return Response("There is no such file.\n", 404, media_type="text/plain")
        headers = {"Cache-Control": _YEAR if digest == self.digest else "no-cache"}
        if file.zipped is None:
            return Response(file.data, headers=headers, media_type=file.type)
        headers["Vary"] = "Accept-Encoding"
        if "gzip" not in accepts:
            return Response(file.data, headers=headers, media_type=file.type)
        headers["Content-Encoding"] = "gzip"
        return Response(file.zipped, headers=headers, media_type=file.type)


def _file(name: str, data: bytes) -> _File:
    suffix = Path(name).suffix
    zipped = None if suffix == ".woff2" else gzip.compress(data, 9, mtime=0)
    return _File(_TYPES[suffix], data, zipped)


ASSETS = Assets()
"""Those of this version."""


def mount_static(app: FastAPI | APIRouter) -> None:
    """Serve them under ``/static/``. They are the same for everybody, so nobody is asked."""

    async def static(request: Request, digest: str, name: str) -> Response:
        return ASSETS.response(digest, name, request.headers.get("accept-encoding", ""))

    app.add_api_route(
        "/static/{digest}/{name:path}", static, methods=["GET", "HEAD"], include_in_schema=False
    )

    async def favicon() -> Response:
        return ASSETS.response("", "icons/none.svg", "")

    app.add_api_route("/favicon.ico", favicon, methods=["GET"], include_in_schema=False)
