"""Fuzzes one target, guided by coverage: ``python fuzz/run.py TARGET``, see README.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # So that it can be run as a file.

from fuzz.targets import NAMES  # noqa: E402

_INSTRUMENTED = ["checkwire", "websockets", "h11"]
_LONGEST = 4096
_SLOW = 5
"""Seconds after which one input counts as a hang."""
_MEMORY_MB = 1024


def main() -> None:
    """Fuzz until the time is over, or something is found."""
    parser = argparse.ArgumentParser(description="Fuzz what takes bytes from outside.")
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60, help="60 by default; 0 for no end")
    parser.add_argument("--corpus", type=Path, help="folder to keep new inputs in, for next time")
    parser.add_argument("--input", type=Path, help="run this input only, such as a reproducer")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs atheris: pip install -e '.[fuzz]'")
    with atheris.instrument_imports(include=_INSTRUMENTED):
        from fuzz.targets import load

        target = load(options.target)
    if options.input is not None:
        target(options.input.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="checkwire-fuzz-") as scratch:
        folder = options.corpus or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        arguments = [
            f"-max_total_time={options.seconds}",
            f"-max_len={_LONGEST}",
            f"-timeout={_SLOW}",
            f"-rss_limit_mb={_MEMORY_MB}",
            f"-artifact_prefix={options.target}-",
            str(folder),
            *(str(path) for path in [HERE / "corpus" / options.target] if path.is_dir()),
        ]
        atheris.Setup([sys.argv[0], *arguments], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
