"""One way to listen: a free port of the loopback, and one handler for whatever is asked."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

HOST = "127.0.0.1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FAULTS_OF_CLIENTS = (HttpProcessingError, ConnectionError)
_FIELD_LIMIT_BYTES = 64 * 1024
"""Of one header and of the request line; Envoy in front takes no more either."""


@asynccontextmanager
async def serving(
    handler: Handler, *, limit_bytes: int, shutdown_seconds: float = 60.0
) -> AsyncIterator[int]:
    """Have ``handler`` answer every request while the context is entered; yields the port.

    A body that says it has more than ``limit_bytes`` is refused; reading one that has them raises
    ``HTTPRequestEntityTooLarge`` in the handler. Bodies come as they were sent, whatever their
    ``Content-Encoding``.

    On the way out no connection is accepted any more, and requests that are being answered have
    ``shutdown_seconds`` to end.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > limit_bytes:
            text = f"the body is larger than {limit_bytes} bytes"
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text=text)
        return await handler(request)

    app = web.Application(client_max_size=limit_bytes)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = make_runner(app, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def make_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """What serves an application, in the manner of all our servers.

    Bodies are not decompressed, as by Go's servers: who declares an encoding falsely hears from
    the handler what is wrong. What clients do wrong is no error in our log.
    """
    log = _ServerLog(logging.getLogger("aiohttp.server"), {})
    wanted = {"max_line_size": _FIELD_LIMIT_BYTES, "max_field_size": _FIELD_LIMIT_BYTES} | options
    return web.AppRunner(app, access_log=None, logger=log, auto_decompress=False, **wanted)


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """Clients that send no HTTP, or go away, are worth a line for whoever debugs, and no trace."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **options: Any) -> None:
        """Log an exception with its trace, unless it is a client's."""
        if isinstance(exc_info, _FAULTS_OF_CLIENTS):
            reason = " ".join(str(exc_info).split())
            self.debug(f"{msg}: %s", *args, reason or type(exc_info).__name__)
        else:
            super().exception(msg, *args, exc_info=exc_info, **options)
