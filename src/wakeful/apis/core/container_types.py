"""A container: what to run, with which environment, watched by which probes."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.scalars import IntOrString, ResourceList
from wakeful.apis.core.volume_types import (
    ObjectFieldSelector,
    ResourceFieldSelector,
    VolumeDevice,
    VolumeMount,
)


class ContainerPort(APIModel):
    """A port the container listens on."""

    name: str = ""
    host_port: int = 0
    container_port: int = 0
    protocol: str = ""
    host_ip: str = Field(default="", alias="hostIP")


class ConfigMapKeySelector(APIModel):
    """One key of a config map."""

    name: str = ""
    key: str = ""
    optional: bool | None = None


class SecretKeySelector(APIModel):
    """One key of a secret."""

    name: str = ""
    key: str = ""
    optional: bool | None = None


class EnvVarSource(APIModel):
    """Where a variable's value comes from; exactly one member is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None


class EnvVar(APIModel):
    """An environment variable; ``$(NAME)`` in the value refers to an earlier one."""

    name: str = ""
    value: str = ""
    value_from: EnvVarSource | None = None


class ConfigMapEnvSource(APIModel):
    """Every key of a config map as a variable."""

    name: str = ""
    optional: bool | None = None


class SecretEnvSource(APIModel):
    """Every key of a secret as a variable."""

    name: str = ""
    optional: bool | None = None


class EnvFromSource(APIModel):
    """Variables taken from a whole map."""

    prefix: str = ""
    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


class ResourceRequirements(APIModel):
    """Guaranteed amounts (requests) and upper bounds (limits)."""

    limits: ResourceList = Field(default_factory=dict)
    requests: ResourceList = Field(default_factory=dict)
    claims: list[dict[str, Any]] = Field(default_factory=list)


class ExecAction(APIModel):
    """A command inside the container; exit code 0 is success."""

    command: list[str] = Field(default_factory=list)


class HTTPHeader(APIModel):
    """A header a probe sends."""

    name: str = ""
    value: str = ""


class HTTPGetAction(APIModel):
    """A GET; any status from 200 to 399 is success."""

    path: str = ""
    port: IntOrString | None = None
    host: str = ""
    scheme: str = ""
    http_headers: list[HTTPHeader] = Field(default_factory=list)


class TCPSocketAction(APIModel):
    """A connection that only has to open."""

    port: IntOrString | None = None
    host: str = ""


class GRPCAction(APIModel):
    """A call of the gRPC health service."""

    port: int = 0
    service: str | None = None


class SleepAction(APIModel):
    """Wait."""

    seconds: int = 0


class Probe(APIModel):
    """A health check; exactly one of exec, httpGet, tcpSocket, grpc is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int | None = None
    period_seconds: int | None = None
    success_threshold: int | None = None
    failure_threshold: int | None = None
    termination_grace_period_seconds: int | None = None


class LifecycleHandler(APIModel):
    """What to do at a hook; exactly one member is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(APIModel):
    """Hooks after start and before stop."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None


class Capabilities(APIModel):
    """POSIX capabilities beyond or below the runtime's default set."""

    add: list[str] = Field(default_factory=list)
    drop: list[str] = Field(default_factory=list)


class SecurityContext(APIModel):
    """Privileges of one container; set fields beat the pod's."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    se_linux_options: dict[str, Any] | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: dict[str, Any] | None = None
    app_armor_profile: dict[str, Any] | None = None


class Container(APIModel):
    """One process (or image) of a pod."""

    name: str = ""
    image: str = ""
    command: list[str] = Field(default_factory=list)
    args: list[str] = Field(default_factory=list)
    working_dir: str = ""
    ports: list[ContainerPort] = Field(default_factory=list)
    env_from: list[EnvFromSource] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    resources: ResourceRequirements = Field(default_factory=ResourceRequirements)
    resize_policy: list[dict[str, Any]] = Field(default_factory=list)
    restart_policy: str | None = None
    volume_mounts: list[VolumeMount] = Field(default_factory=list)
    volume_devices: list[VolumeDevice] = Field(default_factory=list)
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = ""
    termination_message_policy: str = ""
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainer(Container):
    """A container added to a running pod for debugging."""

    target_container_name: str = ""
