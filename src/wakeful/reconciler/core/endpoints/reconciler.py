"""Keep the EndpointSlices and the Endpoints of a Service in line with its pods.

A request may be waiting for the very pod that just became ready, so a change of readiness is one
small patch of a slice and nothing else: no read, no status, no lock to lose. Endpoints, which only
old clients read, are kept by a controller of their own and come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Endpoints, Pod, Service
from wakeful.apis.core.service_types import EXTERNAL_NAME, EndpointSubset
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import MANAGED_BY_LABEL
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.reconciler.core.endpoints.resources import (
    CONTROLLER,
    MIRROR,
    SKIP_MIRROR_LABEL,
    endpoints_labels,
    make_endpoints,
    make_mirrored_slices,
    make_slices,
    make_subsets,
    pair_slices,
    pods_behind,
)


class SelectedPods(Protocol):
    """Finds pods without looking at all of them."""

    def selected_by(self, service: Service) -> Sequence[Pod]:
        """Pods that may match the service's selector."""
        ...


class SlicesOf(Protocol):
    """Finds the slices of a service."""

    def slices_of(self, service: Service) -> Sequence[EndpointSlice]:
        """Slices labelled with the service's name."""
        ...


class SliceReconciler:
    """Writes slices; one holds every pod with the same ports."""

    def __init__(
        self,
        client: Client,
        pods: SelectedPods,
        slices: SlicesOf,
        endpoints: Lister[Endpoints],
    ) -> None:
        self._client = client
        self._pods, self._slices, self._endpoints = pods, slices, endpoints

    async def reconcile_kind(self, obj: Service) -> Result | None:
        """Write where the service leads to; without selector, what its Endpoints say."""
        if obj.spec.type == EXTERNAL_NAME:
            return None
        if obj.spec.selector:
            pods = pods_behind(obj, self._pods.selected_by(obj))
            await self._keep_slices(obj, make_slices(obj, pods))
        else:
            await self._keep_slices(obj, self._mirrored(obj))
        return None

    def _mirrored(self, obj: Service) -> list[EndpointSlice]:
        endpoints = self._endpoints.get(obj.metadata.name, obj.metadata.namespace)
        if endpoints is None or endpoints.metadata.labels.get(SKIP_MIRROR_LABEL) == "true":
            return []
        return make_mirrored_slices(obj, endpoints)

    async def _keep_slices(self, obj: Service, wanted: Sequence[EndpointSlice]) -> None:
        have = [
            found
            for found in self._slices.slices_of(obj)
            if found.metadata.labels.get(MANAGED_BY_LABEL) in (CONTROLLER, MIRROR)
        ]
        pairs, rest = pair_slices(obj, have, wanted)
        for found, want in pairs:
            if found is None:
                await self._create(want)
            else:
                await self._patch(found, want)
        for stale in rest:
            await self._delete(stale)

    async def _create(self, want: EndpointSlice) -> None:
        """Create; what is there already was made by an earlier pass the cache lacks: write it."""
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            await self._write(want.metadata.name, want, labels=False)

    async def _patch(self, found: EndpointSlice, want: EndpointSlice) -> None:
        same = want.metadata.labels.items() <= found.metadata.labels.items()
        if not same or found.endpoints != want.endpoints or found.ports != want.ports:
            await self._write(found.metadata.name, want, labels=not same)

    async def _write(self, name: str, want: EndpointSlice, *, labels: bool) -> None:
        patch: dict[str, Any] = {
            "endpoints": [endpoint.to_wire() for endpoint in want.endpoints],
            "ports": [port.to_wire() for port in want.ports],
        }
        if labels:
            patch["metadata"] = {"labels": want.metadata.labels}
        await self._client.patch(EndpointSlice, name, want.metadata.namespace, patch)

    async def _delete(self, stale: EndpointSlice) -> None:
        meta = stale.metadata
        try:
            await self._client.delete(EndpointSlice, meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return


class EndpointsReconciler:
    """Writes the Endpoints of services that select pods."""

    def __init__(self, client: Client, pods: SelectedPods, endpoints: Lister[Endpoints]) -> None:
        self._client, self._pods, self._endpoints = client, pods, endpoints

    async def reconcile_kind(self, obj: Service) -> Result | None:
        """Write where the service leads to."""
        if obj.spec.type == EXTERNAL_NAME or not obj.spec.selector:
            return None
        subsets = make_subsets(obj, pods_behind(obj, self._pods.selected_by(obj)))
        found = self._endpoints.get(obj.metadata.name, obj.metadata.namespace)
        if found is None:
            try:
                await self._client.create(make_endpoints(obj, subsets))
            except AlreadyExistsError:
                await self._write(obj, subsets, labels=True)
            return None
        same = endpoints_labels(obj).items() <= found.metadata.labels.items()
        if not same or found.subsets != subsets:
            await self._write(obj, subsets, labels=not same)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Without a service, its Endpoints go; slices follow by their owner."""
        if self._endpoints.get(key.name, key.namespace) is None:
            return
        try:
            await self._client.delete(Endpoints, key.name, key.namespace)
        except NotFoundError:
            return

    async def _write(self, obj: Service, subsets: list[EndpointSubset], *, labels: bool) -> None:
        patch: dict[str, Any] = {"subsets": [subset.to_wire() for subset in subsets]}
        if labels:
            patch["metadata"] = {"labels": endpoints_labels(obj)}
        await self._client.patch(Endpoints, obj.metadata.name, obj.metadata.namespace, patch)
