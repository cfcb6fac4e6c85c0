"""Tells in a quota's status what is used of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from wakeful.apimachinery.errors import qualified
from wakeful.apimachinery.scheme import Resource, Scheme
from wakeful.apis.core import Pod, ResourceQuota
from wakeful.client import Client, Lister
from wakeful.controller import Result
from wakeful.reconciler.core.quota.usage import (
    COUNT,
    applies_to,
    format_amount,
    hard_of,
    total,
    usage_of,
)

_AGAIN_SECONDS = 30.0
"""How often objects are counted whose changes are not followed: all but pods."""


class QuotaReconciler:
    """Counts what is in the namespace; nobody is refused by this status, it is there to be read."""

    def __init__(self, client: Client, pods: Lister[Pod]) -> None:
        self._client, self._pods = client, pods

    async def reconcile_kind(self, obj: ResourceQuota) -> Result | None:
        """Fill ``hard`` and ``used``."""
        hard = hard_of(obj)
        namespace = obj.metadata.namespace
        pods = (pod for pod in self._pods.list(namespace) if applies_to(obj, pod))
        used = total(usage_of(pod, "", "pods") for pod in pods)
        others = list(counted_kinds(hard, self._client.scheme))
        for resource in others:
            found = (await self._client.list(resource.model, namespace)).items
            used |= total(
                usage_of(one, resource.group, resource.plural)
                for one in found
                if applies_to(obj, one)
            )
        obj.status.hard = dict(obj.spec.hard)
        obj.status.used = {name: format_amount(used.get(name, Decimal(0))) for name in hard}
        return Result(requeue_after=_AGAIN_SECONDS) if others else None


def counted_kinds(names: Iterable[str], scheme: Scheme) -> Iterable[Resource]:
    """Kinds, other than pods, that bounds of these names are about."""
    wanted = {
        "persistentvolumeclaims"
        if name == "requests.storage"
        else name.removeprefix(COUNT).removesuffix(".nodeports").removesuffix(".loadbalancers")
        for name in names
    } - {"pods"}
    return (
        resource
        for resource in scheme
        if resource.namespaced and qualified(resource.plural, resource.group) in wanted
    )
