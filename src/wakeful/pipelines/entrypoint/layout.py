"""Where everything of a step lies in its Pod: paths, volumes, names and annotations.

The names are Tekton's own, since users' scripts and other programs know them.
"""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "/tekton"
BIN_DIR = f"{ROOT}/bin"
ENTRYPOINT = f"{BIN_DIR}/entrypoint"
RUN_DIR = f"{ROOT}/run"
STEPS_DIR = f"{ROOT}/steps"
RESULTS_DIR = f"{ROOT}/results"
HOME_DIR = f"{ROOT}/home"
CREDS_DIR = f"{ROOT}/creds"
SECRETS_DIR = f"{ROOT}/creds-secrets"
SCRIPTS_DIR = f"{ROOT}/scripts"
ARTIFACTS_DIR = f"{ROOT}/artifacts"
DOWNWARD_DIR = f"{ROOT}/downward"
TERMINATION_PATH = f"{ROOT}/termination"
WORKSPACE_DIR = "/workspace"
READY_FILE = f"{DOWNWARD_DIR}/ready"
PROVENANCE = "provenance.json"

BIN_VOLUME = "tekton-internal-bin"
RUN_VOLUME = "tekton-internal-run"
"""One for all steps, of which each may write to its part only. Tekton has one for each step, shown
to every other: a Pod with many steps consists of little else then."""
STEPS_VOLUME = "tekton-internal-steps"
SCRIPTS_VOLUME = "tekton-internal-scripts"
RESULTS_VOLUME = "tekton-internal-results"
HOME_VOLUME = "tekton-internal-home"
WORKSPACE_VOLUME = "tekton-internal-workspace"
ARTIFACTS_VOLUME = "tekton-internal-artifacts"
DOWNWARD_VOLUME = "tekton-internal-downward"

STEP_PREFIX = "step-"
SIDECAR_PREFIX = "sidecar-"
PREPARE = "prepare"
PLACE_SCRIPTS = "place-scripts"
WORKING_DIRS = "working-dir-initializer"
INIT_PROGRAM = "/ko-app/entrypoint"
WORKING_DIRS_PROGRAM = "/ko-app/workingdirinit"

RESULTS_SIDECAR = f"{SIDECAR_PREFIX}tekton-log-results"
RESULTS_PROGRAM = "/ko-app/sidecarlogresults"
HERMETIC_VARIABLE = "TEKTON_HERMETIC"
"""At ``1`` in a step's environment, its program has no network."""

READY_ANNOTATION = "tekton.dev/ready"
READY = "READY"
CANCEL_ANNOTATION = "tekton.dev/cancel"
CANCELLED = "CANCEL"


def step_container(name: str, index: int) -> str:
    """The name of a step's container, before it is cut to 63 characters."""
    return f"{STEP_PREFIX}{name}" if name else f"{STEP_PREFIX}unnamed-{index}"


@dataclass(frozen=True, slots=True)
class StepPlace:
    """Where one step keeps what is its own."""

    index: int

    @property
    def name(self) -> str:
        """The directory in the volume of all steps that only this step may write to."""
        return str(self.index)

    @property
    def creds_volume(self) -> str:
        """The volume for its credentials."""
        return f"tekton-creds-init-home-{self.index}"

    @property
    def folder(self) -> str:
        """Where every step sees it."""
        return f"{RUN_DIR}/{self.index}"

    @property
    def post_file(self) -> str:
        """Made when it has ended; with ``.err`` behind when later ones must not start."""
        return f"{self.folder}/out"

    @property
    def status_dir(self) -> str:
        """Its exit code and its results."""
        return f"{self.folder}/status"


@dataclass(frozen=True, slots=True)
class PodLayout:
    """The steps of a Pod, by the names of their containers, in order."""

    containers: tuple[str, ...]

    def place(self, index: int) -> StepPlace:
        """Where the step with this number keeps its things."""
        return StepPlace(index)
