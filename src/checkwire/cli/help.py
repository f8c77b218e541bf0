"""Help pages that show how a command is used: options first, then examples to copy."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import click

__all__ = [
    "CONTEXT_SETTINGS",
    "Example",
    "ExampleCommand",
    "ExampleGroup",
    "suggest_command",
    "write_examples",
]

Example = tuple[str, str]
"""A command line, and a few words on what it does."""

CONTEXT_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}
_GAP = 3


class HelpFormatter(click.HelpFormatter):
    """click's, with headings that stand out on a terminal."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, args, click.style("Usage:", bold=True) + " ")

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        super().write_heading(click.style(heading, bold=True))


class HelpContext(click.Context):
    """A context whose help is written by :class:`HelpFormatter`."""

    formatter_class: type[click.HelpFormatter] = HelpFormatter


class ExampleCommand(click.Command):
    """A command with examples in its help::

    @click.command(cls=ExampleCommand, examples=[("checkwire echo --port 0", "any free port")])
    """

    context_class: type[click.Context] = HelpContext

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **kwargs: Any) -> None:
        kwargs["context_settings"] = CONTEXT_SETTINGS | (kwargs.get("context_settings") or {})
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(formatter, self.examples)
        super().format_epilog(ctx, formatter)


class ExampleGroup(click.Group):
    """A command whose work is done by commands of its own, with examples in its help."""

    context_class: type[click.Context] = HelpContext

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **kwargs: Any) -> None:
        kwargs["context_settings"] = CONTEXT_SETTINGS | (kwargs.get("context_settings") or {})
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is called, or suggest the one that was meant."""
        suggest_command(ctx, args[0], self.commands)
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the epilog."""
        write_examples(formatter, self.examples)
        super().format_epilog(ctx, formatter)


def suggest_command(ctx: click.Context, name: str, known: Collection[str]) -> None:
    """End with an error if a command is not known; it names the one that may have been meant."""
    if name in known or name.startswith("-") or ctx.resilient_parsing:
        return
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f" Did you mean '{close[0]}'?" if close else ""
    ctx.fail(f"No such command '{name}'.{meant}")


def write_examples(formatter: click.HelpFormatter, examples: Sequence[Example]) -> None:
    """Write a section of examples: side by side if all fit, else each below its explanation.

    Command lines are never wrapped, so that they can be copied.
    """
    if not examples:
        return
    column = max(len(line) for line, _ in examples) + _GAP
    widest = max(column + len(words) for _, words in examples)
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        for number, (line, words) in enumerate(examples):
            if formatter.current_indent + widest <= formatter.width:
                formatter.write(f"{indent}{line:<{column}}{words}".rstrip() + "\n")
            else:
                formatter.write("\n" if number else "")
                formatter.write(f"{indent}# {words}\n" if words else "")
                formatter.write(f"{indent}{line}\n")
