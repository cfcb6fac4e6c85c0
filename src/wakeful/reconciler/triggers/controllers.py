"""Wires listeners to their informers, and the hub to the listeners."""

from __future__ import annotations

from wakeful.apis.core import Secret
from wakeful.apis.core import Service as KubeService
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.networking import Ingress
from wakeful.apis.triggers import (
    LISTENER_CONDITIONS,
    ClusterInterceptor,
    ClusterTriggerBinding,
    EventListener,
    Interceptor,
    Trigger,
    TriggerBinding,
    TriggerTemplate,
)
from wakeful.controller import Controller, Manager
from wakeful.controller.kinds import KindIndex
from wakeful.reconciler.serving import GatewayAddress
from wakeful.reconciler.serving.children import Children
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.route.hosts import HostNames
from wakeful.reconciler.triggers.calls import AccountTransport, Poster
from wakeful.reconciler.triggers.hub import ListenerHub
from wakeful.reconciler.triggers.interceptors import Interceptors
from wakeful.reconciler.triggers.processing import Processor, TriggerListers
from wakeful.reconciler.triggers.reconciler import EventListenerReconciler, ListenerListers


class LiveHostNames:
    """How hosts are named at present."""

    def __init__(self, configs: ServingConfigs, gateway: GatewayAddress) -> None:
        self._configs, self._gateway = configs, gateway

    def current(self) -> HostNames:
        """The names by the settings in force."""
        domain, network = self._configs.domain.current(), self._configs.network.current()
        return HostNames(domain, network, self._gateway)


def add_trigger_controllers(
    manager: Manager, *, gateway: GatewayAddress, transport: AccountTransport, post: Poster
) -> None:
    """Add the controller of EventListeners and the server behind them."""
    configs = ServingConfigs(manager)
    listeners = manager.informer(EventListener)
    services, ingresses = manager.informer(KubeService), manager.informer(Ingress)
    endpoints = manager.informer(EndpointSlice)
    processor = Processor(
        TriggerListers(
            manager.informer(Trigger),
            manager.informer(TriggerBinding),
            manager.informer(ClusterTriggerBinding),
            manager.informer(TriggerTemplate),
        ),
        Interceptors(
            manager.informer(Secret),
            manager.informer(ClusterInterceptor),
            manager.informer(Interceptor),
            post,
        ),
        KindIndex(manager),
        transport,
        manager.recorder,
    )
    hub = ListenerHub(listeners, processor)
    manager.add(hub)
    controller = Controller(
        "eventlisteners.triggers",
        manager.client,
        listeners,
        EventListenerReconciler(
            ListenerListers(services, endpoints, ingresses),
            Children(manager.client, manager.recorder),
            LiveHostNames(configs, gateway),
            lambda: hub.port,
        ),
        conditions=LISTENER_CONDITIONS,
        recorder=manager.recorder,
    )
    controller.watch_owned(services)
    controller.watch_owned(ingresses)
    controller.watch_owned(endpoints)
    hub.on_listening(controller.enqueue_all)
    for store in (configs.domain, configs.network):
        store.on_change(controller.enqueue_all)
    manager.add(controller)
