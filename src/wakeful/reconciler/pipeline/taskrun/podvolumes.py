"""Volumes of a TaskRun's Pod, and where its containers have them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apis.core.pod_types import (
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    ObjectFieldSelector,
    SecretVolumeSource,
    Volume,
    VolumeMount,
)
from wakeful.apis.pipeline import PodTemplate
from wakeful.apis.pipeline.config import FeatureFlags
from wakeful.apis.pipeline.register import (
    OLD_HOME_DIR,
)
from wakeful.pipelines.entrypoint import (
    CANCEL_ANNOTATION,
    READY_ANNOTATION,
)
from wakeful.pipelines.entrypoint import layout as at
from wakeful.pipelines.entrypoint.layout import StepPlace
from wakeful.reconciler.pipeline.taskrun.plan import PodPlan
from wakeful.reconciler.pipeline.taskrun.workspaces import hashed_name


def make_mounts(plan: PodPlan, own: Sequence[VolumeMount], index: int) -> list[VolumeMount]:
    """The step's own mounts, and ours where they leave room."""
    mounts = list(own)
    if (index == 0 and not plan.is_ready_at_once) or plan.flags.keep_pod_on_cancel:
        mounts.append(make_mount(at.DOWNWARD_VOLUME, at.DOWNWARD_DIR, read_only=True))
    if not plan.flags.disable_creds_init:
        mounts.append(make_mount(StepPlace(index).creds_volume, at.CREDS_DIR))
    place = StepPlace(index)
    mounts.append(make_mount(at.RUN_VOLUME, at.RUN_DIR, read_only=True))
    part = make_mount(at.RUN_VOLUME, place.folder)
    mounts.append(part.model_copy(update={"sub_path": place.name}))
    taken = {m.mount_path.rstrip("/") for m in mounts}
    ours = [make_mount(at.BIN_VOLUME, at.BIN_DIR, read_only=True), *implicit_mounts(plan.flags)]
    if plan.legacy_home:
        ours.append(make_mount(at.HOME_VOLUME, OLD_HOME_DIR))
    ours += (
        make_mount(secret_volume(use.secret), f"{at.SECRETS_DIR}/{use.secret}", read_only=True)
        for use in plan.secrets
    )
    return [*mounts, *(m for m in ours if m.mount_path not in taken)]


def make_mount(name: str, path: str, *, read_only: bool = False) -> VolumeMount:
    """A mount of the volume ``name``."""
    return VolumeMount(name=name, mount_path=path, read_only=read_only)


def implicit_mounts(flags: FeatureFlags) -> list[VolumeMount]:
    """What every step has; the place for artifacts only where there can be any."""
    artifacts = [make_mount(at.ARTIFACTS_VOLUME, at.ARTIFACTS_DIR)] if flags.artifacts else []
    return [
        make_mount(at.WORKSPACE_VOLUME, at.WORKSPACE_DIR),
        make_mount(at.HOME_VOLUME, at.HOME_DIR),
        make_mount(at.RESULTS_VOLUME, at.RESULTS_DIR),
        make_mount(at.STEPS_VOLUME, at.STEPS_DIR, read_only=True),
        *artifacts,
    ]


def is_to_be_made(directory: str) -> bool:
    """Whether a working directory is one that nobody else makes: one in the workspace."""
    below = f"{at.WORKSPACE_DIR}/"
    return bool(directory) and (not directory.startswith("/") or directory.startswith(below))


def secret_volume(secret: str) -> str:
    """The volume of a secret with credentials."""
    return hashed_name("tekton-creds", secret, 8)


def make_volumes(
    plan: PodPlan, template: PodTemplate, count: int, *, scripts: bool
) -> list[Volume]:
    """Volumes for ``count`` steps, and one for scripts if there are any."""
    names = [
        at.WORKSPACE_VOLUME,
        at.HOME_VOLUME,
        at.RESULTS_VOLUME,
        at.STEPS_VOLUME,
        *([at.ARTIFACTS_VOLUME] if plan.flags.artifacts else []),
        at.BIN_VOLUME,
        *([at.SCRIPTS_VOLUME] if scripts else []),
        at.RUN_VOLUME,
    ]
    volumes = [Volume(name=name, empty_dir=EmptyDirVolumeSource()) for name in names]
    if not plan.flags.disable_creds_init:
        memory = EmptyDirVolumeSource(medium="Memory")
        volumes += (Volume(name=StepPlace(i).creds_volume, empty_dir=memory) for i in range(count))
    volumes += (
        Volume(name=secret_volume(u.secret), secret=SecretVolumeSource(secret_name=u.secret))
        for u in plan.secrets
    )
    if not plan.is_ready_at_once or plan.flags.keep_pod_on_cancel:
        volumes.append(_downward_volume(plan))
    return [*volumes, *plan.spec.volumes, *template.volumes]


def _downward_volume(plan: PodPlan) -> Volume:
    shown = {"ready": READY_ANNOTATION}
    if plan.flags.keep_pod_on_cancel:
        shown["cancel"] = CANCEL_ANNOTATION
    items = [
        DownwardAPIVolumeFile(
            path=path,
            field_ref=ObjectFieldSelector(field_path=f"metadata.annotations['{annotation}']"),
        )
        for path, annotation in shown.items()
    ]
    return Volume(name=at.DOWNWARD_VOLUME, downward_api=DownwardAPIVolumeSource(items=items))
