"""Makes the README's picture from real output::

    .venv/bin/python docs/images/render.py docs/images/test.svg checkwire test -v examples/...

Rich, which draws it, comes with the development tools.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 100
THEME = TerminalTheme(
    (40, 40, 40),
    (204, 204, 204),
    [
        (40, 40, 40),
        (210, 80, 90),
        (110, 170, 120),
        (214, 170, 70),
        (100, 160, 190),
        (170, 130, 180),
        (100, 170, 190),
        (204, 204, 204),
    ],
    [
        (128, 128, 128),
        (230, 100, 110),
        (130, 190, 140),
        (230, 190, 90),
        (120, 180, 210),
        (190, 150, 200),
        (120, 190, 210),
        (255, 255, 255),
    ],
)


def main(target: str, command: list[str]) -> None:
    """Run the command, as on a terminal of that width, and draw what it printed."""
    environ = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    output = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    console = Console(width=WIDTH + 2, record=True, file=StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), (" ".join(command), "bold")))
    console.print(Text.from_ansi(output.stdout.rstrip()))
    svg = console.export_svg(title="checkwire", theme=THEME)
    # No font from elsewhere: whatever monospace the reader's machine has.
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")
    Path(target).write_text(svg)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
