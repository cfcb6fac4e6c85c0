"""Command lines for Docker and Podman; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.node.runtime.errors import ContainerStartError, RuntimeOperationError
from wakeful.node.runtime.types import (
    ContainerConfig,
    ContainerStats,
    ExecConfig,
    SandboxConfig,
)

SANDBOX_LABEL = "dev.wakeful.sandbox"
OWNER_LABEL = "dev.wakeful.owner"
ENV_FD = 10
_UNITS = {"B": 1, "kB": 1000, "KB": 1000, "KiB": 1 << 10, "MB": 10**6, "MiB": 1 << 20}
_UNITS |= {"GB": 10**9, "GiB": 1 << 30}


def sandbox_name(owner: str, sandbox_id: str) -> str:
    """Return the engine's name for the container that holds a sandbox's network."""
    return f"wakeful-{owner}-{sandbox_id}"


def container_name(owner: str, container_id: str) -> str:
    """Return the engine's name for a container."""
    return f"wakeful-{owner}-{container_id.replace('/', '-')}"


def create_sandbox(cli: str, owner: str, config: SandboxConfig, image: str) -> list[str]:
    """Start the container whose network the others share."""
    args = [cli, "run", "--detach", "--name", sandbox_name(owner, config.id)]
    args += ["--hostname", config.hostname]
    args += ["--label", f"{SANDBOX_LABEL}={config.id}", "--label", f"{OWNER_LABEL}={owner}"]
    for address, names in config.host_aliases.items():
        for name in names:
            args += ["--add-host", f"{name}:{address}"]
    if config.host_network:
        args += ["--network", "host"]
    return [*args, image]


def run_container(cli: str, owner: str, container_id: str, config: ContainerConfig) -> list[str]:
    """Run in the foreground: the client's output and exit code are the container's.

    Variables come in a file on ``ENV_FD``, so that their values stay out of process lists; only
    those with line breaks, which such a file cannot have, are arguments.

    Raises:
        ContainerStartError: It has no image; engines cannot run on the host's root.
    """
    sandbox_id = container_id.split("/", 1)[0]
    args = [cli, "run", "--name", container_name(owner, container_id)]
    args += ["--network", f"container:{sandbox_name(owner, sandbox_id)}"]
    args += ["--label", f"{SANDBOX_LABEL}={sandbox_id}", "--label", f"{OWNER_LABEL}={owner}"]
    args += _env(config.env)
    if config.cwd:
        args += ["--workdir", config.cwd]
    args += _user(config) + _mounts(config) + _limits(config) + _security(config)
    if config.tty:
        args.append("--tty")
    if config.stdin:
        args.append("--interactive")
    program, *rest = config.argv
    args += ["--entrypoint", program]
    if config.image:
        return [*args, config.image, *rest]
    if config.rootfs is not None and cli.rsplit("/", 1)[-1] == "podman":
        return [*args, "--rootfs", f"{config.rootfs}:O", *rest]
    raise ContainerStartError(
        config.name,
        "an engine needs an image of its own to run; use the sandbox runtime for applications "
        "on the host's root file system",
        reason="CreateContainerConfigError",
    )


def env_file(env: Mapping[str, str]) -> str:
    """Return the file for ``ENV_FD``."""
    return "".join(f"{name}={value}\n" for name, value in env.items() if "\n" not in value)


def _env(env: Mapping[str, str]) -> list[str]:
    args = ["--env-file", f"/proc/self/fd/{ENV_FD}"] if env else []
    for name, value in env.items():
        if "\n" in value:
            args += ["--env", f"{name}={value}"]
    return args


def _user(config: ContainerConfig) -> list[str]:
    if config.uid is None:
        return []
    gid = config.uid if config.gid is None else config.gid
    groups = [word for group in config.groups for word in ("--group-add", str(group))]
    return ["--user", f"{config.uid}:{gid}", *groups]


def _mounts(config: ContainerConfig) -> list[str]:
    args: list[str] = []
    for mount in config.mounts:
        option = f"type=bind,source={mount.source},target={mount.target}"
        args += ["--mount", option + (",readonly" if mount.read_only else "")]
    for tmpfs in config.tmpfs:
        size = f",size={tmpfs.size_bytes}" if tmpfs.size_bytes else ""
        args += ["--tmpfs", f"{tmpfs.target}:mode={tmpfs.mode:o}{size}"]
    if config.read_only_rootfs:
        args.append("--read-only")
    return args


def _limits(config: ContainerConfig) -> list[str]:
    limits = config.limits
    args: list[str] = []
    if limits.cpu_millis is not None:
        args += ["--cpus", f"{limits.cpu_millis / 1000:.3f}"]
    if limits.cpu_request_millis is not None:
        args += ["--cpu-shares", str(max(2, limits.cpu_request_millis * 1024 // 1000))]
    if limits.memory_bytes is not None:
        args += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    if limits.pids is not None:
        args += ["--pids-limit", str(limits.pids)]
    return args


def _security(config: ContainerConfig) -> list[str]:
    args = ["--security-opt", "no-new-privileges"]
    if config.capabilities is not None:
        args += ["--cap-drop", "ALL"]
        for name in config.capabilities:
            args += ["--cap-add", name]
    return args


def exec_in(cli: str, owner: str, container_id: str, config: ExecConfig) -> list[str]:
    """Run another program in a container."""
    args = [cli, "exec"]
    if config.stdin:
        args.append("--interactive")
    if config.tty:
        args.append("--tty")
    args += _env(config.env or {})
    if config.cwd:
        args += ["--workdir", config.cwd]
    return [*args, container_name(owner, container_id), *config.argv]


def verb(cli: str, word: str, *names: str) -> list[str]:
    """Kill, pause, unpause or inspect by name."""
    return [cli, word, *names]


def remove(cli: str, *names: str) -> list[str]:
    """Remove containers, running ones too, with their anonymous volumes."""
    return [cli, "rm", "--force", "--volumes", *names]


def list_ours(cli: str, owner: str) -> list[str]:
    """List the names of everything that belongs to ``owner``."""
    return [
        cli,
        "ps",
        "--all",
        "--filter",
        f"label={OWNER_LABEL}={owner}",
        "--format",
        "{{.Names}}",
    ]


def address_of(inspected: str) -> str:
    """Read a sandbox's address from ``inspect``'s answer; the host's network is the loopback.

    Raises:
        RuntimeOperationError: It is not what engines answer.
    """
    try:
        settings: dict[str, Any] = json.loads(inspected)[0]["NetworkSettings"]
        candidates: Sequence[str] = [
            settings.get("IPAddress") or "",
            *(net.get("IPAddress") or "" for net in (settings.get("Networks") or {}).values()),
        ]
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise RuntimeOperationError(f"engine's answer to inspect is not understood: {error}") from (
            error
        )
    return next((address for address in candidates if address), "127.0.0.1")


def stats(cli: str, name: str) -> list[str]:
    """Measure once."""
    return [cli, "stats", "--no-stream", "--format", "{{json .}}", name]


def parse_stats(name: str, text: str) -> ContainerStats:
    """Read the answer; engines give no total of CPU seconds, which is left at 0.

    Raises:
        RuntimeOperationError: It is not what engines answer.
    """
    try:
        raw: dict[str, Any] = json.loads(text.strip().splitlines()[0])
        used = _bytes(str(raw["MemUsage"]).split("/", 1)[0].strip())
        pids = int(raw["PIDs"])
    except (ValueError, LookupError, TypeError) as error:
        raise RuntimeOperationError(f"engine's answer to stats is not understood: {error}") from (
            error
        )
    return ContainerStats(name=name, cpu_seconds=0.0, memory_bytes=used, rss_bytes=used, pids=pids)


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]+)", text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"size {text!r}")
    return int(float(match[1]) * _UNITS[match[2]])
