"""What is wrong with a container, apart from its probes and mounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    missing_one_of,
    multiple_one_of,
    out_of_bounds,
    under,
    under_index,
)
from wakeful.apimachinery.goscalars import INT32_MAX
from wakeful.apis.core.container_types import (
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    SecurityContext,
)
from wakeful.apis.core.pod_types import PodSecurityContext
from wakeful.apis.core.volume_types import Volume
from wakeful.apis.serving.allowed_fields import (
    check_capabilities,
    check_container,
    check_security_context,
    refuse_others,
)
from wakeful.apis.serving.config import FeaturesConfig
from wakeful.apis.serving.image_validation import image_fault
from wakeful.apis.serving.volume_validation import validate_mounts

_RESERVED_NAMES = frozenset(("queue-proxy",))
_RESERVED_PORTS = frozenset((8008, 8012, 8013, 8022, 9090, 9091))
_RESERVED_ENV = frozenset(("K_SERVICE", "K_CONFIGURATION", "K_REVISION"))
_POLICIES = ("", "File", "FallbackToLogsOnError")


class Role(Enum):
    """What a container is for."""

    SERVING = auto()
    SIDECAR = auto()
    INIT = auto()


def validate_container(
    container: Container, role: Role, volumes: Mapping[str, Volume], features: FeaturesConfig
) -> FieldErrors:
    """Faults of one container; paths start below it."""
    if not container.to_wire():
        return [missing_field("")]
    errors = check_container(container)
    if container.name in _RESERVED_NAMES:
        message = f'"{container.name}" is a reserved container name'
        errors.append(FieldError(message, ("name",)))
    errors += under("env", _validate_env(container.env, role, features))
    errors += under("envFrom", _validate_env_from(container.env_from))
    errors += _validate_image(container.image)
    errors += under("ports", _validate_ports(container.ports, role))
    errors += under("resources", refuse_others(container.resources, ("limits", "requests")))
    if container.security_context is not None:
        errors += under("securityContext", _validate_security(container.security_context, features))
    if container.termination_message_policy not in _POLICIES:
        policy = container.termination_message_policy
        errors.append(invalid_value(policy, "terminationMessagePolicy"))
    errors += under("volumeMounts", validate_mounts(container.volume_mounts, volumes, features))
    return errors


def validate_init_only(container: Container) -> FieldErrors:
    """What an init container may not have."""
    message = "field not allowed in an init container"
    fields = (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
        ("lifecycle", container.lifecycle),
    )
    return [FieldError(message, (path,)) for path, value in fields if value is not None]


def _validate_env(env: Sequence[EnvVar], role: Role, features: FeaturesConfig) -> FieldErrors:
    reserved = _RESERVED_ENV | {"PORT"} if role is Role.SERVING else _RESERVED_ENV
    sources = {"config_map_key_ref", "secret_key_ref"}
    if features.podspec_fieldref.accepts:
        sources |= {"field_ref", "resource_field_ref"}
    errors: FieldErrors = []
    for i, variable in enumerate(env):
        faults: FieldErrors = []
        if not variable.name:
            faults.append(missing_field("name"))
        elif variable.name in reserved:
            message = f'"{variable.name}" is a reserved environment variable'
            faults.append(FieldError(message, ("name",)))
        if variable.value_from is not None:
            faults += under("valueFrom", refuse_others(variable.value_from, sources))
        errors += under_index("", i, faults)
    return errors


def _validate_env_from(sources: Sequence[EnvFromSource]) -> FieldErrors:
    errors: FieldErrors = []
    for i, source in enumerate(sources):
        both = source.config_map_ref is not None, source.secret_ref is not None
        if all(both):
            errors += under_index("", i, [multiple_one_of("configMapRef", "secretRef")])
        elif not any(both):
            errors += under_index("", i, [missing_one_of("configMapRef", "secretRef")])
    return errors


def _validate_image(image: str) -> FieldErrors:
    if not image:
        return [missing_field("image")]
    if fault := image_fault(image):
        details = f'image: "{image}", error: {fault}'
        return [FieldError("Failed to parse image reference", ("image",), details)]
    return []


def _validate_ports(ports: Sequence[ContainerPort], role: Role) -> FieldErrors:
    if role is Role.INIT:
        return [error for port in ports for error in _validate_port(port)]
    if not ports:
        return []
    port = ports[0]
    errors = _validate_port(port)
    if port.protocol not in ("", "TCP"):
        errors.append(invalid_value(port.protocol, "protocol"))
    if port.name not in ("", "http1", "h2c"):
        details = "Name must be empty, or one of: 'h2c', 'http1'"
        errors.append(FieldError(f"Port name {port.name} is not allowed", ("",), details))
    return errors


def _validate_port(port: ContainerPort) -> FieldErrors:
    errors = refuse_others(port, ("container_port", "name", "protocol"))
    number = port.container_port
    if number in _RESERVED_PORTS:
        message = f"{number} is a reserved port"
        details = f"{message}, please use a different value"
        errors.append(invalid_value(message, "containerPort", details))
    if not 0 <= number <= 65535:
        errors.append(out_of_bounds(number, 0, 65535, "containerPort"))
    return errors


def _validate_security(context: SecurityContext, features: FeaturesConfig) -> FieldErrors:
    errors = check_security_context(context)
    if context.capabilities is not None:
        errors += under("capabilities", check_capabilities(context.capabilities, features))
    return errors + validate_ids(
        ("runAsUser", context.run_as_user), ("runAsGroup", context.run_as_group)
    )


def validate_ids(*ids: tuple[str, int | None]) -> FieldErrors:
    """User and group numbers."""
    return [
        out_of_bounds(value, 0, INT32_MAX, path)
        for path, value in ids
        if value is not None and not 0 <= value <= INT32_MAX
    ]


def insecure_defaults(container: Container, pod: PodSecurityContext | None) -> FieldErrors:
    """What Kubernetes leaves open unless told otherwise; warnings, below ``securityContext``."""
    pod = pod or PodSecurityContext()
    context = container.security_context or SecurityContext()
    paths: list[str] = []
    if pod.run_as_non_root is None and context.run_as_non_root is None:
        paths.append("runAsNonRoot")
    if context.allow_privilege_escalation is None:
        paths.append("allowPrivilegeEscalation")
    if context.seccomp_profile is None and pod.seccomp_profile is None:
        paths.append("seccompProfile")
    elif not any((p or {}).get("type") for p in (pod.seccomp_profile, context.seccomp_profile)):
        paths.append("seccompProfile.type")
    if context.capabilities is None:
        paths.append("capabilities")
    elif not context.capabilities.drop:
        paths.append("capabilities.drop")
    message = (
        "Kubernetes default value is insecure, Knative may default this to secure in a future"
        " release"
    )
    warnings = [FieldError(message, (path,)) for path in paths]
    if context.capabilities is not None and context.capabilities.drop[:1] == ["all"]:
        warnings.append(invalid_value("all", "capabilities.drop", "Must be spelled as 'ALL'"))
    return warnings
