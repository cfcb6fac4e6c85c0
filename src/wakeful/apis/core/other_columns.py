"""The tables of the remaining core kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wakeful.apimachinery.scheme import AGE, Column
from wakeful.apimachinery.tables import WIDE_NAME
from wakeful.apis.core.cells import (
    CREATED_AT,
    NONE,
    TEMPLATE_COLUMNS,
    UNSET,
    Wire,
    dig,
    joined,
    number,
    pairs,
    since,
    text,
)

_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_ROLE_LABEL = "node-role.kubernetes.io/"


def _size(*members: str) -> Any:
    def cell(obj: Wire, now: datetime) -> int:
        return sum(len(obj.get(member) or ()) for member in members)

    return cell


def _last_seen(obj: Wire, now: datetime) -> str:
    moment = dig(obj, "series", "lastObservedTime") or obj.get("lastTimestamp")
    return since(moment, now) if moment else _first_seen(obj, now)


def _first_seen(obj: Wire, now: datetime) -> str:
    return since(obj.get("firstTimestamp") or obj.get("eventTime"), now)


def _event_object(obj: Wire, now: datetime) -> str:
    about = obj.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(obj: Wire, now: datetime) -> str:
    component = dig(obj, "source", "component") or obj.get("reportingComponent") or ""
    host = dig(obj, "source", "host") or obj.get("reportingInstance")
    return f"{component}, {host}" if host else str(component)


def _event_count(obj: Wire, now: datetime) -> int:
    return dig(obj, "series", "count") or obj.get("count") or 1


def _event_message(obj: Wire, now: datetime) -> str:
    return str(obj.get("message", "")).strip()


EVENT_COLUMNS = (
    Column("Last Seen", _last_seen),
    Column("Type", ".type"),
    Column("Reason", ".reason"),
    Column("Object", _event_object),
    Column("Subobject", ".involvedObject.fieldPath", wide=True),
    Column("Source", _event_source, wide=True),
    Column("Message", _event_message),
    Column("First Seen", _first_seen, wide=True),
    Column("Count", _event_count, type="integer", wide=True),
    WIDE_NAME,
)


def _node_status(obj: Wire, now: datetime) -> str:
    conditions = dig(obj, "status", "conditions", default=[])
    ready = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    words = ["Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"]
    if dig(obj, "spec", "unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(obj: Wire, now: datetime) -> str:
    labels = dig(obj, "metadata", "labels", default={})
    return joined(sorted(k.removeprefix(_ROLE_LABEL) for k in labels if k.startswith(_ROLE_LABEL)))


def _node_address(kind: str) -> Any:
    def cell(obj: Wire, now: datetime) -> str:
        addresses = dig(obj, "status", "addresses", default=[])
        return next((a["address"] for a in addresses if a.get("type") == kind), NONE)

    return cell


NODE_COLUMNS = (
    Column("Status", _node_status),
    Column("Roles", _node_roles),
    AGE,
    Column("Version", ".status.nodeInfo.kubeletVersion"),
    Column("Internal-IP", _node_address("InternalIP"), wide=True),
    Column("External-IP", _node_address("ExternalIP"), wide=True),
    Column("OS-Image", text("status", "nodeInfo", "osImage", default="<unknown>"), wide=True),
    Column(
        "Kernel-Version",
        text("status", "nodeInfo", "kernelVersion", default="<unknown>"),
        wide=True,
    ),
    Column(
        "Container-Runtime",
        text("status", "nodeInfo", "containerRuntimeVersion", default="<unknown>"),
        wide=True,
    ),
)


def _storage_phase(obj: Wire, now: datetime) -> str:
    if dig(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    return str(dig(obj, "status", "phase", default=""))


def _modes(*path: str) -> Any:
    def cell(obj: Wire, now: datetime) -> str:
        return ",".join(_MODES.get(m, m) for m in dig(obj, *path, default=[]))

    return cell


def _claim(obj: Wire, now: datetime) -> str:
    ref = dig(obj, "spec", "claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


CLAIM_COLUMNS = (
    Column("Status", _storage_phase),
    Column("Volume", text("spec", "volumeName", default="")),
    Column("Capacity", text("status", "capacity", "storage", default="")),
    Column("Access Modes", _modes("status", "accessModes")),
    Column("StorageClass", text("spec", "storageClassName", default="")),
    Column("VolumeAttributesClass", text("spec", "volumeAttributesClassName", default=UNSET)),
    AGE,
    Column("VolumeMode", text("spec", "volumeMode", default=UNSET), wide=True),
)
VOLUME_COLUMNS = (
    Column("Capacity", text("spec", "capacity", "storage", default="")),
    Column("Access Modes", _modes("spec", "accessModes")),
    Column("Reclaim Policy", text("spec", "persistentVolumeReclaimPolicy", default="")),
    Column("Status", _storage_phase),
    Column("Claim", _claim),
    Column("StorageClass", text("spec", "storageClassName", default="")),
    Column("VolumeAttributesClass", text("spec", "volumeAttributesClassName", default=UNSET)),
    Column("Reason", text("status", "reason", default="")),
    AGE,
    Column("VolumeMode", text("spec", "volumeMode", default=UNSET), wide=True),
)


def _quota(kind: str) -> Any:
    def cell(obj: Wire, now: datetime) -> str:
        hard = dig(obj, "status", "hard") or dig(obj, "spec", "hard", default={})
        used = dig(obj, "status", "used", default={})
        return ", ".join(
            f"{name}: {used.get(name, '0')}/{amount}"
            for name, amount in sorted(hard.items())
            if name.startswith("limits.") is (kind == "limits")
        )

    return cell


NAMESPACE_COLUMNS = (Column("Status", ".status.phase"), AGE)
CONFIG_MAP_COLUMNS = (Column("Data", _size("data", "binaryData"), type="integer"), AGE)
SECRET_COLUMNS = (Column("Type", ".type"), Column("Data", _size("data"), type="integer"), AGE)
LIMIT_RANGE_COLUMNS = (CREATED_AT,)
QUOTA_COLUMNS = (Column("Request", _quota("requests")), Column("Limit", _quota("limits")), AGE)


def _controller_selector(obj: Wire, now: datetime) -> str:
    return pairs(dig(obj, "spec", "selector"))


CONTROLLER_COLUMNS = (
    Column("Desired", number("spec", "replicas"), type="integer"),
    Column("Current", number("status", "replicas"), type="integer"),
    Column("Ready", number("status", "readyReplicas"), type="integer"),
    AGE,
    *TEMPLATE_COLUMNS[:2],
    Column("Selector", _controller_selector, wide=True),
)
