"""Workspaces of a TaskRun: volumes of its Pod, and where its containers see them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wakeful.apimachinery.meta import Object, OwnerReference, owner_reference
from wakeful.apis.core.pod_types import (
    PersistentVolumeClaimVolumeSource,
    Volume,
    VolumeMount,
)
from wakeful.apis.core.volumeclaim_types import PersistentVolumeClaim
from wakeful.apis.pipeline import (
    Sidecar,
    Step,
    StepTemplate,
    TaskSpec,
    WorkspaceBinding,
    WorkspaceDeclaration,
)
from wakeful.apis.pipeline.workspace_types import WorkspaceUsage
from wakeful.pipelines.names import claim_name

_FNV_OFFSET, _FNV_PRIME = 0x811C9DC5, 0x01000193


def hashed_name(prefix: str, name: str, length: int) -> str:
    """``prefix-`` and the beginning of a hash of ``name``, as Tekton names volumes."""
    number = _FNV_OFFSET
    for byte in name.encode():
        number = ((number ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return f"{prefix}-{f'{number:x}'[:length]:0<{length}}"


def make_volumes(bindings: Sequence[WorkspaceBinding]) -> dict[str, Volume]:
    """One volume for each binding, by the workspace's name; a claim bound twice is one volume."""
    volumes: dict[str, Volume] = {}
    claims: dict[str, Volume] = {}
    used: set[str] = set()
    for binding in bindings:
        name = hashed_name("ws", binding.name, 5)
        while name in used:
            name = hashed_name("ws", name + "$", 5)
        used.add(name)
        claim = binding.persistent_volume_claim
        if claim is not None and claim.claim_name in claims:
            volumes[binding.name] = claims[claim.claim_name]
            continue
        volume = _volume(name, binding)
        if volume is None:
            continue
        volumes[binding.name] = volume
        if claim is not None:
            claims[claim.claim_name] = volume
    return volumes


def _volume(name: str, binding: WorkspaceBinding) -> Volume | None:
    sources = {
        "persistentVolumeClaim": binding.persistent_volume_claim,
        "emptyDir": binding.empty_dir,
        "configMap": binding.config_map,
        "secret": binding.secret,
        "projected": binding.projected,
    }
    for key, source in sources.items():
        if source is not None:
            return Volume.from_wire({"name": name, key: source.to_wire()})
    if binding.csi is not None:
        return Volume.from_wire({"name": name, "csi": binding.csi})
    return None


def with_workspaces(
    spec: TaskSpec, bindings: Sequence[WorkspaceBinding], volumes: Mapping[str, Volume]
) -> TaskSpec:
    """The task with its workspaces mounted.

    In every container, unless a step or sidecar asks for one: then only in those that do.
    """
    if not bindings:
        return spec
    spec = spec.deep_copy()
    spec.step_template = spec.step_template or StepTemplate()
    containers: list[Step | Sidecar] = [*spec.steps, *spec.sidecars]
    isolated = {usage.name for one in containers for usage in one.workspaces}
    declared = {w.name: w for w in spec.workspaces}
    added: set[str] = set()
    for binding in bindings:
        if binding.name not in declared:
            declared[binding.name] = WorkspaceDeclaration(name=binding.name)
            spec.workspaces.append(declared[binding.name])
        volume = volumes.get(binding.name)
        if volume is None:
            continue
        workspace = declared[binding.name]
        mount = VolumeMount(
            name=volume.name,
            mount_path=workspace.path,
            sub_path=binding.sub_path,
            read_only=workspace.read_only,
        )
        if workspace.name in isolated:
            for one in containers:
                _mount_where_asked(one.workspaces, workspace.name, mount, one.volume_mounts)
        else:
            spec.step_template.volume_mounts.append(mount)
            for sidecar in spec.sidecars:
                _mount_in_sidecar(sidecar, mount)
        if volume.name not in added:
            added.add(volume.name)
            spec.volumes.append(volume)
    return spec


def _mount_where_asked(
    usages: Sequence[WorkspaceUsage], name: str, mount: VolumeMount, mounts: list[VolumeMount]
) -> None:
    for usage in usages:
        if usage.name == name:
            path = usage.mount_path or mount.mount_path
            mounts.append(mount.model_copy(update={"mount_path": path}))
            return


def _mount_in_sidecar(sidecar: Sidecar, mount: VolumeMount) -> None:
    if all(m.mount_path != mount.mount_path for m in sidecar.volume_mounts):
        sidecar.volume_mounts.append(mount)


# --- claims that runs make ------------------------------------------------------------------------


def make_claims(bindings: Sequence[WorkspaceBinding], run: Object) -> list[PersistentVolumeClaim]:
    """The claims that a run has to make before its Pods can start."""
    owner = owner_reference(run)
    claims = []
    for binding in bindings:
        if binding.volume_claim_template is None:
            continue
        claim = binding.volume_claim_template.deep_copy()
        claim.metadata.name = _claim_name(binding, owner)
        claim.metadata.namespace = run.metadata.namespace
        claim.metadata.owner_references = [owner]
        claims.append(claim)
    return claims


def with_claims(bindings: Sequence[WorkspaceBinding], run: Object) -> list[WorkspaceBinding]:
    """The bindings with the claims in place of their templates."""
    owner = owner_reference(run)
    return [
        binding
        if binding.volume_claim_template is None
        else binding.model_copy(
            update={
                "volume_claim_template": None,
                "persistent_volume_claim": PersistentVolumeClaimVolumeSource(
                    claim_name=_claim_name(binding, owner)
                ),
            }
        )
        for binding in bindings
    ]


def _claim_name(binding: WorkspaceBinding, owner: OwnerReference) -> str:
    template = binding.volume_claim_template
    return claim_name(template.metadata.name if template else "", binding.name, owner.uid)
