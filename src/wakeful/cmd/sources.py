"""Event sources: connects the reconcilers with the adapters, and the receiver with the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from wakeful.aio import Clock, SystemClock
from wakeful.apimachinery.request import Transport, UserInfo
from wakeful.apis.core import Secret
from wakeful.apis.discovery import make_selectorless_service
from wakeful.apis.sources import (
    ApiServerSource,
    CronJobSource,
    GitHubBinding,
    GitHubSource,
    KafkaSource,
    LegacyApiServerSource,
    LegacyGitHubSource,
    LegacyKafkaSource,
    PingSource,
    SinkBinding,
    register,
)
from wakeful.client import Client
from wakeful.controller import Manager
from wakeful.controller.kinds import KindIndex
from wakeful.eventing.delivery import Sender
from wakeful.eventing.sources import AdapterHost, Emitter
from wakeful.eventing.sources.apiserver import ApiServerAdapter, plan_apiserver
from wakeful.eventing.sources.github import GitHubReceiver, plan_github
from wakeful.eventing.sources.kafka.adapter import KafkaAdapter
from wakeful.eventing.sources.kafka.plan import plan_kafka
from wakeful.eventing.sources.ping import PingAdapter, plan_cronjob, plan_ping
from wakeful.reconciler.serving import GatewayAddress
from wakeful.reconciler.sources import (
    RECEIVER,
    RECEIVER_PORT,
    BindingAdmission,
    add_source_controllers,
)

_PING_EXAMPLE = """\
# Most bytes that the data of a PingSource may have; -1 is no limit.
data-max-size: "-1"
"""


def source_config_maps() -> list[dict[str, Any]]:
    """The maps that sources are configured by, with an example of what can be set."""
    meta = {"name": register.CONFIG_PING_DEFAULTS, "namespace": register.SYSTEM_NAMESPACE}
    data = {"_example": _PING_EXAMPLE}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}]


def add_sources(
    manager: Manager,
    admission: BindingAdmission,
    *,
    sender: Sender,
    transport_of: Callable[[UserInfo], Transport],
    gateway: GatewayAddress,
    server_url: str,
    clock: Clock | None = None,
) -> AdapterHost:
    """Have ``manager`` run everything that sources need.

    ``transport_of`` reaches the API server as somebody else; ``server_url`` is the API server's, as
    ApiServerSources name it. Other kinds may be added to the host that is returned.
    """
    clock = clock or SystemClock()
    emitter, host = Emitter(sender), AdapterHost(manager, clock)
    ping = PingAdapter(emitter, clock)
    host.serve(PingSource, plan_ping, ping.run)
    host.serve(CronJobSource, plan_cronjob, ping.run)
    watcher = ApiServerAdapter(
        emitter, KindIndex(manager), transport_of, clock, server_url=server_url
    )
    host.serve(ApiServerSource, plan_apiserver, watcher.run)
    host.serve(LegacyApiServerSource, plan_apiserver, watcher.run)
    receiver = GitHubReceiver(emitter, manager.informer(Secret), clock)
    host.serve(GitHubSource, plan_github, receiver.run_source)
    host.serve(LegacyGitHubSource, plan_github, receiver.run_source)
    kafka = KafkaAdapter(sender, manager.informer(Secret), clock)
    host.serve(KafkaSource, plan_kafka, kafka.run)
    host.serve(LegacyKafkaSource, plan_kafka, kafka.run)
    add_source_controllers(manager, host, gateway=gateway, server_url=server_url)
    admission.sink_bindings = manager.informer(SinkBinding)
    admission.github_bindings = manager.informer(GitHubBinding)
    for runnable in (receiver, ReceiverDoor(manager.client, receiver), host):
        manager.add(runnable)
    return host


class ReceiverDoor:
    """Publishes the receiver's port, a new one in each run, as a Service the gateway can find."""

    name = "eventing:github-door"

    def __init__(self, client: Client, receiver: GitHubReceiver) -> None:
        self._client, self._receiver = client, receiver

    async def run(self) -> None:
        """Publish once; then there is nothing to do."""
        await self._receiver.listening.wait()
        for want in make_selectorless_service(
            RECEIVER,
            register.SYSTEM_NAMESPACE,
            port=RECEIVER_PORT,
            target_port=self._receiver.port,
        ):
            await self._client.create_or_patch(want)
        await asyncio.Event().wait()
