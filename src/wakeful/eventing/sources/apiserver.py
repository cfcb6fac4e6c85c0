"""The adapter of ApiServerSources: watches as the source's service account, and tells of changes.

What exists when a watch begins is not told of. A watch that breaks resumes where it was; one that
cannot, because the server forgot that far back, begins anew and what happened in between is lost,
as it is upstream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import structlog

from wakeful.aio import Backoff, Clock, retry
from wakeful.apimachinery.errors import APIStatusError, ExpiredError
from wakeful.apimachinery.request import (
    AUTHENTICATED,
    APIRequest,
    Transport,
    UserInfo,
    Verb,
)
from wakeful.apimachinery.watch import EventType, RawWatchEvent
from wakeful.apis.sources import (
    ApiServerSource,
    APIVersionKind,
    EventMode,
    LegacyApiServerSource,
)
from wakeful.apis.sources.legacy_apiserversource import owner_of
from wakeful.cloudevents import Event, Filter, compile_filters
from wakeful.controller.kinds import KindIndex
from wakeful.eventing.sources.apiserver_events import EventStyle, make_change_event, passes
from wakeful.eventing.sources.emitter import Emitter, SinkError
from wakeful.eventing.sources.host import Report
from wakeful.eventing.sources.target import Target, target_of

log = structlog.get_logger("wakeful.eventing.sources.apiserver")

_QUEUED = 1000
"""Changes that may wait for a slow sink; then the watch itself waits."""


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """One kind of objects, in some namespaces."""

    api_version: str
    kind: str
    namespaces: tuple[str, ...]
    """Empty text is every namespace."""
    selector: str
    owner: APIVersionKind | None
    about_controller: bool = False


@dataclass(frozen=True, slots=True)
class ApiServerPlan:
    """What to watch as whom, and where to tell."""

    target: Target
    user: UserInfo
    whole: bool
    is_legacy: bool
    watches: tuple[WatchPlan, ...]
    filters: tuple[Mapping[str, Any], ...] = ()
    """What events must be like to be sent; empty for all of them."""


def plan_apiserver(source: ApiServerSource | LegacyApiServerSource) -> ApiServerPlan | None:
    """What the source asks for; None while its sink is unknown or it may not watch."""
    spec, status = source.wanted, source.status
    target = target_of(status, spec.ce_overrides, namespace=source.metadata.namespace)
    if target is None or not status.may_watch:
        return None
    selector = spec.namespace_selector
    is_everywhere = selector is not None and not (
        selector.match_labels or selector.match_expressions
    )
    namespaces = ("",) if is_everywhere else tuple(status.namespaces)
    watches = [
        WatchPlan(
            api_version=resource.api_version,
            kind=resource.kind,
            namespaces=namespaces,
            selector=str(resource.selector.to_selector()) if resource.selector else "",
            owner=spec.owner,
        )
        for resource in spec.resources
    ]
    is_legacy = isinstance(source, LegacyApiServerSource)
    if isinstance(source, LegacyApiServerSource):
        watches = [
            replace(
                watch,
                owner=owner_of(resource),
                about_controller=bool(resource.controller),
            )
            for watch, resource in zip(watches, source.spec.resources, strict=True)
        ]
    return ApiServerPlan(
        target=target,
        user=service_account(source.metadata.namespace, spec.service_account_name),
        whole=spec.mode == EventMode.RESOURCE,
        is_legacy=is_legacy,
        watches=tuple(watches),
        filters=tuple(spec.filters),
    )


def service_account(namespace: str, name: str) -> UserInfo:
    """A service account, as the API server knows it."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return UserInfo(f"system:serviceaccount:{namespace}:{name or 'default'}", groups)


class ApiServerAdapter:
    """Watches and tells, in the order in which things happen to one kind in one namespace."""

    def __init__(
        self,
        emitter: Emitter,
        kinds: KindIndex,
        transport_of: Callable[[UserInfo], Transport],
        clock: Clock,
        *,
        server_url: str,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        self._emitter, self._kinds, self._clock = emitter, kinds, clock
        self._transport_of, self._server_url, self._new_id = transport_of, server_url, new_id

    async def run(self, plan: ApiServerPlan, report: Report) -> None:
        """Watch until cancelled."""
        style = EventStyle(
            source=self._server_url,
            whole=plan.whole,
            specversion="0.3" if plan.is_legacy else "1.0",
            extensions=not plan.is_legacy,
        )
        transport = self._transport_of(plan.user)
        selection = compile_filters(None, plan.filters)
        progress = _Progress(report)
        pairs = [(watch, namespace) for watch in plan.watches for namespace in watch.namespaces]
        if not pairs:  # no namespace is selected yet
            report.running()
            await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            for watch, namespace in pairs:
                name = f"{watch.kind}/{namespace or '*'}"
                progress.expect(name)
                queue: asyncio.Queue[Event] = asyncio.Queue(_QUEUED)
                follower = Follower(self._kinds, transport, self._clock, watch, namespace)
                group.create_task(self._send(queue, plan.target, report), name=f"send:{name}")
                group.create_task(
                    self._follow(follower, style, selection, queue, name, progress),
                    name=f"watch:{name}",
                )

    async def _follow(
        self,
        follower: Follower,
        style: EventStyle,
        selection: Filter,
        queue: asyncio.Queue[Event],
        name: str,
        progress: _Progress,
    ) -> None:
        watch = follower.watch

        async def on_change(change: RawWatchEvent) -> None:
            if not passes(change.object, watch.owner):
                return
            event = make_change_event(
                change.type,
                change.object,
                style,
                self._clock.now(),
                self._new_id,
                about_controller=watch.about_controller,
            )
            if event is not None and selection.matches(event):
                await queue.put(event)

        await follower.run(on_change, lambda: progress.up(name), lambda f: progress.down(name, f))

    async def _send(self, queue: asyncio.Queue[Event], target: Target, report: Report) -> None:
        while True:
            event = await queue.get()
            try:
                await self._emitter.emit(event, target)
            except SinkError as err:
                report.lost(f"{event.type} {event.subject}: {err}")


class _Progress:
    """Sums up the watches of a source."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._faults: dict[str, str] = {}
        """By watch; empty for one that has not begun."""

    def expect(self, name: str) -> None:
        self._faults[name] = ""

    def up(self, name: str) -> None:
        self._faults.pop(name, None)
        self._tell()

    def down(self, name: str, fault: str) -> None:
        self._faults[name] = fault
        self._tell()

    def _tell(self) -> None:
        faults = [fault for _, fault in sorted(self._faults.items()) if fault]
        if faults:
            self._report.trouble("; ".join(dict.fromkeys(faults)))
        elif not self._faults:
            self._report.running()


class Follower:
    """One list and its watch, for ever."""

    def __init__(
        self,
        kinds: KindIndex,
        transport: Transport,
        clock: Clock,
        watch: WatchPlan,
        namespace: str,
    ) -> None:
        self.watch = watch
        self._kinds, self._transport, self._clock = kinds, transport, clock
        self._namespace = namespace

    async def run(
        self,
        on_change: Callable[[RawWatchEvent], Awaitable[None]],
        up: Callable[[], None],
        down: Callable[[str], None],
    ) -> None:
        """Tell of changes until cancelled; ``up`` and ``down`` say whether it watches."""
        backoff, version = Backoff(base=0.2, cap=30.0), ""

        async def watch() -> None:
            nonlocal version
            while True:
                try:
                    if not version:
                        version = await self._present_version()
                    request = self._request(Verb.WATCH, version)
                    async with self._transport.watch(request) as changes:
                        up()
                        backoff.reset()
                        async for change in changes:
                            version = change.object["metadata"].get("resourceVersion") or version
                            if change.type is not EventType.BOOKMARK:
                                await on_change(change)
                except ExpiredError as err:
                    log.warning("changes were missed", kind=self.watch.kind, error=err.message)
                    version = ""

        def tell(err: Exception, delay: float) -> None:
            if isinstance(err, APIStatusError):
                down(err.message)
            else:
                down(f"the API server cannot be reached: {err}")

        trouble = (TimeoutError, APIStatusError, OSError)
        await retry(watch, trouble, backoff=backoff, tell=tell, clock=self._clock)

    async def _present_version(self) -> str:
        listed = await self._transport.call(self._request(Verb.LIST, ""))
        version: str = listed["metadata"]["resourceVersion"]
        return version

    def _request(self, verb: Verb, version: str) -> APIRequest:
        watch = self.watch
        info = self._kinds.find(watch.api_version, watch.kind)
        if info is None:
            raise UnknownKindError(watch.api_version, watch.kind)
        params = {"allowWatchBookmarks": "true"} if verb is Verb.WATCH else {"limit": "1"}
        if watch.selector:
            params["labelSelector"] = watch.selector
        if version:
            params["resourceVersion"] = version
        return replace(info.request(verb, self._namespace), params=params)


class UnknownKindError(APIStatusError):
    """Nobody serves the kind; it may be defined later."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
