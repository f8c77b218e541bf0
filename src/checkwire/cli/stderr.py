"""What is told beside the results: on standard error."""

from __future__ import annotations

from contextlib import suppress

import click

__all__ = ["tell"]


def tell(text: str) -> None:
    """Write a line. If that cannot be done, as the disk is full, it is no reason to fail."""
    with suppress(OSError):
        click.echo(text, err=True)
