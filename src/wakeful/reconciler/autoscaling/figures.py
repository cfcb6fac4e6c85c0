"""Gathers what is known of every revision that scales by requests, for whoever scrapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PodPhase
from wakeful.apis.serving import register
from wakeful.autoscaler.exposition import PodCounts, ScalingFigures
from wakeful.reconciler.autoscaling.deciders import Deciders


def gather_figures(
    deciders: Deciders, autoscalers: Iterable[PodAutoscaler], pods: Iterable[Pod]
) -> list[ScalingFigures]:
    """Look at everything once; what is not ours to scale is left out."""
    by_revision: dict[NamespacedName, list[Pod]] = defaultdict(list)
    for pod in pods:
        revision = pod.metadata.labels.get(register.REVISION)
        if revision:
            by_revision[NamespacedName(pod.metadata.namespace, revision)].append(pod)
    found = []
    for autoscaler in autoscalers:
        history = deciders.history(autoscaler.key)
        if history is None:
            continue
        outcome, latest = history.outcome, history.latest
        known = outcome is not None and outcome.want >= 0
        labels = autoscaler.metadata.labels
        found.append(
            ScalingFigures(
                autoscaler.metadata.namespace,
                labels.get(register.SERVICE, ""),
                labels.get(register.CONFIGURATION, ""),
                autoscaler.metadata.name,
                count_pods(by_revision.get(autoscaler.key, ())),
                requested=outcome.want if outcome is not None and known else None,
                decision=latest.decision if latest is not None else None,
                cold_starts=deciders.starts.totals(autoscaler.key),
            )
        )
    return found


def count_pods(pods: Iterable[Pod]) -> PodCounts:
    """Count Pods by their state; those that have ended count nowhere."""
    ready = not_ready = pending = terminating = 0
    for pod in pods:
        if pod.status.phase == PodPhase.PENDING:
            pending += 1
        elif pod.status.phase != PodPhase.RUNNING:
            continue
        elif pod.is_deleting:
            terminating += 1
        elif pod.is_ready:
            ready += 1
            continue
        not_ready += 1
    return PodCounts(ready, not_ready, pending, terminating)
