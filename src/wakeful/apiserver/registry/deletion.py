"""Delete: options, finalizers, grace, and what becomes of dependents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wakeful.apimachinery.errors import BadRequestError, ConflictError, InvalidError
from wakeful.apimachinery.fields import invalid, not_supported, to_causes
from wakeful.apimachinery.meta import format_time
from wakeful.apiserver.admission import AdmissionHook, AdmissionRequest, ObjectReader
from wakeful.apiserver.registry.call import Call
from wakeful.apiserver.registry.codec import parse_stored
from wakeful.apiserver.registry.metadata import FOREGROUND, ORPHAN, counts_generations
from wakeful.apiserver.registry.namespaces import NAMESPACES, mark_terminating, refuse_protected
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.writing import Writer
from wakeful.storage import Record

_POLICIES = ("Background", "Foreground", "Orphan")
_RETURNS_OBJECT = frozenset({("", "pods"), ("", "serviceaccounts")})


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete."""

    propagation: str = ""
    grace_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def parse_delete_options(body: Any, params: Mapping[str, str]) -> DeleteOptions:
    """Read ``DeleteOptions`` from the body, else from the query.

    Raises:
        BadRequestError: The body is no object, or a member has the wrong type.
        InvalidError: A member has a value that is none.
    """
    if body is None:
        body = {}
    if not isinstance(body, Mapping):
        raise BadRequestError("the body of a deletion must be DeleteOptions")
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds")
    if grace is None and "gracePeriodSeconds" in params:
        try:
            grace = int(params["gracePeriodSeconds"])
        except ValueError as err:
            raise BadRequestError(
                f"gracePeriodSeconds {params['gracePeriodSeconds']!r} is not a number"
            ) from err
    if grace is not None and (not isinstance(grace, int) or isinstance(grace, bool)):
        raise BadRequestError("DeleteOptions.gracePeriodSeconds must be an integer")
    dry_run = body.get("dryRun") or ([params["dryRun"]] if params.get("dryRun") else [])
    orphan = body.get("orphanDependents")
    if orphan is None and "orphanDependents" in params:
        orphan = params["orphanDependents"] in ("true", "1")
    propagation = body.get("propagationPolicy") or params.get("propagationPolicy", "")
    if not propagation and orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    errors = []
    if propagation and propagation not in _POLICIES:
        errors.append(not_supported("propagationPolicy", propagation, _POLICIES))
    if not isinstance(dry_run, list) or any(d != "All" for d in dry_run):
        errors.append(not_supported("dryRun", dry_run, ["All"]))
    if grace is not None and not 0 <= grace <= 2**31:
        errors.append(invalid("gracePeriodSeconds", grace, "must be greater than or equal to 0"))
    if errors:
        raise InvalidError.of("DeleteOptions", "", "", to_causes(errors))
    if not isinstance(preconditions, Mapping):
        raise BadRequestError("DeleteOptions.preconditions must be an object")
    return DeleteOptions(
        propagation,
        grace,
        str(preconditions.get("uid") or ""),
        str(preconditions.get("resourceVersion") or ""),
        bool(dry_run),
    )


class Deleter:
    """Deletes objects of every kind."""

    def __init__(self, writer: Writer, reader: ObjectReader, hooks: list[AdmissionHook]) -> None:
        self._writer, self._reader, self._hooks = writer, reader, hooks

    def delete(self, call: Call) -> Response:
        """Delete the object of the URL, or begin to."""
        options = parse_delete_options(call.request.body, call.request.params)
        record = self._writer.current(call)
        obj, gone = self.delete_record(call, record, options)
        if not gone or call.served.resource.group_resource in _RETURNS_OBJECT:
            return Response(call.served.encode(obj), 200, None, call.warnings, call.served)
        return Response(_success(call, obj), 200, None, call.warnings)

    def delete_record(
        self, call: Call, record: Record, options: DeleteOptions
    ) -> tuple[dict[str, Any], bool]:
        """Delete one stored object; returns its state and whether it is gone."""
        old = record.decode()
        self._check_preconditions(call, record, old, options)
        key = call.served.resource.group_resource
        if key == NAMESPACES:
            refuse_protected(record.key.name)
        if self._hooks:
            self._admit(call, record, old)
        wire = self._mark(call, old, options)
        if options.dry_run or call.dry_run:
            return wire, not _is_held(wire)
        if not _is_held(wire):
            self._writer.remove(call, record)
            return wire, True
        if wire != old:
            self._writer.store(call, record, wire)
        return wire, False

    def _check_preconditions(
        self, call: Call, record: Record, old: dict[str, Any], options: DeleteOptions
    ) -> None:
        uid = old["metadata"]["uid"]
        why = ""
        if options.uid and options.uid != uid:
            why = (
                f"Precondition failed: UID in precondition: {options.uid},"
                f" UID in object meta: {uid}"
            )
        elif options.resource_version and options.resource_version != str(record.revision):
            why = (
                f"Precondition failed: ResourceVersion in precondition: {options.resource_version},"
                f" ResourceVersion in object meta: {record.revision}"
            )
        if why:
            raise ConflictError.of(call.served.plural, call.served.group, record.key.name, why)

    def _admit(self, call: Call, record: Record, old: dict[str, Any]) -> None:
        request = AdmissionRequest(
            call.served.resource,
            None,
            parse_stored(call, old),
            record.key.namespace,
            record.key.name,
            call.user,
            call.context("DELETE"),
            self._reader,
        )
        for hook in self._hooks:
            hook(request)

    def _mark(self, call: Call, old: dict[str, Any], options: DeleteOptions) -> dict[str, Any]:
        """The object with what deletion puts on it."""
        resource = call.served.resource
        wire = dict(old)
        meta = wire["metadata"] = dict(old["metadata"])
        propagation = options.propagation
        if not propagation and resource.group_resource == ("batch", "jobs"):
            propagation = "Orphan"
            call.warnings.append(
                "child pods are preserved by default when jobs are deleted; set"
                " propagationPolicy=Background to remove them or set"
                " propagationPolicy=Orphan to suppress this warning"
            )
        first = "deletionTimestamp" not in meta
        finalizers = _finalizers(meta.get("finalizers") or [], propagation)
        if finalizers:
            meta["finalizers"] = finalizers
        else:
            meta.pop("finalizers", None)
        grace = _grace(resource.group_resource, old, options)
        if first:
            meta["deletionTimestamp"] = format_time(call.now + timedelta(seconds=grace))
            meta["deletionGracePeriodSeconds"] = grace
            if counts_generations(resource):
                meta["generation"] = (meta.get("generation") or 0) + 1
            if resource.group_resource == NAMESPACES:
                mark_terminating(wire)
        elif grace < (meta.get("deletionGracePeriodSeconds") or 0):
            meta["deletionTimestamp"] = format_time(call.now + timedelta(seconds=grace))
            meta["deletionGracePeriodSeconds"] = grace
        return wire


def _finalizers(present: list[str], propagation: str) -> list[str]:
    """Add the finalizer a propagation policy needs, drop the one it contradicts."""
    wanted = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(propagation)
    if not propagation:
        return present
    kept = [f for f in present if f not in (FOREGROUND, ORPHAN) or f == wanted]
    if wanted and wanted not in kept:
        kept.append(wanted)
    return kept


def _grace(kind: tuple[str, str], obj: dict[str, Any], options: DeleteOptions) -> int:
    """Seconds a pod is given to end; everything else goes at once."""
    if kind != ("", "pods"):
        return 0
    spec = obj.get("spec") or {}
    if not spec.get("nodeName"):
        return 0
    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace_seconds is not None:
        return options.grace_seconds
    default = obj["metadata"].get("deletionGracePeriodSeconds")
    if default is None:
        default = spec.get("terminationGracePeriodSeconds", 30)
    return int(default)


def _is_held(wire: dict[str, Any]) -> bool:
    meta = wire["metadata"]
    if meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return True
    return wire["kind"] == "Namespace" and bool((wire.get("spec") or {}).get("finalizers"))


def _success(call: Call, obj: dict[str, Any]) -> dict[str, Any]:
    details = {"name": obj["metadata"]["name"], "kind": call.served.plural}
    if call.served.group:
        details["group"] = call.served.group
    details["uid"] = obj["metadata"]["uid"]
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
