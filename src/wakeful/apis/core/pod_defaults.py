"""What Kubernetes fills in for pods and pod templates."""

from __future__ import annotations

from collections.abc import Iterator

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.container_types import (
    Container,
    HTTPGetAction,
    LifecycleHandler,
    Probe,
    ResourceRequirements,
)
from wakeful.apis.core.pod_types import Pod, PodPhase, PodSecurityContext, PodSpec, Toleration
from wakeful.apis.core.scalars import ResourceList
from wakeful.apis.core.volume_types import (
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    Volume,
)

DEFAULT_MODE = 0o644
TOKEN_SECONDS = 3600
_EVICTING_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def every_container(spec: PodSpec) -> Iterator[Container]:
    """Init containers, then containers, then ephemeral ones."""
    yield from spec.init_containers
    yield from spec.containers
    yield from spec.ephemeral_containers


def set_pod_spec_defaults(spec: PodSpec) -> None:
    """Fill in what holds for templates as well as for pods."""
    spec.restart_policy = spec.restart_policy or "Always"
    spec.dns_policy = spec.dns_policy or "ClusterFirst"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = 30
    if spec.security_context is None:
        spec.security_context = PodSecurityContext()
    spec.service_account_name = spec.service_account_name or spec.service_account
    spec.service_account = spec.service_account_name
    for volume in spec.volumes:
        _set_volume_defaults(volume)
    for container in every_container(spec):
        set_container_defaults(container)
        if spec.host_network:
            for port in container.ports:
                port.host_port = port.host_port or port.container_port


def set_container_defaults(container: Container) -> None:
    """Fill in what one container leaves out."""
    if not container.image_pull_policy:
        container.image_pull_policy = default_pull_policy(container.image)
    container.termination_message_path = (
        container.termination_message_path or "/dev/termination-log"
    )
    container.termination_message_policy = container.termination_message_policy or "File"
    for port in container.ports:
        port.protocol = port.protocol or "TCP"
    for env in container.env:
        if env.value_from is not None:
            if env.value_from.field_ref is not None:
                env.value_from.field_ref.api_version = env.value_from.field_ref.api_version or "v1"
            if env.value_from.resource_field_ref is not None:
                ref = env.value_from.resource_field_ref
                ref.divisor = ref.divisor or "0"
    for probe in (container.liveness_probe, container.readiness_probe, container.startup_probe):
        if probe is not None:
            _set_probe_defaults(probe)
    if container.lifecycle is not None:
        for handler in (container.lifecycle.post_start, container.lifecycle.pre_stop):
            if handler is not None:
                _set_handler_defaults(handler)


def default_pull_policy(image: str) -> str:
    """``Always`` for a moving tag (``latest``, or none), else ``IfNotPresent``."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _set_probe_defaults(probe: Probe) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.success_threshold = probe.success_threshold or 1
    probe.failure_threshold = probe.failure_threshold or 3
    if probe.http_get is not None:
        _set_http_defaults(probe.http_get)
    if probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _set_handler_defaults(handler: LifecycleHandler) -> None:
    if handler.http_get is not None:
        _set_http_defaults(handler.http_get)


def _set_http_defaults(action: HTTPGetAction) -> None:
    action.path = action.path or "/"
    action.scheme = action.scheme or "HTTP"


def _set_volume_defaults(volume: Volume) -> None:
    if not volume.sources:
        volume.empty_dir = EmptyDirVolumeSource()
    if volume.host_path is not None and volume.host_path.type is None:
        volume.host_path.type = ""
    for source in (volume.secret, volume.config_map, volume.projected, volume.downward_api):
        if source is not None and source.default_mode is None:
            source.default_mode = DEFAULT_MODE
    if volume.downward_api is not None:
        _set_file_defaults(volume.downward_api.items)
    if volume.projected is not None:
        for projection in volume.projected.sources:
            token = projection.service_account_token
            if token is not None and token.expiration_seconds is None:
                token.expiration_seconds = TOKEN_SECONDS
            if projection.downward_api is not None:
                _set_file_defaults(projection.downward_api.items)


def _set_file_defaults(files: list[DownwardAPIVolumeFile]) -> None:
    for file in files:
        if file.field_ref is not None:
            file.field_ref.api_version = file.field_ref.api_version or "v1"


def set_pod_defaults(pod: Pod, old: Object | None, context: AdmissionContext) -> None:
    """Fill in what a pod leaves out, as the API server and its built-in admission do."""
    spec = pod.spec
    if spec.enable_service_links is None:
        spec.enable_service_links = True
    for container in (*spec.init_containers, *spec.containers):
        _copy_limits(container.resources)
    set_pod_spec_defaults(spec)
    if old is not None:
        return
    if spec.priority is None:
        spec.priority = 0
    if spec.preemption_policy is None:
        spec.preemption_policy = "PreemptLowerPriority"
    for taint in _EVICTING_TAINTS:
        if not any(
            t.effect in ("", "NoExecute") and t.key in ("", taint) for t in spec.tolerations
        ):
            spec.tolerations.append(
                Toleration(key=taint, operator="Exists", effect="NoExecute", toleration_seconds=300)
            )
    if context.operation == "CREATE":
        pod.status.phase = PodPhase.PENDING.value
        pod.status.qos_class = qos_class(spec)


def _copy_limits(resources: ResourceRequirements) -> None:
    for name, amount in resources.limits.items():
        resources.requests.setdefault(name, amount)


def qos_class(spec: PodSpec) -> str:
    """``Guaranteed`` when limits equal requests everywhere, ``BestEffort`` when there are none."""
    every = [c.resources for c in (*spec.init_containers, *spec.containers)]
    computed = ("cpu", "memory")
    if not any(name in r.requests or name in r.limits for r in every for name in computed):
        return "BestEffort"
    guaranteed = all(
        _amount(r.limits, name) and _amount(r.limits, name) == _amount(r.requests, name)
        for r in every
        for name in computed
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _amount(amounts: ResourceList, name: str) -> float:
    return float(parse_quantity(amounts.get(name, "0")))
