"""What makes an object with hosts of its own worth looking at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from wakeful.apimachinery.meta import Object
from wakeful.apis.networking import Certificate, ClusterDomainClaim, Ingress
from wakeful.client import Informer
from wakeful.controller import Controller, Manager
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.serving.configs import ServingConfigs

T = TypeVar("T", bound=Object)

_BY_HOST = "published:host"


def watch_published(
    controller: Controller[T],
    objects: Informer[T],
    hosts: Callable[[T], Iterable[str]],
    *,
    manager: Manager,
    configs: ServingConfigs,
    resolver: DestinationResolver,
) -> None:
    """Have ``controller`` look again when an Ingress, a claim, a certificate or a target changes.

    ``objects`` are what it reconciles; ``hosts`` tells under which names one is published.
    """
    objects.add_index(_BY_HOST, hosts)
    resolver.connect(controller)
    controller.watch_owned(manager.informer(Ingress))
    controller.watch_owned(manager.informer(Certificate))
    # Whoever waits for the name, in any namespace, may have it now.
    controller.watch(
        manager.informer(ClusterDomainClaim),
        lambda claim: [found.key for found in objects.by_index(_BY_HOST, claim.metadata.name)],
    )
    configs.network.on_change(controller.enqueue_all)
