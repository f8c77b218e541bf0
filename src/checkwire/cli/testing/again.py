"""What of a command line has to be said again, for the command that runs one check again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from checkwire.cli.reporters.again import Again, Word
from checkwire.cli.testing.request import Request
from checkwire.cli.testing.resolve import format_resolve
from checkwire.model.masking import Masker
from checkwire.project.config import SecretSource

__all__ = ["again_of"]

_CONFIDENTIAL = re.compile(
    r"(?:.*_)?(?:(?:API|ACCESS|PRIVATE)?KEY|SECRET|TOKEN|PASS(?:WORD|WD|PHRASE)?|PWD|CREDENTIALS?"
    r"|AUTH|AUTHORIZATION|COOKIE|JWT)_?\d*",
    re.IGNORECASE,
)
"""Names of variables that nobody wants to find in the log of a CI server."""
_PASSWORD_IN_URL = re.compile(r"://[^/?#@\s]*:[^/?#@\s]*@")


def again_of(
    request: Request,
    *,
    sources: Mapping[str, SecretSource],
    secrets: Mapping[str, str],
    read: Collection[str],
    environ: Mapping[str, str],
) -> Again:
    """The options that decide what a check does, in the order of the help.

    A variable that is secret is named as the shell's own, ``--env KEY="$KEY"``. That is one which
    the project declares, or takes a secret from; which a check read with ``secret()``; in whose
    value a secret stands, or a URL with a password; and any that is named like one.

    Args:
        request: what was asked for.
        sources: the project's secrets, by name.
        secrets: their values, by name.
        read: names of the variables that checks read as secrets.
        environ: the shell's variables.
    """
    names = {*sources, *read, *(source.env for source in sources.values())}
    masker = Masker(secrets.values())
    confidential = {
        name: value
        for name, value in request.env
        if name in names
        or _CONFIDENTIAL.fullmatch(name)
        or _PASSWORD_IN_URL.search(value)
        or masker.knows(value)
    }
    return Again(
        tuple(_options(request, confidential)),
        tuple(name for name, value in confidential.items() if environ.get(name) != value),
    )


def _options(request: Request, confidential: Collection[str]) -> Iterator[tuple[Word, ...]]:
    for name, value in dict(request.env).items():
        if name in confidential:
            yield Word("--env"), Word(f'{name}="${name}"')
        else:
            yield Word("--env"), Word(f"{name}=", value)
    for path in request.env_files:
        yield Word("--env-file"), Word("", path)
    if request.timeout is not None:
        yield Word("--timeout"), Word(f"{request.timeout:.9f}".rstrip("0").rstrip(".") + "s")
    if request.retries is not None:
        yield Word("--retries"), Word(str(request.retries))
    for entry in request.resolve:
        yield Word("--resolve"), Word("", format_resolve(*entry))
    if request.ca is not None:
        yield Word("--ca"), Word("", request.ca)
