"""Claim a domain, find what it stands for, and have the gateway serve it."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.duck import Addressable, Destination
from wakeful.apis.serving import DomainMapping
from wakeful.apis.serving.config import NetworkConfig
from wakeful.controller import Result
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.domainmapping.resources import (
    UID_LABEL,
    ingress_name,
    make_ingress,
)
from wakeful.reconciler.serving.publishedtarget import Target, UnmappableError, parse_target
from wakeful.reconciler.serving.publishing import Publisher
from wakeful.reconciler.serving.route.hosts import GatewayAddress


class DomainMappingReconciler:
    """Publishes DomainMappings."""

    finalizer = "domainmappings.serving.knative.dev"

    def __init__(
        self,
        resolver: DestinationResolver,
        publisher: Publisher,
        network: Current[NetworkConfig],
        gateway: GatewayAddress,
    ) -> None:
        self._resolver, self._publisher = resolver, publisher
        self._network, self._gateway = network, gateway

    async def reconcile_kind(self, mapping: DomainMapping) -> Result | None:
        """What is published stays as it is while the claim or the reference is bad."""
        meta, status, own = mapping.metadata, mapping.status, mapping.spec.tls
        self._resolver.forget(mapping.key)
        network = self._network.current()
        self._show(mapping, secure=own is not None)
        if not await self._publisher.claim(mapping, status, [meta.name], network):
            return None
        hosts, labels = {meta.name: ingress_name(meta)}, {UID_LABEL: meta.uid}
        secret = own.secret_name if own is not None else ""
        tls = await self._publisher.certify(mapping, status, hosts, secret, network, labels)
        self._show(mapping, secure=bool(tls))
        target = await self._resolve(mapping)
        if target is not None:
            want = make_ingress(mapping, target, tls, network)
            await self._publisher.publish(mapping, status, want)
        return None

    async def finalize_kind(self, mapping: DomainMapping) -> Result | None:
        """Let the name go."""
        self._resolver.forget(mapping.key)
        meta = mapping.metadata
        await self._publisher.retract(
            mapping, ingress_name(meta), [meta.name], self._network.current()
        )
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks what it refers to any more."""
        self._resolver.forget(key)

    def _show(self, mapping: DomainMapping, *, secure: bool) -> None:
        scheme = "https" if secure else "http"
        mapping.status.url = self._gateway.url(scheme, mapping.metadata.name)
        mapping.status.address = Addressable(url=mapping.status.url)

    async def _resolve(self, mapping: DomainMapping) -> Target | None:
        try:
            found = await self._resolver.resolve(Destination(ref=mapping.spec.ref), mapping)
            target = parse_target(found.url, mapping.metadata.namespace)
        except (UnresolvedError, UnmappableError) as err:
            mapping.status.mark_reference_not_resolved(str(err))
            return None
        mapping.status.mark_reference_resolved()
        return target
