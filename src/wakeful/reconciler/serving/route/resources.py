"""What the Ingress and the placeholder Services of a Route should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import Endpoints
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.service_types import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    HEADLESS,
    EndpointAddress,
    EndpointPort,
    EndpointSubset,
    ServicePort,
    ServiceSpec,
)
from wakeful.apis.networking import (
    HeaderMatch,
    HTTPIngressPath,
    HTTPIngressRuleValue,
    HTTPOption,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
    LoadBalancerIngressStatus,
)
from wakeful.apis.serving import Route, register
from wakeful.apis.serving.config import FeaturesConfig, Flag, NetworkConfig
from wakeful.apis.serving.config.network import HTTPProtocol
from wakeful.reconciler.serving.route.hosts import HostNames, expand_local
from wakeful.reconciler.serving.route.rollout import Rollout
from wakeful.reconciler.serving.route.traffic import DEFAULT_TARGET, RevisionTarget

REVISION_HEADER, NAMESPACE_HEADER = "Knative-Serving-Revision", "Knative-Serving-Namespace"
TAG_HEADER, DEFAULT_ROUTE_HEADER = "Knative-Serving-Tag", "Knative-Serving-Default-Route"
_PORTS = {"http1": 80, "h2c": 81}
_H2C = "kubernetes.io/h2c"
_EXCLUDED = frozenset(
    (
        register.LAST_APPLIED,
        *register.INGRESS_CLASS.spellings[1:],
        *register.CERTIFICATE_CLASS.spellings[1:],
    )
)

Hosts = Mapping[str, tuple[RevisionTarget, ...]]


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """Every setting that shapes a Route's children."""

    names: HostNames = field(default_factory=HostNames)
    features: FeaturesConfig = field(default_factory=FeaturesConfig)

    @property
    def network(self) -> NetworkConfig:
        """``config-network``."""
        return self.names.network


def ingress_name(route: ObjectMeta) -> str:
    """The Route's own."""
    return child_name(route.name, "")


def make_ingress(
    route: Route,
    hosts: Hosts,
    rollout: Rollout,
    visibility: Mapping[str, IngressVisibility],
    config: RouteConfig,
) -> Ingress:
    """The Ingress: for each target one rule for the inside, and one for the outside if public.

    Raises:
        DomainNameError: A host name cannot be made.
    """
    meta = route.metadata
    ingress_class = register.INGRESS_CLASS.get(meta.annotations) or config.network.ingress_class
    annotations = {
        register.INGRESS_CLASS.name: ingress_class,
        register.ROLLOUT: rollout.to_json(),
    } | {key: value for key, value in meta.annotations.items() if key not in _EXCLUDED}
    rules, tag_hosts = _make_rules(route, hosts, rollout, visibility, config)
    if tag_hosts:
        annotations[register.TAG_TO_HOST] = orjson.dumps(
            tag_hosts, option=orjson.OPT_SORT_KEYS
        ).decode()
    return Ingress(
        metadata=ObjectMeta(
            name=ingress_name(meta),
            namespace=meta.namespace,
            labels=meta.labels
            | {register.ROUTE: meta.name, register.ROUTE_NAMESPACE: meta.namespace},
            annotations=annotations,
            owner_references=[owner_reference(route)],
        ),
        spec=IngressSpec(rules=rules, http_option=http_option(meta, config.network)),
    )


def _make_rules(
    route: Route,
    hosts: Hosts,
    rollout: Rollout,
    visibility: Mapping[str, IngressVisibility],
    config: RouteConfig,
) -> tuple[list[IngressRule], dict[str, list[str]]]:
    namespace = route.metadata.namespace
    by_header = config.features.tag_header_based_routing is Flag.ENABLED
    rules: list[IngressRule] = []
    tag_hosts: dict[str, list[str]] = {}
    local, public = IngressVisibility.CLUSTER_LOCAL, IngressVisibility.EXTERNAL_IP
    for tag in sorted(hosts):
        seen_from = [local] if visibility.get(tag, public) is local else [local, public]
        for side in seen_from:
            host = config.names.host(route.metadata, tag, side)
            path = HTTPIngressPath(splits=_make_splits(namespace, tag, hosts[tag], rollout))
            paths = [path]
            if by_header and tag == DEFAULT_TARGET:
                path.append_headers = {DEFAULT_ROUTE_HEADER: "true"}
                paths = [*_paths_by_header(namespace, hosts, rollout), path]
            elif by_header:
                path.append_headers = {TAG_HEADER: tag}
            rules.append(
                IngressRule(
                    hosts=expand_local(host) if side is local else [host],
                    visibility=str(side),
                    http=HTTPIngressRuleValue(paths=paths),
                )
            )
            if tag != DEFAULT_TARGET:
                tag_hosts.setdefault(tag, []).append(host)
    return rules, tag_hosts


def _paths_by_header(namespace: str, hosts: Hosts, rollout: Rollout) -> list[HTTPIngressPath]:
    """Requests to the Route's own host that pick a tag by header."""
    return [
        HTTPIngressPath(
            headers={TAG_HEADER: HeaderMatch(exact=tag)},
            splits=_make_splits(namespace, tag, hosts[tag], rollout),
        )
        for tag in sorted(hosts)
        if tag != DEFAULT_TARGET
    ]


def _make_splits(
    namespace: str, tag: str, targets: Sequence[RevisionTarget], rollout: Rollout
) -> list[IngressBackendSplit]:
    splits: list[IngressBackendSplit] = []
    for target in targets:
        if not target.percent:
            continue
        moving = rollout.find(tag, target.configuration) if target.latest else None
        shares = [(target.revision, target.percent)]
        if moving is not None and not moving.is_done:
            shares = [(share.revision, share.percent) for share in moving.shares]
        splits += [
            IngressBackendSplit(
                service_namespace=namespace,
                service_name=revision,
                service_port=_PORTS[target.protocol],
                percent=percent,
                append_headers={REVISION_HEADER: revision, NAMESPACE_HEADER: namespace},
            )
            for revision, percent in shares
        ]
    return splits


def http_option(meta: ObjectMeta, network: NetworkConfig) -> str:
    """What plain HTTP does: the object's own word, else the cluster's."""
    text = (register.HTTP_PROTOCOL.get(meta.annotations) or network.http_protocol).lower()
    match text:
        case HTTPProtocol.REDIRECTED:
            return HTTPOption.REDIRECTED.value
        case HTTPProtocol.DISABLED:
            return ""
        case _:
            return HTTPOption.ENABLED.value


def make_placeholder(route: Route, hostname: str, host: str) -> KubeService:
    """Reserves the name of a target, and says under which host it is published.

    Visibility is not copied from the Route: it is this Service's label that makes one target
    private.
    """
    return KubeService(
        metadata=_placeholder_metadata(route, hostname),
        spec=ServiceSpec(
            type=EXTERNAL_NAME,
            external_name=host,
            session_affinity="None",
            ports=[_port()],
        ),
    )


def _placeholder_metadata(route: Route, hostname: str) -> ObjectMeta:
    meta = route.metadata
    hidden = (register.VISIBILITY, register.LEGACY_VISIBILITY)
    labels = {key: value for key, value in meta.labels.items() if key not in hidden}
    return ObjectMeta(
        name=hostname,
        namespace=meta.namespace,
        labels=labels | {register.ROUTE: meta.name},
        annotations=dict(meta.annotations),
        owner_references=[owner_reference(route)],
    )


def _port() -> ServicePort:
    return ServicePort(name="http2", app_protocol=_H2C, port=80, target_port=80)


def point_at(
    service: KubeService, gateway: LoadBalancerIngressStatus
) -> tuple[KubeService, Endpoints | None]:
    """The placeholder made to lead to the gateway, with Endpoints when that is an address."""
    meta = service.metadata
    if gateway.ip:
        spec = ServiceSpec(type=CLUSTER_IP, cluster_ip=HEADLESS, ports=[_port()])
        endpoints = Endpoints(
            metadata=ObjectMeta(
                name=meta.name,
                namespace=meta.namespace,
                labels=dict(meta.labels),
                annotations=dict(meta.annotations),
                owner_references=list(meta.owner_references),
            ),
            subsets=[
                EndpointSubset(
                    addresses=[EndpointAddress(ip=gateway.ip)],
                    ports=[EndpointPort(name="http2", port=80, app_protocol=_H2C)],
                )
            ],
        )
        return service.model_copy(update={"spec": spec}), endpoints
    if name := gateway.domain_internal or gateway.domain:
        spec = service.spec.model_copy(update={"external_name": name})
        return service.model_copy(update={"spec": spec}), None
    spec = ServiceSpec(type=CLUSTER_IP, ports=[ServicePort(name="http", port=80)])
    return service.model_copy(update={"spec": spec}), None


def is_current(want: KubeService, have: KubeService) -> bool:
    """Whether a placeholder leads where it should, whatever defaults it was given."""
    a, b = want.spec, have.spec
    return (
        a.type == b.type
        and a.external_name == b.external_name
        and (a.cluster_ip == HEADLESS) == (b.cluster_ip == HEADLESS)
        and [(p.name, p.port) for p in a.ports] == [(p.name, p.port) for p in b.ports]
        and want.metadata.labels.items() <= have.metadata.labels.items()
        and want.metadata.annotations.items() <= have.metadata.annotations.items()
    )
