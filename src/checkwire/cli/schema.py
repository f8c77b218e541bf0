"""``checkwire schema``: the JSON Schema of the files that people write, for editors."""

from __future__ import annotations

import json

import click

from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire schema > check.schema.json", "of *.check.toml"),
        ("checkwire schema --for project > project.schema.json", "of checkwire.toml"),
    ),
)
@click.option("--for", "kind", type=click.Choice(["check", "project"]), default="check",
              show_default=True, help="check: *.check.toml; project: checkwire.toml.")  # fmt: skip
def command(kind: str) -> None:
    """Print the JSON Schema of declared checks, for editors.

    With `#:schema ./check.schema.json` as the first line of a file, editors that have taplo (Even
    Better TOML in VS Code) complete keys, explain them, and show mistakes as they are written.
    """
    from checkwire.project.declared.schema import file_schema

    schema = file_schema("project" if kind == "project" else "check")
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
