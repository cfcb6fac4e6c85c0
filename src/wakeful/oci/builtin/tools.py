"""Tools that pipelines use: the image builder, kubectl, git, curl."""

from __future__ import annotations

from wakeful.oci.builtin.model import BIN, BuiltinImage, Needs, Program
from wakeful.oci.builtin.shells import PATH

_PROGRAMS = "wakeful.oci.builtin.programs"
_GIT_INIT = Program.packaged(_PROGRAMS, "git_init.py")
_EXECUTOR = Program.packaged(_PROGRAMS, "kaniko.py", options="-I")
_WITH_TOOLS = {"PATH": f"{PATH}:/kaniko:/ko-app"}

KANIKO = BuiltinImage(
    name="kaniko",
    description="the platform's own image builder",
    patterns=(
        "kaniko",
        "kaniko-executor",
        "kaniko-project-executor",
        "*kaniko-project/executor",
        "*kaniko/executor",
    ),
    entrypoint=("/kaniko/executor",),
    env=_WITH_TOOLS,
    contents={"/kaniko/executor": _EXECUTOR},
    always=True,
    even_if_refused=True,
    needs=Needs.BUILDER,
)
"""Always: what the real one builds would reach this machine through a registry only."""

TOOLS = (
    KANIKO,
    BuiltinImage(
        name="git-init",
        description="this machine's git",
        patterns=("git-init", "*/git-init", "*cmd/git-init-*", "git-init-*"),
        entrypoint=("/ko-app/git-init",),
        env=_WITH_TOOLS,
        contents={"/ko-app/git-init": _GIT_INIT},
        requires=("git",),
        always=True,
        even_if_refused=True,
    ),
    BuiltinImage(
        name="git",
        description="this machine's git",
        patterns=("git", "alpine/git", "*/alpine-git"),
        entrypoint=("git",),
        cmd=("--help",),
        env=_WITH_TOOLS,
        requires=("git",),
        bash_as_sh=True,
    ),
    BuiltinImage(
        name="kubectl",
        description="this machine's kubectl",
        patterns=("kubectl", "k8s-kubectl", "*/kubectl", "*/k8s-kubectl"),
        entrypoint=("kubectl",),
        env=_WITH_TOOLS,
        requires=("kubectl",),
        even_if_refused=True,
    ),
    BuiltinImage(
        name="kubectl-apply",
        description="a small kubectl: apply, create, get, delete, wait",
        patterns=("kubectl", "k8s-kubectl", "*/kubectl", "*/k8s-kubectl"),
        entrypoint=("kubectl",),
        env=_WITH_TOOLS,
        contents={f"{BIN}/kubectl": Program.packaged(_PROGRAMS, "kubectl.py")},
        even_if_refused=True,
    ),
    BuiltinImage(
        name="curl",
        description="this machine's curl",
        patterns=("curl", "curlimages/curl", "*/curl"),
        entrypoint=("curl",),
        env=_WITH_TOOLS,
        requires=("curl",),
    ),
)
