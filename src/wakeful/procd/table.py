"""The process table: starting, watching, restarting, stopping."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from wakeful.procd import launch, signals
from wakeful.procd.cgroups import Cgroups
from wakeful.procd.child import read_result
from wakeful.procd.descriptors import Descriptors
from wakeful.procd.errors import BusyError, LaunchError, MissingError
from wakeful.procd.process import BACKOFF, EXITED, RUNNING, STARTING, Process
from wakeful.procd.spec import Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wakeful.procd.loop import Loop
    from wakeful.procd.mounts import Stage

_STAGE_CHECK_S = 0.25
_LAST_RESORT_S = 2.0
"""A sandbox's monitor that outlives its sandbox by this much is killed too."""


class Table:
    """All processes by name."""

    def __init__(
        self,
        loop: Loop,
        held: dict[str, int],
        stage: Stage,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._loop, self._held, self._stage, self._tell = loop, held, stage, tell
        self.processes: dict[str, Process] = {}
        self._by_pid: dict[int, Process] = {}
        self._results: dict[Process, Callable[[], None]] = {}
        self._early: dict[int, int] = {}
        self._cgroups = Cgroups()
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._home_netns = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._ending = False

    def get(self, name: str) -> Process:
        """Return the process, or raise ``MissingError``."""
        try:
            return self.processes[name]
        except KeyError:
            raise MissingError(f"process {name!r} does not exist") from None

    def start(
        self,
        raw: dict[str, Any],
        fds: list[int],
        owner: object,
        started: Callable[[Process], None],
        failed: Callable[[LaunchError], None],
    ) -> None:
        """Start what ``raw`` describes, taking over the descriptors that it names."""
        spec = Spec(raw)
        old = self.processes.get(spec.name)
        if old is not None and old.state != EXITED:
            raise BusyError(f"process {spec.name!r} runs already")
        if self._ending:
            raise BusyError("shutting down")
        process = Process(spec, self._loop)
        process.owner = owner if spec.owned else None
        for number, source in spec.fds.items():
            if "fd" in source:
                index = source["fd"]
                process.extra_fds[int(number)] = os.dup(fds[index])

        def fail(error: LaunchError) -> None:
            process.close()
            if self.processes.get(spec.name) is process:
                del self.processes[spec.name]
            failed(error)

        if old is not None:
            old.close()
        self.processes[spec.name] = process
        try:
            self._launch(process, started, fail)
        except BaseException:
            process.close()
            self.processes.pop(spec.name, None)
            raise

    def _launch(
        self,
        process: Process,
        started: Callable[[Process], None],
        failed: Callable[[LaunchError], None],
    ) -> None:
        spec = process.spec
        process.state = STARTING
        process.pid = 0
        netns = -1
        if spec.netns:
            if spec.netns not in self._held:
                raise MissingError(f"network namespace {spec.netns!r} is not held")
            netns = self._held[spec.netns]
        inside = 0
        if spec.enter:
            inside = signals.main_pid(self.get(spec.enter).pid)
        fds = Descriptors(process, self._stage, self._null)
        try:
            if spec.needs_fork or self._cgroups.unified(spec.cgroups):
                pid, result = launch.fork(spec, fds.given, netns, self._cgroups, inside)
                self._await_result(process, pid, result, fds, started, failed)
                return
            pid = launch.spawn(spec, fds.given, netns, self._home_netns, self._cgroups)
        except BaseException:
            fds.close()
            raise
        finally:
            fds.release()
        self._running(process, pid, fds)
        started(process)

    def _await_result(
        self,
        process: Process,
        pid: int,
        result: int,
        fds: Descriptors,
        started: Callable[[Process], None],
        failed: Callable[[LaunchError], None],
    ) -> None:
        """Go on when the child has executed its program, or has told why not."""
        data = bytearray()
        process.pid = pid
        self._by_pid[pid] = process

        def finish() -> None:
            if process not in self._results:
                return
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(result, 4096):
                    data.extend(chunk)
            self._loop.unwatch(result)
            os.close(result)
            del self._results[process]
            self._by_pid.pop(pid, None)
            try:
                real = read_result(bytes(data), process.spec)
            except LaunchError as error:
                fds.close()
                failed(error)
                return
            self._running(process, real or pid, fds)
            started(process)
            status = self._early.pop(process.pid, None)
            if not self._results:
                self._early.clear()
            if status is not None:
                del self._by_pid[process.pid]
                self._exited(process, status)

        def ready(_: int) -> None:
            try:
                chunk = os.read(result, 4096)
            except BlockingIOError:
                return
            data.extend(chunk)
            if not chunk:
                finish()

        self._results[process] = finish
        self._loop.watch(result, 1, ready)

    def _running(self, process: Process, pid: int, fds: Descriptors) -> None:
        process.pid = pid
        process.state = RUNNING
        process.started_ns = time.time_ns()
        process.exit_code = process.signal = None
        process.exited_ns = 0
        self._by_pid[pid] = process
        fds.capture()
        if process.spec.restart.mode == "never":
            process.release_passed()  # or their other ends would never see them closed
        if process.spec.stage:
            self._clear_stage_later(process, pid, _STAGE_CHECK_S)
        self._tell({"event": "started", "process": process.status()})

    def _clear_stage_later(self, process: Process, pid: int, seconds: float) -> None:
        def check() -> None:
            if process.pid != pid:
                return  # it has ended; who started it cleans up
            if signals.is_set_up(pid):
                self._stage.unmount(process.spec.stage)
            else:
                self._clear_stage_later(process, pid, min(2 * seconds, 5.0))

        self._loop.after(seconds, check)

    def reap(self) -> None:
        """Collect every child that has ended, known or adopted."""
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            self._reap_one(info.si_pid)

    def _reap_one(self, pid: int) -> None:
        process = self._by_pid.get(pid)
        if process is not None and process in self._results and not process.spec.enter:
            self._results[process]()  # it ended before we looked; may unregister the pid
            process = self._by_pid.get(pid)
        if process is not None and not process.spec.enter:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # what it left behind in its group
        try:
            _, status = os.waitpid(pid, 0)
        except ChildProcessError:
            return
        if process is None:
            if self._results:
                self._early[pid] = status  # perhaps one whose start we have not heard of yet
            return
        del self._by_pid[pid]
        if process in self._results:
            return  # only the one that entered the namespaces and left its child there
        self._exited(process, status)

    def _exited(self, process: Process, status: int) -> None:
        process.drain()
        process.exited_ns = time.time_ns()
        code = os.waitstatus_to_exitcode(status)
        process.signal = -code if code < 0 else None
        process.exit_code = 128 - code if code < 0 else code
        process.pid = 0
        if process.kill_timer is not None:
            process.kill_timer.cancel()
        policy = process.spec.restart
        if not process.stopping and not self._ending and policy.wants(process.exit_code):
            if process.exited_ns - process.started_ns > policy.reset_after_s * 1e9:
                process.failures = 0
            self._back_off(process)
        else:
            process.state = EXITED
            if not process.outputs:
                process.close_log()
        self._tell({"event": "exited", "process": process.status()})
        if process.state == EXITED:
            self._settled(process)

    def _settled(self, process: Process) -> None:
        waiting, process.on_exit = process.on_exit, []
        for callback in waiting:
            callback()
        if process.spec.auto_remove and self.processes.get(process.spec.name) is process:
            self.remove(process.spec.name)

    def _back_off(self, process: Process) -> None:
        process.state = BACKOFF
        delay = process.spec.restart.delay(process.failures)
        process.failures += 1
        process.restart_timer = self._loop.after(delay, lambda: self._restart(process))

    def _restart(self, process: Process) -> None:
        process.restarts += 1
        process.release_streams()
        try:
            self._launch(process, lambda _: None, lambda _: self._back_off(process))
        except (LaunchError, MissingError, OSError):
            self._back_off(process)

    def signal(self, name: str, number: int, to: str) -> bool:
        """Send a signal; return whether there was somebody to receive it."""
        process = self.get(name)
        return process.alive and signals.send(process.pid, number, to)

    def stop(self, process: Process, number: int, grace_s: float, done: Callable[[], None]) -> None:
        """Signal, wait, kill; call ``done`` when it has ended and will not be started again."""
        process.stopping = True
        if process.state == BACKOFF:
            if process.restart_timer is not None:
                process.restart_timer.cancel()
            process.state = EXITED
            process.close_log()
            self._settled(process)
        if process.state == EXITED:
            done()
            return
        process.on_exit.append(done)
        if number == signal.SIGKILL or grace_s <= 0:
            self._kill(process)
            return
        signals.send(process.pid, number, process.spec.signal_to)
        if process.kill_timer is not None:
            process.kill_timer.cancel()
        process.kill_timer = self._loop.after(grace_s, lambda: self._kill(process))

    def _kill(self, process: Process) -> None:
        if not process.alive:
            return
        pid = process.pid
        with contextlib.suppress(ProcessLookupError):
            if process.spec.signal_to == "main":
                # Killing the first process of a pid namespace kills all of it, and the monitor
                # then reports how it ended.
                os.kill(signals.first_child(pid) or pid, signal.SIGKILL)
                if process.kill_timer is not None:
                    process.kill_timer.cancel()
                process.kill_timer = self._loop.after(
                    _LAST_RESORT_S, lambda: self._kill_monitor(process, pid)
                )
            elif process.spec.enter:
                os.kill(pid, signal.SIGKILL)
            else:
                os.killpg(pid, signal.SIGKILL)

    @staticmethod
    def _kill_monitor(process: Process, pid: int) -> None:
        if process.pid == pid:
            os.kill(pid, signal.SIGKILL)

    def remove(self, name: str) -> None:
        """Forget an ended process; nothing happens when the name is unknown."""
        process = self.processes.get(name)
        if process is None:
            return
        if process.state != EXITED:
            raise BusyError(f"process {name!r} still runs")
        process.close()
        del self.processes[name]

    def disown(self, owner: object) -> None:
        """Kill and forget what belongs to a client that is gone."""
        for name, process in list(self.processes.items()):
            if process.owner is owner:

                def forget(name: str = name) -> None:
                    self.remove(name)

                self.stop(process, signal.SIGKILL, 0, forget)

    def stop_all(self, grace_s: float | None, finished: Callable[[], None]) -> None:
        """Stop everything, lower ranks first, and reap what is left over."""
        self._ending = True
        rest = [p for p in self.processes.values() if p.state != EXITED]
        if not rest:
            signals.kill_orphans()
            finished()
            return
        rank = min(p.spec.shutdown_rank for p in rest)
        batch = [p for p in rest if p.spec.shutdown_rank == rank]
        left = len(batch)

        def one_done() -> None:
            nonlocal left
            left -= 1
            if not left:
                self.stop_all(grace_s, finished)

        for process in batch:
            spec = process.spec
            self.stop(
                process,
                spec.stop_signal,
                spec.stop_grace_s if grace_s is None else grace_s,
                one_done,
            )
