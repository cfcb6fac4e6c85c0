"""The event path as its own process over a real NATS server, without a control plane: for tests."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from wakeful.eventing.plan.model import (
    Plan,
    RoutePlan,
    StreamPlan,
    SubscriptionPlan,
    TargetPlan,
    dump_plan,
)
from wakeful.eventing.worker.control import open_control
from wakeful.eventing.worker.files import EventingPaths, save_bus, write_private
from wakeful.testing.nats import NatsProcess

BROKER_HOST = "broker-ingress.knative-eventing.svc"


class EventPath:
    """NATS and the event process over one directory; each may be killed and started again."""

    def __init__(self, root: Path) -> None:
        self.paths = EventingPaths(root / "eventing", root / "run")
        self.paths.run.mkdir(parents=True, exist_ok=True)
        self.nats = NatsProcess(self.paths.nats)
        save_bus(self.paths, self.nats.access)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the ingress listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the event process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the event process."""
        fd = self._listener.fileno()
        command = (
            f"exec {sys.executable} -m wakeful.cmd.eventworker"
            f' "{self.paths.root}" "{self.paths.run}" 3<&{fd}'
        )
        with (self.paths.root / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/bash", "-c", command],
                stdout=log,
                stderr=log,
                pass_fds=[fd],
                env=dict(os.environ),
            )

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As procd does: with time to finish."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    async def use(self, plan: Plan) -> None:
        """Leave a plan and wait until it is in force."""
        write_private(self.paths.plan, dump_plan(plan))
        if self._process is None:
            self.start()
            await self.until(lambda state: in_force(state, plan))
        else:
            await self.until(lambda state: in_force(state, plan), reload=True)

    async def until(
        self,
        is_so: Callable[[dict[str, Any]], bool],
        *,
        reload: bool = False,
        seconds: float = 60.0,
    ) -> dict[str, Any]:
        """Wait for a state of the event process."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with open_control(self.paths.control) as control:
                        if reload:
                            control.reload()
                        async for state in control.states():
                            if is_so(state):
                                return state
                            await asyncio.sleep(0.02)
                            control.ask()
                except OSError:
                    await asyncio.sleep(0.02)

    async def __aenter__(self) -> Self:
        self.nats.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.kill)
        await asyncio.to_thread(self.nats.close)
        self._listener.close()


def in_force(state: dict[str, Any], plan: Plan) -> bool:
    """Whether a state is that of a plan whose streams and consumers are all there."""
    return (
        state["plan"] == plan.version()
        and not any(state["streams"].values())
        and not any(state["consumers"].values())
    )


def a_broker(name: str = "default", **more: Any) -> tuple[StreamPlan, RoutePlan]:
    """A Broker's stream and address."""
    stream = StreamPlan(f"wk_b_default_{name}", f"broker/default/{name}", f"uid-{name}", **more)
    route = RoutePlan(BROKER_HOST, f"/default/{name}", stream.name, stream.owner, is_broker=True)
    return stream, route


def a_trigger(
    stream: StreamPlan, name: str, url: str | None, *, reply: str | None = None, **more: Any
) -> SubscriptionPlan:
    """A Trigger of a Broker."""
    if isinstance(dead := more.get("dead_letter"), str):
        more["dead_letter"] = TargetPlan(dead)
    return SubscriptionPlan(
        stream.name,
        f"t_{name}",
        f"trigger/default/{name}",
        f"uid-{name}",
        subscriber=TargetPlan(url) if url else None,
        reply=TargetPlan(reply or f"http://{BROKER_HOST}.cluster.local/default/default"),
        is_trigger=True,
        **more,
    )
