"""Logging for programs that use the SDK: one JSON object a line, as Knative's components write."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from datetime import datetime
from pathlib import PurePath
from typing import Any, Literal, TextIO

import orjson
import structlog

from wakeful.sdk.context import KEY, TRACE_ID

Event = MutableMapping[str, Any]
LogFormat = Literal["auto", "json", "text"]

_RUNTIME_FIELDS = ("kind", "key", "reconcile_id")
"""What the controller runtime binds, which key and trace id say already."""


def configure_logging(
    level: str = "info", *, log_format: LogFormat = "auto", stream: TextIO | None = None
) -> None:
    """Send every logger of the process to ``stream`` (standard error); call it once, first.

    ``auto`` writes for people on a terminal and JSON elsewhere::

        {"level":"info","ts":"2019-08-28T20:24:39.871+0800","caller":"controller/service.py:67",
         "msg":"Reconcile: default/hello",
         "knative.dev/traceid":"be5ec711-6ca3-493c-80ed-dddfa21fd576",
         "knative.dev/key":"default/hello"}

    (on one line). More fields follow those.
    """
    out = stream or sys.stderr
    is_text = log_format == "text" or (log_format == "auto" and out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        merge_context,
        structlog.stdlib.add_log_level,
        structlog.processors.CallsiteParameterAdder(
            {
                structlog.processors.CallsiteParameter.PATHNAME,
                structlog.processors.CallsiteParameter.LINENO,
            }
        ),
        structlog.processors.StackInfoRenderer(),
        shape,
    ]
    last: list[structlog.typing.Processor]
    if is_text:
        last = [_for_console, structlog.dev.ConsoleRenderer()]
    else:
        last = [structlog.processors.format_exc_info, render_json]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)


def merge_context(_logger: Any, _method: str, event: Event) -> Event:
    """Add the fields of the context; inside a trace, the runtime's names for the same are left out.

    A structlog processor, as are the others below.
    """
    context = structlog.contextvars.get_contextvars()
    if TRACE_ID in context:
        for name in _RUNTIME_FIELDS:
            context.pop(name, None)
    for name, value in context.items():
        event.setdefault(name, value)
    return event


def shape(_logger: Any, _method: str, event: Event) -> Event:
    """Put the fields in the order and under the names of Knative's logs."""
    path = PurePath(event.pop("pathname", "?"))
    line = event.pop("lineno", 0)
    shaped: Event = {
        "level": event.pop("level", ""),
        "ts": datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "caller": f"{path.parent.name}/{path.name}:{line}" if path.parent.name else path.name,
        "msg": event.pop("event", ""),
    }
    shaped["ts"] = "".join(shaped["ts"].rsplit(":", 1))  # +08:00 becomes +0800
    for name in (TRACE_ID, KEY):
        if name in event:
            shaped[name] = event.pop(name)
    shaped.update(event)
    return shaped


def render_json(_logger: Any, _method: str, event: Event) -> str:
    """One line of JSON; what JSON does not know is written as text."""
    return orjson.dumps(dict(event), default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _for_console(_logger: Any, _method: str, event: Event) -> Event:
    event["event"] = event.pop("msg", "")
    event["timestamp"] = event.pop("ts", "")
    return event
