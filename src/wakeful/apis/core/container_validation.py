"""What makes a container acceptable."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wakeful.apimachinery.fields import (
    FieldErrors,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_long,
)
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core.container_types import (
    Container,
    ContainerPort,
    EnvFromSource,
    EnvVar,
    ExecAction,
    GRPCAction,
    HTTPGetAction,
    LifecycleHandler,
    Probe,
    ResourceRequirements,
    SleepAction,
    TCPSocketAction,
)
from wakeful.apis.core.rules import (
    config_key_faults,
    env_name_faults,
    first_of,
    port_name_faults,
    validate_amounts,
    validate_choice,
    validate_exactly_one,
    validate_not_negative,
    validate_port,
    validate_port_or_name,
)

PROTOCOLS = ("SCTP", "TCP", "UDP")
_FIELD_PATHS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.hostIP",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
_VOLUME_FIELD_PATHS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)


def validate_containers(
    containers: Sequence[Container], path: str, volumes: Collection[str], taken: set[str]
) -> FieldErrors:
    """Check every container of one list; ``taken`` collects names across lists."""
    errors: FieldErrors = []
    for index, container in enumerate(containers):
        at = f"{path}[{index}]"
        if not container.name:
            errors.append(required(f"{at}.name"))
        else:
            errors += first_of(dns_label_faults(container.name), f"{at}.name", container.name)
            if container.name in taken:
                errors.append(duplicate(f"{at}.name", container.name))
            taken.add(container.name)
        errors += validate_container(container, at, volumes)
    return errors


def validate_container(container: Container, path: str, volumes: Collection[str]) -> FieldErrors:
    """Check one container apart from its name."""
    errors: FieldErrors = []
    if not container.image:
        errors.append(required(f"{path}.image"))
    elif container.image != container.image.strip():
        detail = "must not have leading or trailing whitespace"
        errors.append(invalid(f"{path}.image", container.image, detail))
    errors += validate_choice(
        container.image_pull_policy, ("Always", "IfNotPresent", "Never"), f"{path}.imagePullPolicy"
    )
    errors += validate_choice(
        container.termination_message_policy,
        ("FallbackToLogsOnError", "File"),
        f"{path}.terminationMessagePolicy",
    )
    errors += _validate_ports(container.ports, f"{path}.ports")
    for index, env in enumerate(container.env):
        errors += _validate_env(env, f"{path}.env[{index}]")
    for index, source in enumerate(container.env_from):
        errors += _validate_env_from(source, f"{path}.envFrom[{index}]")
    errors += _validate_mounts(container, f"{path}.volumeMounts", volumes)
    errors += validate_resources(container.resources, f"{path}.resources")
    for name, probe in (
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if probe is not None:
            errors += _validate_probe(probe, f"{path}.{name}", single=name != "readinessProbe")
    if container.lifecycle is not None:
        for name, handler in (
            ("postStart", container.lifecycle.post_start),
            ("preStop", container.lifecycle.pre_stop),
        ):
            if handler is not None:
                errors += _validate_handler(handler, f"{path}.lifecycle.{name}")
    return errors


def _validate_ports(ports: Sequence[ContainerPort], path: str) -> FieldErrors:
    errors: FieldErrors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        if port.name:
            errors += first_of(port_name_faults(port.name), f"{at}.name", port.name)
            if port.name in names:
                errors.append(duplicate(f"{at}.name", port.name))
            names.add(port.name)
        if port.container_port == 0:
            errors.append(required(f"{at}.containerPort"))
        else:
            errors += validate_port(port.container_port, f"{at}.containerPort")
        if port.host_port:
            errors += validate_port(port.host_port, f"{at}.hostPort")
        errors += validate_choice(port.protocol, PROTOCOLS, f"{at}.protocol")
    return errors


def _validate_env(env: EnvVar, path: str) -> FieldErrors:
    errors: FieldErrors = []
    if not env.name:
        errors.append(required(f"{path}.name"))
    else:
        errors += first_of(env_name_faults(env.name), f"{path}.name", env.name)
    source = env.value_from
    if source is None:
        return errors
    at = f"{path}.valueFrom"
    present = list(source.to_wire())
    if not present:
        names = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef`"
        detail = f"must specify one of: {names}"
        errors.append(invalid(at, "", detail))
    elif len(present) > 1:
        errors.append(invalid(at, "", "may not have more than one field specified at a time"))
    elif env.value:
        errors.append(invalid(at, "", "may not be specified when `value` is not empty"))
    if source.field_ref is not None:
        errors += validate_field_path(source.field_ref.field_path, f"{at}.fieldRef.fieldPath")
    for name, ref in (
        ("configMapKeyRef", source.config_map_key_ref),
        ("secretKeyRef", source.secret_key_ref),
    ):
        if ref is None:
            continue
        if not ref.key:
            errors.append(required(f"{at}.{name}.key"))
        else:
            errors += first_of(config_key_faults(ref.key), f"{at}.{name}.key", ref.key)
    if source.resource_field_ref is not None and not source.resource_field_ref.resource:
        errors.append(required(f"{at}.resourceFieldRef.resource"))
    return errors


def validate_field_path(field_path: str, path: str, *, in_volume: bool = False) -> FieldErrors:
    """A field of the pod that containers may see; files may hold what no variable can."""
    supported = _VOLUME_FIELD_PATHS if in_volume else _FIELD_PATHS
    if not field_path:
        return [required(path)]
    if field_path in supported:
        return []
    for subject in ("metadata.labels['", "metadata.annotations['"):
        if field_path.startswith(subject) and field_path.endswith("']"):
            return []
    return [not_supported(path, field_path, supported)]


def _validate_env_from(source: EnvFromSource, path: str) -> FieldErrors:
    errors: FieldErrors = []
    if source.prefix:
        errors += first_of(env_name_faults(source.prefix), f"{path}.prefix", source.prefix)
    refs = {"configMapRef": source.config_map_ref, "secretRef": source.secret_ref}
    present = {name: ref for name, ref in refs.items() if ref is not None}
    if not present:
        errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(present) > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    for name, ref in present.items():
        if not ref.name:
            errors.append(required(f"{path}.{name}.name"))
    return errors


def _validate_mounts(container: Container, path: str, volumes: Collection[str]) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, mount in enumerate(container.volume_mounts):
        at = f"{path}[{index}]"
        if not mount.name:
            errors.append(required(f"{at}.name"))
        elif mount.name not in volumes:
            errors.append(not_found(f"{at}.name", mount.name))
        if not mount.mount_path:
            errors.append(required(f"{at}.mountPath"))
        elif mount.mount_path in seen:
            errors.append(invalid(f"{at}.mountPath", mount.mount_path, "must be unique"))
        seen.add(mount.mount_path)
        for name, sub in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
            if sub.startswith("/"):
                errors.append(invalid(f"{at}.{name}", sub, "must be a relative path"))
            if ".." in sub.split("/"):
                errors.append(invalid(f"{at}.{name}", sub, "must not contain '..'"))
        if mount.sub_path and mount.sub_path_expr:
            detail = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{at}.subPathExpr", mount.sub_path_expr, detail))
    return errors


def validate_resources(resources: ResourceRequirements, path: str) -> FieldErrors:
    """Amounts, and requests within limits."""
    errors = validate_amounts(resources.limits, f"{path}.limits")
    errors += validate_amounts(resources.requests, f"{path}.requests")
    for name, amount in resources.requests.items():
        limit = resources.limits.get(name)
        if limit is not None and parse_quantity(amount) > parse_quantity(limit):
            detail = f"must be less than or equal to {name} limit of {limit}"
            errors.append(invalid(f"{path}.requests", amount, detail))
    return errors


def _validate_probe(probe: Probe, path: str, *, single: bool) -> FieldErrors:
    handlers = {
        "exec": probe.exec,
        "httpGet": probe.http_get,
        "tcpSocket": probe.tcp_socket,
        "grpc": probe.grpc,
    }
    errors = _validate_handlers(handlers, path)
    errors += validate_not_negative(probe.initial_delay_seconds, f"{path}.initialDelaySeconds")
    errors += validate_not_negative(probe.timeout_seconds, f"{path}.timeoutSeconds")
    errors += validate_not_negative(probe.period_seconds, f"{path}.periodSeconds")
    errors += validate_not_negative(probe.success_threshold, f"{path}.successThreshold")
    errors += validate_not_negative(probe.failure_threshold, f"{path}.failureThreshold")
    if single and probe.success_threshold not in (None, 0, 1):
        errors.append(invalid(f"{path}.successThreshold", probe.success_threshold, "must be 1"))
    return errors


def _validate_handler(handler: LifecycleHandler, path: str) -> FieldErrors:
    handlers = {
        "exec": handler.exec,
        "httpGet": handler.http_get,
        "tcpSocket": handler.tcp_socket,
        "sleep": handler.sleep,
    }
    return _validate_handlers(handlers, path)


Action = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction | SleepAction


def _validate_handlers(handlers: Mapping[str, Action | None], path: str) -> FieldErrors:
    present = {name: action for name, action in handlers.items() if action is not None}
    errors = validate_exactly_one(
        present,
        path,
        none="must specify a handler type",
        several="may not specify more than 1 handler type",
    )
    for name, action in present.items():
        errors += _validate_action(action, f"{path}.{name}")
    return errors


def _validate_action(action: Action, path: str) -> FieldErrors:
    match action:
        case ExecAction():
            return [] if action.command else [required(f"{path}.command")]
        case HTTPGetAction():
            errors = validate_port_or_name(action.port, f"{path}.port")
            errors += validate_choice(action.scheme, ("HTTP", "HTTPS"), f"{path}.scheme")
            for index, header in enumerate(action.http_headers):
                if not header.name:
                    errors.append(required(f"{path}.httpHeaders[{index}].name"))
            return errors
        case TCPSocketAction():
            return validate_port_or_name(action.port, f"{path}.port")
        case GRPCAction():
            return validate_port(action.port, f"{path}.port")
        case SleepAction():
            return validate_not_negative(action.seconds, f"{path}.seconds")


def validate_ephemeral(container: Container, path: str) -> FieldErrors:
    """What a container for debugging may not have."""
    errors: FieldErrors = []
    for name, value in (
        ("ports", container.ports),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
        ("lifecycle", container.lifecycle),
    ):
        if value:
            errors.append(forbidden(f"{path}.{name}", "cannot be set for an Ephemeral Container"))
    if len(container.termination_message_path) > 4096:
        errors.append(too_long(f"{path}.terminationMessagePath", 4096))
    return errors
