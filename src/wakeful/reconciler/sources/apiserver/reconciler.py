"""An ApiServerSource is ready when its account may watch, its sink is known and it watches."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.core import Namespace
from wakeful.apis.duck import CloudEventAttributes
from wakeful.apis.sources import (
    ApiServerSource,
    ApiServerSourceSpec,
    EventMode,
    LegacyApiServerSource,
    register,
)
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.controller.kinds import KindIndex
from wakeful.reconciler.sources.apiserver.access import find_missing_access
from wakeful.reconciler.sources.parts import SourceParts

_LOOK_AGAIN_SECONDS = 5.0
"""Permissions change without a word to us."""
_RECHECK_SECONDS = 60.0


class ApiServerSourceReconciler:
    """Resolves the sink, asks for permissions and reports on the adapter."""

    def __init__(
        self,
        parts: SourceParts,
        client: Client,
        kinds: KindIndex,
        namespaces: Lister[Namespace],
        *,
        server_url: str,
    ) -> None:
        self._parts, self._client, self._kinds = parts, client, kinds
        self._namespaces, self._server_url = namespaces, server_url

    async def reconcile_kind(
        self, source: ApiServerSource | LegacyApiServerSource
    ) -> Result | None:
        """Bring the status up to date."""
        status, spec = source.status, source.wanted
        status.mark_no_oidc()
        if not await self._parts.sinks.provide(source, spec.sink, status):
            return None
        status.namespaces = self._select(source.metadata.namespace, spec)
        may_watch = await self._check_access(source, spec)
        status.propagate_adapter(self._parts.adapters.state(source), _adapter_name(source))
        types = (
            register.APISERVER_RESOURCE_TYPES
            if spec.mode == EventMode.RESOURCE
            else register.APISERVER_REFERENCE_TYPES
        )
        status.ce_attributes = [
            CloudEventAttributes(type=kind, source=self._server_url) for kind in types
        ]
        await self._parts.event_types.reconcile(source, spec.sink, status.ce_attributes)
        return Result(requeue_after=_RECHECK_SECONDS if may_watch else _LOOK_AGAIN_SECONDS)

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody need tell it of its sink any more."""
        self._parts.sinks.forget(key)

    def _select(self, own: str, spec: ApiServerSourceSpec) -> list[str]:
        if spec.namespace_selector is None:
            return [own]
        selector = spec.namespace_selector.to_selector()
        return sorted(found.metadata.name for found in self._namespaces.list(selector=selector))

    async def _check_access(
        self, source: ApiServerSource | LegacyApiServerSource, spec: ApiServerSourceSpec
    ) -> bool:
        status, meta = source.status, source.metadata
        if meta.annotations.get(register.SKIP_PERMISSIONS) == "true":
            status.mark_sufficient_permissions()
            return True
        user = f"system:serviceaccount:{meta.namespace}:{spec.service_account_name or 'default'}"
        missing = await find_missing_access(
            self._client, self._kinds, user, spec.resources, status.namespaces
        )
        if missing:
            status.mark_no_sufficient_permissions(f"User {user} cannot {missing}")
            return False
        status.mark_sufficient_permissions()
        return True


def _adapter_name(source: ApiServerSource | LegacyApiServerSource) -> str:
    return f"apiserversource-{source.metadata.name}-{source.metadata.uid}"
