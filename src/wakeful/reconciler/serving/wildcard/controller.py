"""What makes a namespace's wildcard Certificates worth looking at: its labels, the settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Namespace
from wakeful.apis.networking import Certificate
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.certificates import BY_WILDCARD, WILDCARD_DOMAIN
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.wildcard.reconciler import WildcardReconciler


def make_controller(
    manager: Manager, configs: ServingConfigs, children: Children
) -> Controller[Namespace]:
    """Wire the controller to its informers."""
    certificates = manager.informer(Certificate)

    def of_namespace(name: str) -> Sequence[Certificate]:
        return certificates.by_index(BY_WILDCARD, name)

    reconciler = WildcardReconciler(
        manager.client, of_namespace, children, configs.network, configs.domain
    )
    controller = Controller(
        "wildcardcertificates.serving", manager.client, manager.informer(Namespace), reconciler
    )
    controller.watch(certificates, _namespace)
    for store in (configs.domain, configs.network):
        store.on_change(controller.enqueue_all)
    return controller


def _namespace(certificate: Certificate) -> Iterable[NamespacedName]:
    meta = certificate.metadata
    return [NamespacedName("", meta.namespace)] if WILDCARD_DOMAIN in meta.labels else []
