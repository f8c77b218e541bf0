"""The check that meets a fault, as a file to run."""

from __future__ import annotations

import re
import textwrap

from checkwire.faults.fault import Fault

__all__ = ["check_source"]

_NAMES = re.compile(r"\b(URL|CA|CLIENT)\b(?!\"|')")


def check_source(
    fault: Fault, *, url: str | None = None, ca: str | None = None, client: str | None = None
) -> str:
    """A check file.

    Args:
        fault: what it is to meet.
        url: the server's; by default the variable ``URL`` is asked for it.
        ca: file of the authority to trust; by default the variable ``CA`` has it.
        client: file of a client's certificate; by default the variable ``CLIENT`` has it.
    """
    body = fault.check.strip("\n")
    if not body.startswith(("from ", "import ")):
        name = re.sub(r"\W", "_", fault.name)
        body = (
            "from checkwire import check, connect, env\n\n\n"
            f'@check(timeout="{fault.timeout}")\n'
            f"async def {name}():\n{textwrap.indent(body, '    ')}"
        )
    given = {"URL": url, "CA": ca, "CLIENT": client}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return repr(given[name]) if given[name] is not None else f'env["{name}"]'

    whole = _NAMES.sub(value, body)
    subject = "The server" if fault.serves else "The check"
    lines = [f'"""{subject} {fault.does}: {fault.code}."""', "", whole, ""]
    return "\n".join(_tidied("\n".join(lines)))


def _tidied(text: str) -> list[str]:
    """Without the import of what is not used."""
    lines = text.split("\n")
    rest = "\n".join(line for line in lines if not line.startswith("from checkwire import"))
    found = []
    for line in lines:
        if line.startswith("from checkwire import "):
            names = line.removeprefix("from checkwire import ").split(", ")
            line = "from checkwire import " + ", ".join(
                name for name in names if re.search(rf"\b{name}\b", rest)
            )
        found.append(line)
    return found
