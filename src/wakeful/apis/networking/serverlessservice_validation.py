"""Rules of ServerlessServices, in upstream's words."""

from __future__ import annotations

from wakeful.apimachinery.fields import (
    FieldErrors,
    invalid_value,
    missing_field,
    under,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.reference_validation import validate_local_reference
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
    errors += under("objectRef", validate_local_reference(spec.object_ref))
    if spec.protocol_type not in tuple(NetworkProtocol):
        errors.append(invalid_value(spec.protocol_type, "protocolType"))
    return errors
