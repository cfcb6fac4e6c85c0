"""What the Pod of a TaskRun is made from. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wakeful.apimachinery.names import child_name
from wakeful.apis.pipeline import TaskRun, TaskSpec
from wakeful.apis.pipeline.config import DefaultsConfig, FeatureFlags
from wakeful.apis.pipeline.register import EXECUTION_MODE_ANNOTATION, HERMETIC


@dataclass(frozen=True, slots=True)
class Images:
    """What a Pod needs beside the steps' own images; our node agent needs none of them."""

    entrypoint: str = "tekton/entrypoint"
    shell: str = "busybox"
    working_dirs: str = "tekton/workingdirinit"
    nop: str = "tekton/nop"
    results: str = "tekton/sidecarlogresults"


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret of the run's service account, and the flags that say what it is for."""

    secret: str
    flags: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class PodPlan:
    """All that a Pod is made from."""

    run: TaskRun
    spec: TaskSpec
    """With every variable replaced and workspaces mounted."""
    defaults: DefaultsConfig = field(default_factory=DefaultsConfig)
    flags: FeatureFlags = field(default_factory=FeatureFlags)
    images: Images = field(default_factory=Images)
    secrets: Sequence[SecretUse] = ()
    legacy_home: bool = False
    """Whether HOME and the working directory are those of 2019."""

    @property
    def is_hermetic(self) -> bool:
        """Whether steps have no network."""
        mode = self.run.metadata.annotations.get(EXECUTION_MODE_ANNOTATION)
        return mode == HERMETIC and self.flags.api_fields == "alpha"

    @property
    def is_ready_at_once(self) -> bool:
        """Whether steps start without somebody saying that the sidecars are there."""
        awaited = bool(self.spec.sidecars) or self.flags.injected_sidecars
        return not (awaited and self.flags.await_sidecar_readiness)


def pod_name(run: TaskRun) -> str:
    """The Pod of the current attempt; the same whenever it is asked for."""
    retries = len(run.status.retries_status)
    return child_name(run.metadata.name, "-pod" + (f"-retry{retries}" if retries else ""))
