"""Keeps revisions at the scale their load asks for: PodAutoscalers of both classes, and Metrics.

HorizontalPodAutoscalers are acted upon too, whoever made them, where no Kubernetes does it.

Decides nothing itself: numbers come from :mod:`wakeful.autoscaler`, and load from whoever plays
:class:`~wakeful.autoscaler.LoadSource`.
"""

from wakeful.reconciler.autoscaling.deciders import Deciders, Recommendation
from wakeful.reconciler.autoscaling.horizontal.controller import add_horizontal_controller
from wakeful.reconciler.autoscaling.hpa.controller import add_hpa_controller
from wakeful.reconciler.autoscaling.kpa.controller import Autoscaling, add_kpa_controller
from wakeful.reconciler.autoscaling.kpa.parking import Parking
from wakeful.reconciler.autoscaling.metric.controller import add_metric_controller

__all__ = [
    "Autoscaling",
    "Deciders",
    "Parking",
    "Recommendation",
    "add_horizontal_controller",
    "add_hpa_controller",
    "add_kpa_controller",
    "add_metric_controller",
]
