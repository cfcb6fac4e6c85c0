"""Who owns which fields of an object, as ``metadata.managedFields`` tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from wakeful.apimachinery.fieldsets import (
    Fields,
    union,
)

APPLY, UPDATE = "Apply", "Update"
_ANCIENT = "ancient-changes"
_MOST_UPDATERS = 10
_UNOWNED_TOP = frozenset({"apiVersion", "kind"})
UNOWNED_META = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "managedFields",
    }
)
Wire = dict[str, Any]


class Manager(NamedTuple):
    """What tells entries apart."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(slots=True)
class Ownership:
    """The entries of one object, decoded."""

    fields: dict[Manager, Fields] = field(default_factory=dict)
    times: dict[Manager, str] = field(default_factory=dict)

    def encode(self) -> list[Wire]:
        """The entries, the applied ones first, as the wire has them."""
        self._merge_ancient()
        entries = []
        for manager, owned in self.fields.items():
            if not owned:
                continue
            entry: Wire = {
                "manager": manager.name,
                "operation": manager.operation,
                "apiVersion": manager.api_version,
            }
            if manager in self.times:
                entry["time"] = self.times[manager]
            entry["fieldsType"] = "FieldsV1"
            entry["fieldsV1"] = owned
            if manager.subresource:
                entry["subresource"] = manager.subresource
            entries.append(entry)
        entries.sort(
            key=lambda e: (
                e["operation"],
                e.get("time", ""),
                e["manager"],
                e["apiVersion"],
                e.get("subresource", ""),
            )
        )
        return entries

    def _merge_ancient(self) -> None:
        updaters = sorted(
            (m for m, owned in self.fields.items() if m.operation == UPDATE and owned),
            key=lambda m: self.times.get(m, ""),
        )
        for manager in updaters[: max(0, len(updaters) - _MOST_UPDATERS)]:
            ancient = Manager(_ANCIENT, UPDATE, manager.api_version)
            if manager == ancient:
                continue
            owned, time = self.fields.pop(manager), self.times.pop(manager, "")
            self.fields[ancient] = union(self.fields.get(ancient, {}), owned)
            self.times[ancient] = max(self.times.get(ancient, ""), time)


def decode_ownership(entries: Any, *, trusted: bool) -> Ownership | None:
    """Read entries; None when they are missing or make no sense."""
    if not isinstance(entries, list) or not entries:
        return None
    ownership = Ownership()
    for entry in entries:
        if not isinstance(entry, Mapping):
            return None
        texts = [entry.get(k, "") for k in ("manager", "operation", "apiVersion", "subresource")]
        owned = entry.get("fieldsV1", {})
        if not all(isinstance(t, str) for t in texts) or texts[1] not in (APPLY, UPDATE):
            return None
        if not isinstance(owned, dict) or not (trusted or _well_formed(owned)):
            return None
        manager = Manager(*texts)
        ownership.fields[manager] = owned
        if isinstance(entry.get("time"), str):
            ownership.times[manager] = entry["time"]
    return ownership


def _well_formed(owned: Mapping[str, Any]) -> bool:
    for key, below in owned.items():
        if not isinstance(below, dict) or not (key == "." or key[:2] in ("f:", "k:", "v:", "i:")):
            return False
        if key.startswith("k:"):
            try:
                if not isinstance(orjson.loads(key[2:]), dict):
                    return False
            except orjson.JSONDecodeError:
                return False
        if not _well_formed(below):
            return False
    return True


def entries_of(obj: Mapping[str, Any] | None) -> Any:
    """What an object has of them, whatever it is."""
    metadata = (obj or {}).get("metadata")
    return metadata.get("managedFields") if isinstance(metadata, Mapping) else None


def owned_part(obj: Mapping[str, Any] | None) -> Wire:
    """The object without what nobody owns: its type, identity and bookkeeping."""
    part = {k: v for k, v in (obj or {}).items() if k not in _UNOWNED_TOP}
    metadata = part.get("metadata")
    if isinstance(metadata, dict):
        owned = {k: v for k, v in metadata.items() if k not in UNOWNED_META}
        if owned:
            part["metadata"] = owned
        else:
            del part["metadata"]
    return part


def with_entries(obj: Mapping[str, Any], entries: Sequence[Wire]) -> Wire:
    """A copy of the object with these entries and no others."""
    metadata = dict(obj.get("metadata") or {})
    metadata.pop("managedFields", None)
    if entries:
        metadata["managedFields"] = list(entries)
    return {**obj, "metadata": metadata}
