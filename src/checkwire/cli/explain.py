"""``checkwire explain``: what a failure code means, how to confirm it, and what to do."""

from __future__ import annotations

import click

from checkwire.cli.help import ExampleCommand

__all__ = ["command"]


def _complete(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from click.shell_completion import CompletionItem

    from checkwire.model.failures import CODES

    begun = (code for code in CODES.values() if code.code.startswith(incomplete))
    return [CompletionItem(code.code, help=code.title) for code in begun]


@click.command(
    cls=ExampleCommand,
    examples=(
        ("checkwire explain tls.incomplete_chain", "what it means, how to see it, what to do"),
        ("checkwire explain tls", "all codes of a family"),
        ("checkwire explain '*.timeout'", "all that match"),
        ("checkwire explain", "all codes"),
    ),
)
@click.argument("what", metavar="[CODE]", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON document.")
def command(what: str | None, as_json: bool) -> None:
    """Say what a failure code means, how to confirm it, and what to do.

    CODE is what stands beside a failure's sentence, such as tls.certificate_expired. A family
    (tls), or a pattern (*.timeout), lists codes; so does leaving it out.
    """
    from checkwire.cli.explaining.found import find
    from checkwire.cli.explaining.telling import tell_all, tell_one

    codes, one = find(what)
    if one:
        tell_one(codes[0], as_json=as_json)
    else:
        tell_all(codes, as_json=as_json)
