"""nginx as the fastest program there is: one worker that answers from memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from harness.bare import process


async def _until_open(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return


@contextlib.asynccontextmanager
async def nginx(work: Path) -> AsyncIterator[int]:
    """Serve on a port the kernel chose."""
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    config = work / "nginx.conf"
    config.write_text(
        f"""
        daemon off; worker_processes 1; pid {work}/nginx.pid; error_log /dev/null;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; keepalive_requests 100000000;
          client_body_temp_path {work}/a; proxy_temp_path {work}/b; fastcgi_temp_path {work}/c;
          uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;
          server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello world"; }} }}
        }}"""
    )
    async with process("nginx", "-p", str(work), "-c", str(config)):
        await _until_open(port)
        yield port
