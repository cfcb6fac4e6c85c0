"""What to do for a Metric."""

from __future__ import annotations

from wakeful.apis.autoscaling import Metric


class MetricReconciler:
    """Report that load is collected.

    Upstream scrapes the instances of each Metric and says here whether that works. Here the load
    of all revisions comes from the gateway in one stream, whatever their Metrics say; an idle
    revision reports nothing and is none the worse for it.
    """

    async def reconcile_kind(self, metric: Metric) -> None:
        """Mark it ready."""
        metric.status.mark_ready()
