"""The process that decides: API server, controllers, autoscaler, gateway and node agent in one.

It may be killed at any time: objects are in the store, Envoy serves on, instances run on, and the
next one adopts them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog

from wakeful.aio import supervise
from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.meta import incomplete_models
from wakeful.cmd.processes import CANNOT_START
from wakeful.cmd.wiring import ControlPlane, build
from wakeful.config import Settings
from wakeful.telemetry import configure_logging

log = structlog.get_logger("wakeful.cmd")

_START_SECONDS = 300.0
"""For each part. Thousands of services are read, described to Envoy and looked at once more when a
platform that has them starts, on a machine that may be busy with other things."""


_STEP_SECONDS = 0.005


async def serve(settings: Settings) -> None:
    """Run until SIGTERM; after SIGUSR1 instances are ended too, because the platform goes down."""
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        plane = await build(settings, stack)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _on_signal, stop)
        loop.add_signal_handler(signal.SIGUSR1, plane.end_instances)
        async with asyncio.TaskGroup() as group:
            announcing = group.create_task(_announce(plane, ready), name="announce")
            await supervise(
                plane.components,
                stop,
                grace_seconds=30,
                start_seconds=_START_SECONDS,
                ready=ready,
            )
            announcing.cancel()
    log.info("stopped")


def _on_signal(stop: asyncio.Event) -> None:
    """Drain on the first signal, leave at once on the second."""
    if stop.is_set():
        os._exit(1)
    stop.set()


async def _announce(plane: ControlPlane, ready: asyncio.Event) -> None:
    """Tell the other commands where to find us, once everything can be used."""
    await ready.wait()
    plane.announce()
    log.info("ready", cpu_seconds=round(time.process_time(), 2))
    await _complete_models()
    # What was made while starting stays: the collector need not look at it ever again.
    gc.collect()
    gc.freeze()


async def _complete_models() -> None:
    """Whoever first uses a kind should not wait until its model is complete; lets others in."""
    begun = time.perf_counter()
    for model in incomplete_models():
        model.model_rebuild(raise_errors=False)
        if time.perf_counter() - begun > _STEP_SECONDS:
            await asyncio.sleep(0)
            begun = time.perf_counter()


def main() -> None:
    """Run the control plane of one data directory."""
    parser = argparse.ArgumentParser(prog="wakeful-controlplane")
    parser.add_argument("--data-dir", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        settings = Settings.load(arguments.data_dir)
    except (OSError, ValueError) as err:
        sys.stderr.write(f"settings of {str(arguments.data_dir)!r}: {err}\n")
        sys.exit(CANNOT_START)
    configure_logging(settings.log_level)
    # The gateway's thread is to have the interpreter soon when it asks for it.
    sys.setswitchinterval(0.0005)
    if faults := _run(settings):
        sys.stderr.write("".join(f"{fault}\n" for fault in faults))
        sys.exit(CANNOT_START)


def _run(settings: Settings) -> list[BaseException]:
    """Serve to the end; return what the user can mend.

    Where such a fault was raised helps nobody who reads its message; others keep their traces.
    Nothing leaves from within ``except*``: it would arrive as a group, with a trace after all.
    """
    faults: list[BaseException] = []
    try:
        asyncio.run(serve(settings))
    except* (WakefulError, OSError) as errors:
        faults += flatten(errors)
    return faults


def flatten(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """Every single exception of nested groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from flatten(error)
        else:
            yield error


if __name__ == "__main__":
    main()
