"""What makes a Revision worth looking at again: its children, pods in trouble, settings."""

from __future__ import annotations

from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.caching import Image
from wakeful.apis.core import Pod
from wakeful.apis.serving import REVISION_CONDITIONS, Revision
from wakeful.controller import Controller, Manager
from wakeful.reconciler.serving.configs import ServingConfigs
from wakeful.reconciler.serving.revision.digests import DigestQueue
from wakeful.reconciler.serving.revision.pods import revision_of
from wakeful.reconciler.serving.revision.reconciler import RevisionListers, RevisionReconciler
from wakeful.reconciler.serving.revision.resources import RevisionConfig


class LiveRevisionConfig:
    """The settings of several maps in one."""

    def __init__(self, configs: ServingConfigs) -> None:
        self._configs = configs

    def current(self) -> RevisionConfig:
        """The values in force."""
        configs = self._configs
        return RevisionConfig(
            configs.defaults.current(),
            configs.features.current(),
            configs.deployment.current(),
            configs.autoscaler.current(),
        )


def make_controller(
    manager: Manager, configs: ServingConfigs, digests: DigestQueue
) -> Controller[Revision]:
    """Wire the controller to its informers; the queue of digests is for the manager to run."""
    deployments, pods = manager.informer(Deployment), manager.informer(Pod)
    autoscalers, images = manager.informer(PodAutoscaler), manager.informer(Image)
    controller = Controller(
        "revisions.serving",
        manager.client,
        manager.informer(Revision),
        RevisionReconciler(
            manager.client,
            RevisionListers(deployments, autoscalers, images, pods),
            digests,
            LiveRevisionConfig(configs),
            configs.observability,
            manager.recorder,
        ),
        conditions=REVISION_CONDITIONS,
        recorder=manager.recorder,
        workers=8,
    )
    controller.watch_owned(deployments)
    controller.watch_owned(autoscalers)
    controller.watch_owned(images)
    controller.watch(pods, revision_of)
    digests.on_answer(controller.enqueue)
    for store in (configs.defaults, configs.features, configs.deployment):
        store.on_change(controller.enqueue_all)
    configs.observability.on_change(controller.enqueue_all)
    return controller
