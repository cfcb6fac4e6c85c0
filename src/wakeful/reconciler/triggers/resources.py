"""What a listener's children should be. Pure."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.service_types import EXTERNAL_NAME, ServicePort, ServiceSpec
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointSlicePort,
)
from wakeful.apis.networking import (
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
)
from wakeful.apis.serving.register import INGRESS_CLASS
from wakeful.apis.triggers import EventListener
from wakeful.apis.triggers.register import EVENT_LISTENER_LABEL, SERVICE_PREFIX
from wakeful.reconciler.serving.route.hosts import expand_local

HUB_ADDRESS = "127.0.0.1"
"""Where the platform itself answers for all listeners."""
LISTENER_HEADER = "X-Wakeful-Event-Listener"
"""``namespace/name``, set by the gateway whatever a request brings."""
_PORT = 80


def service_name(listener: EventListener) -> str:
    """What upstream calls a listener's Service."""
    return SERVICE_PREFIX + listener.metadata.name


def host_meta(listener: EventListener) -> ObjectMeta:
    """What the hosts of a listener are made of."""
    meta = listener.metadata
    return ObjectMeta(name=service_name(listener), namespace=meta.namespace, labels=meta.labels)


def make_service(listener: EventListener, gateway: str) -> KubeService:
    """Lets the listener be found by name; ``gateway`` is where it leads."""
    return KubeService(
        metadata=_metadata(listener, service_name(listener)),
        spec=ServiceSpec(
            type=EXTERNAL_NAME,
            external_name=gateway,
            session_affinity="None",
            ports=[ServicePort(name="http-listener", port=_PORT, target_port=_PORT)],
        ),
    )


def make_ingress(
    listener: EventListener, public: str, internal: str, ingress_class: str
) -> Ingress:
    """Has the gateway serve both hosts and say to the hub whose they are."""
    meta = listener.metadata
    path = HTTPIngressPath(
        splits=[
            IngressBackendSplit(
                service_namespace=meta.namespace,
                service_name=hub_name(listener),
                service_port=_PORT,
                percent=100,
            )
        ],
        append_headers={LISTENER_HEADER: f"{meta.namespace}/{meta.name}"},
    )
    sides = (
        (IngressVisibility.CLUSTER_LOCAL, expand_local(internal)),
        (IngressVisibility.EXTERNAL_IP, [public]),
    )
    rules = [
        IngressRule(
            hosts=hosts,
            visibility=str(side),
            http=HTTPIngressRuleValue(paths=[path.model_copy(deep=True)]),
        )
        for side, hosts in sides
    ]
    metadata = _metadata(listener, service_name(listener))
    metadata.annotations = {INGRESS_CLASS.name: ingress_class}
    return Ingress(
        metadata=metadata,
        spec=IngressSpec(rules=rules, http_option="Enabled"),
    )


def _metadata(listener: EventListener, name: str) -> ObjectMeta:
    meta = listener.metadata
    return ObjectMeta(
        name=name,
        namespace=meta.namespace,
        labels={
            EVENT_LISTENER_LABEL: meta.name,
            "app.kubernetes.io/managed-by": "EventListener",
            "app.kubernetes.io/part-of": "Triggers",
        },
        owner_references=[owner_reference(listener)],
    )


def hub_name(listener: EventListener) -> str:
    """The Service through which the gateway finds the hub; one for each listener, beside it."""
    return child_name(service_name(listener), "-hub")


def make_hub_service(listener: EventListener, port: int) -> KubeService:
    """The hub, in the listener's namespace: an Ingress leads to Services of its own only."""
    return KubeService(
        metadata=_metadata(listener, hub_name(listener)),
        spec=ServiceSpec(ports=[ServicePort(name="http", port=_PORT, target_port=port)]),
    )


def make_hub_endpoints(listener: EventListener, port: int) -> EndpointSlice:
    """Where the hub listens in this run of the platform."""
    metadata = _metadata(listener, hub_name(listener))
    metadata.labels[SERVICE_NAME_LABEL] = hub_name(listener)
    return EndpointSlice(
        metadata=metadata,
        address_type="IPv4",
        endpoints=[Endpoint(addresses=[HUB_ADDRESS])],
        ports=[EndpointSlicePort(name="http", protocol="TCP", port=port)],
    )
