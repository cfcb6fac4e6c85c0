"""Which containers of a Pod are steps, and what to do for each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wakeful.apis.core.pod_types import Container, Pod
from wakeful.oci import RootfsPlan
from wakeful.pipelines.entrypoint import ArgumentsError, PodLayout, ScriptFile, StepArguments
from wakeful.pipelines.entrypoint import layout as at
from wakeful.pipelines.entrypoint.layout import StepPlace
from wakeful.pipelines.entrypoint.scripts import parse_scripts

_POST_FILE = re.compile(re.escape(at.RUN_DIR) + r"/(\d+)/out")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step: what its container is to run, and what around it."""

    index: int
    container: Container
    """With the step's own command; without one it is the image's."""
    arguments: StepArguments

    @property
    def place(self) -> StepPlace:
        """Where it keeps what is its own."""
        return StepPlace(self.index)

    @property
    def name(self) -> str:
        """Name of the container."""
        return self.container.name

    @property
    def waits_for(self) -> int | None:
        """The step that has to end first; None when it may begin when the Pod is ready."""
        found = _POST_FILE.fullmatch(self.arguments.wait_file)
        return int(found.group(1)) if found is not None else None

    @property
    def waits_for_ready(self) -> bool:
        """Whether it begins only when the Pod is marked as ready: its sidecars are."""
        return self.arguments.wait_file == at.READY_FILE

    def resolved(self, image: RootfsPlan) -> Container:
        """The container with something to run.

        Tekton's rule differs from a Pod's: args do not replace what an image runs by default,
        they are appended to it when it has no entrypoint.
        """
        if self.container.command:
            return self.container
        default = image.entrypoint or image.cmd
        if image.entrypoint and not self.container.args:
            default = (*image.entrypoint, *image.cmd)
        return self.container.model_copy(update={"command": list(default)})


@dataclass(frozen=True, slots=True)
class StepsPlan:
    """The steps of a Pod in order, and what its init containers would have prepared."""

    steps: tuple[PlannedStep, ...]
    sidecars: frozenset[str]
    readers: frozenset[str]
    """Names of the containers that read results, whose work the agent does itself."""
    setups: frozenset[str]
    """Names of the init containers whose work the agent does itself."""
    scripts: tuple[ScriptFile, ...]
    directories: tuple[str, ...]
    """Absolute paths that have to exist before steps start."""

    @property
    def layout(self) -> PodLayout:
        """Where everything lies."""
        return PodLayout(tuple(step.name for step in self.steps))

    def step(self, container: str) -> PlannedStep | None:
        """The step that runs in a container."""
        return next((s for s in self.steps if s.name == container), None)


def plan_steps(pod: Pod) -> StepsPlan | None:
    """Read a Pod; None for one that has no steps, or says something we do not understand."""
    spec = pod.spec
    if all(volume.name != at.BIN_VOLUME for volume in spec.volumes):
        return None
    steps: list[PlannedStep] = []
    try:
        for container in spec.containers:
            if container.command == [at.ENTRYPOINT]:
                steps.append(_step(len(steps), container))
    except ArgumentsError:
        return None
    if not steps:
        return None
    setups: set[str] = set()
    scripts: list[ScriptFile] = []
    directories: list[str] = []
    for container in spec.init_containers:
        if container.command[:2] == [at.INIT_PROGRAM, "init"]:
            setups.add(container.name)
        elif container.command[:1] == [at.WORKING_DIRS_PROGRAM]:
            setups.add(container.name)
            directories += (_absolute(path) for path in container.args)
        elif container.name == at.PLACE_SCRIPTS and len(container.args) == 2:
            found = parse_scripts(container.args[1])
            if found is not None:
                setups.add(container.name)
                scripts += found
    names = {step.name for step in steps}
    readers = {c.name for c in spec.containers if c.command[:1] == [at.RESULTS_PROGRAM]}
    return StepsPlan(
        steps=tuple(steps),
        readers=frozenset(readers),
        sidecars=frozenset(c.name for c in spec.containers if c.name not in names),
        setups=frozenset(setups),
        scripts=tuple(scripts),
        directories=tuple(directories),
    )


def _step(index: int, container: Container) -> PlannedStep:
    arguments = StepArguments.parse(container.args)
    command = [arguments.entrypoint] if arguments.entrypoint else []
    own = container.model_copy(
        update={
            "command": command,
            "args": list(arguments.words),
            "working_dir": _absolute(container.working_dir) if container.working_dir else "",
            # Nothing is in it here, and each mount costs a start some of its milliseconds.
            "volume_mounts": [m for m in container.volume_mounts if m.mount_path != at.BIN_DIR],
        }
    )
    return PlannedStep(index, own, arguments)


def _absolute(path: str) -> str:
    """A directory as a step means it: relative ones lie in the workspace."""
    return path if path.startswith("/") else f"{at.WORKSPACE_DIR}/{path}"
