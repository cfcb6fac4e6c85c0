"""What makes a Namespace worth looking at again: its first objects, gone or changed."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.apis.core import ConfigMap, Namespace, ServiceAccount
from wakeful.apis.core.config_types import DEFAULT_SERVICE_ACCOUNT, ROOT_CA_CONFIG_MAP
from wakeful.controller import Controller, Manager
from wakeful.reconciler.core.namespace.contents import (
    Collection,
    built_in_collections,
    custom_collections,
)
from wakeful.reconciler.core.namespace.reconciler import NamespaceReconciler
from wakeful.reconciler.core.namespace.terminator import NamespaceTerminator


def make_namespace_controller(manager: Manager, root_ca: str) -> Controller[Namespace]:
    """Wire the controller to its informers."""
    namespaces = manager.informer(Namespace)
    accounts, config_maps = manager.informer(ServiceAccount), manager.informer(ConfigMap)
    reconciler = NamespaceReconciler(manager.client, accounts, config_maps, root_ca)
    controller = Controller("namespaces", manager.client, namespaces, reconciler)
    controller.watch(accounts, _namespace_of)
    controller.watch(config_maps, _namespace_of)
    return controller


def _namespace_of(child: ServiceAccount | ConfigMap) -> Iterable[NamespacedName]:
    if child.metadata.name in (DEFAULT_SERVICE_ACCOUNT, ROOT_CA_CONFIG_MAP):
        return (NamespacedName("", child.metadata.namespace),)
    return ()


def make_namespace_terminator(manager: Manager, clock: Clock) -> NamespaceTerminator:
    """Wire the terminator to everything that may live in a namespace."""
    definitions = manager.informer(CustomResourceDefinition)
    built_in = built_in_collections(manager.client.scheme, namespaced=True)

    def collections() -> Iterable[Collection]:
        yield from built_in
        yield from custom_collections(definitions, namespaced=True)

    return NamespaceTerminator(manager.client, manager.informer(Namespace), collections, clock)
