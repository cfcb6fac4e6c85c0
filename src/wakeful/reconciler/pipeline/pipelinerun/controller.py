"""What makes a PipelineRun worth looking at again: the runs of its tasks, and time."""

from __future__ import annotations

from wakeful.aio import Clock
from wakeful.apis.pipeline import CustomRun, PipelineRun, TaskRun
from wakeful.apis.resolution.request_types import ResolutionRequest
from wakeful.controller import Controller, Manager
from wakeful.reconciler.apps.ownership import CachedChildren
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.pipelinerun.lookup import Lookup
from wakeful.reconciler.pipeline.pipelinerun.reconciler import PipelineRunReconciler
from wakeful.reconciler.pipeline.resolving import References
from wakeful.reconciler.pipeline.trust import Trust


def make_pipeline_run_controller(
    manager: Manager, configs: PipelineConfigs, clock: Clock
) -> Controller[PipelineRun]:
    """Wire the controller to its informers."""
    client = manager.client
    runs, task_runs = manager.informer(PipelineRun), manager.informer(TaskRun)
    custom_runs = manager.informer(CustomRun)
    lookup = Lookup(
        References(client, Trust(client, lambda: configs.flags.no_match_policy)),
        CachedChildren(client, task_runs),
        CachedChildren(client, custom_runs),
        CachedChildren(client, runs),
    )
    reconciler = PipelineRunReconciler(client, lookup, configs, manager.recorder, clock)
    controller = Controller("pipelineruns.tekton", client, runs, reconciler)
    controller.watch_owned(task_runs)
    controller.watch_owned(custom_runs)
    controller.watch_owned(runs)
    controller.watch_owned(manager.informer(ResolutionRequest))
    return controller
