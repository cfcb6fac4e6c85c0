"""What the children of a PodAutoscaler should be."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta, owner_reference
from wakeful.apis.autoscaling import Metric, MetricSpec, PodAutoscaler
from wakeful.apis.autoscaling.annotations import METRIC
from wakeful.apis.networking import (
    ServerlessService,
    ServerlessServiceMode,
    ServerlessServiceSpec,
)
from wakeful.autoscaler import ScalingSpec

NANOSECONDS = 1_000_000_000


def make_serverless_service(
    autoscaler: PodAutoscaler, *, proxy: bool, activators: int
) -> ServerlessService:
    """The network side of the revision: requests pass the gate (``proxy``) or do not."""
    meta = autoscaler.metadata
    annotations = {key: value for key, value in meta.annotations.items() if key != METRIC.name}
    return ServerlessService(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=dict(meta.labels),
            annotations=annotations,
            owner_references=[owner_reference(autoscaler)],
        ),
        spec=ServerlessServiceSpec(
            mode=ServerlessServiceMode.PROXY if proxy else ServerlessServiceMode.SERVE,
            object_ref=autoscaler.spec.scale_target_ref,
            protocol_type=autoscaler.spec.protocol_type,
            num_activators=activators,
        ),
    )


def make_metric(autoscaler: PodAutoscaler, spec: ScalingSpec) -> Metric:
    """Over which windows the load is averaged.

    With the gate always in the path there is nothing to look at behind it: no scrape target.
    """
    meta = autoscaler.metadata
    gated = spec.target_burst_capacity == -1
    return Metric(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            labels=dict(meta.labels),
            annotations=dict(meta.annotations),
            owner_references=[owner_reference(autoscaler)],
        ),
        spec=MetricSpec(
            stable_window=round(spec.stable_window_seconds * NANOSECONDS),
            panic_window=round(spec.panic_window_seconds * NANOSECONDS),
            scrape_target="" if gated else autoscaler.status.metrics_service_name,
        ),
    )
