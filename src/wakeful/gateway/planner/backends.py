"""From Revisions, Services and EndpointSlices to backends and their instances. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from wakeful.apimachinery.goscalars import parse_float
from wakeful.apis.autoscaling.annotations import TARGET_BURST_CAPACITY
from wakeful.apis.core import Pod, Service
from wakeful.apis.core.pod_ports import actual_ports
from wakeful.apis.core.service_types import ServicePort
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.networking import (
    NetworkProtocol,
    ServerlessService,
    ServerlessServiceMode,
)
from wakeful.apis.serving import Revision
from wakeful.apis.serving.register import CONFIGURATION, SERVICE, USER_PORT_NAME
from wakeful.autoscaler import gate_moves
from wakeful.gateway.plan import (
    Endpoint,
    GatePlace,
    RevisionBackend,
    RevisionKey,
    ServiceBackend,
    ServiceKey,
    WireProtocol,
)

_H2C_PROTOCOLS = frozenset({"kubernetes.io/h2c", "h2c", "http2", "grpc"})
_H2C_NAMES = ("h2c", "http2", "grpc")


@dataclass(frozen=True, slots=True)
class Instance:
    """An endpoint and the Pod it belongs to; the name is empty when nobody said."""

    endpoint: Endpoint
    pod: str = ""


def gate_place(network: ServerlessService, default_burst_capacity: float) -> GatePlace:
    """Where the gate stands, by the mode that the autoscaler chose for the revision."""
    asked: float | None = None
    text = TARGET_BURST_CAPACITY.get(network.metadata.annotations)
    if text is not None:
        with contextlib.suppress(ValueError):
            asked = parse_float(text)
    if not gate_moves(asked, default_burst_capacity):
        return GatePlace.BEHIND
    proxy = network.spec.mode == ServerlessServiceMode.PROXY
    return GatePlace.IN_PATH if proxy else GatePlace.OUT


def make_revision_backend(
    service: ServerlessService, revision: Revision | None, default_burst_capacity: float = 0.0
) -> RevisionBackend:
    """The limits of a revision; those of a missing one are open."""
    key = RevisionKey(service.metadata.namespace, service.metadata.name)
    h2c = service.spec.protocol_type == NetworkProtocol.H2C
    protocol = WireProtocol.H2C if h2c else WireProtocol.HTTP1
    if revision is None:
        return RevisionBackend(key, protocol)
    spec = revision.spec
    return RevisionBackend(
        key,
        protocol,
        container_concurrency=spec.container_concurrency or 0,
        timeout_seconds=float(spec.timeout_seconds or 0),
        response_start_timeout_seconds=float(spec.response_start_timeout_seconds or 0),
        idle_timeout_seconds=float(spec.idle_timeout_seconds or 0),
        service=revision.metadata.labels.get(SERVICE, ""),
        configuration=revision.metadata.labels.get(CONFIGURATION, ""),
        gate=gate_place(service, default_burst_capacity),
    )


def find_port(service: Service, wanted: int | str | None) -> ServicePort | None:
    """The port of a Service by number or name."""
    for port in service.spec.ports:
        if wanted in (port.port, port.name, str(port.port)):
            return port
    return None


def make_service_backend(key: ServiceKey, service: Service) -> ServiceBackend:
    """A plain Service; what it speaks is told by its port."""
    port = find_port(service, key.port)
    h2c = port is not None and (
        port.app_protocol in _H2C_PROTOCOLS or port.name.startswith(_H2C_NAMES)
    )
    return ServiceBackend(key, WireProtocol.H2C if h2c else WireProtocol.HTTP1)


def instances_of(slices: Iterable[EndpointSlice], port_name: str | None = None) -> list[Instance]:
    """Everyone who is, or was until it began to terminate, ready to serve.

    ``port_name`` picks one of several ports; without it the first one is taken.
    """
    found: dict[Endpoint, Instance] = {}
    for piece in slices:
        ports = [port for port in piece.ports if port_name is None or port.name == port_name]
        if not ports or ports[0].port is None:
            continue
        for member in piece.endpoints:
            conditions = member.conditions
            ready = conditions.ready is None or conditions.ready
            leaving = bool(conditions.terminating) and bool(conditions.serving)
            if not member.addresses or not (ready or leaving):
                continue
            draining = bool(conditions.terminating) or not ready
            pod = member.target_ref.name if member.target_ref is not None else ""
            endpoint = Endpoint(member.addresses[0], ports[0].port, draining, pod)
            found[endpoint] = Instance(endpoint, pod)
    return list(found.values())


def instance_of(pod: Pod) -> Instance | None:
    """The instance a revision's Pod is; None while it cannot serve."""
    if pod.is_finished or not (pod.is_ready or pod.is_deleting):
        return None
    return _instance(pod, draining=pod.is_deleting)


def _instance(pod: Pod, *, draining: bool) -> Instance | None:
    if not pod.status.pod_ip:
        return None
    for container in pod.spec.containers:
        for port in container.ports:
            if port.name == USER_PORT_NAME:
                number = actual_ports(pod).get(port.container_port, port.container_port)
                name = pod.metadata.name
                return Instance(Endpoint(pod.status.pod_ip, number, draining, name), name)
    return None


def listed_of(pod: Pod) -> Instance | None:
    """The instance a Pod is or is going to be; None while it has no address, or when it has ended.

    One that is yet to become ready is listed as draining: Envoy knows it, and sends nothing that
    does not name it.
    """
    if (instance := instance_of(pod)) is not None or pod.is_deleting or pod.is_finished:
        return instance
    return _instance(pod, draining=True)


class Leavers:
    """Remembers instances of Pods that are being deleted until nothing is in flight at them.

    An instance that just vanished would take Envoy's count of its running requests with it.
    """

    def __init__(self, is_deleting: Callable[[str, str], bool]) -> None:
        self._is_deleting = is_deleting
        self._known: dict[RevisionKey, dict[str, Endpoint]] = {}
        self._done: set[tuple[str, str]] = set()

    def merge(self, key: RevisionKey, instances: Iterable[Instance]) -> list[Endpoint]:
        """Return the endpoints to program: those given, and those that are leaving."""
        known = self._known.setdefault(key, {})
        result: dict[tuple[str, int], Endpoint] = {}
        for instance in instances:
            endpoint = instance.endpoint
            if (key.namespace, instance.pod) in self._done:
                continue
            if instance.pod:
                known[instance.pod] = replace(endpoint, draining=True)
                if self._is_deleting(key.namespace, instance.pod):
                    endpoint = known[instance.pod]
            result[endpoint.address, endpoint.port] = endpoint
        for pod, endpoint in list(known.items()):
            if not self._is_deleting(key.namespace, pod):
                if (endpoint.address, endpoint.port) not in result:
                    del known[pod]
                continue
            if (key.namespace, pod) not in self._done:
                result.setdefault((endpoint.address, endpoint.port), endpoint)
        if not known:
            del self._known[key]
        return sorted(result.values())

    def find(self, key: RevisionKey, pod: str) -> Endpoint | None:
        """The endpoint of a Pod, as draining."""
        return self._known.get(key, {}).get(pod)

    def finish(self, key: RevisionKey, pod: str) -> None:
        """Nothing is in flight there any more: leave it out from now on."""
        self._done.add((key.namespace, pod))

    def forget(self, namespace: str, pod: str) -> None:
        """The Pod itself is gone."""
        self._done.discard((namespace, pod))
