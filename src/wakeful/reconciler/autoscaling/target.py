"""The scale of what an autoscaler points to: read from the cache, written through ``/scale``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wakeful.apimachinery.errors import NotFoundError, TerminalError
from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.request import APIRequest, PatchType, Verb
from wakeful.apimachinery.scheme import Resource
from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.client import Client, Lister

Scaler = PodAutoscaler | HorizontalPodAutoscaler


@dataclass(frozen=True, slots=True)
class TargetScale:
    """What ``/scale`` says."""

    wanted: int
    present: int
    selector: str
    """Of the pods that count."""


class ScaleTargets:
    """Deployments from the cache, anything else with a scale by asking for it."""

    def __init__(self, client: Client, deployments: Lister[Deployment]) -> None:
        self._client, self._deployments = client, deployments

    async def replicas(self, autoscaler: Scaler) -> int:
        """The scale asked for at present; 1 where none was said.

        Raises:
            NotFoundError: The target is not there (yet).
            TerminalError: There is no such kind, or it cannot be scaled.
        """
        reference = autoscaler.spec.scale_target_ref
        resource = self._resource(autoscaler)
        if resource.model is Deployment:
            found = self._deployments.get(reference.name, autoscaler.metadata.namespace)
            if found is None:
                raise NotFoundError.of(resource.plural, resource.group, reference.name)
            return 1 if found.spec.replicas is None else found.spec.replicas
        scale = await self._call(Verb.GET, autoscaler, resource)
        replicas: int = (scale.get("spec") or {}).get("replicas", 0)
        return replicas

    async def read(self, autoscaler: Scaler) -> TargetScale:
        """Ask for the scale, past the cache.

        Raises:
            NotFoundError: The target is not there (yet).
            TerminalError: There is no such kind, or it cannot be scaled.
        """
        scale = await self._call(Verb.GET, autoscaler, self._resource(autoscaler))
        spec, status = scale.get("spec") or {}, scale.get("status") or {}
        return TargetScale(
            spec.get("replicas", 0), status.get("replicas", 0), status.get("selector", "")
        )

    async def scale(self, autoscaler: Scaler, replicas: int) -> None:
        """Ask for a scale."""
        patch = [{"op": "add", "path": "/spec/replicas", "value": replicas}]
        await self._call(Verb.PATCH, autoscaler, self._resource(autoscaler), patch)

    def _resource(self, autoscaler: Scaler) -> Resource:
        reference = autoscaler.spec.scale_target_ref
        kind = GroupVersionKind.parse(reference.api_version, reference.kind)
        resource = self._client.scheme.by_kind(kind.group, kind.kind)
        if resource is None or resource.scale is None:
            raise TerminalError(f"{autoscaler}: scale target kind {str(kind)!r} has no scale")
        return resource

    async def _call(
        self, verb: Verb, autoscaler: Scaler, resource: Resource, patch: Any = None
    ) -> dict[str, Any]:
        return await self._client.transport.call(
            APIRequest(
                verb,
                resource.group,
                resource.gvk.version,
                resource.plural,
                namespace=autoscaler.metadata.namespace,
                name=autoscaler.spec.scale_target_ref.name,
                subresource="scale",
                body=patch,
                patch_type=PatchType.JSON if verb is Verb.PATCH else None,
            )
        )
