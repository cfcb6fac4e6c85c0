"""Volumes of a pod, and where containers see them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.scalars import Quantity


class ObjectFieldSelector(APIModel):
    """A field of the pod: ``metadata.name``, ``status.podIP``, ``metadata.labels['k']``."""

    api_version: str = ""
    field_path: str = ""


class ResourceFieldSelector(APIModel):
    """A container's resource request or limit: ``limits.cpu``."""

    container_name: str = ""
    resource: str = ""
    divisor: Quantity | None = None


class KeyToPath(APIModel):
    """One key of a map, and the file it becomes."""

    key: str = ""
    path: str = ""
    mode: int | None = None


class HostPathVolumeSource(APIModel):
    """A file or directory of the host."""

    path: str = ""
    type: str | None = None


class EmptyDirVolumeSource(APIModel):
    """A directory that lives and dies with the pod; medium ``Memory`` keeps it in RAM."""

    medium: str = ""
    size_limit: Quantity | None = None


class SecretVolumeSource(APIModel):
    """A secret's keys as files."""

    secret_name: str = ""
    items: list[KeyToPath] = Field(default_factory=list)
    default_mode: int | None = None
    optional: bool | None = None


class ConfigMapVolumeSource(APIModel):
    """A config map's keys as files."""

    name: str = ""
    items: list[KeyToPath] = Field(default_factory=list)
    default_mode: int | None = None
    optional: bool | None = None


class DownwardAPIVolumeFile(APIModel):
    """One file with a field of the pod."""

    path: str = ""
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: int | None = None


class DownwardAPIVolumeSource(APIModel):
    """Fields of the pod as files."""

    items: list[DownwardAPIVolumeFile] = Field(default_factory=list)
    default_mode: int | None = None


class SecretProjection(APIModel):
    """A secret's keys within a projected volume."""

    name: str = ""
    items: list[KeyToPath] = Field(default_factory=list)
    optional: bool | None = None


class ConfigMapProjection(APIModel):
    """A config map's keys within a projected volume."""

    name: str = ""
    items: list[KeyToPath] = Field(default_factory=list)
    optional: bool | None = None


class DownwardAPIProjection(APIModel):
    """Fields of the pod within a projected volume."""

    items: list[DownwardAPIVolumeFile] = Field(default_factory=list)


class ServiceAccountTokenProjection(APIModel):
    """A token of the pod's service account, renewed before it expires."""

    audience: str = ""
    expiration_seconds: int | None = None
    path: str = ""


class VolumeProjection(APIModel):
    """One source of a projected volume; exactly one member is set."""

    secret: SecretProjection | None = None
    config_map: ConfigMapProjection | None = None
    downward_api: DownwardAPIProjection | None = Field(default=None, alias="downwardAPI")
    service_account_token: ServiceAccountTokenProjection | None = None
    cluster_trust_bundle: dict[str, Any] | None = None


class ProjectedVolumeSource(APIModel):
    """Several sources in one directory."""

    sources: list[VolumeProjection] = Field(default_factory=list)
    default_mode: int | None = None


class PersistentVolumeClaimVolumeSource(APIModel):
    """A claim in the pod's namespace."""

    claim_name: str = ""
    read_only: bool = False


class Volume(APIModel):
    """A named volume; exactly one source is set."""

    name: str = ""
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = Field(default=None, alias="downwardAPI")
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    csi: dict[str, Any] | None = None
    ephemeral: dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    nfs: dict[str, Any] | None = None
    git_repo: dict[str, Any] | None = None

    @property
    def sources(self) -> list[str]:
        """Wire names of the sources that are set."""
        return [key for key in self.to_wire() if key != "name"]


class VolumeMount(APIModel):
    """Where a container sees a volume."""

    name: str = ""
    read_only: bool = False
    mount_path: str = ""
    sub_path: str = ""
    sub_path_expr: str = ""
    mount_propagation: str | None = None
    recursive_read_only: str | None = None


class VolumeDevice(APIModel):
    """Where a container sees a raw block volume."""

    name: str = ""
    device_path: str = ""
