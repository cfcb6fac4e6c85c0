"""What travels with the code that handles one object or request: its trace and its logger.

Nothing is passed along by hand: both live in the context of the running task, and tasks it starts
inherit them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import structlog
from structlog.typing import FilteringBoundLogger

TRACE_ID = "knative.dev/traceid"
"""Name of the field that tells which lines of a log belong together."""
KEY = "knative.dev/key"
"""Name of the field with the namespace and name of the object that is handled."""


def current_logger() -> FilteringBoundLogger:
    """The logger of this context: every line carries the fields of the traces around it."""
    logger: FilteringBoundLogger = structlog.get_logger("sdk")
    return logger


def current_trace_id() -> str:
    """The trace this code runs in; empty outside of any."""
    return str(structlog.contextvars.get_contextvars().get(TRACE_ID, ""))


@contextmanager
def trace(key: str = "", *, trace_id: str = "", **fields: Any) -> Iterator[str]:
    """Begin a trace and return its id: lines logged inside carry it, ``key`` and ``fields``.

    ``trace_id`` continues a trace that began elsewhere; without it, a new one begins. A controller
    does this around every reconcile.
    """
    chosen = trace_id or str(uuid4())
    bound: dict[str, Any] = {TRACE_ID: chosen} | ({KEY: key} if key else {}) | fields
    with structlog.contextvars.bound_contextvars(**bound):
        yield chosen
