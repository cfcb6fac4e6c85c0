"""Wires the controllers of Tekton's kinds."""

from __future__ import annotations

from wakeful.aio import Clock, SystemClock
from wakeful.controller import Manager
from wakeful.reconciler.pipeline.configs import PipelineConfigs
from wakeful.reconciler.pipeline.pipelinerun.controller import make_pipeline_run_controller
from wakeful.reconciler.pipeline.taskrun.controller import make_task_run_controller
from wakeful.reconciler.pipeline.taskrun.plan import Images


def add_pipeline_controllers(
    manager: Manager, *, images: Images | None = None, clock: Clock | None = None
) -> None:
    """Add the controllers of TaskRuns and PipelineRuns."""
    clock, images = clock or SystemClock(), images or Images()
    configs = PipelineConfigs(manager)
    manager.add(make_task_run_controller(manager, configs, images, clock))
    manager.add(make_pipeline_run_controller(manager, configs, clock))
