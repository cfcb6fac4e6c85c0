"""Steps and sidecars: what a task's pod is made of."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.pod_types import (
    ContainerPort,
    EnvFromSource,
    EnvVar,
    Lifecycle,
    Probe,
    ResourceRequirements,
    SecurityContext,
    VolumeDevice,
    VolumeMount,
)
from wakeful.apis.pipeline.param_types import Param, ResolverRef, ResultSpec, WhenExpression
from wakeful.apis.pipeline.scalars import Duration
from wakeful.apis.pipeline.workspace_types import WorkspaceUsage


class StepOutputConfig(APIModel):
    """A file that gets a copy of what a step writes."""

    path: str = ""


class StepActionRef(ResolverRef):
    """A StepAction, by name or through a resolver."""

    name: str = ""


class StepTemplate(APIModel):
    """What every step of a task starts from; steps win."""

    image: str = ""
    command: list[str] = Field(default_factory=list)
    args: list[str] = Field(default_factory=list)
    working_dir: str = ""
    env_from: list[EnvFromSource] = Field(default_factory=list)
    env: list[EnvVar] = Field(default_factory=list)
    compute_resources: ResourceRequirements = Field(default_factory=ResourceRequirements)
    volume_mounts: list[VolumeMount] = Field(default_factory=list)
    volume_devices: list[VolumeDevice] = Field(default_factory=list)
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None


class Step(StepTemplate):
    """One container of a task; steps run one after the other."""

    name: str = ""
    display_name: str = ""
    script: str = ""
    timeout: Duration | None = None
    workspaces: list[WorkspaceUsage] = Field(default_factory=list)
    on_error: str = ""
    """``continue`` or ``stopAndFail`` (when empty)."""
    stdout_config: StepOutputConfig | None = None
    stderr_config: StepOutputConfig | None = None
    ref: StepActionRef | None = None
    params: list[Param] = Field(default_factory=list)
    results: list[ResultSpec] = Field(default_factory=list)
    when: list[WhenExpression] = Field(default_factory=list)
    legacy: dict[str, Any] | None = None
    """Fields of a container that steps had before v1 (``ports``, ``tty``, ``livenessProbe``)."""


class Sidecar(StepTemplate):
    """A container beside the steps."""

    name: str = ""
    ports: list[ContainerPort] = Field(default_factory=list)
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = ""
    termination_message_policy: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    script: str = ""
    workspaces: list[WorkspaceUsage] = Field(default_factory=list)
    restart_policy: str | None = None
