"""A gateway in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from wakeful.gateway import GatewayThread, NackError, Plan, RevisionKey, wait_ready
from wakeful.gateway.settings import SocketPathTooLongError
from wakeful.testing.gateway import (
    RecordingPoke,
    Rig,
    revision,
    running_app,
    running_envoy,
    simple_plan,
    temporary_settings,
)
from wakeful.testing.waiting import eventually

HELLO = RevisionKey("default", "hello")
HOST = "hello.default.localhost"


async def test_requests_are_decided_while_the_callers_loop_is_busy() -> None:
    with temporary_settings() as settings:
        poke = RecordingPoke()
        gateway = GatewayThread(settings, poke)
        async with (
            running_app("one") as app,
            gateway.serving(),
            running_envoy(settings),
            aiohttp.ClientSession() as http,
        ):
            await gateway.publish(simple_plan(revision("hello", container_concurrency=1)))
            ports = await wait_ready(settings)
            rig = Rig(settings, poke, gateway._gateway, http, ports)
            request = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {HOST}")
            held = await asyncio.create_subprocess_exec(
                *request, rig.url, stdout=asyncio.subprocess.PIPE
            )
            await poke.first.wait()
            await gateway.set_endpoints(HELLO, [app.endpoint])
            assert await held.communicate() == (b"200", None)

            # The app lives in this loop, so ask for what it is not needed for: a slot, then a 504.
            limits = revision("hello", container_concurrency=1, timeout_seconds=0.2)
            await gateway.publish(simple_plan(limits))
            busy = asyncio.create_task(rig.get(HOST, "/?sleep=1"))
            await eventually(lambda: app.running)
            late = await asyncio.create_subprocess_exec(
                *request, rig.url, stdout=asyncio.subprocess.PIPE
            )
            while not _has_ended(late.pid):  # a loop that does nothing else
                pass
            assert await late.communicate() == (b"504", None)
            await busy


def _has_ended(pid: int) -> bool:
    """Asked without waiting; the event loop may not learn of it meanwhile."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def test_refusals_reach_the_caller_and_the_end_is_clean() -> None:
    with temporary_settings() as settings:
        gateway = GatewayThread(settings)
        async with gateway.serving(), running_envoy(settings):
            plan = simple_plan(revision("hello"))
            await gateway.publish(plan)
            await gateway.settled()
            bad = simple_plan(revision("he\nllo"))

            with pytest.raises(NackError):
                await gateway.publish(Plan({**plan.tables, **bad.tables}, plan.revisions))

            await eventually(lambda: gateway.load.collect() == {})
        assert gateway.load.collect() is None


async def test_failure_to_start_is_raised() -> None:
    with temporary_settings() as settings:
        deep = type(settings.paths)(settings.paths.run_dir / ("x" * 120))
        gateway = GatewayThread(type(settings)(deep))
        with pytest.raises(SocketPathTooLongError):
            async with gateway.serving():
                pytest.fail("must not serve")


def test_collecting_without_serving_is_being_blind() -> None:
    with temporary_settings() as settings:
        began = time.monotonic()
        assert GatewayThread(settings).load.collect() is None
        assert time.monotonic() - began < 5
