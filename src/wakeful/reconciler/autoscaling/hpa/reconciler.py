"""What to do for a PodAutoscaler of the HPA class."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.conditions import utc_now
from wakeful.apimachinery.errors import APIStatusError, ConflictError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.autoscaling import AutoscalerConfig, PodAutoscaler
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.apis.hpa.resources import set_hpa_defaults
from wakeful.client import Client, Lister
from wakeful.reconciler.autoscaling.children import Children, report_network, require_owned
from wakeful.reconciler.autoscaling.hpa.resources import make_hpa, scale_bounds
from wakeful.reconciler.autoscaling.target import ScaleTargets


class HPAReconciler:
    """Hands scaling over to a HorizontalPodAutoscaler; such a revision never goes to zero.

    Whoever acts upon HorizontalPodAutoscalers (:mod:`..horizontal` here, Kubernetes there) moves
    the scale within its bounds. The bounds are kept here too: zero instances would leave nobody to
    measure.
    """

    def __init__(
        self,
        client: Client,
        hpas: Lister[HorizontalPodAutoscaler],
        children: Children,
        targets: ScaleTargets,
        ready: Callable[[NamespacedName], int],
        config: Callable[[], AutoscalerConfig],
    ) -> None:
        self._client, self._hpas = client, hpas
        self._children, self._targets = children, targets
        self._ready, self._config = ready, config

    async def reconcile_kind(self, autoscaler: PodAutoscaler) -> None:
        """Keep the HorizontalPodAutoscaler, connect, report."""
        hpa = await self._keep_hpa(autoscaler)
        replicas = await self._keep_bounds(autoscaler)
        network = await self._children.keep_serverless_service(
            autoscaler, proxy=False, activators=0
        )
        status = autoscaler.status
        status.metrics_service_name = network.status.private_service_name
        status.service_name = network.status.service_name
        ready = self._ready(autoscaler.key)
        report_network(autoscaler, network, "SKS Services are not ready yet")
        if network.is_ready and ready >= self._initial(autoscaler):
            status.mark_scale_target_initialized()
        status.mark_active()
        wanted = hpa.status.desired_replicas
        status.desired_scale = replicas if wanted is None else wanted
        status.actual_scale = ready

    async def _keep_hpa(self, autoscaler: PodAutoscaler) -> HorizontalPodAutoscaler:
        want = make_hpa(autoscaler, self._config())
        have = self._hpas.get(want.metadata.name, want.metadata.namespace)
        if have is None:
            try:
                return await self._client.create(want)
            except ConflictError:
                raise
            except APIStatusError:
                autoscaler.status.mark_resource_failed_creation(want.gvk.kind, want.metadata.name)
                raise
        require_owned(autoscaler, have)
        set_hpa_defaults(want, have, AdmissionContext("UPDATE", utc_now()))
        if have.spec == want.spec:
            return have
        return await self._client.update(have.model_copy(update={"spec": want.spec}))

    async def _keep_bounds(self, autoscaler: PodAutoscaler) -> int:
        low, high = scale_bounds(autoscaler, self._config())
        present = await self._targets.replicas(autoscaler)
        want = max(present, low, 1)
        if high:
            want = min(want, max(high, 1))
        if want != present:
            await self._targets.scale(autoscaler, want)
        return want

    def _initial(self, autoscaler: PodAutoscaler) -> int:
        """Ready instances it takes before the revision counts as up."""
        config, asked = self._config(), autoscaler.autoscaling.initial_scale
        if asked is None or (asked == 0 and not config.allow_zero_initial_scale):
            asked = config.initial_scale
        return max(asked, scale_bounds(autoscaler, config)[0])
