"""What is wrong with the pod part of a Revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    out_of_bounds,
    under,
    under_index,
)
from wakeful.apimachinery.goscalars import INT32_MAX
from wakeful.apimachinery.names import dns_subdomain_faults
from wakeful.apis.core.container_types import Container
from wakeful.apis.core.pod_types import PodSecurityContext, PodSpec
from wakeful.apis.core.volume_types import Volume
from wakeful.apis.serving.allowed_fields import check_pod, check_pod_security_context
from wakeful.apis.serving.config import FeaturesConfig, Flag
from wakeful.apis.serving.container_validation import (
    Role,
    insecure_defaults,
    validate_container,
    validate_ids,
    validate_init_only,
)
from wakeful.apis.serving.probe_validation import (
    ServingPort,
    validate_serving_probes,
    validate_sidecar_probes,
)
from wakeful.apis.serving.volume_validation import validate_volumes


def validate_pod_spec(spec: PodSpec, features: FeaturesConfig) -> FieldErrors:
    """Every fault; paths start below the spec."""
    errors = check_pod(spec, features)
    if spec.security_context is not None:
        faults = _validate_pod_security(spec.security_context, features)
        errors += under("securityContext", faults)
    mounted = {m.name for c in (*spec.init_containers, *spec.containers) for m in c.volume_mounts}
    errors += under("volumes", validate_volumes(spec.volumes, mounted, features))
    volumes = {volume.name: volume for volume in spec.volumes}
    errors += _validate_init_containers(spec, volumes, features)
    port, faults = _serving_port(spec.containers)
    errors += under("containers[*]", faults)
    if not spec.containers:
        errors.append(missing_field("containers"))
    elif len(spec.containers) == 1:
        only = spec.containers[0]
        errors += under_index("containers", 0, _validate_serving(only, port, volumes, features))
    else:
        errors += _validate_containers(spec.containers, port, volumes, features)
    name = spec.service_account_name
    if name:
        errors += [
            invalid_value(name, "serviceAccountName", fault) for fault in dns_subdomain_faults(name)
        ]
    return errors


def pod_warnings(spec: PodSpec, features: FeaturesConfig) -> FieldErrors:
    """Security settings left to insecure defaults; paths start below the spec."""
    if features.secures_pods:
        return []
    lists = (("containers", spec.containers), ("initContainers", spec.init_containers))
    return [
        warning
        for path, containers in lists
        for i, container in enumerate(containers)
        for warning in under_index(
            path,
            i,
            under("securityContext", insecure_defaults(container, spec.security_context)),
        )
    ]


def _serving_port(containers: Sequence[Container]) -> tuple[ServingPort, FieldErrors]:
    ports = [port for container in containers for port in container.ports]
    last = ports[-1] if ports else None
    port = ServingPort(
        name=(last.name if last else "") or "http",
        number=(last.container_port if last else 0) or 8080,
    )
    if not ports and len(containers) > 1:
        return port, [missing_field("ports")]
    if len(ports) > 1:
        message = "more than one container port is set"
        details = "Only a single port is allowed across all containers"
        return port, [FieldError(message, ("ports",), details)]
    return port, []


def _validate_serving(
    container: Container,
    port: ServingPort,
    volumes: Mapping[str, Volume],
    features: FeaturesConfig,
) -> FieldErrors:
    return [
        *validate_serving_probes(container, port),
        *validate_container(container, Role.SERVING, volumes, features),
    ]


def _validate_containers(
    containers: Sequence[Container],
    port: ServingPort,
    volumes: Mapping[str, Volume],
    features: FeaturesConfig,
) -> FieldErrors:
    if features.multi_container is not Flag.ENABLED:
        return [FieldError(f"multi-container is off, but found {len(containers)} containers")]
    errors: FieldErrors = []
    names: set[str] = set()
    for i, container in enumerate(containers):
        faults = _check_name(container.name, names)
        if container.ports:
            faults += _validate_serving(container, port, volumes, features)
        else:
            faults += validate_sidecar_probes(container, features)
            faults += validate_container(container, Role.SIDECAR, volumes, features)
        errors += under_index("containers", i, faults)
        names.add(container.name)
    return errors


def _check_name(name: str, taken: set[str]) -> FieldErrors:
    if name and name in taken:
        return [FieldError(f'duplicate container name "{name}"', ("name",))]
    return []


def _validate_init_containers(
    spec: PodSpec, volumes: Mapping[str, Volume], features: FeaturesConfig
) -> FieldErrors:
    count = len(spec.init_containers)
    if not count:
        return []
    if features.podspec_init_containers is not Flag.ENABLED:
        message = f"pod spec support for init-containers is off, but found {count} init containers"
        return [FieldError(message)]
    names = {container.name for container in spec.containers}
    errors: FieldErrors = []
    for i, container in enumerate(spec.init_containers):
        faults = [
            *_check_name(container.name, names),
            *validate_init_only(container),
            *validate_container(container, Role.INIT, volumes, features),
        ]
        errors += under_index("initContainers", i, faults)
        names.add(container.name)
    return errors


def _validate_pod_security(context: PodSecurityContext, features: FeaturesConfig) -> FieldErrors:
    errors = check_pod_security_context(context, features)
    errors += validate_ids(
        ("runAsUser", context.run_as_user),
        ("runAsGroup", context.run_as_group),
        ("fsGroup", context.fs_group),
    )
    return errors + [
        out_of_bounds(group, 0, INT32_MAX, f"supplementalGroups[{i}]")
        for i, group in enumerate(context.supplemental_groups)
        if not 0 <= group <= INT32_MAX
    ]
