"""What makes a Service worth looking at again: pods it selects, and what was written for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Endpoints, Pod, Service
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import SERVICE_NAME_LABEL
from wakeful.client import Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.core.endpoints.reconciler import EndpointsReconciler

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


def make_endpoints_controller(manager: Manager) -> Controller[Service]:
    """Wire the controller to its informers."""
    services, pods = manager.informer(Service), manager.informer(Pod)
    endpoints, slices = manager.informer(Endpoints), manager.informer(EndpointSlice)
    index = SelectorIndex(services, pods, slices)
    reconciler = EndpointsReconciler(manager.client, index, index, endpoints)
    controller = Controller("endpoints", manager.client, services, reconciler)
    controller.watch(pods, index.services_of)
    controller.watch(endpoints, index.service_of)
    controller.watch(slices, index.service_of)
    return controller
