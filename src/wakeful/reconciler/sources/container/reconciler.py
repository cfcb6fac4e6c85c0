"""A ContainerSource is ready when its binding is, and its Deployment is available."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY, Condition
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import is_controlled_by
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.duck import SINK_PROVIDED
from wakeful.apis.sources import SinkBinding
from wakeful.client import Client, Lister
from wakeful.controller import EventRecorder, Result
from wakeful.reconciler.sources.container.resources import (
    AnyContainerSource,
    covers,
    deployment_name,
    make_binding,
    make_deployment,
)

_AVAILABLE = "Available"


class ContainerSourceReconciler:
    """Keeps binding and Deployment; the pods start once they can be told where to send."""

    def __init__(
        self,
        client: Client,
        bindings: Lister[SinkBinding],
        deployments: Lister[Deployment],
        recorder: EventRecorder,
    ) -> None:
        self._client, self._bindings = client, bindings
        self._deployments, self._recorder = deployments, recorder

    async def reconcile_kind(self, source: AnyContainerSource) -> Result | None:
        """Bring both in line and copy how they do."""
        status = source.status
        binding = await self._reconcile_binding(source)
        observed = binding.status.observed_generation == binding.metadata.generation
        provided = binding.status.condition(SINK_PROVIDED)
        status.sink_uri = binding.status.sink_uri
        status.sink_ca_certs = binding.status.sink_ca_certs
        status.sink_audience = binding.status.sink_audience
        available: Condition | None = None
        if observed and provided is not None and provided.is_true:
            available = _condition(await self._reconcile_deployment(source, binding))
        status.propagate_binding(binding.status.condition(READY) if observed else None)
        status.propagate_deployment(deployment_name(source), available)
        return None

    async def _reconcile_binding(self, source: AnyContainerSource) -> SinkBinding:
        want = make_binding(source)
        have = self._bindings.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._client.create_or_get(want)
            self._tell(source, "SinkBindingCreated", f'SinkBinding created "{want.metadata.name}"')
        _require_owner(have, source)
        if not covers(have.spec.to_wire(), want.spec.to_wire()):
            have = await self._client.update(have.model_copy(update={"spec": want.spec}))
            self._tell(source, "SinkBindingUpdated", f'SinkBinding updated "{want.metadata.name}"')
        return have

    async def _reconcile_deployment(
        self, source: AnyContainerSource, binding: SinkBinding
    ) -> Deployment:
        want = make_deployment(source, binding)
        have = self._deployments.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._client.create_or_get(want)
            self._tell(source, "DeploymentCreated", f'Deployment created "{want.metadata.name}"')
        _require_owner(have, source)
        if not covers(have.spec.template.to_wire(), want.spec.template.to_wire()):
            spec = have.spec.model_copy(update={"template": want.spec.template})
            have = await self._client.update(have.model_copy(update={"spec": spec}))
            self._tell(source, "DeploymentUpdated", f'Deployment updated "{want.metadata.name}"')
        return have

    def _tell(self, source: AnyContainerSource, reason: str, message: str) -> None:
        self._recorder.normal(source, f"ContainerSource{reason}", message)


def _require_owner(child: SinkBinding | Deployment, source: AnyContainerSource) -> None:
    if not is_controlled_by(child, source):
        kind, name = child.gvk.kind, child.metadata.name
        raise TerminalError(
            f'{kind} "{name}" is not owned by ContainerSource "{source.metadata.name}"'
        )


def _condition(deployment: Deployment) -> Condition | None:
    found: WorkloadCondition | None = next(
        (c for c in deployment.status.conditions if c.type == _AVAILABLE), None
    )
    if found is None or deployment.status.observed_generation != deployment.metadata.generation:
        return None
    return Condition(
        type=found.type, status=found.status, reason=found.reason, message=found.message
    )
