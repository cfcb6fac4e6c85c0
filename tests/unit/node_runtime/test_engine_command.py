"""Command lines for engines. No engine runs these in tests."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from wakeful.node.runtime import (
    ContainerConfig,
    ContainerStartError,
    ExecConfig,
    LogPolicy,
    Mount,
    ResourceLimits,
    RuntimeOperationError,
    SandboxConfig,
    Tmpfs,
)
from wakeful.node.runtime import engine_command as command


def config(**options: Any) -> ContainerConfig:
    values: dict[str, Any] = {
        "name": "main",
        "argv": ["prog", "-x"],
        "image": "registry.example/a:1",
        "log": LogPolicy(path=Path("/l")),
    }
    return ContainerConfig(**{**values, **options})


def test_sandbox_is_a_container_that_holds_the_network() -> None:
    """With our labels, by which leftovers are found."""
    sandbox = SandboxConfig(id="u", hostname="h", host_aliases={"127.0.0.9": ["a", "b"]})

    argv = command.create_sandbox("docker", "own", sandbox, "pause")

    assert argv == [
        *["docker", "run", "--detach", "--name", "wakeful-own-u", "--hostname", "h"],
        *["--label", "dev.wakeful.sandbox=u", "--label", "dev.wakeful.owner=own"],
        *["--add-host", "a:127.0.0.9", "--add-host", "b:127.0.0.9", "pause"],
    ]


def test_container_joins_its_sandbox_and_keeps_its_limits() -> None:
    """In the words of the engine."""
    argv = command.run_container(
        "docker",
        "own",
        "u/main/2",
        config(
            env={"A": "secret", "B": "x\ny"},
            cwd="/w",
            uid=5,
            groups=[7],
            mounts=[
                Mount(Path("/s"), PurePosixPath("/t")),
                Mount(Path("/r"), PurePosixPath("/q"), False),
            ],
            tmpfs=[Tmpfs(PurePosixPath("/c"), 4096, 0o755)],
            read_only_rootfs=True,
            limits=ResourceLimits(cpu_millis=1500, cpu_request_millis=100, memory_bytes=9, pids=3),
            capabilities=["KILL"],
        ),
    )

    text = " ".join(argv)
    assert "secret" not in text
    for part in (
        "run --name wakeful-own-u-main-2 --network container:wakeful-own-u ",
        "--env-file /proc/self/fd/10 --env B=x\ny --workdir /w --user 5:5 --group-add 7",
        "--mount type=bind,source=/s,target=/t,readonly --mount type=bind,source=/r,target=/q ",
        "--tmpfs /c:mode=755,size=4096 --read-only",
        "--cpus 1.500 --cpu-shares 102 --memory 9 --memory-swap 9 --pids-limit 3",
        "--security-opt no-new-privileges --cap-drop ALL --cap-add KILL",
    ):
        assert part in text
    assert argv[-4:] == ["--entrypoint", "prog", "registry.example/a:1", "-x"]
    assert command.env_file({"A": "secret", "B": "x\ny"}) == "A=secret\n"


def test_applications_for_the_host_root_are_refused() -> None:
    """Podman can run a directory at least."""
    with pytest.raises(ContainerStartError, match="image of its own"):
        command.run_container("docker", "own", "u/m/0", config(image=""))
    with pytest.raises(ContainerStartError):
        command.run_container("docker", "own", "u/m/0", config(image="", rootfs=Path("/r")))

    argv = command.run_container(
        "/usr/bin/podman", "own", "u/m/0", config(image="", rootfs=Path("/r"))
    )
    assert argv[-4:] == ["prog", "--rootfs", "/r:O", "-x"]


def test_exec_and_small_verbs() -> None:
    """By the names that containers were given."""
    exec_ = ExecConfig(argv=["sh"], tty=True, stdin=True, cwd="/w", env={"A": "b"})

    assert command.exec_in("docker", "own", "u/m/0", exec_) == [
        *["docker", "exec", "--interactive", "--tty", "--env-file", "/proc/self/fd/10"],
        *["--workdir", "/w", "wakeful-own-u-m-0", "sh"],
    ]
    assert command.remove("docker", "a", "b") == ["docker", "rm", "--force", "--volumes", "a", "b"]
    assert "label=dev.wakeful.owner=own" in command.list_ours("docker", "own")


def test_answers_are_read() -> None:
    """Of both engines, or refused."""
    networks = '{"bridge": {"IPAddress": "198.19.0.2"}}'
    modern = f'[{{"NetworkSettings": {{"IPAddress": "", "Networks": {networks}}}}}]'
    assert command.address_of(modern) == "198.19.0.2"
    assert command.address_of('[{"NetworkSettings": {"Networks": {}}}]') == "127.0.0.1"
    with pytest.raises(RuntimeOperationError):
        command.address_of("[]")

    stats = command.parse_stats("m", '{"MemUsage": "1.5MiB / 2GiB", "PIDs": "3"}\n')
    assert (stats.memory_bytes, stats.pids) == (3 << 19, 3)
    with pytest.raises(RuntimeOperationError):
        command.parse_stats("m", '{"MemUsage": "much", "PIDs": "3"}')
