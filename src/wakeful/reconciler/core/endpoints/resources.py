"""Which addresses a service leads to. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import count

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apimachinery.names import safe_encode
from wakeful.apis.core import Endpoints, ObjectReference, Pod, Service
from wakeful.apis.core.pod_ports import actual_ports
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
    found, actual = [], actual_ports(pod)
    for port in service.spec.ports:
        number = _port_of(pod, port)
        if number is not None:
            number = actual.get(number, number)
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
    """One nameless slice for each set of ports; one without endpoints when there is no pod."""
    groups = _by_ports(service, pods) or {(): []}
    return [
        _make_slice(
            service,
            CONTROLLER,
            [
                EndpointSlicePort(name=name, port=number, protocol=protocol, app_protocol=app)
                for name, number, protocol, app in ports
            ],
            [_endpoint(service, pod) for pod in group],
        )
        for ports, group in groups.items()
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
    """Nameless slices for addresses that somebody else wrote into the Endpoints."""
    return [
        _make_slice(
            service,
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
        for subset in endpoints.subsets
    ]


def _make_slice(
    service: Service,
    manager: str,
    ports: list[EndpointSlicePort],
    endpoints: list[Endpoint],
) -> EndpointSlice:
    meta = service.metadata
    labels = dict(endpoints_labels(service)) if manager == CONTROLLER else {}
    labels |= {SERVICE_NAME_LABEL: meta.name, MANAGED_BY_LABEL: manager}
    return EndpointSlice(
        metadata=ObjectMeta(
            generate_name=f"{meta.name}-",
            namespace=meta.namespace,
            labels=labels,
            owner_references=[owner_reference(service)],
        ),
        address_type="IPv4",
        endpoints=endpoints,
        ports=ports,
    )


def slice_name(service: Service, index: int) -> str:
    """The same name for the same service and number, so that nothing is made twice."""
    meta = service.metadata
    return f"{meta.name[:57]}-{_suffix(meta.uid, index)}"


def _suffix(uid: str, index: int) -> str:
    digest = hashlib.blake2s(f"{uid}/{index}".encode(), digest_size=4).hexdigest()
    return safe_encode(digest)[:5]


def pair_slices(
    service: Service, have: Sequence[EndpointSlice], want: Sequence[EndpointSlice]
) -> tuple[list[tuple[EndpointSlice | None, EndpointSlice]], list[EndpointSlice]]:
    """Decide which slice holds what: pairs of present (None: make it) and wanted, and the rest.

    A slice keeps its ports if it can, so that addresses do not wander between slices; a spare one
    takes on other ports before another is made.
    """
    spare = sorted(have, key=lambda found: found.metadata.name)
    pairs: list[tuple[EndpointSlice | None, EndpointSlice]] = []
    homeless: list[EndpointSlice] = []
    for wanted in want:
        same = next((found for found in spare if found.ports == wanted.ports), None)
        if same is None:
            homeless.append(wanted)
        else:
            spare.remove(same)
            pairs.append((same, wanted))
    used = {found.metadata.name for found in have}
    names = (slice_name(service, index) for index in count())
    for wanted in homeless:
        if spare:
            pairs.append((spare.pop(0), wanted))
            continue
        wanted.metadata.name = next(name for name in names if name not in used)
        pairs.append((None, wanted))
    return pairs, spare
