"""The API answers early and says so late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from wakeful.aio import Lifetime
from wakeful.apis import make_scheme
from wakeful.apiserver.http.app import HTTPApplication
from wakeful.apiserver.http.component import ApiServerComponent
from wakeful.apiserver.registry.core import APIServer
from wakeful.cmd.entrance import ApiEntrance, ApiReady
from wakeful.storage.memory import MemoryStore

MAPS = "/api/v1/namespaces"


class Start:
    """A platform that is starting: the entrance is open, what stands behind it is not there."""

    def __init__(self, entrance: ApiEntrance, session: aiohttp.ClientSession) -> None:
        self.entrance, self._session = entrance, session

    async def get(self, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
        url = f"http://{host}:{self.entrance.port}{path}"
        async with self._session.get(url) as response:
            return response.status, await response.text()


@asynccontextmanager
async def starting() -> AsyncIterator[tuple[Start, asyncio.TaskGroup]]:
    store = MemoryStore()
    server = APIServer(store, make_scheme())

    def make(ready: asyncio.Event) -> ApiServerComponent:
        application = HTTPApplication(server, is_synced=ready.is_set)
        return ApiServerComponent(application, store, port=0, renew_after=ready)

    entrance, life = ApiEntrance(make), Lifetime()
    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(entrance.run(life))
        await life.started.wait()
        try:
            yield Start(entrance, session), group
        finally:
            life.draining.set()


async def test_what_is_stored_is_read_before_everything_has_started() -> None:
    async with starting() as (start, _):
        assert (await start.get(MAPS))[0] == 200
        assert await start.get("/livez") == (200, "ok")

        code, text = await start.get("/readyz")

    assert code == 500
    assert text == (
        "[+]ping ok\n[-]informer-sync failed: reason withheld\n[+]shutdown ok\n"
        "readyz check failed\n"
    )


async def test_it_is_ready_when_the_last_part_is() -> None:
    released: list[str] = []
    async with starting() as (start, group):
        ready = ApiReady(start.entrance, "127.0.0.1", lambda: None, lambda: released.append("x"))
        life = Lifetime()
        group.create_task(ready.run(life))
        await life.started.wait()

        assert await start.get("/readyz") == (200, "ok")
        assert released == ["x"]
        life.draining.set()


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "0.0.0.0"])
async def test_instances_find_it_where_they_look(bind: str) -> None:
    """On another address, once that is there; and not twice on the same."""
    async with starting() as (start, group):
        inside = "127.0.0.2" if bind != "0.0.0.0" else None
        life = Lifetime()
        group.create_task(ApiReady(start.entrance, bind, lambda: inside, lambda: None).run(life))
        await life.started.wait()

        if bind == "127.0.0.1":
            assert await start.get("/readyz", "127.0.0.2") == (200, "ok")
        else:
            with pytest.raises(aiohttp.ClientConnectorError):
                await start.get("/readyz", "127.0.0.2")
        life.draining.set()


async def test_it_takes_no_more_requests_once_the_first_part_drains() -> None:
    """Although it started before all the others, which are still there to be reached."""
    async with starting() as (start, group):
        life = Lifetime()
        running: asyncio.Task[Any] = group.create_task(
            ApiReady(start.entrance, "127.0.0.1", lambda: None, lambda: None).run(life)
        )
        await life.started.wait()
        life.draining.set()
        await running

        with pytest.raises(aiohttp.ClientConnectorError):
            await start.get("/livez")
