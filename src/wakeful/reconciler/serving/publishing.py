"""Publishing under hosts of one's own: claims, certificates, the Ingress; and taking back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    APIStatusError,
    NotFoundError,
    TerminalError,
)
from wakeful.apimachinery.meta import Object, ObjectMeta, is_controlled_by
from wakeful.apis.networking import (
    ClusterDomainClaim,
    ClusterDomainClaimSpec,
    Ingress,
    IngressTLS,
)
from wakeful.apis.serving.config import NetworkConfig
from wakeful.apis.serving.published_lifecycle import PublishedStatus
from wakeful.client import Client, Lister
from wakeful.controller import EventRecorder
from wakeful.reconciler.serving.certificates import Certifier
from wakeful.reconciler.serving.children import Children


class Publisher:
    """Has hosts served for their owner, and marks in its status how far that is."""

    def __init__(
        self,
        client: Client,
        ingresses: Lister[Ingress],
        claims: Lister[ClusterDomainClaim],
        children: Children,
        certifier: Certifier,
        recorder: EventRecorder,
    ) -> None:
        self._client, self._ingresses, self._claims = client, ingresses, claims
        self._recorder = recorder
        self._children, self._certifier = children, certifier

    async def claim(
        self, owner: Object, status: PublishedStatus, hosts: Iterable[str], network: NetworkConfig
    ) -> bool:
        """Whether all hosts belong to the owner's namespace; free ones are claimed if allowed."""
        namespace = owner.metadata.namespace
        for host in hosts:
            claim = self._claims.get(host, "")
            if claim is None and network.autocreate_cluster_domain_claims:
                claim = await self._make_claim(host, namespace, status)
            if claim is None or claim.spec.namespace != namespace:
                status.mark_claim_not_owned()
                self._recorder.warning(owner, "InternalError", _why_not(claim, host, namespace))
                return False
        status.mark_claimed()
        return True

    async def certify(
        self,
        owner: Object,
        status: PublishedStatus,
        certificates: Mapping[str, str],
        secret: str,
        network: NetworkConfig,
        labels: Mapping[str, str],
    ) -> list[IngressTLS]:
        """The user's certificate, named by its Secret, or those that we have made.

        ``certificates`` are hosts and the names of their Certificates.
        """
        if secret:
            status.mark_certificate_provided()
            namespace = owner.metadata.namespace
            hosts = list(certificates)
            return [IngressTLS(hosts=hosts, secret_name=secret, secret_namespace=namespace)]
        provision = await self._certifier.provide(owner, status, certificates, network, labels)
        return provision.tls

    async def publish(self, owner: Object, status: PublishedStatus, want: Ingress) -> None:
        """Have the gateway serve ``want``.

        Raises:
            TerminalError: Somebody else's Ingress has its name.
        """
        have = self._ingresses.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            have = await self._children.create(owner, want, mark=status.mark_ingress_failed)
        if not is_controlled_by(have, owner):
            status.mark_ingress_not_owned(want.metadata.name)
            raise TerminalError(f"{owner} does not own {have}")
        have = await self._children.update(want, have, mark=status.mark_ingress_failed)
        if have.metadata.generation != have.status.observed_generation:
            status.mark_ingress_not_configured()
        else:
            status.propagate_ingress(have.status.condition(READY))

    async def retract(
        self, owner: Object, ingress: str, hosts: Collection[str], network: NetworkConfig
    ) -> None:
        """Stop serving first; then, if we claimed the hosts ourselves, let others have them."""
        namespace = owner.metadata.namespace
        have = self._ingresses.get(ingress, namespace)
        if have is not None and is_controlled_by(have, owner):
            with suppress(NotFoundError):
                await self._client.delete(Ingress, ingress, namespace)
        if not network.autocreate_cluster_domain_claims:
            return
        for host in hosts:
            claim = self._claims.get(host, "")
            if claim is not None and claim.spec.namespace == namespace:
                with suppress(NotFoundError):
                    await self._client.delete(ClusterDomainClaim, host)

    async def _make_claim(
        self, host: str, namespace: str, status: PublishedStatus
    ) -> ClusterDomainClaim:
        want = ClusterDomainClaim(
            metadata=ObjectMeta(name=host), spec=ClusterDomainClaimSpec(namespace=namespace)
        )
        try:
            return await self._client.create(want)
        except AlreadyExistsError:
            return await self._client.get(ClusterDomainClaim, host, "")
        except APIStatusError as err:
            status.mark_claim_failed(f"failed to create ClusterDomainClaim: {err}")
            raise


def _why_not(claim: ClusterDomainClaim | None, host: str, namespace: str) -> str:
    """The condition says the same of a name that is taken and of one that nobody has claimed."""
    if claim is not None:
        return f'namespace "{namespace}" does not own ClusterDomainClaim for "{host}"'
    return (
        f'no ClusterDomainClaim found for domain "{host}": make one with spec.namespace '
        f'"{namespace}", or set autocreate-cluster-domain-claims in config-network'
    )
