"""What makes a Service worth looking at again: pods it selects, and what was written for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Endpoints, Pod, Service
from wakeful.apis.core.pod_ports import PORTS_ANNOTATION
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.client import Change, Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.core.endpoints.reconciler import EndpointsReconciler, SliceReconciler

_LATER_SECONDS = 0.02
"""Endpoints wait so long: slices, and whoever waits for those, go first."""
_BY_LABEL, _BY_SELECTOR, _BY_SERVICE = "label", "selector", "service"


class SelectorIndex:
    """Finds pods by service and services by pod, through one pair of labels each.

    A selector is filed under its pair with the longest value: with uids among the labels, as
    Knative's have, that names one revision, so thousands of services cost a pod one look-up.
    """

    def __init__(
        self,
        services: Informer[Service],
        pods: Informer[Pod],
        slices: Informer[EndpointSlice],
    ) -> None:
        self._services, self._pods, self._slices = services, pods, slices
        services.add_index(_BY_SELECTOR, _selector_pair)
        pods.add_index(_BY_LABEL, _label_pairs)
        slices.add_index(_BY_SERVICE, _service_name)

    def selected_by(self, service: Service) -> Sequence[Pod]:
        """Pods that may match the service's selector."""
        return [
            pod for pair in _selector_pair(service) for pod in self._pods.by_index(_BY_LABEL, pair)
        ]

    def services_of(self, pod: Pod) -> Iterable[NamespacedName]:
        """Keys of services that select the pod; none while it has no address."""
        if not pod.status.pod_ip:
            return
        labels = pod.metadata.labels.items()
        for pair in _label_pairs(pod):
            for service in self._services.by_index(_BY_SELECTOR, pair):
                if service.spec.selector.items() <= labels:
                    yield service.key

    def slices_of(self, service: Service) -> Sequence[EndpointSlice]:
        """Slices labelled with the service's name."""
        return self._slices.by_index(_BY_SERVICE, str(service.key))

    def service_of(self, child: Endpoints | EndpointSlice) -> Iterable[NamespacedName]:
        """Key of the service a child belongs to, if there is one."""
        name = child.metadata.name
        if isinstance(child, EndpointSlice):
            name = child.metadata.labels.get(SERVICE_NAME_LABEL, "")
        found = self._services.get(name, child.metadata.namespace)
        return (found.key,) if found is not None else ()

    def mirrored_by(self, endpoints: Endpoints) -> Iterable[NamespacedName]:
        """Key of the service without selector that these Endpoints were written for."""
        found = self._services.get(endpoints.metadata.name, endpoints.metadata.namespace)
        return (found.key,) if found is not None and not found.spec.selector else ()


def _label_pairs(pod: Pod) -> Iterable[str]:
    namespace = pod.metadata.namespace
    return [f"{namespace}/{key}={value}" for key, value in pod.metadata.labels.items()]


def _selector_pair(service: Service) -> Iterable[str]:
    if not service.spec.selector:
        return ()
    key, value = max(service.spec.selector.items(), key=lambda pair: (len(pair[1]), pair))
    return (f"{service.metadata.namespace}/{key}={value}",)


def _service_name(found: EndpointSlice) -> Iterable[str]:
    name = found.metadata.labels.get(SERVICE_NAME_LABEL)
    return (f"{found.metadata.namespace}/{name}",) if name else ()


def make_endpoints_controllers(
    manager: Manager,
) -> tuple[Controller[Service], Controller[Service]]:
    """Wire both controllers, that of slices first."""
    services, pods = manager.informer(Service), manager.informer(Pod)
    endpoints, slices = manager.informer(Endpoints), manager.informer(EndpointSlice)
    index = SelectorIndex(services, pods, slices)
    first = Controller(
        "endpointslices.discovery",
        manager.client,
        services,
        SliceReconciler(manager.client, index, index, endpoints),
    )
    second = Controller(
        "endpoints",
        manager.client,
        services,
        EndpointsReconciler(manager.client, index, endpoints),
        workers=2,
    )

    def on_pod(change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and new is not None and _facts(old) == _facts(new):
            return
        found = (key for pod in (old, new) if pod is not None for key in index.services_of(pod))
        for key in set(found):
            first.enqueue(key)
            second.queue.add_after(key, _LATER_SECONDS)

    pods.add_handler(on_pod)
    first.watch(slices, index.service_of)
    first.watch(endpoints, index.mirrored_by)
    second.watch(endpoints, index.service_of)
    return first, second


def _facts(pod: Pod) -> tuple[object, ...]:
    """All of a pod that leads traffic to it or away."""
    ports = pod.metadata.annotations.get(PORTS_ANNOTATION)
    return (
        pod.status.pod_ip,
        pod.is_ready,
        pod.is_deleting,
        pod.is_finished,
        pod.metadata.labels,
        ports,
    )
