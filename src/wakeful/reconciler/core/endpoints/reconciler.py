"""Keeps the Endpoints and EndpointSlices of a Service in line with its pods.

A request may be waiting for the very pod that just became ready, so a change of readiness is two
small patches and nothing else: no read, no status, no lock to lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from wakeful.apimachinery.errors import AlreadyExistsError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Endpoints, Pod, Service
from wakeful.apis.core.service_types import EXTERNAL_NAME
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


class EndpointsReconciler:
    """Writes where a service leads to; one slice holds every pod with the same ports."""

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
        """Bring slices, then Endpoints, in line."""
        if obj.spec.type == EXTERNAL_NAME:
            return None
        if not obj.spec.selector:
            await self._mirror(obj)
            return None
        pods = pods_behind(obj, self._pods.selected_by(obj))
        await self._keep_slices(obj, make_slices(obj, pods))
        await self._keep_endpoints(obj, pods)
        return None

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Without a service, its Endpoints go; slices follow by their owner."""
        if self._endpoints.get(key.name, key.namespace) is None:
            return
        try:
            await self._client.delete(Endpoints, key.name, key.namespace)
        except NotFoundError:
            return

    async def _mirror(self, obj: Service) -> None:
        endpoints = self._endpoints.get(obj.metadata.name, obj.metadata.namespace)
        wanted: list[EndpointSlice] = []
        if endpoints is not None and endpoints.metadata.labels.get(SKIP_MIRROR_LABEL) != "true":
            wanted = make_mirrored_slices(obj, endpoints)
        await self._keep_slices(obj, wanted)

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
                await self._patch_slice(found, want)
        for stale in rest:
            await self._delete_slice(stale)

    async def _patch_slice(self, found: EndpointSlice, want: EndpointSlice) -> None:
        labels = want.metadata.labels
        same = labels.items() <= found.metadata.labels.items()
        if same and found.endpoints == want.endpoints and found.ports == want.ports:
            return
        patch: dict[str, Any] = {
            "endpoints": [endpoint.to_wire() for endpoint in want.endpoints],
            "ports": [port.to_wire() for port in want.ports],
        }
        if not same:
            patch["metadata"] = {"labels": labels}
        await self._client.patch(
            EndpointSlice, found.metadata.name, found.metadata.namespace, patch
        )

    async def _delete_slice(self, stale: EndpointSlice) -> None:
        meta = stale.metadata
        try:
            await self._client.delete(EndpointSlice, meta.name, meta.namespace, uid=meta.uid)
        except NotFoundError:
            return

    async def _keep_endpoints(self, obj: Service, pods: Sequence[Pod]) -> None:
        subsets = make_subsets(obj, pods)
        found = self._endpoints.get(obj.metadata.name, obj.metadata.namespace)
        if found is None:
            await self._create(make_endpoints(obj, subsets))
            return
        labels = endpoints_labels(obj)
        same = labels.items() <= found.metadata.labels.items()
        if same and found.subsets == subsets:
            return
        patch: dict[str, Any] = {"subsets": [subset.to_wire() for subset in subsets]}
        if not same:
            patch["metadata"] = {"labels": labels}
        await self._client.patch(Endpoints, found.metadata.name, found.metadata.namespace, patch)

    async def _create(self, want: Endpoints | EndpointSlice) -> None:
        """Create; what is there already was made by an earlier pass the cache lacks: write it."""
        try:
            await self._client.create(want)
        except AlreadyExistsError:
            wire = want.to_wire()
            parts = ("subsets",) if isinstance(want, Endpoints) else ("endpoints", "ports")
            patch = {part: wire.get(part, []) for part in parts}
            meta = want.metadata
            await self._client.patch(type(want), meta.name, meta.namespace, patch)
