"""Looks after the zygotes of one Pod: what its containers begin with, and when they go on."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from wakeful.apimachinery.errors import APIStatusError, WakefulError
from wakeful.apis.autoscaling.annotations import AT_ZERO, ZYGOTE
from wakeful.apis.core.pod_types import (
    PARKED_ANNOTATION,
    UNFIT,
    ZYGOTE_ANNOTATION,
    Container,
    Pod,
)
from wakeful.autoscaler.coldstart import Mark
from wakeful.node.context import NodeContext
from wakeful.node.environment import referenced_by_env
from wakeful.node.runtime import ContainerConfig, ContainerStatus, Isolation
from wakeful.node.statuswriter import Report
from wakeful.node.zygote import channel
from wakeful.node.zygote.choice import Choice, Mode, choose
from wakeful.node.zygote.messages import Left, Loaded, Unfit, parse_message
from wakeful.node.zygote.recipes import RecipeKey, RecipeStore
from wakeful.node.zygote.recording import Recipe, parse_recording

log = structlog.get_logger("wakeful.node.zygote")

SIGN_SECONDS = 30.0
"""How long an interpreter may take until it says something; the imports included."""
_LOOKS = (0.3, 3.0, 10.0, 30.0)
"""Seconds after a recorded start serves at which what was noted is taken down."""
_READY_SECONDS = 0.2
"""Between looks whether it serves."""
_NO_PYTHON = "no Python interpreter took part in the start"
_NO_SIGN = "the interpreter that was recorded did not come up"

Configure = Callable[[], Awaitable[ContainerConfig]]
Watch = Callable[[], Coroutine[Any, Any, None]]


class ZygoteKeeper:
    """What the containers of one Pod share: the word on the Pod, and what is told about it."""

    def __init__(self, node: NodeContext, recipes: RecipeStore, pod: Pod, report: Report) -> None:
        self.node, self.recipes, self.report = node, recipes, report
        self.pod = pod
        self.released = asyncio.Event()
        self.observe(pod)

    def observe(self, pod: Pod) -> None:
        """Learn of a version of the Pod."""
        self.pod = pod
        if PARKED_ANNOTATION in pod.metadata.annotations:
            self.released.clear()
        else:
            self.released.set()

    def zygote_of(self, container: Container) -> ContainerZygote | None:
        """The zygote of a container; None unless its revision asks for one, and it serves."""
        if AT_ZERO.get(self.pod.metadata.annotations) != ZYGOTE:
            return None
        every = self.pod.spec.containers
        serving = next((one for one in every if one.ports), every[0])
        key = RecipeKey.of(self.pod, container.name)
        if key is None or container.name != serving.name:
            return None
        return ContainerZygote(self, container, key)

    @property
    def annotations(self) -> Mapping[str, str]:
        """Of the newest version known."""
        return self.pod.metadata.annotations

    async def tell(self, text: str) -> None:
        """Write on the Pod how it is with its zygote."""
        meta = self.pod.metadata
        if self.annotations.get(ZYGOTE_ANNOTATION) == text:
            return
        patch = {"metadata": {"annotations": {ZYGOTE_ANNOTATION: text}, "uid": meta.uid}}
        try:
            await self.node.client.patch(Pod, meta.name, meta.namespace, patch)
        except APIStatusError as err:  # gone, or told another time
            log.debug("pod not annotated", pod=str(self.pod.key), error=err.message)

    async def tell_unfit(self, why: str) -> None:
        """Write on the Pod that there can be no zygote, and have it known as an event."""
        if self.annotations.get(ZYGOTE_ANNOTATION) == UNFIT + why:
            return
        self.report.warning("ZygoteUnfit", f"No zygote, the program starts as ever: {why}")
        await self.tell(UNFIT + why)


class ContainerZygote:
    """One container through its runs; it never keeps a program from starting."""

    def __init__(self, keeper: ZygoteKeeper, container: Container, key: RecipeKey) -> None:
        self._keeper, self._container, self._key = keeper, container, key
        self._node, self._recipes, self._report = keeper.node, keeper.recipes, keeper.report
        self._choice = Choice(Mode.PLAIN)
        self._env: dict[str, str] = {}
        self._notes: channel.Notes | None = None
        self.is_renewed = False
        """Whether the last run was ended here, which is no crash."""

    async def start(self, sandbox_id: str, config: ContainerConfig) -> ContainerStatus:
        """Start a run in the way that fits, as ``Runtime.start_container`` does."""
        runtime = self._node.runtime
        recipe = self._recipes.get(self._key)
        self._choice = choose(
            parked=not self._keeper.released.is_set(),
            recipe=recipe,
            sandboxed=runtime.describe().isolation is Isolation.SANDBOX,
        )
        self._close_notes()
        self._env, self.is_renewed = dict(config.env), False
        match self._choice.mode:
            case Mode.RECORD:
                self._notes = channel.Notes.make()
                return await runtime.start_container(
                    sandbox_id, channel.recording(config, self._notes)
                )
            case Mode.PARK:
                assert recipe is not None
                with channel.parking(config, recipe) as (equipped, fd):
                    try:
                        run = await runtime.start_container(sandbox_id, equipped)
                        await runtime.keep(run.id, fd)
                    finally:
                        os.close(fd)
                return run
            case Mode.PLAIN:
                return await runtime.start_container(sandbox_id, config)

    async def guide(
        self,
        run: ContainerStatus,
        watch: Watch,
        *,
        fresh: bool,
        configure: Configure,
        changed: asyncio.Event,
        is_ready: Callable[[], bool],
    ) -> None:
        """Hold ``watch`` back while the run waits for its word; until cancelled, as ``watch`` is.

        ``configure`` makes the run's configuration anew, which is asked for when ``changed`` is
        set: a process that waits with yesterday's secrets is replaced.
        """
        if not fresh:
            self._choice = Choice(Mode.PARK)  # perhaps: what was kept for it will tell
        if self._choice.mode is Mode.PARK and not await self._wait(run, fresh, configure, changed):
            return
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(self._tell_and_note(is_ready))
            try:
                await watch()
            finally:
                beside.cancel()
                self._note(is_ready())
                self._close_notes()

    # --- waiting ----------------------------------------------------------------------------------

    async def _wait(
        self, run: ContainerStatus, fresh: bool, configure: Configure, changed: asyncio.Event
    ) -> bool:
        """Return True once the program has begun, False when the run is to end."""
        fd = await self._node.runtime.kept(run.id)
        if fd is None:
            return True
        with socket.socket(fileno=fd) as sock:
            sock.setblocking(False)
            if _has_begun(sock):
                return True
            waits = not self._keeper.released.is_set()
            if not fresh and waits and any(referenced_by_env([self._container])):
                await self._end(run, "the environment may have changed while nobody looked")
                return False
            outcome = await self._until_released(run, sock, fresh, configure, changed)
            with suppress(OSError):
                sock.send(b"go\n")
                sock.shutdown(socket.SHUT_WR)
        if outcome:
            self._node.progress(self._keeper.pod, Mark.RELEASED)
        return outcome

    async def _until_released(
        self,
        run: ContainerStatus,
        sock: socket.socket,
        fresh: bool,
        configure: Configure,
        changed: asyncio.Event,
    ) -> bool:
        released = self._keeper.released
        stale = False

        async def renew() -> None:
            nonlocal stale
            await self._until_stale(configure, changed)
            stale = True

        heard, never = asyncio.Event(), asyncio.Event()
        if not fresh:
            heard.set()  # by whoever was here before

        async def hear() -> None:
            if await self._hear(sock, heard):
                await never.wait()

        async def give_up() -> None:
            await self._node.clock.sleep(SIGN_SECONDS)
            if heard.is_set():
                await never.wait()
            await self._unfit(_NO_SIGN)

        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(work, name=f"zygote:{run.id}")
                for work in (released.wait(), renew(), hear(), give_up())
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in waits:
                task.cancel()
        if stale and not released.is_set():
            await self._end(run, "its environment has changed")
            return False
        return True

    async def _hear(self, sock: socket.socket, heard: asyncio.Event) -> bool:
        """Take in what the process tells; False when it does not wait after all."""
        loop, pending = asyncio.get_running_loop(), b""
        while True:
            try:
                chunk = await loop.sock_recv(sock, 65536)
            except OSError:
                chunk = b""
            if not chunk:  # it ends, which others see, or its program has begun
                return True
            *lines, pending = (pending + chunk)[-65536:].split(b"\n")
            heard.set()
            for line in lines:
                match parse_message(line):
                    case Loaded() as loaded:
                        await self._loaded(loaded)
                    case Left(why, names):
                        self._put(self._known.without(names))
                        self._tell_event("ZygoteLeavesOut", f"Not imported ahead: {why}")
                    case Unfit(why):
                        await self._unfit(why)
                        return False

    async def _loaded(self, loaded: Loaded) -> None:
        text = (
            f"{loaded.modules} modules imported in {loaded.milliseconds} ms,"
            f" {loaded.resident_kib / 1024:.0f} MiB resident"
        )
        if apart := self._known.apart:
            text = f"{text}; {apart}"
        self._tell_event("ZygoteWaiting", f"Waits for a request: {text}")
        await self._keeper.tell(text)

    async def _until_stale(self, configure: Configure, changed: asyncio.Event) -> None:
        """Return when the run would get another environment if it were started now."""
        while True:
            await changed.wait()
            changed.clear()
            try:
                fresh = await configure()
            except WakefulError as err:
                log.debug("environment not read", pod=str(self._keeper.pod.key), error=str(err))
                continue
            if dict(fresh.env) != self._env:
                return

    async def _end(self, run: ContainerStatus, why: str) -> None:
        self.is_renewed = True
        self._tell_event("ZygoteRenewed", f"Ended, to be started anew: {why}")
        with suppress(WakefulError):
            await self._node.runtime.kill_container(run.id)

    # --- what is known ----------------------------------------------------------------------------

    async def _tell_and_note(self, is_ready: Callable[[], bool]) -> None:
        """Say why there is no zygote, or take down what a recorded start imports.

        A moment later: a request may be waiting for the start.
        """
        if self._notes is None:
            await self._node.clock.sleep(_LOOKS[0])
            if self._choice.unfit:
                await self._keeper.tell_unfit(self._choice.unfit)
            else:
                await self._tell_known()
            return

        def note() -> None:
            self._note(is_ready())

        self._recipes.listen(self._key, note)
        try:
            while not is_ready():
                await self._node.clock.sleep(_READY_SECONDS)
            before = 0.0
            for seconds in _LOOKS:
                await self._node.clock.sleep(seconds - before)
                before = seconds
                note()
                recipe = self._recipes.get(self._key)
                if recipe is None and is_ready():
                    await self._unfit(_NO_PYTHON)
                elif recipe is not None and recipe.unfit:
                    await self._keeper.tell_unfit(recipe.unfit)
                await self._tell_known()
            await asyncio.Event().wait()
        finally:
            self._recipes.unlisten(self._key, note)

    async def _tell_known(self) -> None:
        """Say that there can be a zygote in the place of this instance."""
        recipe = self._recipes.get(self._key)
        if recipe is None or recipe.unfit or ZYGOTE_ANNOTATION in self._keeper.annotations:
            return
        await self._keeper.tell(f"{len(recipe.ahead)} modules known")

    def _note(self, ready: bool) -> None:
        """Take down what was noted, if it was good for anything."""
        if self._notes is None or not ready:
            return
        found = parse_recording(self._notes.read())
        if found is not None:
            self._recipes.record(self._key, found)

    async def _unfit(self, why: str) -> None:
        self._put(replace(self._known, unfit=why))
        await self._keeper.tell_unfit(why)

    @property
    def _known(self) -> Recipe:
        return self._recipes.get(self._key) or Recipe()

    def _put(self, recipe: Recipe) -> None:
        self._recipes.put(self._key, recipe)

    def _tell_event(self, reason: str, message: str) -> None:
        self._report.normal(reason, message)
        self._report.changed(urgent=False)  # which has the event written

    def _close_notes(self) -> None:
        if self._notes is not None:
            self._notes.close()
            self._notes = None


def _has_begun(sock: socket.socket) -> bool:
    """Whether the process at the other end has closed it, as it does before its program begins."""
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
