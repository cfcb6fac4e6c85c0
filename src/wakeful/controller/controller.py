"""One controller: a queue, workers and the base that every reconciler stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable
from uuid import uuid4

import structlog

from wakeful.aio import Housekeeping, RightOfWay
from wakeful.apimachinery.conditions import ConditionedStatus, ConditionSet
from wakeful.apimachinery.errors import (
    APIStatusError,
    ConflictError,
    NotFoundError,
    TerminalError,
)
from wakeful.apimachinery.meta import NamespacedName, Object, controller_of
from wakeful.apimachinery.request import PatchType
from wakeful.client import Change, Client, Informer
from wakeful.controller.record import EventRecorder
from wakeful.controller.refusals import is_refusal
from wakeful.controller.workqueue import WorkQueue

T = TypeVar("T", bound=Object)
T_contra = TypeVar("T_contra", bound=Object, contravariant=True)
C = TypeVar("C", bound=Object)


@dataclass(frozen=True, slots=True)
class Result:
    """What to do after a successful reconcile."""

    requeue_after: float | None = None
    """Seconds until the object is looked at again although nothing changed."""


class Reconciler(Protocol[T_contra]):
    """Brings the world in line with one object.

    Idempotent and level-based: it is told *which* object, never what happened to it. ``obj`` is a
    private copy whose status may be changed freely; its spec must not be. The base writes the
    status afterwards, also when this raises. Raise
    :class:`~wakeful.apimachinery.errors.TerminalError` when retrying cannot help.
    """

    async def reconcile_kind(self, obj: T_contra) -> Result | None:
        """Reconcile an object that is not being deleted."""
        ...


@runtime_checkable
class Finalizing(Protocol[T_contra]):
    """A reconciler with work to do before its object may go."""

    finalizer: str

    async def finalize_kind(self, obj: T_contra) -> Result | None:
        """Clean up; returning without ``requeue_after`` releases the object."""
        ...


@runtime_checkable
class ObservesDeletion(Protocol):
    """A reconciler that keeps something in memory per object."""

    async def observe_deletion(self, key: NamespacedName) -> None:
        """The object is gone from the cache."""
        ...


def owner_keys(kind: str, group: str) -> Callable[[Object], Iterable[NamespacedName]]:
    """Map a child to the key of its controlling owner of that kind."""

    def mapper(child: Object) -> Iterable[NamespacedName]:
        ref = controller_of(child)
        if ref is None or ref.kind != kind or ref.api_version.rpartition("/")[0] != group:
            return ()
        return (NamespacedName(child.metadata.namespace, ref.name),)

    return mapper


class Controller(Generic[T]):
    """Runs one reconciler over one kind.

    ``conditions`` names the kind's condition set: then a new generation makes the happy condition
    Unknown until the reconciler says otherwise, and ``observedGeneration`` follows, as Knative's
    generated reconcilers do. An object that ``selects`` no longer picks counts as deleted.
    ``urgent`` controllers take the steps that a held request waits for; the others let them pass.
    """

    def __init__(
        self,
        name: str,
        client: Client,
        informer: Informer[T],
        reconciler: Reconciler[T],
        *,
        conditions: ConditionSet | None = None,
        recorder: EventRecorder | None = None,
        workers: int = 4,
        selects: Callable[[T], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        self.name, self.urgent = name, urgent
        self.right_of_way = RightOfWay()
        """Whom to let pass; the manager's, when there is one."""
        self._claim = 0
        self._seen: set[NamespacedName] = set()
        self.queue: WorkQueue[NamespacedName] = WorkQueue(held=self._lets_pass)
        self._client, self._informer, self._reconciler = client, informer, reconciler
        self._conditions, self._recorder = conditions, recorder
        self._workers, self._selects = workers, selects
        self._sources: list[Informer[Any]] = [informer]
        self._log = structlog.get_logger("wakeful.controller").bind(controller=name)
        informer.add_handler(self._on_change)

    def give_way_to(self, right_of_way: RightOfWay, housekeeping: Housekeeping) -> None:
        """Let pass whoever has this right of way, and share what can wait with others."""
        self.right_of_way = right_of_way
        self.queue.housekeeping = housekeeping
        right_of_way.on_free(self.queue.wake)

    def _lets_pass(self) -> bool:
        """Whether no worker need wake up: a dozen would at each step of a wake, to wait again."""
        return not self.urgent and self.right_of_way.is_claimed

    def enqueue(self, key: NamespacedName) -> None:
        """Have one object reconciled soon."""
        self.queue.add(key)

    def enqueue_all(self, *_ignored: object) -> None:
        """Have every object reconciled: a configuration they all read has changed."""
        for obj in self._informer.list():
            if self._is_ours(obj):
                self.queue.add(obj.key, hurry=False)

    def watch(self, informer: Informer[C], mapper: Callable[[C], Iterable[NamespacedName]]) -> None:
        """Reconcile the objects that ``mapper`` names when something else changes."""
        self._sources.append(informer)

        def handler(change: Change[C]) -> None:
            for obj in (change.old, change.new):
                if obj is not None:
                    for key in mapper(obj):
                        self.queue.add(key, hurry=not change.listed)

        informer.add_handler(handler)

    def watch_owned(self, informer: Informer[C]) -> None:
        """Reconcile the controlling owner when a child changes."""
        gvk = self._informer.model.gvk
        self.watch(informer, owner_keys(gvk.kind, gvk.group))

    async def run(self) -> None:
        """Process keys until cancelled; caches must be fed by somebody else."""
        for source in self._sources:
            await source.synced.wait()
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._workers):
                    group.create_task(self._work(), name=f"controller:{self.name}:{number}")
        finally:
            self.queue.close()

    def _on_change(self, change: Change[T]) -> None:
        if any(obj is not None and self._is_ours(obj) for obj in (change.old, change.new)):
            self.queue.add(change.object.key, hurry=not change.listed)

    def _is_ours(self, obj: T) -> bool:
        return self._selects is None or self._selects(obj)

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                if self._must_wait(key):
                    await self.right_of_way.give_way()
                    self.queue.begin(key)
                await self._process(key)
            finally:
                self.queue.done(key)
            if len(self.queue):
                # A reconcile that finds all well waits for nothing: thousands of them in a row,
                # after a start or a change of configuration, would let nobody else in.
                await asyncio.sleep(0)

    def _must_wait(self, key: NamespacedName) -> bool:
        """Whether to let a held request pass first.

        An urgent controller looks at each object once while a request is held: that is the step
        the request waits for. What follows from the step, a count or a report, comes after it.
        """
        way = self.right_of_way
        if not way.is_claimed:
            return False
        if not self.urgent:
            return True
        if self._claim != way.claims:
            self._claim = way.claims
            self._seen.clear()
        if key in self._seen:
            return True
        self._seen.add(key)
        return False

    async def _process(self, key: NamespacedName) -> None:
        """Reconcile one key; every failure ends here, as a retry or as a report."""
        with structlog.contextvars.bound_contextvars(
            kind=self._informer.model.gvk.kind, key=str(key), reconcile_id=uuid4().hex[:8]
        ):
            try:
                result = await self.reconcile(key)
            except TerminalError as err:
                self._log.info("reconcile ended for good", error=str(err))
                self.queue.forget(key)
            except (ConflictError, NotFoundError) as err:
                # A cache behind the server: the next event, or this retry, sees the truth.
                delay = self.queue.add_rate_limited(key)
                self._log.debug("reconcile raced", error=str(err), retry_seconds=round(delay, 3))
            except APIStatusError as err:
                delay = self.queue.add_rate_limited(key)
                self._log.warning("reconcile failed", error=str(err), retry_seconds=round(delay, 3))
            except Exception as err:  # noqa: BLE001 - one object must not stop the others
                delay = self.queue.add_rate_limited(key)
                self._log.exception("reconcile crashed", error=str(err))
            else:
                self.queue.forget(key)
                if result.requeue_after is not None:
                    self.queue.add_after(key, result.requeue_after)

    async def reconcile(self, key: NamespacedName) -> Result:
        """Reconcile one object as the cache has it; the unit that tests drive."""
        cached = self._informer.get(key.name, key.namespace)
        if cached is None or not self._is_ours(cached):
            if isinstance(self._reconciler, ObservesDeletion):
                await self._reconciler.observe_deletion(key)
            return Result()
        obj = private_copy(cached)
        if obj.is_deleting:
            return await self._finalize(obj)
        if isinstance(self._reconciler, Finalizing):
            obj = await self._ensure_finalizer(obj)
        self._before(obj)
        try:
            result = await self._reconciler.reconcile_kind(obj)
        except (ConflictError, NotFoundError):
            raise
        except Exception as err:
            self._report(obj, err)
            final = isinstance(err, TerminalError) or is_refusal(err)
            await self._write_status(obj, cached, observed=final)
            raise
        await self._write_status(obj, cached, observed=True)
        return result or Result()

    def _before(self, obj: T) -> None:
        status = getattr(obj, "status", None)
        if self._conditions is None or not isinstance(status, ConditionedStatus):
            return
        manager = self._conditions.manage(status)
        manager.initialize()
        if status.observed_generation != obj.metadata.generation:
            manager.mark_unknown(
                self._conditions.happy,
                "NewObservedGenFailure",
                "unsuccessfully observed a new generation",
            )

    async def _write_status(self, obj: T, cached: T, *, observed: bool) -> None:
        status, before = getattr(obj, "status", None), getattr(cached, "status", None)
        if status is None or before is None:
            return
        if observed and self._conditions is not None and isinstance(status, ConditionedStatus):
            status.observed_generation = obj.metadata.generation
        if isinstance(status, ConditionedStatus):
            _keep_times(status, before)
        if status == before or status.to_wire() == before.to_wire():
            return
        if obj.metadata.resource_version != cached.metadata.resource_version:
            target = obj
        else:
            target = cached.model_copy(update={"status": status})
        for _attempt in range(4):
            try:
                await self._client.update_status(target)
            except ConflictError:
                latest = await self._client.get(
                    type(obj), obj.metadata.name, obj.metadata.namespace
                )
                if latest.metadata.uid != obj.metadata.uid:
                    return
                target = latest.model_copy(update={"status": status})
            except NotFoundError:
                return
            else:
                return
        raise ConflictError(f"status of {obj} kept changing while it was being written")

    async def _ensure_finalizer(self, obj: T) -> T:
        assert isinstance(self._reconciler, Finalizing)
        finalizer = self._reconciler.finalizer
        if finalizer in obj.metadata.finalizers:
            return obj
        patched = await self._patch_finalizers(obj, [*obj.metadata.finalizers, finalizer])
        if self._recorder is not None:
            self._recorder.normal(
                obj, "FinalizerUpdate", f'Updated "{obj.metadata.name}" finalizers'
            )
        return private_copy(patched)

    async def _finalize(self, obj: T) -> Result:
        if not isinstance(self._reconciler, Finalizing):
            return Result()
        finalizer = self._reconciler.finalizer
        if finalizer not in obj.metadata.finalizers:
            return Result()
        try:
            result = await self._reconciler.finalize_kind(obj)
        except Exception as err:
            self._report(obj, err)
            raise
        if result is not None and result.requeue_after is not None:
            return result
        rest = [f for f in obj.metadata.finalizers if f != finalizer]
        await self._patch_finalizers(obj, rest)
        return Result()

    async def _patch_finalizers(self, obj: T, finalizers: list[str]) -> T:
        patch = {
            "metadata": {
                "finalizers": finalizers,
                "resourceVersion": obj.metadata.resource_version,
            }
        }
        return await self._client.patch(
            type(obj),
            obj.metadata.name,
            obj.metadata.namespace,
            patch,
            patch_type=PatchType.MERGE,
        )

    def _report(self, obj: T, err: Exception) -> None:
        if self._recorder is not None:
            self._recorder.warning(obj, "InternalError", str(err))


def _keep_times(status: ConditionedStatus, before: ConditionedStatus) -> None:
    """A condition that ended as it began has made no transition, whatever it was in between.

    Otherwise an object with two faults would have another status, and be looked at, all the time.
    """
    for condition in status.conditions:
        old = before.condition(condition.type)
        if old is None or old.last_transition_time == condition.last_transition_time:
            continue
        if condition == old.model_copy(
            update={"last_transition_time": condition.last_transition_time}
        ):
            condition.last_transition_time = old.last_transition_time


def private_copy(obj: T) -> T:
    """Copy what a reconciler may change: metadata and status. The spec stays shared."""
    changes: dict[str, Any] = {"metadata": obj.metadata.model_copy(deep=True)}
    status = getattr(obj, "status", None)
    if status is not None:
        changes["status"] = status.model_copy(deep=True)
    return obj.model_copy(update=changes)
