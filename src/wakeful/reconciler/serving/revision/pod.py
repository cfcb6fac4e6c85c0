"""The pod of a Revision: the user's containers, told who they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wakeful.apis.core.container_types import Container, ContainerPort, EnvVar, Probe
from wakeful.apis.core.pod_types import PodSpec
from wakeful.apis.serving import ContainerImage, Revision, register
from wakeful.apis.serving.config import (
    DefaultsConfig,
    DeploymentConfig,
    FeaturesConfig,
    Flag,
)
from wakeful.apis.serving.config.deployment import SPREAD


def make_pod_spec(
    revision: Revision,
    defaults: DefaultsConfig,
    deployment: DeploymentConfig,
    features: FeaturesConfig,
) -> PodSpec:
    """The spec, with images by digest, ports, variables and probes made concrete."""
    spec = revision.spec
    pod = PodSpec.from_wire(spec.to_wire())
    serving = spec.serving_container.name
    own_ports = features.multi_container_probing is Flag.ENABLED
    _pin(pod.containers, revision.status.container_statuses)
    _pin(pod.init_containers, revision.status.init_container_statuses)
    for container in pod.containers:
        if len(pod.containers) == 1 or container.name == serving:
            _make_serving(container, spec.user_port, own_ports=own_ports)
        _spell_schemes(container)
        container.env += _identity(revision)
        _close_input(container)
    for container in pod.init_containers:
        _close_input(container)
    pod.termination_grace_period_seconds = spec.timeout_seconds
    if pod.enable_service_links is None:
        pod.enable_service_links = defaults.enable_service_links
    if pod.runtime_class_name is None:
        pod.runtime_class_name = deployment.runtime_class_name(revision.metadata.labels)
    if deployment.default_affinity_type == SPREAD and pod.affinity is None:
        pod.affinity = _spread(revision.metadata.name)
    return pod


def _pin(containers: Sequence[Container], images: Sequence[ContainerImage]) -> None:
    digests = {image.name: image.image_digest for image in images}
    for container in containers:
        container.image = digests.get(container.name) or container.image


def _make_serving(container: Container, port: int, *, own_ports: bool) -> None:
    container.ports = [ContainerPort(name=register.USER_PORT_NAME, container_port=port)]
    container.env.append(EnvVar(name="PORT", value=str(port)))
    for probe in (container.readiness_probe, container.startup_probe):
        _aim(probe, port, keep=True)
    _aim(container.liveness_probe, port, keep=own_ports)


def _aim(probe: Probe | None, port: int, *, keep: bool) -> None:
    """Point a probe at the serving port; with ``keep``, only one that names no number."""
    if probe is None:
        return
    for action in (probe.http_get, probe.tcp_socket):
        if action is not None and not (keep and isinstance(action.port, int) and action.port):
            action.port = port
    if probe.grpc is not None and not probe.grpc.port:
        probe.grpc.port = port


def _spell_schemes(container: Container) -> None:
    """Put schemes of probes in capitals.

    Knative's own prober takes ``http`` as well; Kubernetes, who is not asked there, refuses it.
    """
    for probe in (container.readiness_probe, container.startup_probe, container.liveness_probe):
        if probe is not None and probe.http_get is not None:
            probe.http_get.scheme = probe.http_get.scheme.upper()


def _identity(revision: Revision) -> list[EnvVar]:
    labels = revision.metadata.labels
    return [
        EnvVar(name="K_REVISION", value=revision.metadata.name),
        EnvVar(name="K_CONFIGURATION", value=labels.get(register.CONFIGURATION, "")),
        EnvVar(name="K_SERVICE", value=labels.get(register.SERVICE, "")),
    ]


def _close_input(container: Container) -> None:
    container.stdin = container.tty = False
    container.termination_message_policy = (
        container.termination_message_policy or "FallbackToLogsOnError"
    )


def _spread(revision: str) -> dict[str, Any]:
    """Rather not two pods of one Revision on one node."""
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchLabels": {register.REVISION: revision}},
    }
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
