"""Keep the wildcard Certificates of a namespace, one for each domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.meta import ObjectMeta, is_controlled_by, owner_reference
from wakeful.apis.core import Namespace
from wakeful.apis.networking import Certificate, CertificateSpec
from wakeful.apis.serving import register
from wakeful.apis.serving.config import DomainConfig, NetworkConfig
from wakeful.apis.serving.config.gotemplate import TemplateError
from wakeful.apis.serving.config.network import domain_values
from wakeful.client import Client
from wakeful.controller import Result
from wakeful.reconciler.serving.certificates import WILDCARD_DOMAIN
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import Current


class WildcardReconciler:
    """Makes Certificates for ``*.NAMESPACE.DOMAIN``, and takes back those nobody wants any more."""

    def __init__(
        self,
        client: Client,
        certificates: Callable[[str], Sequence[Certificate]],
        children: Children,
        network: Current[NetworkConfig],
        domain: Current[DomainConfig],
    ) -> None:
        """``certificates`` are those of a namespace."""
        self._client, self._certificates, self._children = client, certificates, children
        self._network, self._domain = network, domain

    async def reconcile_kind(self, namespace: Namespace) -> Result | None:
        """Certificates of the same name that somebody else made are left alone."""
        wanted = wildcard_certificates(namespace, self._network.current(), self._domain.current())
        have = {c.metadata.name: c for c in self._certificates(namespace.metadata.name)}
        for name, want in wanted.items():
            found = have.get(name)
            if found is None:
                await self._children.create(namespace, want)
            elif is_controlled_by(found, namespace):
                await self._children.update(want, found)
        for name, found in have.items():
            if name in wanted or not is_controlled_by(found, namespace) or found.is_deleting:
                continue
            if WILDCARD_DOMAIN in found.metadata.labels:
                meta = found.metadata
                with suppress(NotFoundError):
                    await self._client.delete(Certificate, name, meta.namespace, uid=meta.uid)
        return None


def wildcard_certificates(
    namespace: Namespace, network: NetworkConfig, domains: DomainConfig
) -> dict[str, Certificate]:
    """What there should be, by name; pure."""
    selector, meta = network.namespace_wildcard_selector, namespace.metadata
    if (
        selector is None
        or not network.external_domain_tls
        or namespace.is_deleting
        or not selector.matches(meta.labels)
    ):
        return {}
    made = {}
    for domain in sorted(domains.wildcards):
        try:
            host = network.domain_template.render(domain_values("*", meta.name, domain, {}, {}))
        except TemplateError:
            continue  # it needs labels of a Route, so no one name covers all
        if not host.startswith("*."):
            continue  # nor does a pattern that does not begin with the Route's name
        name = f"{meta.name}.{domain}"
        kind = register.CERTIFICATE_CLASS.get(meta.annotations) or network.certificate_class
        made[name] = Certificate(
            metadata=ObjectMeta(
                name=name,
                namespace=meta.name,
                labels={WILDCARD_DOMAIN: domain},
                annotations={register.CERTIFICATE_CLASS.name: kind},
                owner_references=[owner_reference(namespace)],
            ),
            spec=CertificateSpec(dns_names=[host], domain=domain, secret_name=name),
        )
    return made
