"""Keeps the children that both classes of autoscalers have."""

from __future__ import annotations

from typing import TypeVar

from wakeful.apimachinery.conditions import CREATION_FAILED, READY
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import Object, is_controlled_by
from wakeful.apis.autoscaling import Metric, PodAutoscaler
from wakeful.apis.networking import ServerlessService
from wakeful.autoscaler import ScalingSpec
from wakeful.client import Client, Lister
from wakeful.controller import telling
from wakeful.reconciler.autoscaling.resources import make_metric, make_serverless_service

C = TypeVar("C", bound=Object)


class Children:
    """The ServerlessService and the Metric of a PodAutoscaler."""

    def __init__(
        self,
        client: Client,
        serverless_services: Lister[ServerlessService],
        metrics: Lister[Metric],
    ) -> None:
        self._client = client
        self._serverless_services, self._metrics = serverless_services, metrics

    def serverless_service(self, autoscaler: PodAutoscaler) -> ServerlessService | None:
        """The present one, as cached."""
        meta = autoscaler.metadata
        return self._serverless_services.get(meta.name, meta.namespace)

    async def keep_serverless_service(
        self, autoscaler: PodAutoscaler, *, proxy: bool, activators: int
    ) -> ServerlessService:
        """Create it, or bring its spec in line; return it as it is now."""
        want = make_serverless_service(autoscaler, proxy=proxy, activators=activators)
        have = self.serverless_service(autoscaler)
        if have is None:
            with telling(
                autoscaler.status.mark_sks_failed, f'ServerlessService "{want.metadata.name}"'
            ):
                return await self._client.create(want)
        require_owned(autoscaler, have)
        if have.spec == want.spec:
            return have
        return await self._client.update(have.model_copy(update={"spec": want.spec}))

    async def keep_metric(self, autoscaler: PodAutoscaler, spec: ScalingSpec) -> None:
        """Create it, or bring its spec in line."""
        want = make_metric(autoscaler, spec)
        have = self._metrics.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            mark = autoscaler.status.mark_sks_failed
            with telling(mark, f'Metric "{want.metadata.name}"'):
                await self._client.create(want)
            return
        require_owned(autoscaler, have)
        if have.spec != want.spec or have.metadata.annotations != want.metadata.annotations:
            metadata = have.metadata.model_copy(update={"annotations": want.metadata.annotations})
            update = {"spec": want.spec, "metadata": metadata}
            await self._client.update(have.model_copy(update=update))


def report_network(
    autoscaler: PodAutoscaler, network: ServerlessService | None, waiting: str = ""
) -> None:
    """Say whether the revision can be reached; ``waiting`` is what there is to say before that."""
    condition = network.status.condition(READY) if network is not None else None
    if network is not None and network.is_ready:
        autoscaler.status.mark_sks_ready()
    elif condition is not None and condition.reason == CREATION_FAILED:
        autoscaler.status.mark_sks_failed(condition.reason, condition.message)
    else:
        message = waiting or (condition.message if condition is not None else "")
        autoscaler.status.mark_sks_not_ready(message)


def require_owned(autoscaler: PodAutoscaler, child: Object) -> None:
    """Mark the autoscaler and give up when a child's name belongs to somebody else.

    Raises:
        TerminalError: The child has another owner; only a change of it can help.
    """
    if is_controlled_by(child, autoscaler):
        return
    kind, name = child.gvk.kind, child.metadata.name
    autoscaler.status.mark_resource_not_owned(kind, name)
    raise TerminalError(f"PA: {autoscaler.metadata.name} does not own {kind}: {name}")
