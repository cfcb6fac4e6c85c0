"""Small HTTP servers of tests, and their end while somebody may still be connecting."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BACKLOG = 4096
"""Connections that may wait to be taken in, unless a test is about just that."""


@asynccontextmanager
async def serving(
    app: web.Application,
    *,
    backlog: int = BACKLOG,
    ssl_context: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[int]:
    """Serve on a port of the loopback that the kernel chose; yields it.

    ``options`` are those of ``aiohttp.web.AppRunner``; ``backlog`` connections may wait to be taken
    in.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=backlog, ssl_context=ssl_context).start()
        yield listener.getsockname()[1]
    finally:
        # asyncio loses connections that it has accepted but not looked at when a server is closed:
        # nobody ends them. So stop accepting first, and let it look at what there is.
        asyncio.get_running_loop().remove_reader(listener)
        for _ in range(3):
            await asyncio.sleep(0)
        await runner.cleanup()
        listener.close()


@asynccontextmanager
async def answering(
    handler: Handler, *, backlog: int = BACKLOG, **options: Any
) -> AsyncIterator[str]:
    """Have ``handler`` answer whatever is asked; yields the URL, without a slash at its end."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", handler)
    async with serving(app, backlog=backlog, **options) as port:
        yield f"http://127.0.0.1:{port}"
