"""Logs: for people on a terminal, one JSON object a line otherwise. They go to stderr."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog

__all__ = ["configure_logs"]

Format = Literal["auto", "text", "json"]
_FIRST = ("time", "level", "message", "logger")


def configure_logs(style: Format = "auto", level: str = "info") -> None:
    """Set up logging for this process, that of libraries included.

    Args:
        style: ``auto`` is ``text`` on a terminal, else ``json``.
        level: ``debug``, ``info``, ``warning`` or ``error``.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    text = style == "text" or (style == "auto" and terminal)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(
            fmt="%H:%M:%S" if text else "iso", utc=not text, key="time"
        ),
    ]
    renderer: list[structlog.typing.Processor]
    if text:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=terminal, timestamp_key="time", pad_event_to=0, pad_level=False
            )
        ]
    else:
        renderer = [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            _first_things_first,
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries have their say when it matters
    logging.getLogger("checkwire").setLevel(number)


def _first_things_first(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """People read these lines, too."""
    first = {name: event.pop(name) for name in _FIRST if name in event}
    return {**first, **event}
