"""Webhooks over GitHub's REST API: made, changed and removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

PUBLIC_API = "https://api.github.com"
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_MOST_BYTES = 1 << 20


class GitHubError(Exception):
    """GitHub refused or could not be reached; ``status`` is None when there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class HookOwner:
    """Whose hooks, at which GitHub, as whom."""

    api_url: str
    owner: str
    repository: str
    """Empty for an organization."""
    access_token: str

    @property
    def hooks_url(self) -> str:
        """The collection of hooks."""
        base = (self.api_url or PUBLIC_API).rstrip("/")
        if self.repository:
            return f"{base}/repos/{self.owner}/{self.repository}/hooks"
        return f"{base}/orgs/{self.owner}/hooks"

    def __repr__(self) -> str:
        return f"HookOwner({self.hooks_url!r})"


@dataclass(frozen=True, slots=True)
class Hook:
    """What a hook is to be."""

    url: str
    events: Sequence[str]
    secret: str

    def to_wire(self) -> dict[str, Any]:
        """The body of requests."""
        return {
            "name": "web",
            "active": True,
            "events": list(self.events),
            "config": {"url": self.url, "content_type": "json", "secret": self.secret},
        }

    def __repr__(self) -> str:
        return f"Hook({self.url!r}, {list(self.events)!r})"


class Hooks(Protocol):
    """Whoever keeps webhooks."""

    async def find(self, owner: HookOwner, url: str) -> str:
        """The id of the hook that calls ``url``; empty when there is none."""
        ...

    async def create(self, owner: HookOwner, hook: Hook) -> str:
        """Make a hook and return its id."""
        ...

    async def update(self, owner: HookOwner, hook_id: str, hook: Hook) -> None:
        """Make a hook what ``hook`` says."""
        ...

    async def delete(self, owner: HookOwner, hook_id: str) -> None:
        """Remove a hook."""
        ...


class GitHubHooks:
    """Hooks at GitHub, or at a GitHub Enterprise server. Every method raises GitHubError."""

    async def find(self, owner: HookOwner, url: str) -> str:
        """The id of the hook that calls ``url``; empty when there is none.

        One page is all there is: GitHub allows 20 hooks for each event.
        """
        listed = await self._call("GET", owner, "?per_page=100", None)
        for hook in listed if isinstance(listed, list) else ():
            config = hook.get("config") if isinstance(hook, dict) else None
            if isinstance(config, dict) and config.get("url") == url:
                return str(hook.get("id", ""))
        return ""

    async def create(self, owner: HookOwner, hook: Hook) -> str:
        """Make a hook and return its id."""
        made = await self._call("POST", owner, "", hook.to_wire())
        hook_id = made.get("id") if isinstance(made, dict) else None
        if not isinstance(hook_id, int):
            raise GitHubError("the answer has no hook id")
        return str(hook_id)

    async def update(self, owner: HookOwner, hook_id: str, hook: Hook) -> None:
        """Make a hook what ``hook`` says."""
        await self._call("PATCH", owner, f"/{hook_id}", hook.to_wire())

    async def delete(self, owner: HookOwner, hook_id: str) -> None:
        """Remove a hook."""
        await self._call("DELETE", owner, f"/{hook_id}", None)

    async def _call(self, method: str, owner: HookOwner, path: str, body: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {owner.access_token}",
            "Accept": "application/vnd.github+json",
            "User-Agent": "wakeful",
        }
        url = owner.hooks_url + path
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session,
                session.request(method, url, json=body, allow_redirects=False) as response,
            ):
                raw = await response.content.read(_MOST_BYTES)
                answer = _parse(raw)
                if response.status >= 300:
                    said = answer.get("message", "") if isinstance(answer, dict) else ""
                    text = f"{method} {url}: {response.status} {said}".rstrip()
                    raise GitHubError(text, response.status)
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as err:
            raise GitHubError(f"{method} {url}: {str(err) or type(err).__name__}") from err


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None
