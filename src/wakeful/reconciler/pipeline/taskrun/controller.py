"""What makes a TaskRun worth looking at again: its Pod, what it waits for, and time."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.core import Pod
from wakeful.apis.pipeline import TaskRun
from wakeful.apis.resolution.request_types import ResolutionRequest
from wakeful.controller import Controller, Manager
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.resolving import References
from wakeful.reconciler.pipeline.taskrun.plan import Images
from wakeful.reconciler.pipeline.taskrun.prepare import Preparation
from wakeful.reconciler.pipeline.taskrun.reconciler import TaskRunReconciler
from wakeful.reconciler.pipeline.trust import Trust


def make_task_run_controller(
    manager: Manager, configs: PipelineConfigs, images: Images, clock: Clock
) -> Controller[TaskRun]:
    """Wire the controller to its informers."""
    client, recorder = manager.client, manager.recorder
    pods = manager.informer(Pod)
    references = References(client, Trust(client, lambda: configs.flags.no_match_policy))
    preparation = Preparation(client, references, recorder, images)
    reconciler = TaskRunReconciler(client, pods, configs, preparation, recorder, images, clock)
    controller = Controller("taskruns.tekton", client, manager.informer(TaskRun), reconciler)
    controller.watch_owned(pods)
    controller.watch_owned(manager.informer(ResolutionRequest))
    return controller
