"""What surrounds the work of a program: logs, traces and signals."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import signal
from collections.abc import Iterator

import pytest
import structlog

from wakeful.sdk import (
    configure_logging,
    current_logger,
    current_trace_id,
    run_until_signal,
    trace,
)
from wakeful.sdk.controllers import _time_taken


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, with the process's logging put back afterwards."""
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield stream
    structlog.configure(**config)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_has_the_shape_of_knatives(written: io.StringIO) -> None:
    with trace("default/hello", trace_id="577f8de5-cec9-4c17-84f7-f08d39f40127"):
        current_logger().info("Reconcile: %s", "default/hello")

    assert re.fullmatch(
        r'\{"level":"info","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}",'
        r'"caller":"sdk/test_sdk_program\.py:\d+","msg":"Reconcile: default/hello",'
        r'"knative\.dev/traceid":"577f8de5-cec9-4c17-84f7-f08d39f40127",'
        r'"knative\.dev/key":"default/hello"\}\n',
        written.getvalue(),
    )


def test_more_fields_follow(written: io.StringIO) -> None:
    with trace("a/b", tenant="blue"):
        current_logger().warning("odd", seen={"x": 1}, kind="Thing")

    line = json.loads(written.getvalue())
    assert list(line)[:6] == ["level", "ts", "caller", "msg", *list(line)[4:6]]
    assert (line["tenant"], line["seen"], line["kind"]) == ("blue", {"x": 1}, "Thing")


def test_other_libraries_log_in_the_same_shape(written: io.StringIO) -> None:
    with trace("a/b") as trace_id:
        logging.getLogger("library").warning("lost %d", 3, extra={"host": "x"})
        logging.getLogger("library").debug("not this")

    line = json.loads(written.getvalue())
    assert (line["level"], line["msg"], line["host"]) == ("warning", "lost 3", "x")
    assert line["knative.dev/traceid"] == trace_id
    assert line["caller"].startswith("sdk/test_sdk_program.py:")


def test_exceptions_are_part_of_the_line(written: io.StringIO) -> None:
    try:
        int("no good")
    except ValueError:
        current_logger().exception("failed")

    line = json.loads(written.getvalue())
    assert line["level"] == "error"
    assert line["exception"].endswith("base 10: 'no good'")


def test_text_is_for_people() -> None:
    root, config = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        configure_logging(log_format="text", stream=stream)
        current_logger().info("hello", size=3)
    finally:
        structlog.configure(**config)
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "hello" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


async def test_a_trace_reaches_the_tasks_it_starts_and_no_others() -> None:
    async def look() -> str:
        return current_trace_id()

    with trace() as outer:
        inside = asyncio.create_task(look())
        with trace() as inner:
            assert current_trace_id() == inner != outer
        assert current_trace_id() == outer
    outside = asyncio.create_task(look())

    assert (await inside, await outside) == (outer, "")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (700, "700ns"),
        (487_347, "487.347µs"),
        (416_500, "416.5µs"),
        (2_000_000, "2ms"),
        (61_500_000_000, "1m1.5s"),
    ],
)
def test_time_is_written_as_go_writes_it(nanoseconds: int, text: str) -> None:
    assert _time_taken(nanoseconds) == text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_work_properly(number: signal.Signals) -> None:
    cleaned = False

    async def work() -> None:
        nonlocal cleaned
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned = True

    assert await run_until_signal(work()) is None
    assert cleaned


async def test_work_that_ends_by_itself_returns_its_result() -> None:
    async def work() -> int:
        return 7

    assert await run_until_signal(work()) == 7
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_failures_and_cancellation_pass_through() -> None:
    async def fail() -> None:
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        await run_until_signal(fail())

    started = asyncio.Event()

    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run_until_signal(wait()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
