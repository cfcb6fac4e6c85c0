"""What an object uses of a quota, and whether that is too much. Pure.

The names are those of Kubernetes: ``cpu`` and ``requests.cpu`` are the same thing, ``pods`` counts
those that have not ended, ``count/PLURAL.GROUP`` counts objects of any kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from wakeful.apimachinery.errors import qualified
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core import PersistentVolumeClaim, Pod, ResourceQuota, Service
from wakeful.apis.core.pod_types import Container
from wakeful.apis.core.service_rules import wants_node_ports
from wakeful.apis.core.service_types import LOAD_BALANCER
from wakeful.reconciler.core.scheduling.fit import requests_of

Amounts = Mapping[str, Decimal]

COUNT = "count/"
_COUNTED = (
    "pods",
    "services",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "replicationcontrollers",
    "resourcequotas",
)
"""Kinds that are counted by their bare names as well."""
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_POD_SCOPES = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass")


def usage_of(obj: Object, group: str, plural: str) -> dict[str, Decimal]:
    """What one object uses, by every name that a quota may bound it with."""
    used = {COUNT + qualified(plural, group): Decimal(1)}
    if group == "" and plural in _COUNTED:
        used[plural] = Decimal(1)
    if isinstance(obj, Pod):
        used |= _pod_usage(obj)
    elif isinstance(obj, Service):
        used |= _service_usage(obj)
    elif isinstance(obj, PersistentVolumeClaim) and obj.spec.resources is not None:
        storage = obj.spec.resources.requests.get("storage")
        if storage is not None:
            used["requests.storage"] = parse_quantity(storage)
    return used


def _pod_usage(pod: Pod) -> dict[str, Decimal]:
    if pod.is_finished:
        return {"pods": Decimal(0)}
    used = {"pods": Decimal(1)}
    for name, amount in requests_of(pod.spec).items():
        used[f"requests.{name}"] = amount
        if name in _PLAIN:
            used[name] = amount
    for name, amount in _limits(pod).items():
        used[f"limits.{name}"] = amount
    return used


def _limits(pod: Pod) -> dict[str, Decimal]:
    """All containers together, or the largest init container if that is more."""
    total: dict[str, Decimal] = {}
    for container in pod.spec.containers:
        for name, text in container.resources.limits.items():
            total[name] = total.get(name, Decimal(0)) + parse_quantity(text)
    for container in pod.spec.init_containers:
        for name, text in container.resources.limits.items():
            total[name] = max(total.get(name, Decimal(0)), parse_quantity(text))
    return total


def _service_usage(service: Service) -> dict[str, Decimal]:
    kind = service.spec.type
    ports = len(service.spec.ports) if wants_node_ports(service) else 0
    return {
        "services.nodeports": Decimal(ports),
        "services.loadbalancers": Decimal(kind == LOAD_BALANCER),
    }


# --- scopes ---------------------------------------------------------------------------------------


def applies_to(quota: ResourceQuota, obj: Object) -> bool:
    """Whether the quota's scopes, if it has any, take the object in."""
    terms: list[dict[str, Any]] = [
        {"scopeName": name, "operator": "Exists"} for name in quota.spec.scopes
    ]
    terms += (quota.spec.scope_selector or {}).get("matchExpressions") or []
    return not terms or (isinstance(obj, Pod) and all(_in_scope(term, obj) for term in terms))


def _in_scope(term: Mapping[str, Any], pod: Pod) -> bool:
    name = term.get("scopeName")
    if name not in _POD_SCOPES:
        return False
    if name == "PriorityClass":
        return _has_priority(term, pod.spec.priority_class_name)
    ends = pod.spec.active_deadline_seconds is not None
    asks = any(
        container.resources.requests or container.resources.limits
        for container in (*pod.spec.containers, *pod.spec.init_containers)
    )
    holds = {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": not asks,
        "NotBestEffort": asks,
    }
    return holds[name]


def _has_priority(term: Mapping[str, Any], priority: str) -> bool:
    values = term.get("values") or ()
    match term.get("operator"):
        case "In":
            return priority in values
        case "NotIn":
            return priority not in values
        case "DoesNotExist":
            return not priority
        case _:
            return bool(priority)


# --- bounds ---------------------------------------------------------------------------------------


def hard_of(quota: ResourceQuota) -> dict[str, Decimal]:
    """The quota's bounds."""
    return {name: parse_quantity(text) for name, text in quota.spec.hard.items()}


def total(used: Iterable[Amounts]) -> dict[str, Decimal]:
    """Everything together."""
    result: dict[str, Decimal] = {}
    for one in used:
        for name, amount in one.items():
            result[name] = result.get(name, Decimal(0)) + amount
    return result


def unspecified(quota: ResourceQuota, obj: Object) -> list[str]:
    """Amounts that containers leave open although the quota bounds them, as ``cpu for: a,b``."""
    if not isinstance(obj, Pod) or obj.is_finished:
        return []
    open_ones = []
    for name in sorted(quota.spec.hard):
        containers = [c.name for c in obj.spec.containers if _leaves_open(c, name)]
        if containers:
            open_ones.append(f"{name} for: {','.join(containers)}")
    return open_ones


def _leaves_open(container: Container, name: str) -> bool:
    limits, requests = container.resources.limits, container.resources.requests
    if name in ("limits.cpu", "limits.memory"):
        return name.removeprefix("limits.") not in limits
    if name in ("cpu", "memory", "requests.cpu", "requests.memory"):
        plain = name.removeprefix("requests.")
        return plain not in requests and plain not in limits
    return False


def exceeded(hard: Amounts, used: Amounts, asked: Amounts) -> list[str]:
    """Names of bounds that ``asked`` on top of ``used`` goes beyond, in order."""
    return [
        name
        for name in sorted(hard)
        if asked.get(name) and used.get(name, Decimal(0)) + asked[name] > hard[name]
    ]


def format_amount(amount: Decimal) -> str:
    """A quantity in the shortest form that loses nothing: ``50m``, ``2``, ``1Gi``."""
    if amount == amount.to_integral_value():
        whole = int(amount)
        for suffix, scale in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
            if whole and whole % scale == 0:
                return f"{whole // scale}{suffix}"
        return str(whole)
    milli = amount * 1000
    return f"{int(milli.to_integral_value(rounding='ROUND_CEILING'))}m"
