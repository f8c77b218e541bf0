"""What all answers share."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from checkwire.model.definition import CheckDefinition
from checkwire.model.failures import Failure

__all__ = ["COMPONENT", "Definition", "FailureData", "Model"]

COMPONENT = "x-component"
"""Stands in a schema for a reference to a component that msgspec describes; see openapi.py."""


class Model(BaseModel):
    """Described by the docstrings under its fields."""

    model_config = ConfigDict(
        use_attribute_docstrings=True, frozen=True, arbitrary_types_allowed=True
    )


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


Definition = Annotated[
    CheckDefinition, PlainSerializer(_plain), WithJsonSchema({COMPONENT: "CheckDefinition"})
]
FailureData = Annotated[Failure, PlainSerializer(_plain), WithJsonSchema({COMPONENT: "Failure"})]
