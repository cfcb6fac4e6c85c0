"""Refuses what would go beyond a namespace's quotas."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from wakeful.apimachinery.errors import ForbiddenError, qualified
from wakeful.apimachinery.meta import Object
from wakeful.apis.core import ResourceQuota
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.reconciler.core.quota.usage import (
    applies_to,
    exceeded,
    format_amount,
    hard_of,
    total,
    unspecified,
    usage_of,
)


def admit_within_quota(request: AdmissionRequest) -> None:
    """Let a new object pass if every quota of its namespace has room for it.

    What is used is counted from the objects themselves, within the write: a status of a quota
    lags behind, and two writers at once would both see room.

    Raises:
        ForbiddenError: A quota is exceeded, or bounds an amount that the pod leaves open.
    """
    if request.obj is None or request.old is not None or not request.namespace:
        return
    for wire in request.reader.list("", "resourcequotas", request.namespace):
        quota = ResourceQuota.from_wire(wire)
        if applies_to(quota, request.obj):
            _check(request, request.obj, quota)


def _check(request: AdmissionRequest, obj: Object, quota: ResourceQuota) -> None:
    if open_ones := unspecified(quota, obj):
        raise _refusal(
            request, f"failed quota: {quota.metadata.name}: must specify {'; '.join(open_ones)}"
        )
    hard = hard_of(quota)
    asked = usage_of(obj, request.resource.group, request.resource.plural)
    if not hard.keys() & asked.keys():
        return
    used = _used(request, type(obj), quota)
    beyond = exceeded(hard, used, asked)
    if not beyond:
        return

    def tell(amounts: Mapping[str, Decimal]) -> str:
        return ",".join(f"{n}={format_amount(amounts.get(n, Decimal(0)))}" for n in beyond)

    raise _refusal(
        request,
        f"exceeded quota: {quota.metadata.name}, requested: {tell(asked)},"
        f" used: {tell(used)}, limited: {tell(hard)}",
    )


def _used(
    request: AdmissionRequest, model: type[Object], quota: ResourceQuota
) -> dict[str, Decimal]:
    group, plural = request.resource.group, request.resource.plural
    objects = (
        model.from_wire(wire) for wire in request.reader.list(group, plural, request.namespace)
    )
    return total(usage_of(obj, group, plural) for obj in objects if applies_to(quota, obj))


def _refusal(request: AdmissionRequest, why: str) -> ForbiddenError:
    kind = qualified(request.resource.plural, request.resource.group)
    return ForbiddenError(
        f'{kind} "{request.name}" is forbidden: {why}',
        details={"name": request.name, "kind": request.resource.plural},
    )
