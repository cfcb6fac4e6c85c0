"""Defaults and validation of the core kinds with few rules."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldErrors, forbidden, invalid, required
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.event_types import Event
from wakeful.apis.core.pod_defaults import set_pod_spec_defaults
from wakeful.apis.core.pod_validation import validate_pod_template
from wakeful.apis.core.quota_types import LimitRange, ResourceQuota
from wakeful.apis.core.replicationcontroller_types import ReplicationController
from wakeful.apis.core.rules import (
    IMMUTABLE,
    validate_amounts,
    validate_choice,
    validate_not_negative,
)
from wakeful.apis.core.volumeclaim_types import (
    PVC_PROTECTION,
    PersistentVolume,
    PersistentVolumeClaim,
)

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_SYSTEM_NAMESPACES = ("", "default", "kube-system")


def validate_event(new: Event, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """An event lives beside the object it is about."""
    about, namespace = new.involved_object.namespace, new.metadata.namespace
    if about == namespace or (not about and namespace in _SYSTEM_NAMESPACES):
        return []
    return [invalid("involvedObject.namespace", about, "does not match event.namespace")]


def set_claim_spec_defaults(claim: PersistentVolumeClaim) -> None:
    """Fill in what holds for templates of claims as well."""
    claim.spec.volume_mode = claim.spec.volume_mode or "Filesystem"


def set_claim_defaults(
    new: PersistentVolumeClaim, old: Object | None, context: AdmissionContext
) -> None:
    """A claim is for a file system, waits for its volume, and stays while pods use it."""
    set_claim_spec_defaults(new)
    if old is None:
        new.status.phase = new.status.phase or "Pending"
        if PVC_PROTECTION not in new.metadata.finalizers:
            new.metadata.finalizers.append(PVC_PROTECTION)


def validate_claim(
    new: PersistentVolumeClaim, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Check a claim; once made, only its size may grow and its volume be set."""
    spec = new.spec
    found: FieldErrors = []
    if not spec.access_modes:
        found.append(required("spec.accessModes", "at least 1 access mode is required"))
    for index, mode in enumerate(spec.access_modes):
        found += validate_choice(mode, _ACCESS_MODES, f"spec.accessModes[{index}]")
    found += validate_amounts(spec.resources.requests, "spec.resources.requests")
    amount = spec.resources.requests.get("storage")
    if amount is None:
        found.append(required("spec.resources[storage]"))
    elif parse_quantity(amount) <= 0:
        found.append(invalid("spec.resources[storage]", amount, "must be greater than zero"))
    found += validate_choice(spec.volume_mode or "", ("Block", "Filesystem"), "spec.volumeMode")
    if isinstance(old, PersistentVolumeClaim):
        masked = spec.deep_copy()
        masked.resources = old.spec.resources
        if not old.spec.volume_name:
            masked.volume_name = ""
        if masked != old.spec:
            detail = (
                "spec is immutable after creation except resources.requests and"
                " volumeAttributesClassName for bound claims"
            )
            found.append(forbidden("spec", detail))
    return found


def set_volume_defaults(
    new: PersistentVolume, old: Object | None, context: AdmissionContext
) -> None:
    """A volume that is nobody's yet is available, and outlives its claim."""
    reclaim = new.spec.persistent_volume_reclaim_policy
    new.spec.persistent_volume_reclaim_policy = reclaim or "Retain"
    new.spec.volume_mode = new.spec.volume_mode or "Filesystem"
    if new.spec.host_path is not None and new.spec.host_path.type is None:
        new.spec.host_path.type = ""
    if old is None:
        new.status.phase = new.status.phase or "Pending"


def validate_volume(
    new: PersistentVolume, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """A volume says how big it is and how it may be used."""
    found: FieldErrors = []
    if not new.spec.access_modes:
        found.append(required("spec.accessModes"))
    for index, mode in enumerate(new.spec.access_modes):
        found += validate_choice(mode, _ACCESS_MODES, f"spec.accessModes[{index}]")
    if "storage" not in new.spec.capacity:
        found.append(required("spec.capacity"))
    sources = (new.spec.host_path, new.spec.local, new.spec.nfs, new.spec.csi)
    if not any(source is not None for source in sources):
        found.append(required("spec", "must specify a volume type"))
    return found


def validate_limit_range(
    new: LimitRange, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Amounts have to be amounts."""
    errors: FieldErrors = []
    for index, item in enumerate(new.spec.limits):
        at = f"spec.limits[{index}]"
        if not item.type:
            errors.append(required(f"{at}.type"))
        errors += validate_amounts(item.max, f"{at}.max")
        errors += validate_amounts(item.min, f"{at}.min")
        errors += validate_amounts(item.default, f"{at}.default")
        errors += validate_amounts(item.default_request, f"{at}.defaultRequest")
    return errors


def validate_quota(
    new: ResourceQuota, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Amounts have to be amounts; scopes are fixed."""
    errors = validate_amounts(new.spec.hard, "spec.hard")
    if isinstance(old, ResourceQuota) and sorted(new.spec.scopes) != sorted(old.spec.scopes):
        errors.append(invalid("spec.scopes", new.spec.scopes, IMMUTABLE))
    return errors


def set_controller_defaults(
    new: ReplicationController, old: Object | None, context: AdmissionContext
) -> None:
    """One replica, and a selector taken from the template."""
    if new.spec.replicas is None:
        new.spec.replicas = 1
    if new.spec.template is not None:
        set_pod_spec_defaults(new.spec.template.spec)
        new.spec.selector = new.spec.selector or dict(new.spec.template.metadata.labels)
        new.metadata.labels = new.metadata.labels or dict(new.spec.template.metadata.labels)


def validate_controller(
    new: ReplicationController, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """The selector has to match the template's labels."""
    errors = validate_not_negative(new.spec.replicas, "spec.replicas")
    if not new.spec.selector:
        errors.append(required("spec.selector"))
    if new.spec.template is None:
        return [*errors, required("spec.template")]
    labels = new.spec.template.metadata.labels
    if not new.spec.selector.items() <= labels.items():
        detail = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, detail))
    return errors + validate_pod_template(new.spec.template, "spec.template")
