"""The supervisor with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from wakeful.procd import control
from wakeful.procd.client import (
    LaunchFailedError,
    ProcdClient,
    ProcdConnectionError,
    ProcessBusyError,
    ProcessNotFoundError,
)
from wakeful.procd.types import (
    DataFd,
    LogTarget,
    PassedFd,
    ProcessEvent,
    ProcessEventType,
    ProcessSpec,
    ProcessState,
    Restart,
    RestartMode,
)

PYTHON = sys.executable


def sh(name: str, script: str, **options: object) -> ProcessSpec:
    return ProcessSpec(name=name, argv=["/bin/sh", "-c", script], **options)


def text_of(path: Path) -> list[str]:
    """The log's lines without their timestamps."""
    return [line.split(" ", 1)[1] for line in path.read_text().splitlines()]


async def next_event(
    events: AsyncIterator[ProcessEvent], name: str, kind: ProcessEventType
) -> ProcessEvent:
    async for event in events:
        if event.process and event.process.name == name and event.type is kind:
            return event
    raise AssertionError("events ended")


def alive(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


async def test_output_and_exit_code_are_kept(procd: ProcdClient, run_dir: Path) -> None:
    """Both streams land in the log with their names; the end is known until it is forgotten."""
    log = run_dir / "logs" / "a.log"

    await procd.spawn(
        sh("a", "echo out; echo err >&2; printf tail; exit 7", log=LogTarget(path=log))
    )
    status = await procd.wait("a")

    assert (status.state, status.exit_code, status.signal) == (ProcessState.EXITED, 7, None)
    assert status.started_at is not None
    assert status.exited_at is not None
    assert status.exited_at >= status.started_at
    *lines, tail = sorted(text_of(log))
    assert lines == ["stderr F err", "stdout F out"]
    assert tail in ("stdout F tail", "stdout P tail")  # P: before it was known to be the end
    await procd.remove("a")
    with pytest.raises(ProcessNotFoundError):
        await procd.get("a")


async def test_a_signal_shows_as_a_shell_reports_it(procd: ProcdClient) -> None:
    """128 + number, and the number itself."""
    await procd.spawn(sh("a", "exec sleep 60"))

    assert await procd.signal("a", signal.SIGTERM)
    status = await procd.wait("a")

    assert (status.exit_code, status.signal) == (143, 15)
    assert not await procd.signal("a", signal.SIGTERM)


async def test_program_that_cannot_be_executed_is_an_error(procd: ProcdClient) -> None:
    """The caller hears why, and no process remains."""
    with pytest.raises(LaunchFailedError) as missing:
        await procd.spawn(ProcessSpec(name="a", argv=["/nonexistent"]))
    with pytest.raises(LaunchFailedError) as directory:
        await procd.spawn(ProcessSpec(name="a", argv=["/bin/true"], cwd=Path("/nonexistent")))
    with pytest.raises(LaunchFailedError) as forked:
        await procd.spawn(ProcessSpec(name="a", argv=["/tmp"], die_with_parent=True))

    assert (missing.value.errno, missing.value.stage) == (2, "exec")
    assert directory.value.stage == "working directory"
    assert forked.value.errno == 13
    assert await procd.list() == []


async def test_child_gets_what_was_asked_and_nothing_else(
    procd: ProcdClient, run_dir: Path
) -> None:
    """Environment, directory, descriptors, limits, signals; stdin is at its end."""
    log = run_dir / "a.log"
    script = (
        "import os, resource, signal, sys\n"
        "print(dict(os.environ))\n"
        "print(os.getcwd(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
        "print(sorted(os.listdir('/proc/self/fd')), os.read(5, 9), os.read(6, 9))\n"
        "print(repr(sys.stdin.read()), os.getsid(0) == os.getpid())\n"
        "print(signal.getsignal(signal.SIGPIPE) in (signal.SIG_DFL, signal.SIG_IGN))\n"
        "ignored = int(open('/proc/self/status').read().split('SigIgn:')[1].split()[0], 16)\n"
        "print([n for n in range(1, 32) if ignored >> (n - 1) & 1])\n"
    )
    read, write = os.pipe()
    os.write(write, b"passed")
    spec = ProcessSpec(
        name="a",
        argv=[PYTHON, "-I", "-S", "-c", script],
        env={"A": "1", "LC_ALL": "C.UTF-8"},
        cwd=Path("/usr"),
        rlimits={"nofile": 777},
        fds={5: DataFd("data"), 6: PassedFd(read)},
        log=LogTarget(path=log),
    )

    await procd.spawn(spec)
    os.close(read)
    os.close(write)
    status = await procd.wait("a")

    assert status.exit_code == 0, log.read_text()
    assert text_of(log) == [
        "stdout F {'A': '1', 'LC_ALL': 'C.UTF-8'}",
        "stdout F /usr 777",
        # 3 is what the listing itself opens.
        "stdout F ['0', '1', '2', '3', '5', '6'] b'data' b'passed'",
        "stdout F '' True",
        "stdout F True",
        # Python itself ignores SIGPIPE and SIGXFSZ; nothing else is ignored.
        "stdout F [13, 25]",
    ]


async def test_both_ways_of_starting_agree(procd: ProcdClient, run_dir: Path) -> None:
    """The forking way gives the program the same surroundings as the fast one."""
    script = "env; pwd; ls /proc/self/fd | wc -l; ulimit -n; umask; grep SigBlk /proc/self/status"
    spec = {"env": {"X": "y", "PATH": "/bin:/usr/bin"}, "rlimits": {"nofile": 500}, "umask": 0o27}
    for name, extra in (("fast", {}), ("fork", {"die_with_parent": True})):
        log = LogTarget(path=run_dir / name)
        await procd.spawn(sh(name, script, log=log, **spec, **extra))
        assert (await procd.wait(name)).exit_code == 0

    assert text_of(run_dir / "fast") == text_of(run_dir / "fork")


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
async def test_user_and_capabilities_can_be_given_up(procd: ProcdClient, run_dir: Path) -> None:
    """No groups, no capabilities, no way back."""
    log = run_dir / "a.log"
    script = "id -u; id -g; id -G; grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/self/status"

    await procd.spawn(
        sh("a", script, uid=65532, gid=65531, capabilities=0, log=LogTarget(path=log))
    )
    await procd.wait("a")

    lines = [line.replace("stdout F ", "").replace("\t", "") for line in text_of(log)]
    assert lines[:3] == ["65532", "65531", "65531"]
    assert lines[3:] == [
        "CapPrm:0000000000000000",
        "CapEff:0000000000000000",
        "CapBnd:0000000000000000",
        "NoNewPrivs:1",
    ]


async def test_platform_process_is_restarted_with_back_off(
    procd: ProcdClient, run_dir: Path
) -> None:
    """Each failure is an event; stopping ends the restarts."""
    spec = sh("a", "exit 3", restart=Restart(base_seconds=0.01, cap_seconds=0.05))
    async with procd.events() as events:
        await procd.spawn(spec)
        for _ in range(3):
            event = await next_event(events, "a", ProcessEventType.EXITED)
            assert event.process is not None
            assert event.process.state is ProcessState.BACKOFF
            assert event.process.exit_code == 3
            await next_event(events, "a", ProcessEventType.STARTED)

    status = await procd.stop("a")

    assert status.state is ProcessState.EXITED
    assert status.restarts >= 3


async def test_success_is_no_failure(procd: ProcdClient) -> None:
    """``on-failure`` lets a program that is done be done."""
    await procd.spawn(sh("a", "exit 0", restart=Restart(mode=RestartMode.ON_FAILURE)))

    assert (await procd.wait("a")).restarts == 0


async def test_stop_kills_after_the_grace_period(procd: ProcdClient, run_dir: Path) -> None:
    """A deaf program gets its time, not more."""
    log = run_dir / "a.log"
    script = "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done"
    await procd.spawn(sh("a", script, log=LogTarget(path=log)))
    async with asyncio.timeout(60):
        while not log.exists() or "ready" not in log.read_text():
            await procd.sync("a")

    status = await procd.stop("a", grace_seconds=1.5)

    assert status.signal == signal.SIGKILL
    assert "stdout F term" in text_of(log)


async def test_nothing_of_a_process_group_is_left_behind(procd: ProcdClient, run_dir: Path) -> None:
    """Background children die with their leader, however it ends."""
    log = run_dir / "a.log"
    await procd.spawn(sh("a", "sleep 1000 & echo $!; exit 0", log=LogTarget(path=log)))
    await procd.wait("a")
    await procd.spawn(sh("b", "sleep 1000 & echo $!; wait", log=LogTarget(path=log)))
    async with asyncio.timeout(60):
        while len(log.read_text().splitlines()) < 2:
            await procd.sync("b")

    await procd.kill("b")

    pids = [int(line.split()[-1]) for line in text_of(log)]
    async with asyncio.timeout(60):
        while any(alive(pid) for pid in pids):
            await procd.list()


async def test_name_of_a_running_process_is_taken(procd: ProcdClient) -> None:
    """An ended one gives its name to the next."""
    await procd.spawn(sh("a", "exec sleep 60"))
    with pytest.raises(ProcessBusyError):
        await procd.spawn(sh("a", "true"))
    with pytest.raises(ProcessBusyError):
        await procd.remove("a")
    await procd.kill("a")

    assert (await procd.spawn(sh("a", "exec sleep 60"))).running


async def test_ensure_keeps_what_runs_and_replaces_what_differs(procd: ProcdClient) -> None:
    """The pid tells."""
    first, ran = await procd.ensure(sh("a", "exec sleep 60"))
    assert not ran
    again, ran = await procd.ensure(sh("a", "exec sleep 60"))
    assert ran
    assert again.pid == first.pid
    other, ran = await procd.ensure(sh("a", "exec sleep 61"))
    assert not ran
    assert other.pid != first.pid


async def test_processes_survive_their_client(server: object, run_dir: Path) -> None:
    """A new client finds what an old one started; only what was owned is gone."""
    async with await ProcdClient.connect(run_dir) as first:
        kept = await first.spawn(sh("kept", "exec sleep 60", meta={"k": "v"}))
        owned = await first.spawn(sh("owned", "exec sleep 60", owned=True))

    async with await ProcdClient.connect(run_dir) as second:
        found = {status.name: status for status in await second.list()}
        assert (found["kept"].pid, found["kept"].meta) == (kept.pid, {"k": "v"})
        async with asyncio.timeout(60):
            while any(status.name == "owned" for status in await second.list()):
                pass
        assert not alive(owned.pid or 0)


async def test_descriptors_are_held_across_clients(server: object, run_dir: Path) -> None:
    """What one client gives, another takes."""
    read, write = os.pipe()
    async with await ProcdClient.connect(run_dir) as first:
        await first.hold("pipe", write)
        os.close(write)

    async with await ProcdClient.connect(run_dir) as second:
        assert await second.held() == ("pipe",)
        taken = await second.take("pipe")
        os.write(taken, b"x")
        assert os.read(read, 1) == b"x"
        os.close(taken)
        await second.release("pipe")
        assert os.read(read, 1) == b""
        with pytest.raises(ProcessNotFoundError):
            await second.take("pipe")
    os.close(read)


async def test_terminal_is_a_terminal(procd: ProcdClient, run_dir: Path) -> None:
    """One made by procd goes to the log; one passed in belongs to the caller."""
    log = run_dir / "a.log"
    await procd.spawn(sh("a", "tty; stty size", terminal=True, log=LogTarget(path=log)))
    assert (await procd.wait("a")).exit_code == 0
    assert log.read_text().splitlines()[0].split(" ")[-1].startswith("/dev/pts/")

    master, slave = os.openpty()
    fds = {0: PassedFd(slave), 1: PassedFd(slave), 2: PassedFd(slave)}
    await procd.spawn(sh("b", "read line; echo got $line >/dev/tty", terminal=True, fds=fds))
    os.close(slave)
    os.write(master, b"hello\n")
    assert (await procd.wait("b")).exit_code == 0
    said = b""
    with suppress(OSError):  # nobody has the other side open any more
        while b"got hello" not in said:  # the terminal's own echo may come by itself
            said += os.read(master, 1000)
    os.close(master)
    assert b"got hello" in said


async def test_passed_descriptors_end_with_the_child(procd: ProcdClient) -> None:
    """The reader of a pipe sees its end, though procd remembers the process."""
    read, write = os.pipe()
    await procd.spawn(sh("a", "echo hi", fds={1: PassedFd(write)}))
    os.close(write)
    await procd.wait("a")

    with os.fdopen(read, "rb") as file:
        assert file.read() == b"hi\n"


async def test_second_server_refuses(server: object, run_dir: Path) -> None:
    """The first one keeps serving."""
    with pytest.raises(control.ProcdStartError, match="in use by process"):
        control.start(run_dir)

    assert control.ping(run_dir) is not None


async def test_shutdown_goes_by_rank_and_leaves_nothing(server: object, run_dir: Path) -> None:
    """Lower ranks end first; daemons that tried to get away end too."""
    order = run_dir / "order"
    log = run_dir / "daemon.log"
    client = await ProcdClient.connect(run_dir)
    script = "trap 'echo {0} >> {1}; exit 0' TERM; echo up; while :; do sleep 0.02; done"
    for rank, name in ((2, "last"), (0, "first"), (1, "middle")):
        await client.spawn(
            sh(
                name,
                script.format(name, order),
                shutdown_rank=rank,
                log=LogTarget(path=run_dir / name),
            )
        )
    daemon = "setsid sh -c 'echo $$; exec sleep 1000' & wait"
    await client.spawn(sh("daemon", daemon, log=LogTarget(path=log)))
    async with asyncio.timeout(60):
        for name in ("last", "first", "middle", "daemon.log"):  # until their traps are set
            while not (run_dir / name).exists() or not (run_dir / name).read_text():
                await client.sync(name.removesuffix(".log"))

    await client.shutdown()

    assert order.read_text().split() == ["first", "middle", "last"]
    assert not alive(int(text_of(log)[0].split()[-1]))
    assert control.ping(run_dir) is None
    with pytest.raises(ProcdConnectionError):
        await client.list()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a stage")
async def test_the_stage_comes_and_goes_with_its_server(server: object, run_dir: Path) -> None:
    """Nobody else sees what is on it, and a dead one is cleared away by the next."""
    async with await ProcdClient.connect(run_dir) as client:
        info = await client.info()
        assert info.stage is not None
        await client.mount([{"kind": "dir", "target": str(info.stage / "x")}])
        assert info.stage.is_dir()
        assert list(info.stage.iterdir()) == []

        os.kill(info.pid, signal.SIGKILL)
        await client.wait_closed()

    other = run_dir / "other"
    pid = control.start(other)
    assert not info.stage.exists()
    control.stop(other)
    os.waitpid(pid, 0)  # noqa: ASYNC222 - it has ended


async def test_logs_rotate(procd: ProcdClient, run_dir: Path) -> None:
    """A chatty program cannot fill the disk."""
    log = LogTarget(path=run_dir / "l" / "0.log", max_bytes=20_000, max_files=3)

    # Many times what procd reads at once.
    script = f"i=0; while [ $i -lt 4000 ]; do echo {'x' * 100} $i; i=$((i+1)); done"
    await procd.spawn(sh("a", script, log=log))
    await procd.wait("a")

    sizes = {p.name: p.stat().st_size for p in (run_dir / "l").iterdir()}
    assert set(sizes) == {"0.log", "0.log.1", "0.log.2"}
    assert text_of(run_dir / "l" / "0.log")[-1].endswith(" 3999")
    assert max(sizes.values()) <= 20_000 + 65536 * 5


async def test_a_long_run_directory_is_no_obstacle(run_dir: Path) -> None:
    """Socket paths end at 107 bytes; ours may be longer."""
    deep = run_dir / ("d" * 90) / ("e" * 90)
    pid = control.start(deep)
    try:
        assert control.ping(deep) == pid
    finally:
        assert control.stop(deep)
        os.waitpid(pid, 0)  # noqa: ASYNC222 - it has ended
