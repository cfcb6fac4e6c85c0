"""``config-features``: which optional fields and behaviours are switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any


class Flag(StrEnum):
    """State of one feature."""

    ENABLED = "Enabled"
    ALLOWED = "Allowed"
    """Accepted in specs, not applied by itself."""
    DISABLED = "Disabled"
    ALLOW_ROOT_BOUNDED = "AllowRootBounded"
    """Only of secure-pod-defaults: everything but runAsNonRoot."""

    @property
    def accepts(self) -> bool:
        """Whether a spec may use the feature."""
        return self is not Flag.DISABLED


_ON, _OFF = Flag.ENABLED, Flag.DISABLED


@dataclass(frozen=True, slots=True)
class FeaturesConfig:
    """Every feature with upstream's default."""

    multi_container: Flag = _ON
    podspec_volumes_emptydir: Flag = _ON

    multi_container_probing: Flag = _OFF
    autodetect_http2: Flag = _OFF
    tag_header_based_routing: Flag = _OFF
    secure_pod_defaults: Flag = _OFF
    queueproxy_mount_podinfo: Flag = _OFF
    queueproxy_resource_defaults: Flag = _OFF
    containerspec_addcapabilities: Flag = _OFF
    podspec_affinity: Flag = _OFF
    podspec_dnsconfig: Flag = _OFF
    podspec_dnspolicy: Flag = _OFF
    podspec_fieldref: Flag = _OFF
    podspec_hostaliases: Flag = _OFF
    podspec_hostipc: Flag = _OFF
    podspec_hostnetwork: Flag = _OFF
    podspec_hostpid: Flag = _OFF
    podspec_init_containers: Flag = _OFF
    podspec_nodeselector: Flag = _OFF
    podspec_persistent_volume_claim: Flag = _OFF
    podspec_persistent_volume_write: Flag = _OFF
    podspec_priorityclassname: Flag = _OFF
    podspec_runtimeclassname: Flag = _OFF
    podspec_schedulername: Flag = _OFF
    podspec_securitycontext: Flag = _OFF
    podspec_shareprocessnamespace: Flag = _OFF
    podspec_tolerations: Flag = _OFF
    podspec_topologyspreadconstraints: Flag = _OFF
    podspec_volumes_csi: Flag = _OFF
    podspec_volumes_ephemeral: Flag = _OFF
    podspec_volumes_hostpath: Flag = _OFF
    podspec_volumes_image: Flag = _OFF
    podspec_volumes_mount_propagation: Flag = _OFF

    @property
    def secures_pods(self) -> bool:
        """Whether unset security fields are filled with the restricted profile."""
        return self.secure_pod_defaults in (Flag.ENABLED, Flag.ALLOW_ROOT_BOUNDED)


def config_key(field_name: str) -> str:
    """The map's key of a field: ``podspec_volumes_csi`` is ``kubernetes.podspec-volumes-csi``."""
    key = field_name.replace("_", "-")
    if key.startswith(("podspec-", "containerspec-")):
        return f"kubernetes.{key}"
    if key.startswith("queueproxy-"):
        return "queueproxy." + key.removeprefix("queueproxy-")
    return key


def parse_features(data: Mapping[str, str]) -> FeaturesConfig:
    """Read the map; values that are no flag leave the default, as upstream does."""
    values: dict[str, Any] = {}
    for feature in fields(FeaturesConfig):
        text = data.get(config_key(feature.name), "").lower()
        special = feature.name == "secure_pod_defaults"
        other = Flag.ALLOW_ROOT_BOUNDED if special else Flag.ALLOWED
        for flag in (Flag.ENABLED, other, Flag.DISABLED):
            if text == flag.value.lower():
                values[feature.name] = flag
    return FeaturesConfig(**values)
