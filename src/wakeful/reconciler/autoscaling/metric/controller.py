"""What the Metric controller watches."""

from __future__ import annotations

from wakeful.apis.autoscaling import METRIC_CONDITIONS, Metric
from wakeful.controller import Controller, Manager
from wakeful.reconciler.autoscaling.metric.reconciler import MetricReconciler


def add_metric_controller(manager: Manager) -> Controller[Metric]:
    """Build the controller and have the manager run it."""
    controller = Controller(
        "metric",
        manager.client,
        manager.informer(Metric),
        MetricReconciler(),
        conditions=METRIC_CONDITIONS,
        workers=1,
    )
    manager.add(controller)
    return controller
