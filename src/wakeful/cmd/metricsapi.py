"""``metrics.k8s.io``: what instances and the node use, for ``kubectl top`` and autoscalers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.labels import Selector, parse_selector
from wakeful.apimachinery.request import APIRequest
from wakeful.apiserver.http.aggregated import AggregatedResource
from wakeful.apiserver.registry.core import APIServer
from wakeful.autoscaler.usage import UsageSource


class MetricsAPI:
    """Answers for the group from what the node agent measures.

    Figures bear the labels of what they are about, so that selectors work on them.
    """

    group, version = "metrics.k8s.io", "v1beta1"
    resources = (
        AggregatedResource("nodes", "NodeMetrics", namespaced=False),
        AggregatedResource("pods", "PodMetrics", namespaced=True),
    )

    def __init__(self, usage: UsageSource, server: APIServer) -> None:
        self._usage, self._server = usage, server
        usage.node()  # use is an average: the first one to ask gets the one since now

    async def answer(self, request: APIRequest) -> dict[str, Any]:
        """See :class:`~wakeful.apiserver.http.aggregated.AggregatedAPI`."""
        if request.resource == "nodes":
            found = [self._usage.node()]
        else:
            found = await self._usage.pods(request.namespace, request.name)
        found = [self._labelled(request.resource, metrics) for metrics in found]
        if request.name:
            return _one(request, found)
        selector = parse_selector(request.params.get("labelSelector", ""))
        kind = "NodeMetricsList" if request.resource == "nodes" else "PodMetricsList"
        return {
            "kind": kind,
            "apiVersion": f"{self.group}/{self.version}",
            "metadata": {},
            "items": [m for m in found if _matches(m, selector)],
        }

    def _labelled(self, resource: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
        meta = metrics["metadata"]
        about = self._server.objects.get("", resource, meta["name"], meta.get("namespace", ""))
        labels = (about["metadata"].get("labels") if about else None) or {}
        return {**metrics, "metadata": {**meta, **({"labels": labels} if labels else {})}}


def _one(request: APIRequest, found: list[dict[str, Any]]) -> dict[str, Any]:
    for metrics in found:
        if metrics["metadata"]["name"] == request.name:
            return metrics
    raise NotFoundError.of(request.resource, request.group, request.name)


def _matches(metrics: Mapping[str, Any], selector: Selector) -> bool:
    return selector.matches(metrics["metadata"].get("labels", {}))
