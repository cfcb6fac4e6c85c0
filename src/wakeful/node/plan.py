"""From a container of a Pod to what the runtime is asked to run. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core.pod_types import Container, Pod
from wakeful.node.environment import ContainerConfigError, expand
from wakeful.node.runtime import ContainerConfig, LogPolicy, Mount, ResourceLimits, Tmpfs
from wakeful.node.runtime.identity import DEFAULT_PATH
from wakeful.oci import PullPolicy, RootfsPlan


def stop_signal(container: Container, image_signal: str) -> int:
    """What a container is told to end with: its own choice, else the image's, else SIGTERM."""
    chosen = container.lifecycle.stop_signal if container.lifecycle else None
    text = (chosen or image_signal).upper()
    if text.isdigit() and int(text) in {s.value for s in signal.Signals}:
        return int(text)
    found = signal.Signals.__members__.get(text if text.startswith("SIG") else f"SIG{text}")
    return int(found or signal.SIGTERM)


def pull_policy(container: Container) -> PullPolicy:
    """``imagePullPolicy``; the API server has filled in the default."""
    return PullPolicy(container.image_pull_policy or PullPolicy.IF_NOT_PRESENT)


def user_port(container: Container) -> int:
    """The port a container serves on: its first, else what ``PORT`` says, else 8080."""
    if container.ports:
        return container.ports[0].container_port
    for variable in container.env:
        if variable.name == "PORT" and variable.value.isdigit():
            return int(variable.value)
    return 8080


def resolve_port(port: int | str | None, container: Container) -> int:
    """A probe's port: a number, the name of a container port, or 0/None for the user port.

    Raises:
        ContainerConfigError: No port has that name.
    """
    if port in (None, 0, "", "0"):
        return user_port(container)
    if isinstance(port, int):
        return port
    for candidate in container.ports:
        if candidate.name == port:
            return candidate.container_port
    if port.isdigit():
        return int(port)
    raise ContainerConfigError(f"couldn't find port: {port!r} in container {container.name!r}")


def base_environment(plan: RootfsPlan, pod: Pod) -> dict[str, str]:
    """What a container's environment starts from: the image's, and the usual names."""
    return {"PATH": DEFAULT_PATH, "HOSTNAME": pod.spec.hostname or pod.metadata.name} | dict(
        plan.env
    )


def resource_limits(container: Container, *, pids: int | None) -> ResourceLimits:
    """Requests and limits as the kernel knows them."""

    def millis(amounts: Mapping[str, str]) -> int | None:
        return int(parse_quantity(amounts["cpu"]) * 1000) if "cpu" in amounts else None

    memory = container.resources.limits.get("memory")
    return ResourceLimits(
        cpu_millis=millis(container.resources.limits),
        cpu_request_millis=millis(container.resources.requests),
        memory_bytes=int(parse_quantity(memory)) if memory else None,
        pids=pids,
    )


def make_container_config(
    pod: Pod,
    container: Container,
    plan: RootfsPlan,
    env: Mapping[str, str],
    *,
    attempt: int,
    mounts: Sequence[Mount],
    tmpfs: Sequence[Tmpfs],
    log_path: Path,
    pids: int | None = None,
) -> ContainerConfig:
    """Put together one run of a container.

    Raises:
        ContainerConfigError: Nothing to execute, or a user that the Pod forbids.
    """
    argv = plan.argv(
        [expand(c, env) for c in container.command], [expand(a, env) for a in container.args]
    )
    if not argv:
        raise ContainerConfigError(f"no command specified for container {container.name!r}")
    uid, gid = _user(pod, container, plan)
    security = container.security_context
    pod_security = pod.spec.security_context
    return ContainerConfig(
        name=container.name,
        attempt=attempt,
        argv=argv,
        env=env,
        cwd=expand(container.working_dir, env) or plan.workdir,
        rootfs=plan.rootfs,
        read_only_rootfs=bool(security and security.read_only_root_filesystem),
        uid=uid,
        gid=gid,
        groups=tuple(pod_security.supplemental_groups) if pod_security else (),
        capabilities=_capabilities(container),
        mounts=(
            *(Mount(m.source, m.target) for m in plan.mounts),
            *mounts,
        ),
        tmpfs=(
            *tmpfs,
            *(
                Tmpfs(PurePosixPath(v))
                for v in plan.volumes
                if plan.rootfs is None and v not in {str(m.target) for m in mounts}
            ),
        ),
        limits=resource_limits(container, pids=pids),
        tty=container.tty,
        stdin=container.stdin,
        log=LogPolicy(path=log_path),
    )


def _user(pod: Pod, container: Container, plan: RootfsPlan) -> tuple[int | None, int | None]:
    uid, gid = plan.user.uid, plan.user.gid
    non_root = False
    for context in (pod.spec.security_context, container.security_context):
        if context is None:
            continue
        if context.run_as_user is not None:
            uid = context.run_as_user
        if context.run_as_group is not None:
            gid = context.run_as_group
        if context.run_as_non_root is not None:
            non_root = context.run_as_non_root
    if non_root and (uid == 0 or (uid is None and plan.rootfs is not None)):
        raise ContainerConfigError(
            "container has runAsNonRoot and image will run as root"
            f" (pod: {pod.key}, container: {container.name})"
        )
    return uid, gid


def _capabilities(container: Container) -> Sequence[str] | None:
    security = container.security_context
    if security is None or security.capabilities is None:
        return None
    dropped = {c.upper().removeprefix("CAP_") for c in security.capabilities.drop}
    added = [c.upper().removeprefix("CAP_") for c in security.capabilities.add]
    if "ALL" in dropped:
        return added
    if not added and not dropped:
        return None
    usual = [
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    ]
    return [c for c in (*usual, *added) if c not in dropped]
