"""What is wrong with volumes and where they are mounted."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    missing_one_of,
    multiple_one_of,
    under,
    under_index,
)
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core.volume_types import (
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    KeyToPath,
    Volume,
    VolumeMount,
    VolumeProjection,
)
from wakeful.apis.serving.allowed_fields import (
    GATED_VOLUMES,
    check_volume,
    check_volume_mount,
    refuse_others,
)
from wakeful.apis.serving.config import FeaturesConfig, Flag

_RESERVED_PATHS = frozenset(("/", "/dev", "/dev/log"))
_WORDS = {
    "empty_dir": "EmptyDir",
    "host_path": "HostPath",
    "csi": "CSI",
    "ephemeral": "Ephemeral",
    "image": "Image",
}
_WIRE = {
    "secret": "secret",
    "config_map": "configMap",
    "projected": "projected",
    "empty_dir": "emptyDir",
    "persistent_volume_claim": "persistentVolumeClaim",
    "host_path": "hostPath",
    "csi": "csi",
    "ephemeral": "ephemeral",
    "image": "image",
}


def validate_volumes(
    volumes: Sequence[Volume], mounted: Collection[str], features: FeaturesConfig
) -> FieldErrors:
    """Faults of the pod's volumes; paths start below ``volumes``."""
    errors: FieldErrors = []
    seen: set[str] = set()
    for i, volume in enumerate(volumes):
        faults: FieldErrors = []
        if volume.name in seen:
            faults.append(FieldError(f'duplicate volume name "{volume.name}"', ("name",)))
        if volume.name not in mounted:
            faults.append(FieldError(f'volume with name "{volume.name}" not mounted', ("name",)))
        faults += _validate_volume(volume, features)
        errors += under_index("", i, faults)
        seen.add(volume.name)
    return errors


def _validate_volume(volume: Volume, features: FeaturesConfig) -> FieldErrors:
    errors = [*_check_gates(volume, features), *check_volume(volume, features)]
    if not volume.name:
        errors = [missing_field("name")]
    elif dns_label_faults(volume.name):
        errors.append(invalid_value(volume.name, "name"))
    sources = [wire for field, wire in _WIRE.items() if getattr(volume, field) is not None]
    if not sources:
        choices = ["secret", "configMap", "projected"]
        choices += [
            _WIRE[field]
            for field, gate in GATED_VOLUMES.items()
            if getattr(features, gate) is Flag.ENABLED
        ]
        errors.append(missing_one_of(*choices))
    elif len(sources) > 1:
        errors.append(multiple_one_of(*sources))
    for source in (volume.secret, volume.config_map):
        for i, item in enumerate(source.items if source is not None else ()):
            errors += under_index("items", i, _validate_item(item))
    for i, projection in enumerate(volume.projected.sources if volume.projected else ()):
        errors += under_index("projected", i, _validate_projection(projection))
    if volume.empty_dir is not None:
        errors += under("emptyDir", _validate_empty_dir(volume.empty_dir))
    if volume.image is not None and not volume.image.get("reference"):
        errors.append(missing_field("image.reference"))
    return errors


def _check_gates(volume: Volume, features: FeaturesConfig) -> FieldErrors:
    errors = [
        FieldError(f"{word} volume support is disabled, but found {word} volume {volume.name}")
        for field, word in _WORDS.items()
        if getattr(volume, field) is not None
        and getattr(features, GATED_VOLUMES[field]) is not Flag.ENABLED
    ]
    claim = volume.persistent_volume_claim
    if claim is not None:
        found = f"but found persistent volume claim {claim.claim_name}"
        if features.podspec_persistent_volume_claim is not Flag.ENABLED:
            errors.append(FieldError(f"Persistent volume claim support is disabled, {found}"))
        if not claim.read_only and features.podspec_persistent_volume_write is not Flag.ENABLED:
            message = f"Persistent volume write support is disabled, {found} that is not read-only"
            errors.append(FieldError(message))
    return errors


def _validate_item(item: KeyToPath) -> FieldErrors:
    return [missing_field(name) for name in ("key", "path") if not getattr(item, name)]


def _validate_projection(projection: VolumeProjection) -> FieldErrors:
    errors = refuse_others(
        projection, ("secret", "config_map", "service_account_token", "downward_api")
    )
    sources: list[str] = []
    for wire, source in (("secret", projection.secret), ("configMap", projection.config_map)):
        if source is None:
            continue
        sources.append(wire)
        if not source.name:
            errors.append(missing_field(f"{wire}.name"))
        for i, item in enumerate(source.items):
            errors += under(wire, under_index("items", i, _validate_item(item)))
    if projection.service_account_token is not None:
        sources.append("serviceAccountToken")
        if not projection.service_account_token.path:
            errors.append(missing_field("serviceAccountToken.path"))
    if projection.downward_api is not None:
        sources.append("downwardAPI")
        for i, file in enumerate(projection.downward_api.items):
            errors += under("downwardAPI", under_index("items", i, _validate_file(file)))
    if not sources:
        choices = ("secret", "configMap", "serviceAccountToken", "downwardAPI")
        errors.append(missing_one_of(*choices))
    elif len(sources) > 1:
        errors.append(multiple_one_of(*sources))
    return errors


def _validate_file(file: DownwardAPIVolumeFile) -> FieldErrors:
    errors: FieldErrors = []
    if file.field_ref is None and file.resource_field_ref is None:
        errors.append(missing_one_of("fieldRef", "resourceFieldRef"))
    if file.field_ref is not None and file.resource_field_ref is not None:
        message = "Within a single item, cannot set both"
        errors.append(FieldError(message, ("resourceFieldRef", "fieldRef")))
    if not file.path:
        errors.append(missing_field("path"))
    return errors


def _validate_empty_dir(source: EmptyDirVolumeSource) -> FieldErrors:
    errors: FieldErrors = []
    if source.medium not in ("", "Memory"):
        errors.append(invalid_value(source.medium, "medium"))
    if source.size_limit is not None and parse_quantity(source.size_limit) < 0:
        errors.append(invalid_value(source.size_limit, "sizeLimit"))
    return errors


def validate_mounts(
    mounts: Sequence[VolumeMount], volumes: Mapping[str, Volume], features: FeaturesConfig
) -> FieldErrors:
    """Faults of a container's mounts; paths start below ``volumeMounts``."""
    errors: FieldErrors = []
    seen: set[str] = set()
    for i, mount in enumerate(mounts):
        volume = volumes.get(mount.name)
        faults = check_volume_mount(mount, features)
        if volume is None:
            faults.append(FieldError("volumeMount has no matching volume", ("name",)))
        faults += _validate_path(mount.mount_path, seen)
        faults += _validate_access(mount, volume or Volume(), features)
        errors += under_index("", i, faults)
        seen.add(posixpath.normpath(mount.mount_path))
    return errors


def _validate_path(path: str, seen: Collection[str]) -> FieldErrors:
    clean = posixpath.normpath(path)
    if not path:
        return [missing_field("mountPath")]
    if clean in _RESERVED_PATHS:
        return [FieldError(f'mountPath "{clean}" is a reserved path', ("mountPath",))]
    if not path.startswith("/"):
        return [invalid_value(path, "mountPath")]
    if clean in seen:
        return [invalid_value(f'"{path}" must be unique', "mountPath")]
    return []


def _validate_access(mount: VolumeMount, volume: Volume, features: FeaturesConfig) -> FieldErrors:
    errors: FieldErrors = []
    claim = volume.persistent_volume_claim
    writable = volume.empty_dir is not None or claim is not None or volume.ephemeral is not None
    if not writable and not mount.read_only:
        message = "volume mount should be readOnly for this type of volume"
        errors.append(FieldError(message, ("readOnly",)))
    if claim is not None and claim.read_only and not mount.read_only:
        errors.append(FieldError("volume is readOnly but volume mount is not", ("readOnly",)))
    if mount.mount_propagation is not None:
        if features.podspec_volumes_mount_propagation is not Flag.ENABLED:
            message = (
                "Volume Mount Propagation support is disabled, but found volume mount"
                f" {mount.name} with mount propagation"
            )
            errors.append(FieldError(message))
        if mount.mount_propagation not in ("None", "HostToContainer"):
            message = "mount propagation should be set to None or HostToContainer"
            errors.append(FieldError(message, ("mountPropagation",)))
    return errors
