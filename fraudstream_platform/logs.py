"""Logs: lines for people, or one JSON object a line (LOG_FORMAT=json) for whatever collects them.

Records of any library go through it. What names the work (run, window, group) is bound once a process
and stands in every record; `extra={...}` of a single call is added to it.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

from fraudstream_platform.settings import Settings

Event = MutableMapping[str, Any]


def configure(settings: Settings, **bound: str | int) -> None:
    """Let this process log to standard error, with `bound` in every record; a later call replaces it."""

    def bind(_: object, __: str, event: Event) -> Event:
        return {**bound, **event}

    before: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        bind,
    ]
    shown: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if settings.log_format == "json":
        shown += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # structlog's own choice prints local variables, and those of a task are records.
        plain = structlog.dev.plain_traceback
        shown.append(structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain))
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=shown)
    )
    level = logging.DEBUG if settings.debug_mode else logging.INFO
    logging.basicConfig(level=level, handlers=[handler], force=True)
