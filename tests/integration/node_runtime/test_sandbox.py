"""Containers in real sandboxes."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from wakeful.node.runtime import (
    ContainerConfig,
    ContainerEvent,
    ContainerEventType,
    ContainerStartError,
    ContainerState,
    ContainerStatus,
    ExecConfig,
    Isolation,
    Mount,
    ResourceLimits,
    SandboxConfig,
    SandboxExistsError,
    SandboxNotFoundError,
    Tmpfs,
)
from wakeful.node.runtime.idmap import FIRST_ID
from wakeful.node.runtime.sandbox import SandboxRuntime
from wakeful.procd.client import ProcdClient
from wakeful.testing.waiting import eventually

PRINT_ENV = "print(sorted(open('/proc/self/environ').read().split('\\0')))"
Container = Callable[..., ContainerConfig]
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[2].encode())
    def log_message(self, *args): pass
address = (*sys.argv[3:], "0.0.0.0")[0], int(sys.argv[1])
http.server.HTTPServer(address, Handler).serve_forever()
"""


def text_of(status: ContainerStatus) -> list[str]:
    """What the container wrote, without timestamps and stream names."""
    if not status.log_path.exists():
        return []
    return [line.split(" ", 3)[3] for line in status.log_path.read_text().splitlines()]


def heard(status: ContainerStatus) -> tuple[list[str], str]:
    """The lines of its output, and the text of its errors, which may be read in either order."""
    lines = [line.split(" ", 3)[1:] for line in status.log_path.read_text().splitlines()]
    errors = [text for stream, _, text in lines if stream == "stderr"]
    return [text for stream, _, text in lines if stream == "stdout"], "\n".join(errors)


async def run(
    runtime: SandboxRuntime, config: ContainerConfig, sandbox: str = "pod"
) -> ContainerStatus:
    """Start in a (new) sandbox and wait for the end."""
    if not any(s.id == sandbox for s in await runtime.sandboxes()):
        await runtime.create_sandbox(SandboxConfig(id=sandbox, hostname="host-of-pod"))
    started = await runtime.start_container(sandbox, config)
    async with asyncio.timeout(60):
        return await runtime.wait_container(started.id)


def serve(port: int, answer: str, *address: str) -> list[str]:
    return ["python3", "-I", "-S", "-c", SERVER, str(port), answer, *address]


async def fetch(url: str) -> str:
    """GET, trying again while nobody listens yet."""

    def get() -> str:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.read().decode())

    async def answer() -> str:
        with suppress(OSError):
            return await asyncio.to_thread(get)
        return ""

    return await eventually(answer)


async def until_log(runtime: SandboxRuntime, status: ContainerStatus, text: str) -> None:
    await eventually(lambda: text in "\n".join(text_of(status)))


def processes(*argv: str) -> list[int]:
    """User ids of the processes with exactly this command line."""
    wanted = b"".join(word.encode() + b"\0" for word in argv)
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and (path / "cmdline").read_bytes() == wanted:
                found.append(path.stat().st_uid)
        except OSError:  # it ended meanwhile
            continue
    return found


async def test_root_gets_the_whole_isolation(runtime: SandboxRuntime) -> None:
    """On a machine that allows everything, everything is in force."""
    info = runtime.describe()

    assert info.isolation is Isolation.SANDBOX
    assert info.user_mapping
    assert info.pod_network is not None
    assert info.pod_network.startswith("198.19.")


async def test_exit_code_output_and_times_are_reported(
    runtime: SandboxRuntime, container: Container
) -> None:
    """The basic story of a container."""
    status = await run(runtime, container("echo hello; exit 3"))

    assert (status.state, status.exit_code) == (ContainerState.EXITED, 3)
    assert status.finished_at is not None
    assert status.finished_at > status.started_at
    assert text_of(status) == ["hello"]


async def test_runtime_contract_on_the_host_root(
    runtime: SandboxRuntime, container: Container
) -> None:
    """Devices, links, /tmp, resolv.conf, stdin at its end, a working directory made on demand."""
    script = """
for d in full null ptmx random tty urandom zero; do test -c /dev/$d || echo no $d; done
for f in fd stdin stdout stderr; do readlink /dev/$f; done
test -e /dev/console && echo console
for n in 0 1 2; do test -e /proc/self/fd/$n || echo no fd $n; done
stat -c %a /tmp /etc/resolv.conf /dev/shm
cat; pwd; touch here 2>&1; touch /tmp/there /dev/shm/there && echo writable
{ echo x > /proc/sys/kernel/hostname; } 2>/dev/null && echo proc-sys-writable
hostname; ls /proc/self/fd | wc -l
"""
    # A variable of that name is only a variable.
    env = {"HOSTNAME": "elsewhere"}
    status = await run(runtime, container(script, cwd="/made/for/it", env=env))

    assert text_of(status) == [
        "/proc/self/fd",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
        "1777",
        "644",
        "1777",
        "/made/for/it",
        "touch: cannot touch 'here': Read-only file system",
        "writable",
        "host-of-pod",
        "4",
    ]


async def test_user_is_nobody_and_has_nothing(
    runtime: SandboxRuntime, container: Container
) -> None:
    """By default: an unprivileged user without capabilities who cannot gain any."""
    script = "id; grep -E 'Cap(Eff|Prm|Bnd|Amb)|NoNewPrivs|Seccomp:' /proc/self/status"
    status = await run(runtime, container(script))

    lines = text_of(status)
    assert lines[0] == "uid=65532 gid=65532 groups=65532"
    assert lines[1:6] == [
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ]


async def test_host_secrets_are_out_of_sight(
    runtime: SandboxRuntime, container: Container, place: Path
) -> None:
    """Not the data directory, not /root, not homes, not procd's socket; the rest is read-only."""
    script = f"""
ls -d /root /home /srv /mnt {place} 2>/dev/null
ls -A /run | grep -v secrets
cat /etc/shadow 2>/dev/null
for d in / /usr /etc /bin; do touch $d/x 2>/dev/null && echo $d; done
ps -e 2>/dev/null | grep -c . ; ls -d /proc/[0-9]* | wc -l
"""
    status = await run(runtime, container(script))

    count = text_of(status)
    # The sandbox's first process, the shell, ls and wc.
    assert len(count) == 2
    assert int(count[1]) <= 5


async def test_environment_is_exactly_what_was_asked(
    runtime: SandboxRuntime, container: Container
) -> None:
    """Odd values survive, the host's variables stay out, and the launcher never sees them."""
    env = {"A": "two words", "B": "ä=\n'\"$", "LD_PRELOAD": "/nonexistent.so", "HOME": "/x"}
    status = await run(
        runtime,
        container(
            argv=["python3", "-I", "-S", "-c", PRINT_ENV],
            env=env,
        ),
    )

    words = [word.partition("=") for word in eval(text_of(status)[-1]) if word]
    got = {name: value for name, _, value in words}
    assert status.exit_code == 0
    assert {key: got.pop(key) for key in env} == env
    assert sorted(got) == ["HOSTNAME", "PATH", "PWD"]


async def test_secrets_do_not_show_in_the_process_list(
    runtime: SandboxRuntime, container: Container
) -> None:
    """Environments reach bubblewrap on a descriptor."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container(
        "pod", container("echo up; sleep 60", env={"PASSWORD": "hunter2"})
    )
    await until_log(runtime, status, "up")

    monitor = Path(f"/proc/{status.pid}")
    assert b"hunter2" not in monitor.joinpath("cmdline").read_bytes()
    assert b"hunter2" not in monitor.joinpath("environ").read_bytes()


async def test_volumes_appear_with_their_owners(
    runtime: SandboxRuntime, container: Container, place: Path
) -> None:
    """Also where the host has no such directory, below links, and as single files."""
    volume = place / "volume"
    volume.mkdir(mode=0o777)
    volume.chmod(0o777)
    (volume / "mine").write_text("secret\n")
    (volume / "mine").chmod(0o400)
    os.chown(volume / "mine", 1000, 1000)
    script = """
cat /etc/config/mine /opt/a/b/mine /var/run/secrets/token; stat -c '%u %a' /data/mine
touch /data/new && stat -c %u /data/new; touch /etc/config/new 2>&1
"""
    status = await run(
        runtime,
        container(
            script,
            uid=1000,
            mounts=[
                Mount(volume, PurePosixPath("/data"), read_only=False),
                Mount(volume, PurePosixPath("/etc/config")),
                Mount(volume, PurePosixPath("/opt/a/b")),
                Mount(volume / "mine", PurePosixPath("/var/run/secrets/token")),
            ],
        ),
    )

    assert text_of(status) == [
        "secret",
        "secret",
        "secret",
        "1000 400",
        "1000",
        "touch: cannot touch '/etc/config/new': Read-only file system",
    ]
    assert (volume / "new").stat().st_uid == 1000


async def test_volumes_in_special_places_and_in_each_other(
    runtime: SandboxRuntime, container: Container, image: Path, place: Path
) -> None:
    """Over and in what a sandbox makes itself, and in volumes with treacherous links."""
    for name in ("outer", "inner", "shm", "tmp"):
        (place / name).mkdir(mode=0o777)
        (place / name).chmod(0o777)
        (place / name / "who").write_text(f"{name}\n")
    (place / "outer" / "link").symlink_to("/etc")
    (place / "outer" / "sub").mkdir()
    mounts = [
        Mount(place / "inner", PurePosixPath("/data/sub")),
        Mount(place / "outer", PurePosixPath("/data"), read_only=False),
        Mount(place / "shm", PurePosixPath("/dev/shm"), read_only=False),
        Mount(place / "tmp", PurePosixPath("/tmp"), read_only=False),
        Mount(place / "inner", PurePosixPath("/tmp/deep/er")),
    ]
    script = (
        "cat /data/who /data/sub/who /dev/shm/who /tmp/who /tmp/deep/er/who; "
        "touch /tmp/x /dev/shm/x && echo ok"
    )
    for name, rootfs in (("host", None), ("image", image)):
        status = await run(runtime, container(script, name=name, rootfs=rootfs, mounts=mounts))
        assert text_of(status) == ["outer", "inner", "shm", "tmp", "inner", "ok"]

    # A mount point that leads through a link inside of a volume cannot be made outside of it.
    astray = Mount(place / "inner", PurePosixPath("/data/link/astray"))
    status = await run(runtime, container("true", name="astray", mounts=[mounts[1], astray]))
    assert not Path("/etc/astray").exists()


async def test_host_directories_keep_their_owners(
    runtime: SandboxRuntime, container: Container, place: Path
) -> None:
    """Root inside must not write as root outside."""
    directory = place / "host"
    directory.mkdir(mode=0o755)
    mount = Mount(directory, PurePosixPath("/data"), read_only=False, map_owners=False)

    status = await run(runtime, container("id -u; touch /data/x 2>&1", uid=0, mounts=[mount]))

    assert text_of(status) == ["0", "touch: cannot touch '/data/x': Permission denied"]


async def test_image_is_writable_for_the_container_and_unchanged(
    runtime: SandboxRuntime, container: Container, image: Path
) -> None:
    """Root of the image may do in it what it does in an engine; outside it is nobody."""
    script = """
id -u; cat /etc/shadow; echo x > /etc/new; rm /bin/touch; chown 33:33 /etc/new
stat -c '%u %a' /etc/new /srv /tmp /root; echo $HOME; echo /bin/t*; sleep 7654
"""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container("pod", container(script, rootfs=image))
    await until_log(runtime, status, "/bin/tty")

    assert text_of(status) == [
        "0",
        "root:*:",
        "33 644",
        "33 755",
        "0 1777",
        "0 700",
        "/root",
        "/bin/tty",
    ]
    assert not (image / "etc" / "new").exists()
    assert (image / "bin" / "touch").exists()
    # The log is written a moment before the last command starts.
    await eventually(lambda: processes("sleep", "7654") == [FIRST_ID])


async def test_image_user_and_read_only_root(
    runtime: SandboxRuntime, container: Container, image: Path
) -> None:
    """A user of the image owns what is theirs; a read-only root takes nothing but volumes."""
    status = await run(
        runtime,
        container("id; echo $HOME; touch /srv/x && echo ok; touch /etc/x", rootfs=image, uid=33),
    )
    said, failed = heard(status)
    assert said == ["uid=33(web) gid=33 groups=33", "/srv", "ok"]
    assert "Permission denied" in failed

    status = await run(
        runtime,
        container(
            "touch /etc/x; touch /cache/y /tmp/z && echo ok; pwd",
            name="ro",
            rootfs=image,
            read_only_rootfs=True,
            tmpfs=[Tmpfs(PurePosixPath("/cache"))],
            cwd="/new/place",
        ),
    )
    said, failed = heard(status)
    assert said == ["ok", "/new/place"]
    assert "Read-only file system" in failed


async def test_restart_of_a_container_starts_from_the_image_again(
    runtime: SandboxRuntime, container: Container, image: Path
) -> None:
    """Each attempt has its own writable layer; a number is used once."""
    first = await run(runtime, container("touch /x; ls /x", rootfs=image))
    assert first.exit_code == 0

    with pytest.raises(ContainerStartError):
        await run(runtime, container("true", rootfs=image))
    second = await run(runtime, container("ls /x", rootfs=image, attempt=1))

    assert second.exit_code != 0
    await runtime.remove_container(first.id)
    assert [c.id for c in (await runtime.sandbox("pod")).containers] == [second.id]


async def test_unusual_users_and_groups(runtime: SandboxRuntime, container: Container) -> None:
    """Numbers beyond 65535 and supplementary groups are real."""
    status = await run(
        runtime, container("id", uid=1_000_650_000, gid=5, groups=[7, 2_000_000_000])
    )

    assert text_of(status) == ["uid=1000650000 gid=5(tty) groups=5(tty),7(lp),2000000000"]


async def test_program_that_cannot_be_executed_says_so(
    runtime: SandboxRuntime, container: Container
) -> None:
    """Exit code 128 and a reason, as from an engine."""
    status = await run(runtime, container(argv=["no-such-program"]))

    assert (status.exit_code, status.start_error) == (
        128,
        "exec no-such-program: No such file or directory",
    )


async def test_configuration_that_cannot_be_carried_out_is_refused(
    runtime: SandboxRuntime, container: Container, place: Path
) -> None:
    """With the word that the kubelet uses, and nothing left behind."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    for config in (
        container("true", mounts=[Mount(place / "nowhere", PurePosixPath("/x"))]),
        container("true", mounts=[Mount(place, PurePosixPath("relative"))]),
        container("true", capabilities=["FLY"]),
        container(argv=[]),
    ):
        with pytest.raises(ContainerStartError) as error:
            await runtime.start_container("pod", config)
        assert error.value.reason == "CreateContainerConfigError"

    assert (await runtime.sandbox("pod")).containers == ()
    assert (await run(runtime, container("true"))).exit_code == 0


async def test_signal_reaches_the_program(runtime: SandboxRuntime, container: Container) -> None:
    """And the program decides how it ends."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    script = "trap 'echo got it; exit 9' TERM; echo up; while :; do sleep 0.05; done"
    status = await runtime.start_container("pod", container(script))
    await until_log(runtime, status, "up")

    status = await runtime.stop_container(status.id, grace_seconds=60)

    assert status.exit_code == 9
    assert text_of(status) == ["up", "got it"]


async def test_deaf_program_is_killed_with_all_its_children(
    runtime: SandboxRuntime, container: Container
) -> None:
    """After the grace period nothing of the container is left."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    script = "trap '' TERM; setsid sleep 1234 & sleep 1234 & echo up; while :; do sleep 1; done"
    status = await runtime.start_container("pod", container(script))
    await until_log(runtime, status, "up")

    status = await runtime.stop_container(status.id, grace_seconds=0.2)

    assert (status.exit_code, status.signal) == (137, signal.SIGKILL)
    assert processes("sleep", "1234") == []


async def test_events_tell_of_starts_and_ends(
    runtime: SandboxRuntime, container: Container
) -> None:
    """In order, with the final status; the log is complete by then."""
    seen: list[ContainerEvent] = []
    async with runtime.events() as events, asyncio.timeout(60):
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
        await runtime.start_container("pod", container("echo last words; exit 4"))
        async for event in events:
            seen.append(event)
            if event.type is ContainerEventType.EXITED:
                break

    assert [event.type for event in seen] == ["Started", "Exited"]
    ended = seen[-1].container
    assert ended is not None
    assert (ended.exit_code, text_of(ended)) == (4, ["last words"])


async def test_pods_have_their_own_ports(runtime: SandboxRuntime, container: Container) -> None:
    """Two programs on one port; the host reaches both, they reach each other and the host."""
    one = await runtime.create_sandbox(SandboxConfig(id="one", hostname="one"))
    two = await runtime.create_sandbox(SandboxConfig(id="two", hostname="two"))
    await runtime.start_container("one", container(argv=serve(80, "I am one")))
    await runtime.start_container("two", container(argv=serve(80, "I am two")))
    gateway = runtime.describe().gateway
    assert gateway is not None

    assert await fetch(f"http://{one.ip}:80/") == "I am one"
    assert await fetch(f"http://{two.ip}:80/") == "I am two"

    host = await asyncio.start_server(lambda _, w: w.write(b"host\n") or w.close(), gateway, 0)
    port = host.sockets[0].getsockname()[1]
    ask = (
        "import socket, sys, urllib.request\n"
        f"print(urllib.request.urlopen('http://{two.ip}/').read().decode())\n"
        "print(urllib.request.urlopen('http://localhost/').read().decode())\n"
        f"print(socket.create_connection(('{gateway}', {port})).recv(99).decode().strip())\n"
    )
    async with host:
        status = await run(
            runtime, container(argv=["python3", "-c", ask], name="ask"), sandbox="one"
        )

    assert text_of(status) == ["I am two", "I am one", "host"]


async def test_ports_of_the_loopback_can_be_dialled(
    runtime: SandboxRuntime, container: Container
) -> None:
    """As port-forward does it."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container(
        "pod", container(argv=serve(8080, "inside", "127.0.0.1"))
    )
    assert status.state is ContainerState.RUNNING

    async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        with suppress(ConnectionRefusedError):
            return await runtime.dial("pod", 8080)
        return None

    connection = await eventually(dial)
    assert connection is not None
    reader, writer = connection
    writer.write(b"GET / HTTP/1.0\r\n\r\n")

    assert (await reader.read()).endswith(b"inside")
    writer.close()


async def test_exec_shares_everything_with_the_container(
    runtime: SandboxRuntime, container: Container
) -> None:
    """User, files, processes, network, environment and directory; streams go both ways."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="in-here"))
    status = await runtime.start_container(
        "pod", container("touch /tmp/mark; echo up; sleep 60", env={"K": "v"}, cwd="/w")
    )
    await until_log(runtime, status, "up")
    script = (
        "id -u; hostname; pwd; echo $K; ls /tmp; read line; echo got $line; echo bad >&2; "
        "tr '\\0' ' ' < /proc/2/cmdline | cut -c 1-7; grep CapBnd /proc/self/status; exit 5"
    )

    process = await runtime.exec(status.id, ExecConfig(argv=["/bin/sh", "-c", script], stdin=True))
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"hello\n")
    out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())

    assert out.decode().splitlines() == [
        "65532",
        "in-here",
        "/w",
        "v",
        "mark",
        "got hello",
        "/bin/sh",
        "CapBnd:\t0000000000000000",
    ]
    assert err == b"bad\n"
    assert await process.wait() == 5
    await process.aclose()


async def test_exec_in_an_image_with_a_terminal(
    runtime: SandboxRuntime, container: Container, image: Path
) -> None:
    """The terminal has the size it was given and changes it; signals work."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container("pod", container("echo up; sleep 60", rootfs=image))
    await until_log(runtime, status, "up")

    process = await runtime.exec(
        status.id,
        ExecConfig(argv=["sh"], tty=True, stdin=True, rows=40, columns=100),
    )
    assert process.stdin is not None
    process.stdin.write(b"id -u; cat /etc/passwd | while read l; do echo $l; done; exit 6\n")
    out = await process.stdout.read()

    assert b"0\r\n" in out
    assert b"web:x:33" in out
    assert await process.wait() == 6
    await process.aclose()


async def test_exec_sees_resizing(runtime: SandboxRuntime, container: Container) -> None:
    """A foreground program is told."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container("pod", container("echo up; sleep 60"))
    await until_log(runtime, status, "up")
    script = "trap 'stty size; exit 0' WINCH; stty size; while :; do sleep 0.02; done"

    process = await runtime.exec(
        status.id, ExecConfig(argv=["/bin/sh", "-c", script], tty=True, rows=11, columns=22)
    )
    assert await process.stdout.readline() == b"11 22\r\n"
    await process.resize(33, 44)

    assert await process.stdout.readline() == b"33 44\r\n"
    await process.aclose()


async def test_exec_errors_and_cleans_up(runtime: SandboxRuntime, container: Container) -> None:
    """Unknown programs, ended containers, callers that go away."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container("pod", container("echo up; sleep 60"))
    await until_log(runtime, status, "up")

    with pytest.raises(ContainerStartError, match="No such file"):
        await runtime.exec(status.id, ExecConfig(argv=["nope"]))
    process = await runtime.exec(status.id, ExecConfig(argv=["sleep", "4321"]))
    await process.aclose()

    assert processes("sleep", "4321") == []


async def test_limits_hold(runtime: SandboxRuntime, container: Container) -> None:
    """Memory kills, processes run out, and figures are there."""
    if not runtime.describe().resource_limits:
        pytest.skip("control groups are not writable here")
    limits = ResourceLimits(memory_bytes=48 << 20, pids=20, cpu_millis=500)
    eat = "x = bytearray(200 << 20); print(len(x))"
    status = await run(
        runtime,
        container(argv=["python3", "-I", "-S", "-c", eat], limits=limits),
    )
    assert (status.exit_code, status.oom_killed) == (137, True)

    forks = "import os, time\nfor _ in range(99):\n    if os.fork() == 0: time.sleep(60)\n"
    status = await run(
        runtime,
        container(argv=["python3", "-I", "-S", "-c", forks], limits=limits, name="forks"),
    )
    assert status.exit_code == 1
    assert not status.start_error

    started = await runtime.start_container(
        "pod",
        container("cat /sys/fs/cgroup/memory/memory.limit_in_bytes; echo up; sleep 60", name="ok"),
    )
    await until_log(runtime, started, "up")
    stats = await runtime.stats("pod")
    assert [s.name for s in stats.containers] == ["ok"]
    assert stats.containers[0].pids >= 2
    assert stats.containers[0].memory_bytes > 0


async def test_limits_are_found_where_programs_look_for_them(
    runtime: SandboxRuntime, container: Container, image: Path
) -> None:
    """``/sys/fs/cgroup`` is a mount with either version, and nothing below can be changed."""
    if not runtime.describe().resource_limits:
        pytest.skip("control groups are not writable here")
    limits = ResourceLimits(memory_bytes=48 << 20)
    script = (
        "while read -r _ at _ options _; do [ $at = /sys/fs/cgroup ] && echo ${options%%,*}; done"
        " </proc/mounts; cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
        " 2>/dev/null; mkdir /sys/fs/cgroup/x 2>/dev/null || echo closed"
    )
    for name, rootfs in (("host", None), ("image", image)):
        config = container(script, name=name, rootfs=rootfs, limits=limits)
        status = await run(runtime, config)
        assert text_of(status) == ["ro", str(48 << 20), "closed"], name


async def test_frozen_sandboxes_stand_still_and_still_end(
    runtime: SandboxRuntime, container: Container
) -> None:
    """Nothing is written while frozen; stopping thaws first."""
    if not runtime.describe().can_freeze:
        pytest.skip("there is no freezer here")
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container(
        "pod", container("while :; do echo tick; sleep 0.01; done")
    )
    await until_log(runtime, status, "tick")

    await runtime.freeze("pod")
    assert (await runtime.sandbox("pod")).frozen
    before = (await runtime.stats("pod")).containers[0].cpu_seconds
    with pytest.raises(ContainerStartError):
        await runtime.start_container("pod", container("true", name="other"))
    assert (await runtime.stats("pod")).containers[0].cpu_seconds == before
    await runtime.thaw("pod")
    assert not (await runtime.sandbox("pod")).frozen
    count = len(text_of(status))
    await eventually(lambda: len(text_of(status)) > count)

    await runtime.freeze("pod")
    status = await runtime.stop_container(status.id, grace_seconds=60)
    assert status.exit_code == 143


async def test_mounts_do_not_pile_up(
    runtime: SandboxRuntime, container: Container, image: Path, procd: ProcdClient
) -> None:
    """Containers keep theirs, the supervisor does not: starts stay fast with many of them."""
    info = await procd.info()
    mounts = Path(f"/proc/{info.pid}/mountinfo")
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    status = await runtime.start_container("pod", container("echo up; sleep 60", rootfs=image))
    await until_log(runtime, status, "up")

    await eventually(lambda: "/s/pod.main-0" not in mounts.read_text())

    process = await runtime.exec(status.id, ExecConfig(argv=["ls", "/etc/passwd", "/etc/hosts"]))
    assert await process.stdout.read() == b"/etc/hosts\n/etc/passwd\n"
    await process.aclose()


async def test_unknown_names_are_errors(runtime: SandboxRuntime, container: Container) -> None:
    """And removing what is not there is none."""
    await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    with pytest.raises(SandboxExistsError):
        await runtime.create_sandbox(SandboxConfig(id="pod", hostname="h"))
    with pytest.raises(SandboxNotFoundError):
        await runtime.start_container("other", container("true"))
    await runtime.remove_sandbox("other")
    await runtime.remove_sandbox("pod")
    assert await runtime.sandboxes() == ()
