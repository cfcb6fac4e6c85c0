"""Claim a domain, find what it stands for, and have the gateway serve it."""

from __future__ import annotations

from contextlib import suppress

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    APIStatusError,
    NotFoundError,
    TerminalError,
)
from wakeful.apimachinery.meta import NamespacedName, ObjectMeta, is_controlled_by
from wakeful.apis.duck import Addressable, Destination
from wakeful.apis.networking import ClusterDomainClaim, ClusterDomainClaimSpec, Ingress, IngressTLS
from wakeful.apis.serving import DomainMapping
from wakeful.apis.serving.config import NetworkConfig
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.serving.certificates import Certifier
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import Current
from wakeful.reconciler.serving.domainmapping.resources import (
    UID_LABEL,
    Target,
    UnmappableError,
    ingress_name,
    make_ingress,
    parse_target,
)
from wakeful.reconciler.serving.route.hosts import GatewayAddress


class DomainMappingReconciler:
    """Publishes DomainMappings."""

    finalizer = "domainmappings.serving.knative.dev"

    def __init__(
        self,
        client: Client,
        ingresses: Lister[Ingress],
        claims: Lister[ClusterDomainClaim],
        resolver: DestinationResolver,
        children: Children,
        certifier: Certifier,
        network: Current[NetworkConfig],
        gateway: GatewayAddress,
    ) -> None:
        self._client, self._ingresses, self._claims = client, ingresses, claims
        self._resolver, self._children, self._certifier = resolver, children, certifier
        self._network, self._gateway = network, gateway

    async def reconcile_kind(self, mapping: DomainMapping) -> Result | None:
        """What is published stays as it is while the claim or the reference is bad."""
        status = mapping.status
        self._resolver.forget(mapping.key)
        network = self._network.current()
        self._show(mapping, secure=mapping.spec.tls is not None)
        if not await self._claim(mapping, network):
            return None
        tls = await self._certify(mapping, network)
        target = await self._resolve(mapping)
        if target is None:
            return None
        ingress = await self._publish(mapping, make_ingress(mapping, target, tls, network))
        if ingress.metadata.generation != ingress.status.observed_generation:
            status.mark_ingress_not_configured()
        else:
            status.propagate_ingress(ingress.status.condition(READY))
        return None

    async def finalize_kind(self, mapping: DomainMapping) -> Result | None:
        """Stop serving the name first; then, if we claimed it ourselves, let others have it."""
        self._resolver.forget(mapping.key)
        meta = mapping.metadata
        await self._delete_ingress(mapping)
        claim = self._claims.get(meta.name, "")
        ours = claim is not None and claim.spec.namespace == meta.namespace
        if ours and self._network.current().autocreate_cluster_domain_claims:
            with suppress(NotFoundError):
                await self._client.delete(ClusterDomainClaim, meta.name)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks what it refers to any more."""
        self._resolver.forget(key)

    def _show(self, mapping: DomainMapping, *, secure: bool) -> None:
        scheme = "https" if secure else "http"
        mapping.status.url = self._gateway.url(scheme, mapping.metadata.name)
        mapping.status.address = Addressable(url=mapping.status.url)

    async def _certify(self, mapping: DomainMapping, network: NetworkConfig) -> list[IngressTLS]:
        """The user's certificate, or one that we have made."""
        meta, own = mapping.metadata, mapping.spec.tls
        if own is not None:
            mapping.status.mark_certificate_provided()
            return [
                IngressTLS(
                    hosts=[meta.name], secret_name=own.secret_name, secret_namespace=meta.namespace
                )
            ]
        labels = {UID_LABEL: meta.uid}
        hosts = {meta.name: ingress_name(meta)}
        provision = await self._certifier.provide(mapping, mapping.status, hosts, network, labels)
        if meta.name in provision.hosts:
            self._show(mapping, secure=True)
        return provision.tls

    async def _claim(self, mapping: DomainMapping, network: NetworkConfig) -> bool:
        meta, status = mapping.metadata, mapping.status
        claim = self._claims.get(meta.name, "")
        if claim is None and network.autocreate_cluster_domain_claims:
            claim = await self._make_claim(mapping)
        if claim is None or claim.spec.namespace != meta.namespace:
            status.mark_claim_not_owned()
            return False
        status.mark_claimed()
        return True

    async def _make_claim(self, mapping: DomainMapping) -> ClusterDomainClaim:
        meta = mapping.metadata
        want = ClusterDomainClaim(
            metadata=ObjectMeta(name=meta.name),
            spec=ClusterDomainClaimSpec(namespace=meta.namespace),
        )
        try:
            return await self._client.create(want)
        except AlreadyExistsError:
            return await self._client.get(ClusterDomainClaim, meta.name, "")
        except APIStatusError as err:
            mapping.status.mark_claim_failed(f"failed to create ClusterDomainClaim: {err}")
            raise

    async def _resolve(self, mapping: DomainMapping) -> Target | None:
        try:
            found = await self._resolver.resolve(Destination(ref=mapping.spec.ref), mapping)
            target = parse_target(found.url, mapping.metadata.namespace)
        except (UnresolvedError, UnmappableError) as err:
            mapping.status.mark_reference_not_resolved(str(err))
            return None
        mapping.status.mark_reference_resolved()
        return target

    async def _publish(self, mapping: DomainMapping, want: Ingress) -> Ingress:
        have = self._ingresses.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._children.create(mapping, want)
        if not is_controlled_by(have, mapping):
            mapping.status.mark_ingress_not_owned(want.metadata.name)
            raise TerminalError(f"{mapping} does not own {have}")
        return await self._children.update(want, have)

    async def _delete_ingress(self, mapping: DomainMapping) -> None:
        name, namespace = ingress_name(mapping.metadata), mapping.metadata.namespace
        have = self._ingresses.get(name, namespace)
        if have is not None and is_controlled_by(have, mapping):
            with suppress(NotFoundError):
                await self._client.delete(Ingress, name, namespace)
