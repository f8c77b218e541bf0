"""``checkwire eject``: the script that a declared check stands for."""

from __future__ import annotations

from pathlib import Path

import click

from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire eject orders.check.toml::order_updates", "one check of a file"),
        ("checkwire eject 'Order updates' -o checks/orders_check.py", "by its name, into a file"),
        ("checkwire eject checkwire.toml", "all checks of a file"),
    ),
)
@click.argument("what", metavar="CHECK")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the script to this file, which must not be there yet.")  # fmt: skip
def command(what: str, output: Path | None) -> None:
    """Print the Python script that a declared check stands for.

    It is what runs: it does the same, and passes and fails alike. It has the check's id, so its
    history goes on once the script is in the project and the table is not. CHECK is FILE::CHECK,
    FILE for all of its checks, or a check's id or name.
    """
    from checkwire.cli.ejecting import eject
    from checkwire.model.errors import CheckwireError

    script, files = eject(what)
    if output is None:
        click.echo(script, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(script)
    except FileExistsError:
        raise CheckwireError(f"{output} is there already: name another file") from None
    except OSError as error:
        raise CheckwireError(f"cannot write {output}: {error.strerror}") from None
    click.echo(f"  {click.style('+', fg='green')} {output}")
    click.echo(f"\nNow remove the [[check]] from {', '.join(files)}: an id belongs to one check.")
