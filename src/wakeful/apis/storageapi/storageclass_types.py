"""StorageClass: a kind of storage claims can ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, forbidden, required
from wakeful.apimachinery.meta import GroupVersionKind, Object
from wakeful.apimachinery.scheme import AGE, AdmissionContext, Column, Resource
from wakeful.apis.core.cells import Wire, text


class StorageClass(Object):
    """A kind of storage claims can ask for."""

    gvk: ClassVar = GroupVersionKind("storage.k8s.io", "v1", "StorageClass")

    provisioner: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    reclaim_policy: str | None = None
    mount_options: list[str] = Field(default_factory=list)
    allow_volume_expansion: bool | None = None
    volume_binding_mode: str | None = None
    allowed_topologies: list[dict[str, Any]] = Field(default_factory=list)


def set_class_defaults(new: StorageClass, old: Object | None, context: AdmissionContext) -> None:
    """Volumes go with their claims and are made at once."""
    new.reclaim_policy = new.reclaim_policy or "Delete"
    new.volume_binding_mode = new.volume_binding_mode or "Immediate"


def validate_class(new: StorageClass, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """The provisioner is named; what volumes were made by stays."""
    errors: FieldErrors = []
    if not new.provisioner:
        errors.append(required("provisioner"))
    if isinstance(old, StorageClass):
        if new.parameters != old.parameters:
            errors.append(forbidden("parameters", "updates to parameters are forbidden."))
        if new.provisioner != old.provisioner:
            errors.append(forbidden("provisioner", "updates to provisioner are forbidden."))
    return errors


def _expansion(obj: Wire, now: datetime) -> str:
    return "true" if obj.get("allowVolumeExpansion") else "false"


RESOURCES: tuple[Resource, ...] = (
    Resource(
        StorageClass,
        "storageclasses",
        short_names=("sc",),
        namespaced=False,
        columns=(
            Column("Provisioner", ".provisioner"),
            Column("ReclaimPolicy", text("reclaimPolicy", default="")),
            Column("VolumeBindingMode", text("volumeBindingMode", default="")),
            Column("AllowVolumeExpansion", _expansion),
            AGE,
        ),
        set_defaults=set_class_defaults,
        validate=validate_class,
        custom=False,
    ),
)
