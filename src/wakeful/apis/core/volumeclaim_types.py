"""PersistentVolume and PersistentVolumeClaim: storage that outlives pods."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apis.core.reference_types import ObjectReference, TypedLocalObjectReference
from wakeful.apis.core.scalars import ResourceList
from wakeful.apis.core.volume_types import HostPathVolumeSource

PVC_PROTECTION = "kubernetes.io/pvc-protection"


class VolumeResourceRequirements(APIModel):
    """How much storage."""

    limits: ResourceList = Field(default_factory=dict)
    requests: ResourceList = Field(default_factory=dict)


class PersistentVolumeClaimSpec(APIModel):
    """What is asked for."""

    access_modes: list[str] = Field(default_factory=list)
    selector: LabelSelector | None = None
    resources: VolumeResourceRequirements = Field(default_factory=VolumeResourceRequirements)
    volume_name: str = ""
    storage_class_name: str | None = None
    """None is the default class; empty text is no class."""
    volume_mode: str | None = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: dict[str, Any] | None = None
    volume_attributes_class_name: str | None = None


class PersistentVolumeClaimStatus(APIModel):
    """What was given."""

    phase: str = ""
    access_modes: list[str] = Field(default_factory=list)
    capacity: ResourceList = Field(default_factory=dict)
    conditions: list[dict[str, Any]] = Field(default_factory=list)


class PersistentVolumeClaim(KResource[PersistentVolumeClaimSpec, PersistentVolumeClaimStatus]):
    """A request for storage in a namespace."""

    gvk: ClassVar = GroupVersionKind("", "v1", "PersistentVolumeClaim")

    spec: PersistentVolumeClaimSpec = Field(default_factory=PersistentVolumeClaimSpec)
    status: PersistentVolumeClaimStatus = Field(default_factory=PersistentVolumeClaimStatus)


class PersistentVolumeSpec(APIModel):
    """Where the storage is and who has it."""

    capacity: ResourceList = Field(default_factory=dict)
    host_path: HostPathVolumeSource | None = None
    local: dict[str, Any] | None = None
    nfs: dict[str, Any] | None = None
    csi: dict[str, Any] | None = None
    access_modes: list[str] = Field(default_factory=list)
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str = ""
    mount_options: list[str] = Field(default_factory=list)
    volume_mode: str | None = None
    node_affinity: dict[str, Any] | None = None


class PersistentVolumeStatus(APIModel):
    """Available, Bound, Released or Failed."""

    phase: str = ""
    message: str = ""
    reason: str = ""
    last_phase_transition_time: Time | None = None


class PersistentVolume(KResource[PersistentVolumeSpec, PersistentVolumeStatus]):
    """A piece of storage."""

    gvk: ClassVar = GroupVersionKind("", "v1", "PersistentVolume")

    spec: PersistentVolumeSpec = Field(default_factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = Field(default_factory=PersistentVolumeStatus)
