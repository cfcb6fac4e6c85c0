"""Which addresses a service leads to. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import safe_encode
from wakeful.apis.core import Endpoints, ObjectReference, Pod, Service
from wakeful.apis.core.service_types import (
    HEADLESS,
    EndpointAddress,
    EndpointPort,
    EndpointSubset,
    ServicePort,
)
from wakeful.apis.discovery import Endpoint, EndpointConditions, EndpointSlice, EndpointSlicePort
from wakeful.apis.discovery.endpointslice_types import MANAGED_BY_LABEL, SERVICE_NAME_LABEL

CONTROLLER, MIRROR = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
SKIP_MIRROR_LABEL = "endpointslice.kubernetes.io/skip-mirror"
_HEADLESS_LABEL = "service.kubernetes.io/headless"

Port = tuple[str, int, str, str | None]
"""Name, number, protocol, application protocol."""


def pods_behind(service: Service, pods: Iterable[Pod]) -> list[Pod]:
    """Pods that have an address and may serve, in a stable order."""
    found = [
        pod
        for pod in pods
        if pod.status.pod_ip
        and not pod.is_finished
        and service.spec.selector.items() <= pod.metadata.labels.items()
    ]
    return sorted(found, key=lambda pod: pod.metadata.name)


def _port_of(pod: Pod, port: ServicePort) -> int | None:
    target = port.target_port
    if isinstance(target, int) or target is None:
        return target or port.port
    for container in pod.spec.containers:
        for declared in container.ports:
            if declared.name == target and (declared.protocol or "TCP") == (port.protocol or "TCP"):
                return declared.container_port
    return None


def _ports_of(service: Service, pod: Pod) -> tuple[Port, ...]:
    found = []
    for port in service.spec.ports:
        number = _port_of(pod, port)
        if number is not None:
            found.append((port.name, number, port.protocol or "TCP", port.app_protocol))
    return tuple(found)


def _by_ports(service: Service, pods: Sequence[Pod]) -> dict[tuple[Port, ...], list[Pod]]:
    groups: dict[tuple[Port, ...], list[Pod]] = defaultdict(list)
    for pod in pods:
        groups[_ports_of(service, pod)].append(pod)
    return dict(sorted(groups.items(), key=lambda item: [p[:3] for p in item[0]]))


def _is_offered(service: Service, pod: Pod) -> bool:
    return pod.is_ready or service.spec.publish_not_ready_addresses


def _target(pod: Pod) -> ObjectReference:
    meta = pod.metadata
    return ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid)


# --- Endpoints ------------------------------------------------------------------------------------


def make_subsets(service: Service, pods: Sequence[Pod]) -> list[EndpointSubset]:
    """Addresses grouped by the ports they offer; pods that are ending are left out."""
    subsets = []
    alive = [pod for pod in pods if not pod.is_deleting]
    for ports, group in _by_ports(service, alive).items():
        subset = EndpointSubset(
            ports=[
                EndpointPort(name=name, port=number, protocol=protocol, app_protocol=app)
                for name, number, protocol, app in ports
            ]
        )
        for pod in group:
            address = EndpointAddress(
                ip=pod.status.pod_ip,
                node_name=pod.spec.node_name or None,
                target_ref=_target(pod),
            )
            offered = _is_offered(service, pod)
            (subset.addresses if offered else subset.not_ready_addresses).append(address)
        subsets.append(subset)
    return subsets


def make_endpoints(service: Service, subsets: list[EndpointSubset]) -> Endpoints:
    """The Endpoints of the same name."""
    return Endpoints(
        metadata=ObjectMeta(
            name=service.metadata.name,
            namespace=service.metadata.namespace,
            labels=endpoints_labels(service),
        ),
        subsets=subsets,
    )


def endpoints_labels(service: Service) -> dict[str, str]:
    """The service's labels, and whether it is headless."""
    labels = dict(service.metadata.labels)
    if service.spec.cluster_ip == HEADLESS:
        labels[_HEADLESS_LABEL] = ""
    return labels


# --- EndpointSlices -------------------------------------------------------------------------------


def make_slices(service: Service, pods: Sequence[Pod]) -> list[EndpointSlice]:
    """One slice for each set of ports; one without endpoints when there is no pod."""
    groups = _by_ports(service, pods) or {(): []}
    return [
        _make_slice(
            service,
            index,
            CONTROLLER,
            [
                EndpointSlicePort(name=name, port=number, protocol=protocol, app_protocol=app)
                for name, number, protocol, app in ports
            ],
            [_endpoint(service, pod) for pod in group],
        )
        for index, (ports, group) in enumerate(groups.items())
    ]


def _endpoint(service: Service, pod: Pod) -> Endpoint:
    ending = pod.is_deleting
    ready = _is_offered(service, pod) and not ending
    return Endpoint(
        addresses=[pod.status.pod_ip],
        conditions=EndpointConditions(
            ready=ready or service.spec.publish_not_ready_addresses,
            serving=_is_offered(service, pod),
            terminating=ending,
        ),
        node_name=pod.spec.node_name or None,
        target_ref=_target(pod),
    )


def make_mirrored_slices(service: Service, endpoints: Endpoints) -> list[EndpointSlice]:
    """Slices for addresses that somebody else wrote into the Endpoints."""
    return [
        _make_slice(
            service,
            index,
            MIRROR,
            [
                EndpointSlicePort(
                    name=port.name,
                    port=port.port,
                    protocol=port.protocol or "TCP",
                    app_protocol=port.app_protocol,
                )
                for port in subset.ports
            ],
            [
                Endpoint(
                    addresses=[address.ip],
                    conditions=EndpointConditions(ready=ready),
                    node_name=address.node_name,
                    target_ref=address.target_ref,
                )
                for ready, addresses in (
                    (True, subset.addresses),
                    (False, subset.not_ready_addresses),
                )
                for address in addresses
            ],
        )
        for index, subset in enumerate(endpoints.subsets)
    ]


def _make_slice(
    service: Service,
    index: int,
    manager: str,
    ports: list[EndpointSlicePort],
    endpoints: list[Endpoint],
) -> EndpointSlice:
    meta = service.metadata
    labels = dict(endpoints_labels(service)) if manager == CONTROLLER else {}
    labels |= {SERVICE_NAME_LABEL: meta.name, MANAGED_BY_LABEL: manager}
    return EndpointSlice(
        metadata=ObjectMeta(
            name=f"{meta.name[:57]}-{_suffix(meta.uid, index)}",
            generate_name=f"{meta.name}-",
            namespace=meta.namespace,
            labels=labels,
            owner_references=[owner_reference(service)],
        ),
        address_type="IPv4",
        endpoints=endpoints,
        ports=ports,
    )


def _suffix(uid: str, index: int) -> str:
    digest = hashlib.blake2s(f"{uid}/{index}".encode(), digest_size=4).hexdigest()
    return safe_encode(digest)[:5]
