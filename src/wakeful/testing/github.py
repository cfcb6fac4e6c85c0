"""A server that behaves as GitHub's REST API does for webhooks, and delivers what happens."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from aiohttp import web

from wakeful.testing.http import serving

_EVENTS = frozenset({"pull_request", "push", "issues", "ping", "release", "star"})


@dataclass(slots=True)
class FakeHook:
    """A webhook as GitHub keeps it."""

    id: int
    owner: str
    events: list[str]
    config: dict[str, str]
    active: bool
    deliveries: list[tuple[str, int]] = field(default_factory=list)
    """Event and the status of the answer; 0 for none."""

    def to_wire(self) -> dict[str, Any]:
        """What the API shows; the secret is hidden."""
        config = self.config | ({"secret": "********"} if "secret" in self.config else {})
        return {
            "type": "Repository",
            "id": self.id,
            "name": "web",
            "active": self.active,
            "events": self.events,
            "config": config,
        }


def connect_locally(url: str) -> str:
    """Where to send what is meant for ``url``: names of this machine need no name server."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"127.0.0.1:{parts.port or 80}").geturl()


class FakeGitHub:
    """Keeps hooks of the repositories and organizations it is told of."""

    def __init__(self, token: str, *, reach: Callable[[str], str] = connect_locally) -> None:
        self.token, self._reach = token, reach
        self.url = ""
        self.owners = {"repos/someuser/somerepo", "orgs/someorg"}
        self.hooks: dict[int, FakeHook] = {}
        self._ids = itertools.count(1296269)
        self._background: set[asyncio.Task[int]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeGitHub]:
        """Serve while the context lasts."""
        app = web.Application()
        for owner in ("repos/{a}/{b}", "orgs/{a}"):
            app.router.add_post(f"/{owner}/hooks", self._create)
            app.router.add_get(f"/{owner}/hooks", self._list)
            app.router.add_patch(f"/{owner}/hooks/{{id}}", self._change)
            app.router.add_delete(f"/{owner}/hooks/{{id}}", self._delete)
        async with serving(app) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield self

    async def happen(self, hook: FakeHook, event: str, payload: dict[str, Any]) -> int:
        """Deliver an event as GitHub does and return the status of the answer; 0 for none."""
        body = json.dumps(payload).encode()
        secret = hook.config.get("secret", "").encode()
        parts = urlsplit(hook.config["url"])
        headers = {
            "Host": parts.netloc,
            "User-Agent": "GitHub-Hookshot/044aadd",
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid4()),
        }
        if secret:
            for name, prefix, digest in (
                ("X-Hub-Signature", "sha1=", sha1),
                ("X-Hub-Signature-256", "sha256=", sha256),
            ):
                headers[name] = prefix + hmac.new(secret, body, digest).hexdigest()
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(self._reach(hook.config["url"]), data=body, headers=headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        hook.deliveries.append((event, status))
        return status

    def _owner(self, request: web.Request) -> str:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise web.HTTPUnauthorized(text=json.dumps({"message": "Bad credentials"}))
        owner = request.path.lstrip("/").partition("/hooks")[0]
        if owner not in self.owners:
            raise web.HTTPNotFound(text=json.dumps({"message": "Not Found"}))
        return owner

    def _hook(self, request: web.Request) -> FakeHook:
        owner, text = self._owner(request), request.match_info["id"]
        hook = self.hooks.get(int(text)) if text.isdigit() else None
        if hook is None or hook.owner != owner:
            raise web.HTTPNotFound(text=json.dumps({"message": "Not Found"}))
        return hook

    async def _create(self, request: web.Request) -> web.Response:
        owner, body = self._owner(request), await request.json()
        self._check(owner, body)
        hook = FakeHook(
            next(self._ids), owner, body["events"], body["config"], body.get("active", True)
        )
        self.hooks[hook.id] = hook
        ping = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": hook.to_wire()}
        task = asyncio.ensure_future(self.happen(hook, "ping", ping))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return web.json_response(hook.to_wire(), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        owner = self._owner(request)
        return web.json_response([h.to_wire() for h in self.hooks.values() if h.owner == owner])

    async def _change(self, request: web.Request) -> web.Response:
        hook, body = self._hook(request), await request.json()
        hook.events = body.get("events", hook.events)
        hook.config = body.get("config", hook.config)
        hook.active = body.get("active", hook.active)
        return web.json_response(hook.to_wire())

    async def _delete(self, request: web.Request) -> web.Response:
        del self.hooks[self._hook(request).id]
        return web.Response(status=204)

    def _check(self, owner: str, body: dict[str, Any]) -> None:
        config = body.get("config") or {}
        faults = [event for event in body.get("events", ()) if event not in _EVENTS]
        if body.get("name") != "web" or not config.get("url") or faults:
            message = {"message": "Validation Failed", "errors": faults}
            raise web.HTTPUnprocessableEntity(text=json.dumps(message))
        same = [h for h in self.hooks.values() if h.owner == owner]
        if any(h.config["url"] == config["url"] for h in same):
            message = {"message": "Validation Failed: Hook already exists on this repository"}
            raise web.HTTPUnprocessableEntity(text=json.dumps(message))
