"""A check file that imports ``http`` does not pay for it before it makes a request."""

from __future__ import annotations

import subprocess
import sys

import checkwire.sdk.http
from checkwire import http


def test_importing_it_is_light():
    code = (
        "import sys; from checkwire import http; http.get, http.session\n"
        "print(*{'h11', 'ssl', 'asyncio', 'msgspec', 'json'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_all_that_is_promised_is_there():
    for name in checkwire.sdk.http.__all__:
        assert getattr(http, name) is not None


def test_modules_that_are_loaded_later_hide_no_function():
    from checkwire.sdk.http import blocking, client  # noqa: F401

    for name in ("request", "session", "options", "get"):
        assert callable(getattr(http, name))
