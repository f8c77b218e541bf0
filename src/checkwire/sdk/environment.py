"""Variables and secrets of a check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from checkwire.model.errors import FailureError
from checkwire.model.failures import Failure
from checkwire.sdk.context import current, declared_secrets, early_secrets, here

__all__ = ["env", "secret"]


class _Environment(Mapping[str, str]):
    """The check's variables: ``[env]`` of checkwire.toml, ``--env``, ``--env-file``.

    With ``checkwire test`` the variables of the calling shell are there too. Reading one that is
    not set fails the check with ``check.env_missing``, even if the script swallows the exception;
    ``env.get(name, default)`` and ``name in env`` are for those that may be missing. A name
    declared under ``[secrets]`` gives the secret's value.
    """

    def __getitem__(self, name: str) -> str:
        context = current()
        if name in context.secrets:
            return context.secrets[name]
        value = context.env.get(name)
        if value is None:
            raise _missing(name, [*context.env, *context.secrets])
        return value

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The variable, or ``default``."""
        context = current()
        return context.secrets.get(name, context.env.get(name, default))

    def __contains__(self, name: object) -> bool:
        context = current()
        return name in context.secrets or name in context.env

    def __iter__(self) -> Iterator[str]:
        context = current()
        return iter({**context.env, **context.secrets})

    def __len__(self) -> int:
        context = current()
        return len({**context.env, **context.secrets})

    def __repr__(self) -> str:
        return f"<env: {len(self)} variables>"  # Values may be secret.


env = _Environment()


def secret(name: str) -> str:
    """A secret by its name in ``[secrets]``, else the variable of that name.

    Its value is masked from now on in transcripts, logs and failures.

    Raises:
        FailureError: ``check.secret_missing``.
    """
    context = current()
    value = context.secrets.get(name) or context.env.get(name)
    if not value:
        raise _missing(name, [*context.secrets, *context.env], is_secret=True)
    context.masker.add(value)
    if not context.is_attempt:
        early_secrets[name] = value
    if name not in context.secrets:
        context.on_secret(name)
    return value


_ALIKE = 0.75
"""A shell has so many variables that one of them always is a little like another name."""
_TOO_EARLY = (
    "Read it inside the check's function: while its file is imported, [secrets] of checkwire.toml "
    "are not there"
)


def _missing(name: str, known: list[str], *, is_secret: bool = False) -> FailureError:
    from checkwire.sdk.suggestion import did_you_mean

    context, site = current(), here()
    is_declared = name in context.absent or name in declared_secrets
    is_secret = is_secret or is_declared
    names = {*known, *context.absent} - {name}
    meant = "" if is_declared else did_you_mean(str(name), names, quote="", cutoff=_ALIKE)
    failure = Failure(
        code="check.secret_missing" if is_secret else "check.env_missing",
        message=f"The {'secret' if is_secret else 'variable'} {name} is not set{meant}",
        hint=context.absent.get(name) or _advice(name, is_secret=is_secret),
        location=context.location(site),
    )
    return FailureError(context.verification_failed(failure, (site, name)))


def _advice(name: str, *, is_secret: bool) -> str:
    """How to set it. Without any, the hint of the failure's code stands."""
    if name in declared_secrets and not current().is_attempt:
        return _TOO_EARLY
    if not str(name).isidentifier():
        return ""
    advice = f"Set it with export {name}=..., --env {name}=... or --env-file FILE, or "
    if is_secret:  # No server takes these options; what it keeps itself goes before all others.
        return (
            f"{advice}on a server with checkwire secret set {name}, or say under [secrets] of "
            f'checkwire.toml where it is: {name} = {{ env = "..." }}'
        )
    return f'{advice}write a value under [env] of checkwire.toml: {name} = "..."'
