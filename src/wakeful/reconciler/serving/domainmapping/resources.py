"""What the Ingress of a DomainMapping should be. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressTLS,
    IngressVisibility,
)
from wakeful.apis.serving import DomainMapping, register
from wakeful.apis.serving.config import NetworkConfig
from wakeful.reconciler.serving.publishedtarget import ORIGINAL_HOST, Target
from wakeful.reconciler.serving.route.resources import http_option

UID_LABEL = f"{register.GROUP}/domainMappingUID"
NAMESPACE_LABEL = f"{register.GROUP}/domainMappingNamespace"
_PORT = 80


def ingress_name(mapping: ObjectMeta) -> str:
    """The mapping's own."""
    return child_name(mapping.name, "")


def make_ingress(
    mapping: DomainMapping, target: Target, tls: Sequence[IngressTLS], network: NetworkConfig
) -> Ingress:
    """One public host that leads where the target's cluster-local host leads."""
    meta = mapping.metadata
    ingress_class = register.INGRESS_CLASS.get(meta.annotations) or network.ingress_class
    split = IngressBackendSplit(
        service_namespace=target.namespace,
        service_name=target.name,
        service_port=_PORT,
        percent=100,
    )
    path = HTTPIngressPath(
        rewrite_host=target.host, splits=[split], append_headers={ORIGINAL_HOST: meta.name}
    )
    return Ingress(
        metadata=ObjectMeta(
            name=ingress_name(meta),
            namespace=meta.namespace,
            labels=meta.labels | {UID_LABEL: meta.uid, NAMESPACE_LABEL: meta.namespace},
            annotations={
                key: value
                for key, value in meta.annotations.items()
                if key not in (register.LAST_APPLIED, *register.INGRESS_CLASS.spellings)
            }
            | {register.INGRESS_CLASS.name: ingress_class},
            owner_references=[owner_reference(mapping)],
        ),
        spec=IngressSpec(
            tls=list(tls),
            rules=[
                IngressRule(
                    hosts=[meta.name],
                    visibility=str(IngressVisibility.EXTERNAL_IP),
                    http=HTTPIngressRuleValue(paths=[path]),
                )
            ],
            http_option=http_option(meta, network),
        ),
    )
