"""An EventTransform is ready when its sink is known and what runs its expression is ready."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import NamespacedName, is_controlled_by
from wakeful.apis.duck import Addressable
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.eventing import EventTransform
from wakeful.apis.serving import Service
from wakeful.client import Client, Lister
from wakeful.controller import EventRecorder
from wakeful.reconciler.eventing import DestinationResolver, UnresolvedError
from wakeful.reconciler.sinks.eventtransform.resources import make_service
from wakeful.reconciler.sources.container.resources import covers


class EventTransformReconciler:
    """Keeps one Knative Service for each EventTransform."""

    def __init__(
        self,
        client: Client,
        services: Lister[Service],
        resolver: DestinationResolver,
        recorder: EventRecorder,
    ) -> None:
        self._client, self._services = client, services
        self._resolver, self._recorder = resolver, recorder

    async def reconcile_kind(self, transform: EventTransform) -> None:
        """Resolve the sink, bring the Service in line, copy how it does."""
        status = transform.status
        mark_policies_not_enforced(status)
        try:
            sink = await self._resolve_sink(transform)
        except UnresolvedError as error:
            status.mark_no_sink(str(error))
            return
        status.mark_sink(sink)
        service = await self._reconcile_service(transform, sink)
        address = service.status.address
        status.set_address(address.url if address is not None else "")
        observed = service.status.observed_generation == service.metadata.generation
        status.propagate_service(service.status.condition(READY) if observed else None)

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Its sink is of no interest any more."""
        self._resolver.forget(key)

    async def _resolve_sink(self, transform: EventTransform) -> Addressable | None:
        self._resolver.forget(transform.key)
        if transform.spec.sink is None:
            return None
        return await self._resolver.resolve(transform.spec.sink, transform)

    async def _reconcile_service(
        self, transform: EventTransform, sink: Addressable | None
    ) -> Service:
        want = make_service(transform, sink)
        name = want.metadata.name
        have = self._services.get(name, want.metadata.namespace)
        if have is None:
            have = await self._client.create_or_get(want)
            self._tell(transform, "JsonataServiceCreated", f'Service created "{name}"')
        if not is_controlled_by(have, transform):
            raise TerminalError(f'Service "{name}" is not owned by {transform}')
        if not covers(have.spec.template.to_wire(), want.spec.template.to_wire()):
            spec = have.spec.model_copy(update={"template": want.spec.template})
            have = await self._client.update(have.model_copy(update={"spec": spec}))
            self._tell(transform, "JsonataServiceUpdated", f'Service updated "{name}"')
        return have

    def _tell(self, transform: EventTransform, reason: str, message: str) -> None:
        self._recorder.normal(transform, reason, message)
