"""What the HPA controller watches."""

from __future__ import annotations

from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import (
    CONFIG_NAME,
    HPA,
    POD_AUTOSCALER_CONDITIONS,
    Metric,
    PodAutoscaler,
    parse_config,
)
from wakeful.apis.core import ConfigMap, Pod
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.apis.networking import ServerlessService
from wakeful.controller import Controller, Manager
from wakeful.controller.configmaps import ConfigStore
from wakeful.reconciler.autoscaling.children import Children
from wakeful.reconciler.autoscaling.hpa.reconciler import HPAReconciler
from wakeful.reconciler.autoscaling.kpa.controller import autoscaler_of
from wakeful.reconciler.autoscaling.pods import ReadyPods
from wakeful.reconciler.autoscaling.target import ScaleTargets


def add_hpa_controller(manager: Manager) -> Controller[PodAutoscaler]:
    """Build the controller and have the manager run it."""
    autoscalers = manager.informer(PodAutoscaler)
    hpas = manager.informer(HorizontalPodAutoscaler)
    networks = manager.informer(ServerlessService)
    deployments = manager.informer(Deployment)
    config = ConfigStore(manager.informer(ConfigMap), CONFIG_NAME, parse_config)
    ready = ReadyPods()
    manager.informer(Pod).add_handler(ready.observe)
    reconciler = HPAReconciler(
        manager.client,
        hpas,
        Children(manager.client, networks, manager.informer(Metric)),
        ScaleTargets(manager.client, deployments),
        ready.count,
        config.current,
    )
    controller = Controller(
        "hpa",
        manager.client,
        autoscalers,
        reconciler,
        conditions=POD_AUTOSCALER_CONDITIONS,
        recorder=manager.recorder,
        workers=1,
        selects=is_hpa,
    )
    controller.watch_owned(hpas)
    controller.watch_owned(networks)
    controller.watch(deployments, autoscaler_of)
    ready.on_change(controller.enqueue)
    config.on_change(controller.enqueue_all)
    manager.add(controller)
    return controller


def is_hpa(autoscaler: PodAutoscaler) -> bool:
    """Whether the object asks for this class."""
    return autoscaler.class_name == HPA
