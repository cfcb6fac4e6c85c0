"""What pods use, and where the figures come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.quantity import parse_quantity


class UsageSource(Protocol):
    """Whoever measures instances: the node agent, or the metrics API of a cluster."""

    async def pods(self, namespace: str = "", name: str = "") -> list[dict[str, Any]]:
        """``PodMetrics`` (``metrics.k8s.io/v1beta1``) of all namespaces or one, of all or one."""
        ...

    def node(self) -> dict[str, Any]:
        """``NodeMetrics`` of this machine."""
        ...


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What one pod used over ``window_seconds`` up to ``at``: cpu in cores, memory in bytes."""

    at: datetime
    window_seconds: float
    containers: Mapping[str, Mapping[str, float]]
    """Amounts by resource, by container."""

    def of(self, resource: str, container: str = "") -> float | None:
        """The amount of one container or of all together; None where something is not known."""
        if container:
            found = self.containers.get(container)
            return None if found is None else found.get(resource)
        total = 0.0
        for amounts in self.containers.values():
            amount = amounts.get(resource)
            if amount is None:
                return None
            total += amount
        return total if self.containers else None


def parse_pod_usage(metrics: Mapping[str, Any]) -> PodUsage:
    """Read one ``PodMetrics``.

    Raises:
        ValueError: It is not one.
    """
    try:
        return PodUsage(
            at=parse_time(metrics["timestamp"]),
            window_seconds=parse_duration(metrics["window"]).total_seconds(),
            containers={
                container["name"]: {
                    resource: float(parse_quantity(str(amount)))
                    for resource, amount in container["usage"].items()
                }
                for container in metrics["containers"]
            },
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"not PodMetrics: {metrics!r}") from err
