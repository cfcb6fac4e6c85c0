"""Names of children, and of containers."""

from __future__ import annotations

import hashlib

from wakeful.apimachinery.names import child_name
from wakeful.apis.pipeline.register import SIDECAR_PREFIX, STEP_PREFIX, UNNAMED_STEP_PREFIX

_MAX_LENGTH = 63


def run_names(pipeline_run: str, task: str, count: int) -> list[str]:
    """Names of a pipeline task's runs: one, or (of a matrix) one with a number for each row."""
    if count == 1:
        return [child_name(pipeline_run, f"-{task}")]
    names = []
    for index in range(count):
        name = child_name(pipeline_run, f"-{task}-{index}")
        if not name.endswith(f"-{index}"):
            longest = _MAX_LENGTH - len(f"-{count}")
            name = f"{child_name(pipeline_run, f'-{task}')[:longest]}-{index}"
        names.append(name)
    return names


def step_container(name: str, index: int) -> str:
    """Container of a step: ``step-build``, ``step-unnamed-0``."""
    return f"{STEP_PREFIX}{name}" if name else f"{UNNAMED_STEP_PREFIX}{index}"


def sidecar_container(name: str) -> str:
    """Container of a sidecar: ``sidecar-db``."""
    return f"{SIDECAR_PREFIX}{name}"


def is_step(container: str) -> bool:
    """Whether a container is a step."""
    return container.startswith(STEP_PREFIX)


def is_sidecar(container: str) -> bool:
    """Whether a container is a sidecar."""
    return container.startswith(SIDECAR_PREFIX)


def claim_name(template_name: str, workspace: str, owner_uid: str) -> str:
    """Name of the claim made from a workspace's template, one for each owner."""
    digest = hashlib.sha256((workspace + owner_uid).encode()).hexdigest()[:10]
    return f"{template_name or 'pvc'}-{digest}"
