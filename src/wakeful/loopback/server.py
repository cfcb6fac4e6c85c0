"""One way to listen: a free port of the loopback, and one handler for whatever is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    handler: Handler, *, limit_bytes: int, shutdown_seconds: float = 60.0
) -> AsyncIterator[int]:
    """Have ``handler`` answer every request while the context is entered; yields the port.

    Reading a body of more than ``limit_bytes`` raises ``HTTPRequestEntityTooLarge`` in the handler.
    On the way out no connection is accepted any more, and requests that are being answered have
    ``shutdown_seconds`` to end.
    """
    app = web.Application(client_max_size=limit_bytes)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
