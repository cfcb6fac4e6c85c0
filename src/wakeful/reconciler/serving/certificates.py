"""Certificates for hosts: what is asked for, and what there is. Shared by all publishers."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from wakeful.apimachinery.errors import APIStatusError, NotFoundError, TerminalError
from wakeful.apimachinery.meta import (
    Object,
    ObjectMeta,
    controller_of,
    is_controlled_by,
    owner_reference,
)
from wakeful.apis.networking import Certificate, CertificateSpec, IngressTLS
from wakeful.apis.serving import register
from wakeful.apis.serving.certificate_lifecycle import EXTERNAL_TLS_NOT_ENABLED, CertifiedStatus
from wakeful.apis.serving.config import NetworkConfig
from wakeful.apis.serving.config.network import HTTPProtocol
from wakeful.client import Client, Informer
from wakeful.reconciler.serving.children import Children

_BY_OWNER = "certificates:owner"
BY_WILDCARD = "certificates:wildcard"
"""Index of wildcard Certificates by namespace."""
WILDCARD_DOMAIN = "networking.knative.dev/wildcardDomain"
"""Label of a Certificate for all hosts of a namespace."""


@dataclass(frozen=True, slots=True)
class Provision:
    """How far the certificates of some hosts are."""

    ready: tuple[Certificate, ...] = ()
    pending: tuple[Certificate, ...] = ()
    shared: tuple[IngressTLS, ...] = ()
    """Hosts for which the namespace has a Certificate."""

    @property
    def tls(self) -> list[IngressTLS]:
        """What the gateway is to serve."""
        own = [_tls_of(certificate, certificate.spec.dns_names) for certificate in self.ready]
        return [*own, *self.shared]

    @property
    def hosts(self) -> frozenset[str]:
        """Hosts that can be asked by HTTPS."""
        return frozenset(host for tls in self.tls for host in tls.hosts)


def wants_certificates(meta: ObjectMeta, network: NetworkConfig) -> bool:
    """Whether public hosts of an object get certificates."""
    opted_out = (register.DISABLE_EXTERNAL_TLS.get(meta.annotations) or "").lower() == "true"
    return network.external_domain_tls and not opted_out


def certificate_name(uid: str, tag: str) -> str:
    """``route-<uid>``, with a number for the tag."""
    name = f"route-{uid}"
    return f"{name}-{zlib.adler32(tag.encode())}" if tag else name


def local_certificate_name(uid: str, tag: str) -> str:
    """The same for the cluster-local hosts of a target."""
    return f"{certificate_name(uid, tag)}-local"


def make_certificate(
    owner: Object,
    name: str,
    hosts: Sequence[str],
    labels: Mapping[str, str],
    network: NetworkConfig,
) -> Certificate:
    """One Certificate for one host, or for the names that one host goes by."""
    meta = owner.metadata
    kind = register.CERTIFICATE_CLASS.get(meta.annotations) or network.certificate_class
    return Certificate(
        metadata=ObjectMeta(
            name=name,
            namespace=meta.namespace,
            labels=dict(labels),
            annotations={register.CERTIFICATE_CLASS.name: kind},
            owner_references=[owner_reference(owner)],
        ),
        spec=CertificateSpec(dns_names=list(hosts), domain=hosts[0], secret_name=name),
    )


class Certifier:
    """Has certificates made for the hosts of an owner, and says how far they are."""

    def __init__(
        self,
        client: Client,
        certificates: Informer[Certificate],
        children: Children,
        authority_pem: str = "",
    ) -> None:
        """``authority_pem`` is what those need who are to trust the certificates."""
        self._client, self._certificates, self._children = client, certificates, children
        self.authority_pem = authority_pem
        certificates.add_index(_BY_OWNER, _owner_of)
        certificates.add_index(BY_WILDCARD, _namespace_of_wildcard)

    async def provide(
        self,
        owner: Object,
        status: CertifiedStatus,
        names: Mapping[str, str],
        network: NetworkConfig,
        labels: Mapping[str, str],
        local: Mapping[str, Sequence[str]] | None = None,
    ) -> Provision:
        """Keep one Certificate for each host of ``names`` (host to Certificate), and no others.

        ``local`` has the names of Certificates for cluster-local hosts, and those. Marks the
        status. Raises what ends the reconciliation: TerminalError or APIStatusError.
        """
        if not wants_certificates(owner.metadata, network):
            names = {}
        wishes: dict[str, Sequence[str]] = {name: [host] for host, name in names.items()}
        if network.cluster_local_domain_tls:
            wishes |= local or {}
        ready: list[Certificate] = []
        pending: list[Certificate] = []
        shared: list[IngressTLS] = []
        for name, hosts in sorted(wishes.items(), key=lambda wish: wish[1][0]):
            wildcard = self._wildcard(owner.metadata.namespace, hosts)
            if wildcard is not None:
                shared.append(_tls_of(wildcard, hosts))
                continue
            have = await self._keep(
                owner, status, make_certificate(owner, name, hosts, labels, network)
            )
            (ready if have.is_ready else pending).append(have)
        await self._drop(owner, wishes)
        provision = Provision(tuple(ready), tuple(pending), tuple(shared))
        _mark(status, provision, network, wanted=bool(wishes))
        return provision

    def _wildcard(self, namespace: str, hosts: Sequence[str]) -> Certificate | None:
        """A Certificate of the namespace that is good for the host already."""
        for found in self._certificates.by_index(BY_WILDCARD, namespace):
            covers = all(f"*.{host.partition('.')[2]}" in found.spec.dns_names for host in hosts)
            if covers and found.is_ready and not found.is_deleting:
                return found
        return None

    async def _keep(self, owner: Object, status: CertifiedStatus, want: Certificate) -> Certificate:
        name = want.metadata.name
        have = self._certificates.get(name, want.metadata.namespace)
        try:
            if have is None:
                have = await self._children.create(owner, want)
            if is_controlled_by(have, owner):
                return await self._children.update(want, have)
        except APIStatusError:
            status.mark_certificate_failed(name)
            raise
        status.mark_certificate_not_owned(name)
        raise TerminalError(f"{owner} does not own {have}")

    async def _drop(self, owner: Object, names: Collection[str]) -> None:
        """Remove those of former tags and names."""
        for certificate in self._certificates.by_index(_BY_OWNER, owner.metadata.uid):
            meta = certificate.metadata
            if meta.name not in names and not certificate.is_deleting:
                with suppress(NotFoundError):
                    await self._client.delete(Certificate, meta.name, meta.namespace, uid=meta.uid)


def _mark(
    status: CertifiedStatus, provision: Provision, network: NetworkConfig, *, wanted: bool
) -> None:
    if not wanted:
        status.mark_tls_not_enabled(EXTERNAL_TLS_NOT_ENABLED)
    elif not provision.pending:
        status.mark_certificate_ready()
    elif network.http_protocol is HTTPProtocol.ENABLED:
        status.mark_http_downgrade(provision.pending[0].metadata.name)
    else:
        status.mark_certificate_not_ready(provision.pending[0].metadata.name)


def _tls_of(certificate: Certificate, hosts: Sequence[str]) -> IngressTLS:
    return IngressTLS(
        hosts=list(hosts),
        secret_name=certificate.spec.secret_name,
        secret_namespace=certificate.metadata.namespace,
    )


def _namespace_of_wildcard(certificate: Certificate) -> tuple[str, ...]:
    meta = certificate.metadata
    return (meta.namespace,) if WILDCARD_DOMAIN in meta.labels else ()


def _owner_of(certificate: Certificate) -> tuple[str, ...]:
    owner = controller_of(certificate)
    return (owner.uid,) if owner is not None else ()
