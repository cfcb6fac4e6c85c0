"""Rules for workspaces: declared, used by steps, bound in runs."""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import normpath

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    missing_field,
    missing_one_of,
    multiple_one_of,
    under_index,
)
from wakeful.apis.pipeline.admission import BETA, Settings, quote
from wakeful.apis.pipeline.param_validation import no_repeated_names
from wakeful.apis.pipeline.step_types import Sidecar, Step
from wakeful.apis.pipeline.task_types import TaskSpec
from wakeful.apis.pipeline.workspace_types import WorkspaceBinding

_SOURCES = (
    "volume_claim_template",
    "persistent_volume_claim",
    "empty_dir",
    "config_map",
    "secret",
    "projected",
    "csi",
)
_SOURCE_PATHS = ("configmap", "emptydir", "persistentvolumeclaim", "secret", "volumeclaimtemplate")


def validate_declared_workspaces(spec: TaskSpec) -> FieldErrors:
    """Workspaces of a task do not get into each other's way, or into that of its volumes."""
    mounts = {normpath(m.mount_path) for step in spec.steps for m in step.volume_mounts}
    if spec.step_template is not None:
        mounts |= {normpath(m.mount_path) for m in spec.step_template.volume_mounts}
    names: set[str] = set()
    errors: FieldErrors = []
    for index, workspace in enumerate(spec.workspaces):
        found: FieldErrors = []
        if workspace.name in names:
            text = f"workspace name {quote(workspace.name)} must be unique"
            found.append(FieldError(text, ("name",)))
        names.add(workspace.name)
        path = normpath(workspace.path)
        if path in mounts:
            text = f"workspace mount path {quote(path)} must be unique"
            found.append(FieldError(text, ("mountpath",)))
        mounts.add(path)
        errors += under_index("workspaces", index, found)
    return errors


def validate_workspace_usages(spec: TaskSpec, settings: Settings) -> FieldErrors:
    """Workspaces that only some steps or sidecars see are declared."""
    names = {w.name for w in spec.workspaces}
    errors: FieldErrors = []
    parts: dict[str, Sequence[Step | Sidecar]] = {"steps": spec.steps, "sidecars": spec.sidecars}
    for key, containers in parts.items():
        word = key.removesuffix("s")
        for index, container in enumerate(containers):
            found: FieldErrors = []
            if container.workspaces:
                found += settings.gate(f"{word} workspaces", BETA, "")
            for place, usage in enumerate(container.workspaces):
                if usage.name not in names:
                    text = f"undefined workspace {quote(usage.name)}"
                    found.append(FieldError(text, (f"workspaces[{place}].name",)))
            errors += under_index(key, index, found)
    return errors


def validate_bindings(bindings: Sequence[WorkspaceBinding]) -> FieldErrors:
    """Bindings of a TaskRun or CustomRun."""
    errors: FieldErrors = []
    for index, binding in enumerate(bindings):
        errors += under_index("workspaces", index, binding_faults(binding))
    repeated = no_repeated_names((b.name for b in bindings), by_index=True)
    return errors + [e.under("workspaces") for e in repeated]


def binding_faults(binding: WorkspaceBinding) -> FieldErrors:
    """One binding has exactly one source, and the source says what it is."""
    if binding == WorkspaceBinding():
        return [missing_field("")]
    count = sum(getattr(binding, source) is not None for source in _SOURCES)
    if count > 1:
        return [multiple_one_of(*_SOURCE_PATHS)]
    if count == 0:
        return [missing_one_of(*_SOURCE_PATHS)]
    claim, config, secret = (
        binding.persistent_volume_claim,
        binding.config_map,
        binding.secret,
    )
    if claim is not None and not claim.claim_name:
        return [missing_field("persistentvolumeclaim.claimname")]
    if config is not None and not config.name:
        return [missing_field("configmap.name")]
    if secret is not None and not secret.secret_name:
        return [missing_field("secret.secretName")]
    if binding.projected is not None and not binding.projected.sources:
        return [missing_field("projected.sources")]
    if binding.csi is not None and not binding.csi.get("driver"):
        return [missing_field("csi.driver")]
    return []
