"""Rules of ServerlessServices, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    disallowed_fields,
    invalid_value,
    missing_field,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.reference_types import ObjectReference
from wakeful.apis.networking.serverlessservice_types import (
    NetworkProtocol,
    ServerlessService,
    ServerlessServiceMode,
    ServerlessServiceSpec,
)


def validate_serverlessservice(
    service: ServerlessService, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a ServerlessService."""
    del old, context
    return under("spec", _validate_spec(service.spec))


def _validate_spec(spec: ServerlessServiceSpec) -> FieldErrors:
    if spec == ServerlessServiceSpec():
        return [missing_field("")]
    errors: FieldErrors = []
    if not spec.mode:
        errors.append(missing_field("mode"))
    elif spec.mode not in tuple(ServerlessServiceMode):
        errors.append(invalid_value(spec.mode, "mode"))
    if spec.num_activators < 0:
        errors.append(invalid_value(spec.num_activators, "numActivators"))
    errors += under("objectRef", _validate_reference(spec.object_ref))
    if spec.protocol_type not in tuple(NetworkProtocol):
        errors.append(invalid_value(spec.protocol_type, "protocolType"))
    return errors


def _validate_reference(reference: ObjectReference) -> FieldErrors:
    if reference == ObjectReference():
        return [missing_field("")]
    forbidden = {
        "namespace": reference.namespace,
        "fieldPath": reference.field_path,
        "resourceVersion": reference.resource_version,
        "uid": reference.uid,
    }
    required = {
        "apiVersion": reference.api_version,
        "kind": reference.kind,
        "name": reference.name,
    }
    errors = [disallowed_fields(path) for path, value in forbidden.items() if value]
    return errors + [missing_field(path) for path, value in required.items() if not value]
