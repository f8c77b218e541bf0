"""Errors of the HTTP side as problem documents, RFC 9457.

``type`` is stable and names the kind of problem (``urn:checkwire:problem:unknown_parameter``);
``detail`` is a sentence for people. A document holds nothing of what was sent: that may have been
a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from checkwire.model.errors import CheckwireError

__all__ = ["MEDIA_TYPE", "FieldError", "Problem", "ProblemDocument", "problem_of_status"]

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:checkwire:problem:"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one part of a request.

    Attributes:
        field: its name; parts of a body as ``locations[0]``.
        message: what is wrong with it.
    """

    field: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, RFC 9457.

    Attributes:
        type: names the kind of problem, and stays the same.
        title: the status in words.
        status: the HTTP status.
        detail: a sentence: what is wrong, and what to do.
        errors: the parts of the request at fault.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...] = ()


class Problem(CheckwireError):  # noqa: N818 - reads as a fact, as the others do
    """Ends the handling of a request; the client gets the document."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        scope: str = "",
    ) -> None:
        """A problem.

        Args:
            status: the HTTP status.
            kind: names the kind of problem.
            detail: a sentence: what is wrong, and what to do.
            errors: the parts of the request at fault.
            headers: further ones of the response.
            scope: what the token lacks, if that is the problem.
        """
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.scope = scope

    @classmethod
    def of_field(cls, status: int, kind: str, field: str, message: str) -> Problem:
        """A problem with one part of the request."""
        return cls(status, kind, message, errors=[FieldError(field, message)])

    @property
    def document(self) -> ProblemDocument:
        """What the client is told."""
        return ProblemDocument(
            type=_TYPE + self.kind,
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=self.errors,
        )

    def response(self) -> Response:
        """The document as a response."""
        return Response(
            msgspec.json.encode(self.document),
            self.status,
            headers={"Cache-Control": "no-store", **self.headers},
            media_type=MEDIA_TYPE,
        )


_OF_STATUS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method; see Allow."),
    413: ("too_large", "The request's body is too large: at most 1 MiB is taken."),
}


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem that a bare status stands for."""
    if status in _OF_STATUS:
        kind, detail = _OF_STATUS[status]
        return Problem(status, kind, detail, headers=headers)
    phrase = HTTPStatus(status).phrase
    kind = phrase.lower().replace(" ", "_").replace("-", "_")
    return Problem(status, kind, f"{phrase}.", headers=headers)


def openapi_component() -> dict[str, Any]:
    """JSON Schemas of the document and its parts, by name."""
    _, components = msgspec.json.schema_components(
        [ProblemDocument], ref_template="#/components/schemas/{name}"
    )
    return dict(components)
