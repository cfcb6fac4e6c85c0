"""Who owns which field: server-side apply, and the bookkeeping of every other write.

The list under ``metadata.managedFields`` has one entry for every manager, operation, apiVersion and
subresource. Appliers state what they want and lose what they stop stating; updaters own what they
changed last. Ownership never changes when nothing else does, so a repeated write is no write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from wakeful.apimachinery.errors import BadRequestError, ConflictError, InvalidError
from wakeful.apimachinery.fields import ErrorType
from wakeful.apimachinery.fieldsets import (
    Fields,
    common_paths,
    compare,
    difference,
    fields_of,
    merge,
    union,
    without,
)
from wakeful.apimachinery.meta import deep_copy_json, drop_nulls, format_time
from wakeful.apimachinery.ownership import (
    APPLY,
    UNOWNED_META,
    UPDATE,
    Manager,
    Ownership,
    Wire,
    decode_ownership,
    entries_of,
    owned_part,
    with_entries,
)
from wakeful.apimachinery.shapes import Shape

BEFORE_FIRST_APPLY = "before-first-apply"
_CLIENT_SIDE_UPGRADER = "kubectl"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def track_update(
    live: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    *,
    manager: str,
    api_version: str,
    now: datetime,
    shape: Shape,
    subresource: str = "",
) -> Wire:
    """Return ``new`` with ownership as it is after a create, update or patch.

    Call it with what is about to be stored, after defaulting. Ownership starts from what the new
    object brings along (clients send it back, and may edit it), else from the live object; a
    client that sends ``[{}]`` resets it. Nothing is changed in the arguments, but the result shares
    their parts.
    """
    ownership = _starting_point(live, new, subresource)
    before, after = owned_part(live), owned_part(new)
    changed, removed = compare(before, after, shape) if before != after else ({}, {})
    if changed or removed:
        me = Manager(manager, UPDATE, api_version, subresource)
        for other, owned in ownership.fields.items():
            rest = difference(owned, removed)
            ownership.fields[other] = rest if other == me else difference(rest, changed)
        if changed:
            ownership.fields[me] = union(ownership.fields.get(me, {}), changed)
            ownership.times[me] = format_time(now)
    return with_entries(new, ownership.encode())


def _starting_point(
    live: Mapping[str, Any] | None, new: Mapping[str, Any], subresource: str
) -> Ownership:
    brought, kept = entries_of(new), entries_of(live)
    if isinstance(brought, list) and brought and not any(brought):
        return Ownership()
    if not subresource and brought != kept:
        edited = decode_ownership(brought, trusted=False)
        if edited is not None:
            return edited
    return decode_ownership(kept, trusted=True) or Ownership()


def apply(
    live: Mapping[str, Any] | None,
    config: Mapping[str, Any],
    *,
    manager: str,
    now: datetime,
    shape: Shape,
    force: bool = False,
    subresource: str = "",
) -> Wire:
    """Return what server-side apply makes of ``live`` (None: it does not exist yet).

    Values of ``config`` should be canonical already (:func:`align`), or equal amounts written
    differently look like changes. ``metadata.resourceVersion`` of ``config`` ends up in the result:
    the caller's optimistic lock sees it. When nothing changed, the result equals ``live``.

    Raises:
        BadRequestError: ``config`` states managedFields, or no apiVersion or kind.
        ConflictError: Another manager owns a field with another value, and ``force`` is off.
    """
    check_config(config)
    config = drop_nulls(config)
    api_version = str(config.get("apiVersion", ""))
    me = Manager(manager, APPLY, api_version, subresource)
    ownership = decode_ownership(entries_of(live), trusted=True) or Ownership()
    base = owned_part(live)
    if not ownership.fields and base:
        before_first = Manager(BEFORE_FIRST_APPLY, UPDATE, api_version)
        ownership.fields[before_first] = fields_of(base, shape)
        ownership.times[before_first] = format_time(now)
    wanted = fields_of(owned_part(config), shape)
    last = next((o for m, o in ownership.fields.items() if _same_applier(m, me)), {})
    others = {m: owned for m, owned in ownership.fields.items() if not _same_applier(m, me)}

    merged: Wire = merge(deep_copy_json(live or {}), deep_copy_json(config), shape)
    kept = wanted
    for owned in others.values():
        kept = union(kept, owned)
    merged = _pruned(merged, last, kept, shape)

    result = owned_part(merged)
    changed, removed = compare(base, result, shape) if base != result else ({}, {})
    if changed and not force:
        conflicts = [(m, p) for m, owned in others.items() for p in common_paths(owned, changed)]
        conflicts = _without_upgradable(conflicts, live, me, shape)
        if conflicts:
            raise conflict_error(conflicts)
    after = {m: difference(difference(o, changed), removed) for m, o in others.items()}
    after[me] = wanted
    if not changed and not removed and live is not None and last == wanted:
        return merged
    times = {m: t for m, t in ownership.times.items() if m in others}
    times[me] = format_time(now)
    return with_entries(merged, Ownership(after, times).encode())


def _same_applier(one: Manager, other: Manager) -> bool:
    """An applier keeps its fields when it moves to another version of the API."""
    return one._replace(api_version="") == other._replace(api_version="")


def _pruned(merged: Wire, last: Fields, kept: Fields, shape: Shape) -> Wire:
    if not last:
        return merged
    pruned: Wire = without(merged, last, kept, shape)
    # Identity and bookkeeping stand in no set; they stay when the labels beside them go.
    metadata = merged.get("metadata")
    if isinstance(metadata, dict):
        identity = {k: v for k, v in metadata.items() if k in UNOWNED_META}
        pruned["metadata"] = identity | (pruned.get("metadata") or {})
    return pruned


def _without_upgradable(
    conflicts: list[tuple[Manager, str]],
    live: Mapping[str, Any] | None,
    me: Manager,
    shape: Shape,
) -> list[tuple[Manager, str]]:
    """Let kubectl take over by server-side apply what it applied on the client side before."""
    if me.name != _CLIENT_SIDE_UPGRADER or not conflicts or live is None:
        return conflicts
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    try:
        applied = orjson.loads(annotations.get(LAST_APPLIED) or b"")
    except orjson.JSONDecodeError:
        return conflicts
    if not isinstance(applied, dict):
        return conflicts
    paths = set(_all_paths(fields_of(owned_part(drop_nulls(applied)), shape)))
    annotation = f".metadata.annotations.{LAST_APPLIED}"
    return [(m, path) for m, path in conflicts if path not in paths and path != annotation]


def _all_paths(owned: Fields) -> Iterable[str]:
    return common_paths(owned, owned)


def check_config(config: Any) -> None:
    """Refuse what cannot be applied at all.

    Raises:
        BadRequestError: Says what is wrong.
    """
    if not isinstance(config, Mapping):
        raise BadRequestError("error decoding YAML: an apply patch is an object")
    for name in ("apiVersion", "kind"):
        if not isinstance(config.get(name), str) or not config[name]:
            raise BadRequestError(f"invalid object type: {name} must be set")
    if entries_of(config) not in (None, []):
        raise BadRequestError("metadata.managedFields must be nil")


def check_manager(manager: str, *, required: bool = False) -> None:
    """Check the ``fieldManager`` parameter.

    Raises:
        InvalidError: It is missing though required, too long, or not printable.
    """
    cause = None
    if not manager and required:
        cause = (ErrorType.REQUIRED, "Required value: is required for apply patch")
    elif len(manager) > 128:
        shown = orjson.dumps(manager).decode()
        cause = (ErrorType.INVALID, f"Invalid value: {shown}: may not be more than 128 bytes")
    elif not manager.isprintable():
        shown = orjson.dumps(manager).decode()
        cause = (ErrorType.INVALID, f"Invalid value: {shown}: should only contain printable")
    if cause is not None:
        reason, message = cause
        raise InvalidError.of(
            "PatchOptions",
            "meta.k8s.io",
            "",
            [{"reason": str(reason), "message": message, "field": "fieldManager"}],
        )


def conflict_error(conflicts: Sequence[tuple[Manager, str]]) -> ConflictError:
    """The 409 that lists every field somebody else owns."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in conflicts
    ]
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        message = f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    else:
        by_manager: dict[str, list[str]] = {}
        for manager, path in conflicts:
            by_manager.setdefault(str(manager), []).append(path)
        lists = "\n".join(
            f"conflicts with {name}:\n" + "\n".join(f"- {path}" for path in paths)
            for name, paths in sorted(by_manager.items())
        )
        message = f"Apply failed with {len(conflicts)} conflicts: {lists}"
    return ConflictError(message, details={"causes": causes})


def same_but_times(left: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Whether two objects differ at most in when their fields were written."""
    return _timeless(left) == _timeless(right)


def _timeless(obj: Mapping[str, Any]) -> Wire:
    entries = entries_of(obj)
    if not isinstance(entries, list):
        return dict(obj)
    metadata = dict(obj["metadata"])
    metadata["managedFields"] = sorted(
        ({k: v for k, v in e.items() if k != "time"} for e in entries if isinstance(e, Mapping)),
        key=lambda e: [str(e.get(k, "")) for k in ("operation", "manager", "subresource")],
    )
    return {**obj, "metadata": metadata}


def align(config: Any, canonical: Any) -> Any:
    """Return ``config`` with the values of ``canonical`` wherever both have one.

    ``canonical`` is the same document read into its model and written back: quantities and times
    normalised, defaults left out. The result has exactly the fields ``config`` has.
    """
    if isinstance(config, dict) and isinstance(canonical, dict):
        return {k: align(v, canonical[k]) if k in canonical else v for k, v in config.items()}
    if isinstance(config, list) and isinstance(canonical, list):
        if len(config) == len(canonical):
            return [align(a, b) for a, b in zip(config, canonical, strict=True)]
        return config
    return config if isinstance(config, dict | list) else canonical
