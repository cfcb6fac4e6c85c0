"""The receiver of GitHub's webhooks: one server on loopback for all sources, behind the gateway."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from wakeful.aio import Clock
from wakeful.apis.core import Secret
from wakeful.apis.sources import GitHubSource, LegacyGitHubSource, register
from wakeful.client import Lister
from wakeful.eventing.sources.emitter import Emitter, SinkError
from wakeful.eventing.sources.github_events import (
    WebhookError,
    make_github_event,
    read_delivery,
)
from wakeful.eventing.sources.host import Report
from wakeful.eventing.sources.target import Target, target_of
from wakeful.loopback import serving

log = structlog.get_logger("wakeful.eventing.sources.github")

LARGEST_PAYLOAD_BYTES = 25 * 1024 * 1024
"""GitHub sends no more."""
_SHUTDOWN_SECONDS = 5.0
"""For requests that wait for their sink; GitHub shows those that are cut off as failed."""


@dataclass(frozen=True, slots=True)
class GitHubPlan:
    """Whom to answer to, and where to send what comes."""

    namespace: str
    host: str
    """Name under which GitHub calls, in lower case; the path does not matter."""
    is_legacy: bool
    target: Target
    source: str
    secret_name: str
    secret_key: str


def plan_github(source: GitHubSource | LegacyGitHubSource) -> GitHubPlan | None:
    """What the source asks for; None while its sink or its own address is unknown."""
    spec, address = source.wanted, source.status.address
    ref = spec.secret_token.secret_key_ref
    target = target_of(source.status, spec.ce_overrides, namespace=source.metadata.namespace)
    if target is None or ref is None or address is None:
        return None
    return GitHubPlan(
        namespace=source.metadata.namespace,
        host=urlsplit(address.url).hostname or "",
        is_legacy=isinstance(source, LegacyGitHubSource),
        target=target,
        source=f"{register.GITHUB_SOURCE}/{spec.owner_and_repository}",
        secret_name=ref.name,
        secret_key=ref.key,
    )


@dataclass(slots=True)
class _Route:
    plan: GitHubPlan
    report: Report
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class GitHubReceiver:
    """Answers GitHub; ``run_source`` has one source answered while it runs.

    The server is a runnable of its own; ``port`` is known once ``listening`` is set.
    """

    name = "eventing:github"

    def __init__(self, emitter: Emitter, secrets: Lister[Secret], clock: Clock) -> None:
        self._emitter, self._secrets, self._clock = emitter, secrets, clock
        self._routes: dict[str, _Route] = {}
        self.port = 0
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with serving(
            self._handle, limit_bytes=LARGEST_PAYLOAD_BYTES, shutdown_seconds=_SHUTDOWN_SECONDS
        ) as self.port:
            self.listening.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.listening.clear()

    async def run_source(self, plan: GitHubPlan, report: Report) -> None:
        """Answer for a source until cancelled."""
        route = _Route(plan, report)
        await self.listening.wait()
        self._routes[plan.host] = route
        report.running()
        try:
            await route.gone.wait()
        finally:
            if self._routes.get(plan.host) is route:
                del self._routes[plan.host]

    async def _handle(self, request: web.Request) -> web.Response:
        host = request.host.rpartition("@")[2].partition(":")[0].lower()
        route = self._routes.get(host)
        if route is None:
            return web.Response(status=404, text="no such source")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text="payload too large")
        try:
            return await self._accept(route, request, body)
        except WebhookError as err:
            log.info("webhook refused", host=host, status=err.status, error=str(err))
            return web.Response(status=err.status, text=str(err))

    async def _accept(self, route: _Route, request: web.Request, body: bytes) -> web.Response:
        plan = route.plan
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = read_delivery(request.method, headers, body, self._secret(plan))
        event = make_github_event(
            delivery, plan.source, self._clock.now(), is_legacy=plan.is_legacy
        )
        try:
            await self._emitter.emit(event, plan.target)
        except SinkError as err:
            route.report.lost(f"{event.type} {event.id}: {err}")
            raise WebhookError(400, str(err)) from err
        return web.Response(status=202, text="accepted")

    def _secret(self, plan: GitHubPlan) -> bytes:
        """The token GitHub signs with.

        Raises:
            WebhookError: It is gone; nothing is accepted unsigned then.
        """
        secret = self._secrets.get(plan.secret_name, plan.namespace)
        text = secret.data.get(plan.secret_key, "") if secret is not None else ""
        if not text:
            raise WebhookError(503, "the source has no secret token now")
        return base64.b64decode(text)
