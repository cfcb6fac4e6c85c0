"""What the KPA controller watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wakeful.aio import Clock
from wakeful.apimachinery.meta import NamespacedName, Object
from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import (
    CONFIG_NAME,
    KPA,
    POD_AUTOSCALER_CONDITIONS,
    Metric,
    PodAutoscaler,
    parse_config,
)
from wakeful.apis.core import ConfigMap, Pod
from wakeful.apis.networking import ServerlessService
from wakeful.apis.serving import register
from wakeful.apis.serving.config import CONFIG_DEPLOYMENT, parse_deployment
from wakeful.autoscaler import LoadSource
from wakeful.autoscaler.coldstart import Mark
from wakeful.autoscaler.exposition import ScalingFigures
from wakeful.client import Change
from wakeful.controller import Controller, Manager
from wakeful.controller.configmaps import ConfigStore
from wakeful.reconciler.autoscaling.children import Children
from wakeful.reconciler.autoscaling.deciders import Deciders
from wakeful.reconciler.autoscaling.figures import gather_figures
from wakeful.reconciler.autoscaling.kpa.frozen import FrozenPods
from wakeful.reconciler.autoscaling.kpa.parking import Parking
from wakeful.reconciler.autoscaling.kpa.reconciler import KPAReconciler
from wakeful.reconciler.autoscaling.kpa.zygotes import ZygotePods, revision_of_parked
from wakeful.reconciler.autoscaling.pods import ReadyPods
from wakeful.reconciler.autoscaling.target import ScaleTargets

REPORT_DELAY_SECONDS = 0.01
"""Instances and workloads that change are only reported upon, a moment later: the steps that follow
from the change, which a held request may wait for, go first."""


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """The parts that others hold on to: the gate pokes the deciders, the API asks them why."""

    controller: Controller[PodAutoscaler]
    deciders: Deciders
    figures: Callable[[], list[ScalingFigures]]
    """What every revision looks like now, to be scraped."""

    def note_start(self, pod: Pod, mark: Mark) -> None:
        """Take note of a step of an instance that may end somebody's wait."""
        for key in autoscaler_of(pod):
            self.deciders.starts.note(key, mark, pod.metadata.name)


def add_kpa_controller(
    manager: Manager,
    source: LoadSource,
    *,
    clock: Clock | None = None,
    parking: Parking | None = None,
) -> Autoscaling:
    """Build the controller and the deciders, and have the manager run both.

    ``parking`` is the one that the API server asks at admission; without it nothing is kept ready.
    """
    autoscalers = manager.informer(PodAutoscaler)
    networks = manager.informer(ServerlessService)
    metrics = manager.informer(Metric)
    deployments = manager.informer(Deployment)
    pods = manager.informer(Pod)
    config_maps = manager.informer(ConfigMap)
    config = ConfigStore(config_maps, CONFIG_NAME, parse_config)
    deployment_config = ConfigStore(config_maps, CONFIG_DEPLOYMENT, parse_deployment)

    ready = ReadyPods()
    pods.add_handler(ready.observe)
    deciders = Deciders(source, ready.count, clock=clock, hurry=manager.right_of_way.claim)
    frozen = FrozenPods(manager.client, pods)
    reconciler = KPAReconciler(
        deciders,
        Children(manager.client, networks, metrics),
        ScaleTargets(manager.client, deployments),
        ready.count,
        config.current,
        lambda: deployment_config.current().progress_deadline_seconds,
        frozen,
        ZygotePods(manager.client, frozen, parking or Parking()),
        clock=clock,
    )
    controller = Controller(
        "kpa",
        manager.client,
        autoscalers,
        reconciler,
        conditions=POD_AUTOSCALER_CONDITIONS,
        recorder=manager.recorder,
        selects=is_kpa,
        urgent=True,
    )
    controller.watch_owned(networks)
    controller.watch_owned(metrics)
    deployments.add_handler(_reports_to(controller))
    pods.add_handler(_tells_of_zygotes(controller))
    ready.on_change(lambda key: controller.queue.add_after(key, REPORT_DELAY_SECONDS))
    ready.on_change(deciders.rouse)
    # The request goes in the same moment; then it is the others' turn.
    ready.on_change(lambda _: manager.right_of_way.release(after_seconds=REPORT_DELAY_SECONDS))
    deciders.on_change(controller.enqueue)
    config.on_change(controller.enqueue_all)
    deployment_config.on_change(controller.enqueue_all)
    manager.add(controller)
    manager.add(deciders)
    return Autoscaling(controller, deciders, lambda: gather_figures(deciders, autoscalers, pods))


def _reports_to(controller: Controller[PodAutoscaler]) -> Callable[[Change[Deployment]], None]:
    def handler(change: Change[Deployment]) -> None:
        if change.listed:
            return  # the autoscaler is looked at anyway
        for key in autoscaler_of(change.object):
            controller.queue.add_after(key, REPORT_DELAY_SECONDS)

    return handler


def _tells_of_zygotes(controller: Controller[PodAutoscaler]) -> Callable[[Change[Pod]], None]:
    def handler(change: Change[Pod]) -> None:
        revision = revision_of_parked(change)
        if revision is not None:
            controller.queue.add_after(revision, REPORT_DELAY_SECONDS)

    return handler


def is_kpa(autoscaler: PodAutoscaler) -> bool:
    """Whether the object asks for this class."""
    return autoscaler.class_name == KPA


def autoscaler_of(child: Object) -> Iterable[NamespacedName]:
    """The PodAutoscaler that has the name of the revision a workload is labelled with."""
    revision = child.metadata.labels.get(register.REVISION)
    return (NamespacedName(child.metadata.namespace, revision),) if revision else ()
