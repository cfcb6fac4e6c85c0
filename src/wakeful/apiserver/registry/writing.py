"""Create and replace: admission, defaults, validation, metadata, optimistic concurrency."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    BadRequestError,
    ConflictError,
    NotFoundError,
)
from wakeful.apimachinery.fields import FieldError, invalid, required
from wakeful.apimachinery.managedfields import same_but_times
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.names import generate_name
from wakeful.apimachinery.scheme import AdmissionContext, Resource
from wakeful.apiserver.admission import AdmissionHook, AdmissionRequest, ObjectReader
from wakeful.apiserver.registry.call import Call, Tracking
from wakeful.apiserver.registry.codec import decode_body, parse_stored, to_model
from wakeful.apiserver.registry.metadata import (
    counts_generations,
    spec_of,
    validate_metadata,
    validate_metadata_update,
)
from wakeful.apiserver.registry.namespaces import require_active_namespace
from wakeful.apiserver.registry.ownership import track
from wakeful.apiserver.registry.response import Response
from wakeful.storage import Key, Record, Store

_NAME_ATTEMPTS = 8

Committed = Callable[[Resource, dict[str, Any], bool], None]
"""Called after a commit with the new state; the flag says that it was the last one."""


class Writer:
    """Creates and replaces objects of every kind."""

    def __init__(
        self,
        store: Store,
        reader: ObjectReader,
        hooks: Sequence[AdmissionHook],
        *,
        finishers: Sequence[AdmissionHook] = (),
        committed: Sequence[Committed] = (),
    ) -> None:
        self._store, self._reader = store, reader
        self._hooks, self._finishers, self._committed = hooks, finishers, committed

    # --- create -----------------------------------------------------------------------------------

    def create(self, call: Call, duplicates: Sequence[str] = ()) -> Response:
        """Store a new object."""
        body = decode_body(call)
        if call.served.resource.has_status and "status" in body:
            body = {k: v for k, v in body.items() if k != "status"}
        obj = to_model(call, body, duplicates)
        self.place(call, obj)
        return self.create_object(call, obj)

    def create_object(self, call: Call, obj: Object) -> Response:
        """Store a new object that is decoded and knows its namespace."""
        resource, meta = call.served.resource, obj.metadata
        if meta.resource_version:
            raise BadRequestError("resourceVersion should not be set on objects to be created")
        generated = not meta.name and bool(meta.generate_name)
        if not meta.name and not generated:
            raise call.invalid("", [required("metadata.name", "name or generateName is required")])
        if generated:
            meta.name = generate_name(meta.generate_name)
        require_active_namespace(self._reader, resource, meta)
        meta.uid = str(uuid.uuid4())
        meta.creation_timestamp = call.now.replace(microsecond=0)
        meta.generation = 1 if counts_generations(resource) else None
        self._admit(call, obj, None, call.context("CREATE"))
        return self._insert(call, obj.to_wire(), generated=generated)

    def place(self, call: Call, obj: Object) -> None:
        """Reconcile the namespace of the URL with that of the body."""
        meta, resource = obj.metadata, call.served.resource
        namespace = call.request.namespace
        if not resource.namespaced:
            meta.namespace = ""
            return
        if meta.namespace and namespace and meta.namespace != namespace:
            raise BadRequestError(
                f"the namespace of the provided object does not match the namespace sent on the"
                f" request ({meta.namespace} != {namespace})"
            )
        meta.namespace = namespace or meta.namespace
        if not meta.namespace:
            raise BadRequestError("an empty namespace may not be set during creation")

    def _insert(self, call: Call, wire: dict[str, Any], *, generated: bool) -> Response:
        meta, served = wire["metadata"], call.served
        for _ in range(_NAME_ATTEMPTS):
            key = self._key(call, meta.get("namespace", ""), meta["name"])
            taken = self._store.get(key) is not None
            if taken and generated:
                meta["name"] = generate_name(meta["generateName"])
                continue
            if taken:
                raise AlreadyExistsError.of(served.plural, served.group, key.name)
            wire = track(call, None, wire)
            meta = wire["metadata"]
            if call.dry_run:
                return Response(served.encode(wire), 201, None, call.warnings, served)
            record = self._store.create(key, wire)
            self._after(served.resource, wire)
            return self.respond(call, record, wire, 201)
        raise AlreadyExistsError.of(served.plural, served.group, meta["name"])

    # --- replace ----------------------------------------------------------------------------------

    def update(self, call: Call, duplicates: Sequence[str] = ()) -> Response:
        """Replace an object, or its status, by the body."""
        body = decode_body(call)
        record = self.current(call)
        name = (body.get("metadata") or {}).get("name") or record.key.name
        if name != record.key.name:
            raise BadRequestError(
                f"the name of the object ({name}) does not match the name on the URL"
                f" ({record.key.name})"
            )
        namespace = (body.get("metadata") or {}).get("namespace") or record.key.namespace
        if namespace != record.key.namespace:
            raise BadRequestError(
                "the namespace of the provided object does not match the namespace sent on the"
                f" request ({namespace} != {record.key.namespace})"
            )
        if call.request.subresource == "status" and call.served.is_hub:
            body = {k: v for k, v in body.items() if k != "spec"}
        new = to_model(call, body, duplicates)
        if call.served.resource.custom and not new.metadata.resource_version:
            raise call.invalid(
                record.key.name,
                [invalid("metadata.resourceVersion", 0, "must be specified for an update")],
            )
        return self.replace(call, record, new)

    def replace(self, call: Call, record: Record, new: Object) -> Response:
        """Replace what is stored in ``record`` by ``new``, a whole object, or by its status."""
        self._check_locks(call, record, new)
        if call.request.subresource == "status":
            return self._replace_status(call, record, new)
        if call.request.subresource == "finalize":
            return self._replace_finalizers(call, record, new)
        return self._replace_main(call, record, new)

    def _check_locks(self, call: Call, record: Record, new: Object) -> None:
        meta, served = new.metadata, call.served
        if meta.resource_version and meta.resource_version != str(record.revision):
            raise ConflictError.of(served.plural, served.group, record.key.name)

    def _replace_status(self, call: Call, record: Record, new: Object) -> Response:
        old = record.decode()
        self._check_uid(call, record, new, old["metadata"]["uid"])
        wire = old | {"metadata": dict(old["metadata"])}
        sent = new.to_wire()
        if call.tracking is Tracking.DONE:
            wire["metadata"]["managedFields"] = sent["metadata"].get("managedFields", [])
        status = sent.get("status")
        if status is None:
            wire.pop("status", None)
        else:
            wire["status"] = status
        return self._store_changed(call, record, old, wire)

    def _replace_finalizers(self, call: Call, record: Record, new: Object) -> Response:
        """The finalizers in a namespace's spec, which nothing else changes."""
        old = record.decode()
        self._check_uid(call, record, new, old["metadata"]["uid"])
        finalizers = (new.to_wire().get("spec") or {}).get("finalizers")
        wire = old | {"metadata": dict(old["metadata"])}
        wire["spec"] = {"finalizers": finalizers} if finalizers else {}
        return self._store_changed(call, record, old, wire)

    def _replace_main(self, call: Call, record: Record, new: Object) -> Response:
        resource = call.served.resource
        old_wire = record.decode()
        old = parse_stored(call, old_wire)
        self._check_uid(call, record, new, old.metadata.uid)
        _carry_metadata(new, old)
        if resource.has_status:
            _carry_status(new, old)
        self._admit(call, new, old, call.context("UPDATE"))
        wire = new.to_wire()
        if counts_generations(resource) and spec_of(wire) != spec_of(old_wire):
            wire["metadata"]["generation"] = (old.metadata.generation or 0) + 1
        return self._store_changed(call, record, old_wire, wire)

    def _check_uid(self, call: Call, record: Record, new: Object, uid: str) -> None:
        if new.metadata.uid and new.metadata.uid != uid:
            raise ConflictError.of(
                call.served.plural,
                call.served.group,
                record.key.name,
                f"Precondition failed: UID in precondition: {new.metadata.uid},"
                f" UID in object meta: {uid}",
            )

    def _store_changed(
        self, call: Call, record: Record, old: dict[str, Any], wire: dict[str, Any]
    ) -> Response:
        """Write if anything changed; let go of an object whose last finalizer went."""
        wire["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        wire = track(call, old, wire)
        owned = "managedFields" in wire["metadata"]
        if wire == old or (owned and same_but_times(wire, old)):
            wire = old
            return self.respond(call, record, wire)
        if call.dry_run:
            return Response(call.served.encode(wire), 200, None, call.warnings, call.served)
        if is_finished(wire):
            return self.remove(call, record, wire)
        return self.store(call, record, wire)

    def store(self, call: Call, record: Record, wire: dict[str, Any]) -> Response:
        """Write a new state as it is."""
        written = self._store.update(record.key, wire, expected=record.revision)
        self._after(call.served.resource, wire)
        return self.respond(call, written, wire)

    def remove(self, call: Call, record: Record, final: dict[str, Any] | None = None) -> Response:
        """Remove for good; answers with the last state."""
        final = record.decode() if final is None else final
        removed = self._store.delete(record.key, expected=record.revision, final=final)
        for observe in self._committed:
            observe(call.served.resource, final, True)
        return self.respond(call, removed, final)

    # --- shared -----------------------------------------------------------------------------------

    def current(self, call: Call) -> Record:
        """The stored object of the URL.

        Raises:
            NotFoundError: There is none.
        """
        record = self._store.get(self._key(call, call.request.namespace, call.request.name))
        if record is None:
            raise NotFoundError.of(call.served.plural, call.served.group, call.request.name)
        return record

    def respond(
        self, call: Call, record: Record, wire: dict[str, Any], code: int = 200
    ) -> Response:
        """Show a stored object in the version asked for."""
        data = record.data if call.served.is_hub else None
        return Response(call.served.encode(wire), code, data, call.warnings, call.served)

    def _admit(
        self, call: Call, obj: Object, old: Object | None, context: AdmissionContext
    ) -> None:
        """Run hooks, defaults and validation.

        Raises:
            BadRequestError: A kind with a webhook refuses.
            InvalidError: A rule is broken.
        """
        resource, meta = call.served.resource, obj.metadata
        if call.served.deprecation:
            call.warnings.append(call.served.deprecation)
        request = AdmissionRequest(
            resource, obj, old, meta.namespace, meta.name, call.user, context, self._reader
        )
        for hook in self._hooks:
            hook(request)
        if resource.set_defaults is not None:
            resource.set_defaults(obj, old, context)
        errors: list[FieldError] = []
        if resource.validate is not None:
            errors.extend(resource.validate(obj, old, context))
        if resource.webhook:
            call.refuse(meta, errors)
            errors = []
        general = validate_metadata(resource, meta)
        if old is not None:
            general.extend(validate_metadata_update(meta, old.metadata))
        if general or errors:
            raise call.invalid(meta.name or meta.generate_name, [*general, *errors])
        for finish in self._finishers:
            finish(request)

    def _after(self, resource: Resource, wire: dict[str, Any]) -> None:
        for observe in self._committed:
            observe(resource, wire, False)

    def _key(self, call: Call, namespace: str, name: str) -> Key:
        group, plural = call.served.resource.group_resource
        return Key(group, plural, namespace if call.served.resource.namespaced else "", name)


def is_finished(wire: dict[str, Any]) -> bool:
    """Whether an object is being deleted and nothing holds it any longer."""
    meta = wire["metadata"]
    return (
        "deletionTimestamp" in meta
        and not meta.get("finalizers")
        and not meta.get("deletionGracePeriodSeconds")
        and not (wire["kind"] == "Namespace" and (wire.get("spec") or {}).get("finalizers"))
    )


def _carry_metadata(new: Object, old: Object) -> None:
    """Metadata only the server sets stays as it was."""
    meta, was = new.metadata, old.metadata
    meta.name, meta.namespace, meta.generate_name = was.name, was.namespace, was.generate_name
    meta.uid, meta.generation = was.uid, was.generation
    meta.creation_timestamp = was.creation_timestamp
    meta.deletion_timestamp = was.deletion_timestamp
    meta.deletion_grace_period_seconds = was.deletion_grace_period_seconds
    if not meta.managed_fields:
        meta.managed_fields = was.managed_fields


def _carry_status(new: Any, old: Any) -> None:
    """The status has a door of its own."""
    status = getattr(old, "status", None)
    if status is not None:
        new.status = status
    elif new.model_extra is not None:
        new.model_extra.pop("status", None)
