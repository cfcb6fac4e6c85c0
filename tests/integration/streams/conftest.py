"""A whole API server over TLS whose pods are processes of this test, and kubectl in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import shutil
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from wakeful.aio import Lifetime, SystemClock
from wakeful.apimachinery.errors import InternalServerError, NotFoundError
from wakeful.apimachinery.request import (
    AUTHENTICATED,
    SYSTEM_MASTERS,
    APIRequest,
    PatchType,
    UserInfo,
    Verb,
)
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.apiserver.auth import (
    CertificateAuthenticator,
    ChainAuthenticator,
    RBACAuthorizer,
    RuleFeed,
    ServiceAccountTokens,
    StaticTokens,
    default_policy,
)
from wakeful.apiserver.http import ApiServerComponent, HTTPApplication
from wakeful.apiserver.protocols import Channel, ExecOptions, LogOptions, PodRef
from wakeful.apiserver.streams import PodStreams
from wakeful.pki import (
    CertificateAuthority,
    TokenIssuer,
    ensure_client_pair,
    ensure_server_pair,
    server_context,
)
from wakeful.storage import Key, MemoryStore

ADMIN = UserInfo("admin", (SYSTEM_MASTERS, AUTHENTICATED))
PLURALS = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}


class Session:
    """A process with pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def resize(self, width: int, height: int) -> None:
        raise NotImplementedError

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        queue: asyncio.Queue[tuple[Channel, bytes]] = asyncio.Queue(4)

        async def copy(channel: Channel, reader: asyncio.StreamReader) -> None:
            while data := await reader.read(32768):
                await queue.put((channel, data))
            await queue.put((channel, b""))

        assert self._process.stdout is not None
        assert self._process.stderr is not None
        tasks = [
            asyncio.create_task(copy(1, self._process.stdout)),
            asyncio.create_task(copy(2, self._process.stderr)),
        ]
        try:
            open_streams = 2
            while open_streams:
                channel, data = await queue.get()
                if data:
                    yield channel, data
                else:
                    open_streams -= 1
        finally:
            for task in tasks:
                task.cancel()

    async def wait(self) -> int:
        return await self._process.wait()


class Terminal(Session):
    """A process on a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        super().__init__(process)
        self._master = master
        self.resized = asyncio.Event()

    async def write(self, data: bytes) -> None:
        os.write(self._master, data)

    async def close_stdin(self) -> None:
        os.write(self._master, b"\x04")

    async def resize(self, width: int, height: int) -> None:
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.resized.set()

    async def output(self) -> AsyncIterator[tuple[Channel, bytes]]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes] = asyncio.Queue()

        def read() -> None:
            try:
                data = os.read(self._master, 32768)
            except OSError:
                data = b""
            if not data:
                loop.remove_reader(self._master)
            queue.put_nowait(data)

        loop.add_reader(self._master, read)
        try:
            while data := await queue.get():
                yield 1, data
        finally:
            loop.remove_reader(self._master)


class Connection:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self, limit: int) -> bytes:
        return await self._reader.read(limit)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def write_eof(self) -> None:
        self._writer.write_eof()


@dataclass
class Node:
    """Runs the pods' commands on this machine, for as long as they are asked for."""

    ports: dict[int, int] = field(default_factory=dict)
    """Ports of the pod to ports here."""
    log: list[bytes] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    running: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def logs(self, pod: PodRef, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked.append(options)
        if options.previous:
            raise NotFoundError("previous terminated container not found")
        for chunk in self.log:
            yield chunk

    @asynccontextmanager
    async def execute(self, pod: PodRef, options: ExecOptions) -> AsyncIterator[Session]:
        self.asked.append(options)
        if options.command[0] == "missing":
            raise InternalServerError('exec: "missing": executable file not found in $PATH')
        self.running += 1
        master = -1
        try:
            if options.tty:
                master, slave = pty.openpty()
                process = await asyncio.create_subprocess_exec(
                    *options.command, stdin=slave, stdout=slave, stderr=slave
                )
                os.close(slave)
                session: Session = Terminal(process, master)
            else:
                pipe = asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(
                    *options.command, stdin=pipe, stdout=pipe, stderr=pipe
                )
                session = Session(process)
            try:
                yield session
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        finally:
            if master >= 0:
                os.close(master)
            self.running -= 1
            self.ended.set()

    @asynccontextmanager
    async def attach(self, pod: PodRef, options: ExecOptions) -> AsyncIterator[Session]:
        command = ("sh", "-c", "echo attached; exit 5")
        async with self.execute(pod, ExecOptions(options.container, command)) as session:
            yield session

    @asynccontextmanager
    async def connect(self, pod: PodRef, port: int) -> AsyncIterator[Connection]:
        self.asked.append(port)
        if port not in self.ports:
            raise ConnectionRefusedError("connection refused")
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[port])
        try:
            yield Connection(reader, writer)
        finally:
            writer.close()


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Cluster:
    """One running server."""

    node: Node
    server: APIServer
    authority: CertificateAuthority
    directory: Path
    port: int

    async def create(self, resource: str, body: dict[str, Any], **where: str) -> None:
        group, _, version = body["apiVersion"].rpartition("/")
        request = APIRequest(Verb.CREATE, group, version, resource, body=body, **where)
        await self.server.handle(request, ADMIN)

    def command(self, *args: str, user: str = "") -> list[str]:
        """The command line of kubectl, as an administrator or with a token."""
        options = ["--server", f"https://127.0.0.1:{self.port}"]
        options += ["--certificate-authority", str(self.directory / "authority.pem")]
        if user:
            options += ["--token", user]
        else:
            options += ["--client-certificate", str(self.directory / "admin.crt")]
            options += ["--client-key", str(self.directory / "admin.key")]
        # What follows "--" belongs to the command in the pod.
        return ["kubectl", *options, *args]

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), **(env or {})}

    async def kubectl(
        self,
        *args: str,
        user: str = "",
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self.command(*args, user=user),
            stdin=pipe if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=self.environment(env),
        )
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return Result(process.returncode, out.decode(errors="replace"), err.decode())


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    if shutil.which("kubectl") is None:
        if os.environ.get("CI"):
            pytest.fail("kubectl is missing")
        pytest.skip("kubectl is missing")
    authority = CertificateAuthority.create()
    (tmp_path / "authority.pem").write_bytes(authority.certificate_pem)
    pair = ensure_server_pair(authority, tmp_path, "server", ["127.0.0.1", "localhost"])
    ensure_client_pair(authority, tmp_path, "admin", "admin", [SYSTEM_MASTERS])
    store, node, clock = MemoryStore(), Node(), SystemClock()
    feed = RuleFeed(store)

    def uid_of(plural: str, namespace: str, name: str) -> str | None:
        record = store.get(Key("", plural, namespace, name))
        return record.decode()["metadata"]["uid"] if record is not None else None

    tokens = ServiceAccountTokens(
        TokenIssuer(TokenIssuer.create_key(), "https://issuer.example"), uid_of, clock
    )
    server = APIServer(store, make_scheme(), authorizer=RBACAuthorizer(feed.current), tokens=tokens)
    application = HTTPApplication(
        server,
        authenticator=ChainAuthenticator(
            CertificateAuthenticator(),
            tokens,
            StaticTokens({"viewer": UserInfo("viewer", (AUTHENTICATED,))}),
        ),
        streams=PodStreams(node, server.objects).handlers(),
    )
    component = ApiServerComponent(
        application, store, port=0, ssl_context=server_context(pair, authority.certificate_pem)
    )
    life = Lifetime()
    async with asyncio.TaskGroup() as group:
        group.create_task(component.run(life))
        await life.started.wait()
        made = Cluster(node, server, authority, tmp_path, component.port)
        for obj in default_policy():
            await made.create(PLURALS[obj["kind"]], obj)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        await made.create("namespaces", namespace)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}
        await made.create("serviceaccounts", account, namespace="default")
        await make_pod(made)
        try:
            yield made
        finally:
            life.draining.set()
    feed.close()
    store.close()


async def make_pod(cluster: Cluster) -> None:
    """A running pod with two containers."""
    containers = [{"name": "main", "image": "x"}, {"name": "side", "image": "x"}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"nodeName": "here", "containers": containers},
    }
    await cluster.create("pods", pod, namespace="default")
    body = {"status": {"phase": "Running"}}
    request = APIRequest(
        Verb.PATCH,
        "",
        "v1",
        "pods",
        "default",
        "web",
        "status",
        body=body,
        patch_type=PatchType.MERGE,
    )
    await cluster.server.handle(request, ADMIN)
