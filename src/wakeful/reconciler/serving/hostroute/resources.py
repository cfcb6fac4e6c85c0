"""What the Ingress of a HostRoute should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.duck import KReference
from wakeful.apis.networking import (
    HeaderMatch,
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressTLS,
    IngressVisibility,
)
from wakeful.apis.routing import GROUP, HostRoute, HostRouteRule, HostRouteTarget
from wakeful.apis.serving import register
from wakeful.apis.serving.config import NetworkConfig
from wakeful.reconciler.serving.publishedtarget import ORIGINAL_HOST, Target
from wakeful.reconciler.serving.route.resources import http_option

UID_LABEL = f"{GROUP}/hostRouteUID"
_PORT = 80

Targets = Mapping[tuple[int, int], Target]
"""Where the targets are, by the number of their rule and their own."""


def ingress_name(meta: ObjectMeta) -> str:
    """Not the object's own name alone: a Service may have that."""
    return child_name(meta.name, "-hostroute")


def certificate_names(route: HostRoute) -> dict[str, str]:
    """Hosts and the names of their Certificates."""
    name = route.metadata.name
    return {host: child_name(name, f"-{n}-hostroute") for n, host in enumerate(route.spec.hosts)}


def reference(target: HostRouteTarget, namespace: str) -> KReference:
    """What a target refers to; a bare name is a Knative Service."""
    if target.ref is not None:
        return target.ref
    api_version = f"{register.GROUP}/v1"
    return KReference(
        api_version=api_version, kind="Service", name=target.service, namespace=namespace
    )


def make_ingress(
    route: HostRoute, targets: Targets, tls: Sequence[IngressTLS], network: NetworkConfig
) -> Ingress:
    """One rule for each host, with a path for each of the route's rules.

    Programs see the host that the client asked for, as those behind a DomainMapping do.
    """
    meta = route.metadata
    ingress_class = register.INGRESS_CLASS.get(meta.annotations) or network.ingress_class
    rules = list(enumerate(route.spec.rules))
    return Ingress(
        metadata=ObjectMeta(
            name=ingress_name(meta),
            namespace=meta.namespace,
            labels=meta.labels | {UID_LABEL: meta.uid},
            annotations={register.INGRESS_CLASS.name: ingress_class},
            owner_references=[owner_reference(route)],
        ),
        spec=IngressSpec(
            tls=list(tls),
            rules=[
                IngressRule(
                    hosts=[host],
                    visibility=str(IngressVisibility.EXTERNAL_IP),
                    http=HTTPIngressRuleValue(
                        paths=[_make_path(host, rule, number, targets) for number, rule in rules]
                    ),
                )
                for host in route.spec.hosts
            ],
            http_option=http_option(meta, network),
        ),
    )


def _make_path(host: str, rule: HostRouteRule, number: int, targets: Targets) -> HTTPIngressPath:
    return HTTPIngressPath(
        path=rule.path,
        path_type=rule.path_type,
        rewrite_path=rule.rewrite_path,
        headers={name: HeaderMatch(exact=value) for name, value in rule.headers.items()},
        splits=[
            IngressBackendSplit(
                service_namespace=(found := targets[number, index]).namespace,
                service_name=found.name,
                service_port=_PORT,
                percent=target.percent,
                rewrite_host=found.host,
            )
            for index, target in enumerate(rule.to)
        ],
        append_headers={ORIGINAL_HOST: host},
    )
