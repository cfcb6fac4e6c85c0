"""Whom a container runs as, and the environment that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wakeful.node.runtime import capabilities, idmap
from wakeful.node.runtime.errors import ContainerStartError
from wakeful.node.runtime.paths import resolve_inside
from wakeful.node.runtime.types import ContainerConfig

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a container runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: tuple[str, ...]
    mapping: tuple[tuple[int, int, int], ...]


def identify(config: ContainerConfig) -> Identity:
    """Decide whom ``config`` runs as.

    Raises:
        ContainerStartError: An id or a capability that does not exist.
    """
    uid = config.uid
    if uid is None:
        uid = 0 if config.rootfs is not None else idmap.DEFAULT_UID
    gid = uid if config.gid is None else config.gid
    try:
        mapping = idmap.id_map((uid, gid, *config.groups))
        names = capabilities.effective(config.capabilities, uid)
    except ValueError as error:
        raise ContainerStartError(
            config.name, str(error), reason="CreateContainerConfigError"
        ) from error
    return Identity(
        uid=uid, gid=gid, groups=tuple(config.groups), capabilities=names, mapping=mapping
    )


def environment(config: ContainerConfig, uid: int, hostname: str) -> dict[str, str]:
    """Return the whole environment: the configured one and what programs take for granted."""
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname, **config.env}
    if "HOME" not in env:
        # On the host's root there is no home that belongs to this user, and nothing but /tmp to
        # write to.
        env["HOME"] = "/tmp" if config.rootfs is None else home_of(config.rootfs, uid)  # noqa: S108 - inside
    if config.tty:
        env.setdefault("TERM", "xterm")
    return env


def home_of(rootfs: Path, uid: int) -> str:
    """Return the home that the image's passwd gives to ``uid``, or ``/``."""
    passwd = rootfs / resolve_inside(rootfs, "/etc/passwd").lstrip("/")
    try:
        lines = passwd.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "/"
    for line in lines:
        fields = line.split(":")
        if len(fields) >= 6 and fields[2] == str(uid):
            return fields[5] or "/"
    return "/"
