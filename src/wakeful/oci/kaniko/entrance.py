"""Where finished images enter the local store: a Unix socket that only builders' sandboxes see."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import orjson
import structlog
from aiohttp import web

from wakeful.aio import Lifetime
from wakeful.loopback import make_runner
from wakeful.oci.archive import load_archive
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import ImageError, InvalidReferenceError, RegistryUnavailableError
from wakeful.oci.reference import Reference, parse_reference
from wakeful.oci.registry import RegistryConfig, open_registry
from wakeful.oci.store import ImageStore
from wakeful.oci.transfer import Pusher

log = structlog.get_logger("wakeful.oci.kaniko")

_ARCHIVE_LIMIT_BYTES = 8 << 30
_HEADER_LIMIT_BYTES = 1 << 18
"""Credentials come in a header, and some tokens are long."""
_PUSH_SECONDS = 900.0
_CONNECT_SECONDS = 5.0

Say = Callable[[str, str], Awaitable[None]]
"""Tell the caller: kind (``note`` or ``error``) and text."""


class BuilderEntrance:
    """Takes in images, names them and pushes them with the credentials that come along.

    Whoever is shown the socket may name images in the local store, so it is shown to the
    platform's own builder images only, and those to whoever may create Pods. Nothing can be read
    through it.
    """

    name = "builder"

    def __init__(self, store: ImageStore, socket: Path) -> None:
        self._store, self.socket = store, socket

    async def run(self, life: Lifetime) -> None:
        """Listen until told to end."""
        app = web.Application(client_max_size=0)
        app.router.add_post("/images", self._take_in)
        runner = make_runner(app, shutdown_timeout=5.0, max_field_size=_HEADER_LIMIT_BYTES)
        await runner.setup()
        try:
            self.socket.parent.mkdir(mode=0o755, exist_ok=True)
            with suppress(FileNotFoundError):
                self.socket.unlink()
            await web.UnixSite(runner, str(self.socket)).start()
            self.socket.chmod(0o666)  # the way there is closed; sandboxes see this directory alone
            life.started.set()
            await life.draining.wait()
        finally:
            await runner.cleanup()
            with suppress(FileNotFoundError):
                self.socket.unlink()

    async def _take_in(self, request: web.Request) -> web.StreamResponse:
        try:
            names = _names(request.query.getall("name", []))
            keychain = _keychain(request.headers.get("X-Registry-Config", ""))
        except (InvalidReferenceError, ValueError) as error:
            return _refuse(str(error))
        path = self._store.temporary_path()
        try:
            if not await _receive(request, path):
                return _refuse(f"the image is larger than {_ARCHIVE_LIMIT_BYTES >> 30} GiB", 413)
            try:
                digest = await asyncio.to_thread(self._load, path, names)
            except ImageError as error:
                return _refuse(str(error))
        finally:
            path.unlink(missing_ok=True)
        log.info("image taken in", names=[name.familiar for name in names], digest=digest)
        answer = web.StreamResponse(headers={"Content-Type": "application/jsonl"})
        await answer.prepare(request)

        async def say(kind: str, text: str) -> None:
            await answer.write(orjson.dumps({kind: text}) + b"\n")

        for name in names:
            await say("note", f"{name.familiar}@{digest} is in the local image store")
        if request.query.get("push") != "false":
            insecure = frozenset(request.query.getall("insecure", []))
            unverified = frozenset(request.query.getall("unverified", []))
            for name in names:
                await self._push(name, keychain, insecure, unverified, say)
        await answer.write_eof()
        return answer

    def _load(self, path: Path, names: Sequence[Reference]) -> str:
        loaded = load_archive(path, self._store, name=names[0].name)
        digest = loaded[0][1]
        for name in names[1:]:
            self._store.tag(digest, name)
        return digest

    async def _push(
        self,
        name: Reference,
        keychain: Keychain,
        insecure: frozenset[str],
        unverified: frozenset[str],
        say: Say,
    ) -> None:
        """Send one image to its registry.

        Without credentials for it, or when it cannot be reached, the image is in the local store
        and that is enough; a registry that refuses the credentials it was given is an error.
        """
        given = keychain.find(name) is not None
        if not given and name.scheme == "https" and name.registry not in insecure:
            await say("note", f"not pushed: this step has no credentials for {name.registry}")
            return
        config = RegistryConfig(
            insecure=insecure, unverified=unverified, connect_timeout_seconds=_CONNECT_SECONDS
        )
        try:
            async with asyncio.timeout(_PUSH_SECONDS), open_registry(config) as client:
                await Pusher(client, self._store).push(name, keychain=keychain)
        except (RegistryUnavailableError, TimeoutError) as error:
            await say("note", f"not pushed, the registry cannot be reached: {error}")
        except ImageError as error:
            await say("error", f"error pushing image: {error}")
        else:
            await say("note", f"pushed {name.familiar}")


def _names(texts: Sequence[str]) -> list[Reference]:
    names = [parse_reference(text) for text in texts]
    if not names:
        raise ValueError("no name is given")
    for name in names:
        if name.digest:
            raise ValueError(f"{name.familiar}: an image cannot be named by digest")
    return names


def _keychain(header: str) -> Keychain:
    try:
        wire = orjson.loads(base64.b64decode(header, validate=True)) if header else {}
    except (binascii.Error, orjson.JSONDecodeError) as error:
        raise ValueError("X-Registry-Config cannot be read") from error
    return Keychain.from_docker_config(wire) if isinstance(wire, dict) else Keychain()


async def _receive(request: web.Request, path: Path) -> bool:
    """Write the body to ``path``; False when it is too large."""
    size = 0
    with path.open("wb") as file:
        async for chunk in request.content.iter_chunked(1 << 20):
            size += len(chunk)
            if size > _ARCHIVE_LIMIT_BYTES:
                return False
            await asyncio.to_thread(file.write, chunk)
    return True


def _refuse(problem: str, status: int = 400) -> web.Response:
    body = orjson.dumps({"error": problem}) + b"\n"
    return web.Response(status=status, body=body, content_type="application/json")
