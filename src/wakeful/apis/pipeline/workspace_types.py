"""Workspaces: directories that steps and tasks share."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.core.pod_types import (
    ConfigMapVolumeSource,
    EmptyDirVolumeSource,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretVolumeSource,
)
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim
from wakeful.apis.pipeline.register import WORKSPACE_DIR


class WorkspaceDeclaration(APIModel):
    """A directory a task expects."""

    name: str = ""
    description: str = ""
    mount_path: str = ""
    read_only: bool = False
    optional: bool = False

    @property
    def path(self) -> str:
        """Where steps see it."""
        return self.mount_path or f"{WORKSPACE_DIR}/{self.name}"


class PipelineWorkspaceDeclaration(APIModel):
    """A directory a pipeline expects and hands to its tasks."""

    name: str = ""
    description: str = ""
    optional: bool = False


class WorkspaceBinding(APIModel):
    """What a workspace is made of in one run; exactly one source is set."""

    name: str = ""
    sub_path: str = ""
    volume_claim_template: PersistentVolumeClaim | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    csi: dict[str, Any] | None = None


class WorkspacePipelineTaskBinding(APIModel):
    """Which of the pipeline's workspaces a task's workspace is."""

    name: str = ""
    workspace: str = ""
    """Empty: the one of the same name."""
    sub_path: str = ""

    @property
    def source(self) -> str:
        """The pipeline's name of the workspace."""
        return self.workspace or self.name


class WorkspaceUsage(APIModel):
    """A workspace only some steps see, and where."""

    name: str = ""
    mount_path: str = ""
