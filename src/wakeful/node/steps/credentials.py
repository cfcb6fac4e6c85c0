"""The credentials of a step: files in ``/tekton/creds`` and in its home, made from secrets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import structlog

from wakeful.apis.core import Secret
from wakeful.node.context import NodeContext
from wakeful.node.materials import Materials
from wakeful.node.runtime import ContainerConfig, Mount
from wakeful.node.runtime.identity import environment, identify
from wakeful.node.steps.files import write_below
from wakeful.node.steps.plan import PlannedStep
from wakeful.node.steps.volumes import find_place
from wakeful.pipelines.credentials import CredentialFile, make_credentials
from wakeful.pipelines.entrypoint import layout as at

log = structlog.get_logger("wakeful.node.steps")


def secret_names(step: PlannedStep) -> list[str]:
    """The secrets that a step's arguments speak of, each once."""
    values = (value.split("=", 1)[0] for _, value in step.arguments.credentials)
    return list(dict.fromkeys(values))


async def add_credentials(
    step: PlannedStep, config: ContainerConfig, materials: Materials, node: NodeContext
) -> ContainerConfig:
    """Return ``config`` with the step's credentials where its programs look for them.

    A home in a volume gets copies, as it would from Tekton's entrypoint; in any other, the files
    are mounted, and nothing is left in the image's layer.
    """
    names = secret_names(step)
    if not names:
        return config
    namespace = materials.pod.metadata.namespace
    secrets = [await node.client.find(Secret, name, namespace) for name in names]
    uid = identify(config).uid
    gid = uid if config.gid is None else config.gid
    home = environment(config, uid, "").get("HOME", "/")
    made = make_credentials((s for s in secrets if s is not None), home)
    for problem in made.problems:
        log.warning("credentials not used", pod=str(materials.pod.key), problem=problem)
    base = node.pod_dir(materials.pod.metadata.uid) / "credentials" / step.name
    _write(base / "creds", made.files, uid, gid)
    mounts = [*config.mounts, Mount(base / "creds", PurePosixPath(at.CREDS_DIR), read_only=False)]
    place = await find_place(materials, step.container, home)
    if place is not None:
        _copy(*place, made.files, uid, gid)
    elif made.files:
        _write(base / "home", made.files, uid, gid)
        for top in sorted({file.path.split("/", 1)[0] for file in made.files}):
            target = PurePosixPath(home) / top
            mounts.append(Mount(base / "home" / top, target, read_only=False))
    tmpfs = [one for one in config.tmpfs if str(one.target) != at.CREDS_DIR]
    return replace(config, mounts=mounts, tmpfs=tmpfs)


def _write(folder: Path, files: Sequence[CredentialFile], uid: int, gid: int) -> None:
    """Make ``folder`` anew, with files that only their owner can read."""
    shutil.rmtree(folder, ignore_errors=True)
    _directory(folder, uid, gid)
    for file in files:
        path = folder / file.path
        _directory(path.parent, uid, gid)
        path.touch(mode=0o600)
        path.write_bytes(file.content)
        path.chmod(file.mode)
        _own(path, uid, gid)


def _directory(path: Path, uid: int, gid: int) -> None:
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True)
        _own(path, uid, gid)


def _own(path: Path, uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)


def _copy(root: Path, inside: str, files: Sequence[CredentialFile], uid: int, gid: int) -> None:
    prefix = "" if inside in {"", "."} else f"{inside}/"
    for file in files:
        try:
            write_below(root, prefix + file.path, file.content, mode=file.mode, owner=(uid, gid))
        except OSError as err:
            log.warning("credentials not copied home", file=file.path, error=err.strerror)
