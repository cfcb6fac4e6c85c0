"""What a Revision, or a template of one, gets where the user said nothing."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.names import child_name
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.container_types import (
    Capabilities,
    Container,
    Probe,
    SecurityContext,
    TCPSocketAction,
)
from wakeful.apis.core.pod_types import PodSecurityContext
from wakeful.apis.serving.admission import AdmissionConfig, load_config
from wakeful.apis.serving.config import DefaultsConfig, FeaturesConfig, Flag
from wakeful.apis.serving.config.defaults import RESOURCES, metadata_values
from wakeful.apis.serving.config.gotemplate import Template, TemplateError
from wakeful.apis.serving.revision_types import Revision, RevisionSpec


def set_revision_defaults(
    revision: Revision, old: Object | None, context: AdmissionContext
) -> None:
    """Fill in a new Revision; an existing one never changes."""
    del old
    if context.operation == "CREATE":
        set_spec_defaults(revision.spec, ObjectMeta(), load_config(context.config), context)


def set_spec_defaults(
    spec: RevisionSpec, parent: ObjectMeta, config: AdmissionConfig, context: AdmissionContext
) -> None:
    """Fill in a spec; ``parent`` is whose metadata container name templates see."""
    _default_timeouts(spec, config.defaults)
    if spec.container_concurrency is None:
        spec.container_concurrency = config.defaults.container_concurrency
    _name_containers(spec, parent, config.defaults)
    for container in spec.containers:
        _default_resources(container, config.defaults)
        if len(spec.containers) == 1 or container.ports:
            _give_readiness_probe(container)
        _complete_probes(container)
        _default_read_only(spec, container)
        _secure(spec.security_context, container, config.features)
    for container in spec.init_containers:
        _secure(spec.security_context, container, config.features)
    if spec.containers and spec.enable_service_links is None and context.operation == "CREATE":
        spec.enable_service_links = config.defaults.enable_service_links


def _default_timeouts(spec: RevisionSpec, defaults: DefaultsConfig) -> None:
    timeout = spec.timeout_seconds or defaults.revision_timeout_seconds
    spec.timeout_seconds = timeout
    idle = defaults.revision_idle_timeout_seconds
    if spec.idle_timeout_seconds is None and idle != 0 and idle < timeout:
        spec.idle_timeout_seconds = idle
    start = defaults.revision_response_start_timeout_seconds
    if spec.response_start_timeout_seconds is None and start != 0 and start < timeout:
        spec.response_start_timeout_seconds = start


def _name_containers(spec: RevisionSpec, parent: ObjectMeta, defaults: DefaultsConfig) -> None:
    taken = {c.name for c in (*spec.containers, *spec.init_containers)}
    name = _render(defaults.container_name_template, parent)
    _name_unnamed(spec.containers, name, taken)
    name = _render(defaults.init_container_name_template, parent)
    _name_unnamed(spec.init_containers, name, taken)


def _render(template: Template, parent: ObjectMeta) -> str:
    values = metadata_values(parent.name, parent.namespace, parent.labels, parent.annotations)
    try:
        return template.render(values)
    except TemplateError:
        return ""


def _name_unnamed(containers: Sequence[Container], default: str, taken: set[str]) -> None:
    suffix = 0
    for container in containers:
        if container.name:
            continue
        name = default
        if len(containers) > 1 or name in taken:
            name = child_name(default, f"-{suffix}")
            suffix += 1
            while name in taken:
                name = child_name(default, f"-{suffix}")
                suffix += 1
        container.name = name


def _default_resources(container: Container, defaults: DefaultsConfig) -> None:
    for name in RESOURCES:
        if name in defaults.requests:
            container.resources.requests.setdefault(name, defaults.requests[name])
        if name in defaults.limits:
            container.resources.limits.setdefault(name, defaults.limits[name])


def _give_readiness_probe(container: Container) -> None:
    probe = container.readiness_probe or Probe()
    container.readiness_probe = probe
    if not (probe.http_get or probe.tcp_socket or probe.exec or probe.grpc):
        probe.tcp_socket = TCPSocketAction()


def _complete_probes(container: Container) -> None:
    readiness = container.readiness_probe
    if readiness is not None:
        readiness.success_threshold = readiness.success_threshold or 1
        if readiness.period_seconds:
            readiness.failure_threshold = readiness.failure_threshold or 3
            readiness.timeout_seconds = readiness.timeout_seconds or 1
    for probe in (readiness, container.liveness_probe, container.startup_probe):
        if probe is None:
            continue
        if probe.grpc is not None and probe.grpc.service is None:
            probe.grpc.service = ""
        for action in (probe.http_get, probe.tcp_socket):
            if action is not None and action.port is None:
                action.port = 0


def _default_read_only(spec: RevisionSpec, container: Container) -> None:
    writable = {
        volume.name
        for volume in spec.volumes
        if volume.empty_dir is not None
        or volume.persistent_volume_claim is not None
        or volume.ephemeral is not None
    }
    for mount in container.volume_mounts:
        if mount.name not in writable:
            mount.read_only = True


def _secure(pod: PodSecurityContext | None, container: Container, features: FeaturesConfig) -> None:
    """Fill in the restricted profile where nothing was said, when the feature is on."""
    if not features.secures_pods:
        return
    context = container.security_context or SecurityContext()
    container.security_context = context
    if context.allow_privilege_escalation is None:
        context.allow_privilege_escalation = False
    if not ((pod and pod.seccomp_profile) or {}).get("type"):
        profile = dict(context.seccomp_profile or {})
        profile["type"] = profile.get("type") or "RuntimeDefault"
        context.seccomp_profile = profile
    if context.capabilities is None:
        context.capabilities = Capabilities(drop=["ALL"])
        if any(port.container_port < 1024 for port in container.ports):
            context.capabilities.add = ["NET_BIND_SERVICE"]
    if (
        features.secure_pod_defaults is Flag.ENABLED
        and (pod is None or pod.run_as_non_root is None)
        and context.run_as_non_root is None
    ):
        context.run_as_non_root = True
