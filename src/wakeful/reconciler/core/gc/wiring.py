"""Wires collector, graph and monitor to the kinds that are served."""

from __future__ import annotations

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apis.apiextensions import CustomResourceDefinition
from wakeful.apis.apiextensions.crd_types import ESTABLISHED
from wakeful.client import Change
from wakeful.controller import Manager
from wakeful.reconciler.core.gc.collector import GarbageCollector
from wakeful.reconciler.core.gc.graph import Graph
from wakeful.reconciler.core.gc.monitor import GraphMonitor
from wakeful.reconciler.core.namespace.contents import (
    Collection,
    built_in_collections,
    custom_collections,
)

_IGNORED = frozenset({("", "events")})
"""Events own nothing, belong to nobody and are many."""


def add_garbage_collector(manager: Manager) -> None:
    """Add the collector and the monitor that feeds it."""
    scheme = manager.client.scheme
    definitions = manager.informer(CustomResourceDefinition)
    graph = Graph()
    built_in = [c for c in built_in_collections(scheme) if (c.group, c.plural) not in _IGNORED]

    def resolve(gvk: GroupVersionKind) -> tuple[Collection, bool] | None:
        resource = scheme.by_kind(gvk.group, gvk.kind)
        if resource is not None:
            version = resource.gvk.version
            return Collection(resource.group, version, resource.plural), resource.namespaced
        for found in definitions:
            if (found.spec.group, found.spec.names.kind) == (gvk.group, gvk.kind):
                for collection in custom_collections([found]):
                    return collection, found.spec.scope == "Namespaced"
        return None

    collector = GarbageCollector(manager.client.transport, graph, resolve)
    monitor = GraphMonitor(manager.client.transport, graph, collector.attend, manager.housekeeping)

    def follow(_change: Change[CustomResourceDefinition] | None = None) -> None:
        established = [
            found
            for found in definitions
            if found.status.is_true(ESTABLISHED)
            and scheme.by_plural(found.spec.group, found.spec.names.plural) is None
        ]
        monitor.follow([*built_in, *custom_collections(established)])

    definitions.add_handler(follow)
    follow()
    manager.add(monitor)
    manager.add(collector)
