"""Which fields of a pod Serving lets users set; everything else is refused by name."""

from __future__ import annotations

from collections.abc import Collection

from wakeful.apimachinery.fields import FieldErrors, disallowed_fields
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.container_types import Capabilities, SecurityContext
from wakeful.apis.core.pod_types import PodSecurityContext, PodSpec
from wakeful.apis.core.volume_types import Volume, VolumeMount
from wakeful.apis.serving.config import FeaturesConfig, Flag

_CONTAINER = frozenset(
    (
        "name",
        "args",
        "command",
        "env",
        "working_dir",
        "env_from",
        "image",
        "image_pull_policy",
        "liveness_probe",
        "ports",
        "readiness_probe",
        "resources",
        "security_context",
        "startup_probe",
        "termination_message_path",
        "termination_message_policy",
        "volume_mounts",
    )
)
_POD = frozenset(
    (
        "service_account_name",
        "containers",
        "volumes",
        "image_pull_secrets",
        "enable_service_links",
        "container_concurrency",
        "timeout_seconds",
        "response_start_timeout_seconds",
        "idle_timeout_seconds",
    )
)
_GATED_POD = {
    "affinity": "podspec_affinity",
    "topology_spread_constraints": "podspec_topologyspreadconstraints",
    "host_aliases": "podspec_hostaliases",
    "node_selector": "podspec_nodeselector",
    "runtime_class_name": "podspec_runtimeclassname",
    "tolerations": "podspec_tolerations",
    "share_process_namespace": "podspec_shareprocessnamespace",
    "priority_class_name": "podspec_priorityclassname",
    "scheduler_name": "podspec_schedulername",
    "init_containers": "podspec_init_containers",
    "dns_policy": "podspec_dnspolicy",
    "dns_config": "podspec_dnsconfig",
    "host_ipc": "podspec_hostipc",
    "host_pid": "podspec_hostpid",
    "host_network": "podspec_hostnetwork",
}
GATED_VOLUMES = {
    "empty_dir": "podspec_volumes_emptydir",
    "persistent_volume_claim": "podspec_persistent_volume_claim",
    "host_path": "podspec_volumes_hostpath",
    "csi": "podspec_volumes_csi",
    "ephemeral": "podspec_volumes_ephemeral",
    "image": "podspec_volumes_image",
}
_SECURITY = frozenset(
    (
        "capabilities",
        "read_only_root_filesystem",
        "run_as_user",
        "run_as_group",
        "run_as_non_root",
        "allow_privilege_escalation",
        "seccomp_profile",
    )
)
_POD_SECURITY = frozenset(
    (
        "run_as_user",
        "run_as_group",
        "run_as_non_root",
        "fs_group",
        "supplemental_groups",
        "seccomp_profile",
    )
)


def refuse_others(model: APIModel, allowed: Collection[str]) -> FieldErrors:
    """One fault that names every field set outside ``allowed``."""
    paths = [
        info.alias or name
        for name, info in type(model).model_fields.items()
        if name not in allowed and _is_set(getattr(model, name), optional=info.default is None)
    ]
    return [disallowed_fields(*paths)] if paths else []


def _is_set(value: object, *, optional: bool) -> bool:
    if isinstance(value, APIModel):
        return optional or bool(value.to_wire())
    return value is not None if optional else bool(value)


def accepts(features: FeaturesConfig, feature: str) -> bool:
    """Whether specs may use a feature."""
    flag: Flag = getattr(features, feature)
    return flag.accepts


def check_pod(spec: PodSpec, features: FeaturesConfig) -> FieldErrors:
    """Fields of the pod."""
    allowed = set(_POD)
    allowed.update(name for name, gate in _GATED_POD.items() if accepts(features, gate))
    if spec.automount_service_account_token is False:
        allowed.add("automount_service_account_token")
    if features.podspec_securitycontext.accepts or features.secure_pod_defaults.accepts:
        allowed.add("security_context")
    return refuse_others(spec, allowed)


def check_container(container: APIModel) -> FieldErrors:
    """Fields of a container."""
    return refuse_others(container, _CONTAINER)


def check_volume(volume: Volume, features: FeaturesConfig) -> FieldErrors:
    """Kinds of volume."""
    allowed = {"name", "secret", "config_map", "projected"}
    allowed.update(name for name, gate in GATED_VOLUMES.items() if accepts(features, gate))
    return refuse_others(volume, allowed)


def check_volume_mount(mount: VolumeMount, features: FeaturesConfig) -> FieldErrors:
    """Fields of a mount."""
    allowed = {"name", "read_only", "mount_path", "sub_path"}
    if features.podspec_volumes_mount_propagation.accepts:
        allowed.add("mount_propagation")
    return refuse_others(mount, allowed)


def check_security_context(context: SecurityContext) -> FieldErrors:
    """Privileges of a container; ``privileged`` may only be denied."""
    allowed = set(_SECURITY)
    if context.privileged is False:
        allowed.add("privileged")
    return refuse_others(context, allowed)


def check_capabilities(capabilities: Capabilities, features: FeaturesConfig) -> FieldErrors:
    """Capabilities may be dropped; adding them is a feature."""
    allowed = {"drop"}
    only_low_ports = features.secures_pods and capabilities.add == ["NET_BIND_SERVICE"]
    if features.containerspec_addcapabilities is Flag.ENABLED or only_low_ports:
        allowed.add("add")
    return refuse_others(capabilities, allowed)


def check_pod_security_context(
    context: PodSecurityContext, features: FeaturesConfig
) -> FieldErrors:
    """Privileges of a pod."""
    if features.podspec_securitycontext.accepts:
        return refuse_others(context, _POD_SECURITY)
    profile = (context.seccomp_profile or {}).get("type")
    harmless = features.secures_pods and profile in ("RuntimeDefault", "Unconfined")
    return refuse_others(context, {"seccomp_profile"} if harmless else ())
