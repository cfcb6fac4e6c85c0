"""A whole API server over TLS, and the real kubectl in front of it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wakeful.aio import Lifetime
from wakeful.apimachinery.request import (
    AUTHENTICATED,
    SYSTEM_MASTERS,
    APIRequest,
    UserInfo,
    Verb,
)
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer, InProcessTransport
from wakeful.apiserver.http import ApiServerComponent, HTTPApplication
from wakeful.apiserver.protocols import Credentials
from wakeful.pki.authority import CertificateAuthority
from wakeful.pki.files import ensure_client_pair, ensure_server_pair
from wakeful.pki.tls import server_context
from wakeful.storage import SQLiteStore
from wakeful.testing.waiting import eventually

ADMIN = UserInfo("admin", (SYSTEM_MASTERS, AUTHENTICATED))


class CertificateUsers:
    """Common name is the user, organizations are the groups; the token ``admin`` is one too."""

    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        if credentials.token:
            return ADMIN if credentials.token == "admin" else None
        pairs = [pair for rdn in credentials.certificate["subject"] for pair in rdn]
        groups = tuple(v for k, v in pairs if k == "organizationName")
        name = next(v for k, v in pairs if k == "commonName")
        return UserInfo(name, (*groups, AUTHENTICATED))


@dataclass
class Result:
    code: int
    out: str
    err: str


@dataclass
class Cluster:
    """One running server."""

    server: APIServer
    application: HTTPApplication
    component: ApiServerComponent
    directory: Path
    kubeconfig: Path
    ca: CertificateAuthority

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.component.port}"

    @property
    def transport(self) -> InProcessTransport:
        return InProcessTransport(self.server, ADMIN)

    async def kubectl(
        self, *args: str, stdin: str = "", code: int = 0, env: Mapping[str, str] | None = None
    ) -> str:
        """Run kubectl; returns what it prints, errors behind it."""
        result = await self.run(*args, stdin=stdin, env=env)
        assert result.code == code, f"kubectl {' '.join(args)}: {result}"
        return result.out + result.err

    async def run(
        self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> Result:
        process = await self.start(*args, env=env)
        async with asyncio.timeout(120):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())

    async def start(
        self, *args: str, env: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "kubectl",
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.directory}/cache",
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.directory,
            env={**os.environ, "HOME": str(self.directory), **(env or {})},
        )

    async def json(self, *args: str) -> Any:
        return json.loads(await self.kubectl(*args, "-o", "json"))

    async def watching(self) -> None:
        """Return once a watch is open over HTTP."""
        await eventually(lambda: self.application.watches)

    def file(self, name: str, content: str) -> str:
        path = self.directory / name
        path.write_text(content)
        return str(path)


def write_kubeconfig(
    path: Path, url: str, ca: CertificateAuthority, user: Mapping[str, str]
) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [
            {
                "name": "c",
                "cluster": {
                    "server": url,
                    "certificate-authority-data": base64.b64encode(ca.certificate_pem).decode(),
                },
            }
        ],
        "users": [{"name": "u", "user": dict(user)}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(json.dumps(config))


@pytest.fixture
def server_options() -> dict[str, Any]:
    """What a test module changes about the server."""
    return {}


@pytest.fixture
async def cluster(tmp_path: Path, server_options: dict[str, Any]) -> AsyncIterator[Cluster]:
    if shutil.which("kubectl") is None:
        if os.environ.get("CI"):
            pytest.fail("kubectl is not installed")
        pytest.skip("kubectl is not installed")
    ca = CertificateAuthority.create()
    pair = ensure_server_pair(ca, tmp_path, "server", ["127.0.0.1", "localhost"])
    client = ensure_client_pair(ca, tmp_path, "admin", "admin", [SYSTEM_MASTERS])
    store = SQLiteStore(tmp_path / "store.db")
    server = APIServer(store, make_scheme(), **server_options)
    transport = InProcessTransport(server, ADMIN)
    for name in ("default", "kube-system"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        await transport.call(APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body))
    application = HTTPApplication(server, authenticator=CertificateUsers())
    component = ApiServerComponent(
        application,
        store,
        port=0,
        ssl_context=server_context(pair, ca.certificate_pem),
    )
    life = Lifetime()
    kubeconfig = tmp_path / "kubeconfig"
    async with asyncio.TaskGroup() as group:
        group.create_task(component.run(life))
        async with asyncio.timeout(60):
            await life.started.wait()
        user = {"client-certificate": str(client.certificate), "client-key": str(client.key)}
        write_kubeconfig(kubeconfig, f"https://127.0.0.1:{component.port}", ca, user)
        try:
            yield Cluster(server, application, component, tmp_path, kubeconfig, ca)
        finally:
            life.draining.set()
    store.close()
