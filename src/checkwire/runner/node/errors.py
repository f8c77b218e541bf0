"""What an error that nobody caught, or a verification that failed, means for the check."""

from __future__ import annotations

import re
from typing import Any

from checkwire.model.failures import Failure, Location
from checkwire.model.sizes import size_text
from checkwire.runner.node.stack import location_in, syntax_location

__all__ = ["failure_of_error", "over_memory"]

_MISSING = re.compile(r"Cannot find (?:module|package) '([^']+)'")
_NO_MEMORY = ("Array buffer allocation failed", "Failed to allocate memory", "Invalid typed array")
_MORE_TYPESCRIPT = (
    "Node only takes types away. Write it without enum, namespace, decorators and parameter "
    "properties; or let Node transform them, with NODE_OPTIONS=--experimental-transform-types "
    "in the environment"
)
_AS_MODULE = (
    "Node takes the file for CommonJS, which has no import: name it .mjs (.mts), or set "
    '"type": "module" in package.json'
)


def failure_of_error(facts: dict[str, Any], script: str, root: str, memory: int) -> Failure:
    """The failure.

    Args:
        facts: of the error, as the hook has them.
        script: the check's file, relative to the project.
        root: the project's folder.
        memory: bytes that the check may take.
    """
    name, message, stack = facts["name"], facts["message"], facts["stack"]
    code = facts.get("code") or ""
    place = location_in(stack, root)
    first, _, rest = message.strip().partition("\n")
    if facts.get("assertion"):
        if first.endswith(":"):  # Node puts the expression below.
            expression, _, rest = rest.strip().partition("\n")
            first = f"{first} {expression}"
        return Failure(
            code="assertion.failed",
            message=first or "A verification failed",
            details=rest.strip("\n"),
            location=place,
        )
    if code in ("MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"):
        return _missing(message, script, place)
    if code in ("ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX", "ERR_INVALID_TYPESCRIPT_SYNTAX"):
        hint = _MORE_TYPESCRIPT if "UNSUPPORTED" in code else ""
        return _syntax(first, rest, syntax_location(stack, root), script, hint)
    if name == "SyntaxError" and (where := syntax_location(stack, root)) is not None:
        hint = _AS_MODULE if "import statement" in first or "'export'" in first else ""
        return _syntax(first, rest, where, script, hint)
    if first.startswith(_NO_MEMORY):
        return Failure(
            code="runner.memory",
            message=over_memory(memory),
            details=f"{name}: {first}",
            location=place,
        )
    words = f"{name}: {first}" if name else f"The script threw {first or 'nothing'}"
    return Failure(
        code="script.exception", message=words.rstrip(": "), details=_trace(stack), location=place
    )


def over_memory(memory: int) -> str:
    """That a script has used more than so many bytes."""
    return f"The check used more memory than the {size_text(memory)} that memory= allows"


def _missing(message: str, script: str, place: Location | None) -> Failure:
    match = _MISSING.search(message)
    wanted = match[1] if match else ""
    hint = ""
    if wanted and not wanted.startswith((".", "/", "file:")):
        parts = wanted.split("/")
        package = "/".join(parts[: 2 if wanted.startswith("@") else 1])
        hint = f"Install it beside the script: npm install {package}"
        message = f"{script} needs the package {package}, which is not installed"
    elif wanted:
        message = f"{script} needs {wanted}, and there is no such file"
        hint = "Correct the path; in ES modules it needs its extension, as in ./helper.js"
    return Failure(
        code="script.import",
        message=message.partition("\n")[0],
        hint=hint,
        location=place or Location(script, 1),
    )


def _syntax(first: str, rest: str, place: Location | None, script: str, hint: str) -> Failure:
    place = place or Location(script, 1)
    return Failure(
        code="script.syntax",
        message=f"{place.path} cannot be read by Node: {first}",
        hint=hint or "Correct the line shown",
        details=rest.strip("\n") or place.text,
        location=place,
    )


def _trace(stack: str) -> str:
    """The frames, without those of Node itself."""
    lines = [line for line in stack.splitlines() if line.lstrip().startswith("at ")]
    return "\n".join(line for line in lines if "(node:" not in line and " node:" not in line)
