"""The same controllers against an API server over HTTPS: they cannot tell the difference."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wakeful.aio import Lifetime
from wakeful.apimachinery.errors import ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName, ObjectMeta
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, Verb
from wakeful.apimachinery.watch import EventType
from wakeful.apis import make_scheme
from wakeful.apis.apps import Deployment, ReplicaSet
from wakeful.apis.core import ConfigMap, Pod
from wakeful.apiserver.auth import CertificateAuthenticator
from wakeful.apiserver.http.app import HTTPApplication
from wakeful.apiserver.http.component import ApiServerComponent
from wakeful.apiserver.registry.core import APIServer
from wakeful.client import Client, KubeConfig, RestTransport
from wakeful.controller import Manager
from wakeful.pki import CertificateAuthority, ensure_client_pair, ensure_server_pair, server_context
from wakeful.reconciler.apps.controllers import add_apps_controllers
from wakeful.storage import MemoryStore


@asynccontextmanager
async def api_over_https(folder: Path) -> AsyncIterator[Client]:
    """A client of a fresh API server, by certificate."""
    authority = CertificateAuthority.create()
    server_pair = ensure_server_pair(authority, folder, "server", ["127.0.0.1"])
    client_pair = ensure_client_pair(authority, folder, "admin", "admin", [SYSTEM_MASTERS])
    scheme, store = make_scheme(), MemoryStore()
    component = ApiServerComponent(
        HTTPApplication(APIServer(store, scheme), authenticator=CertificateAuthenticator()),
        store,
        port=0,
        ssl_context=server_context(server_pair, authority.certificate_pem),
    )
    life = Lifetime()
    async with asyncio.TaskGroup() as group:
        group.create_task(component.run(life), name="apiserver")
        await life.started.wait()
        config = KubeConfig(
            f"https://127.0.0.1:{component.port}",
            ca_data=authority.certificate_pem,
            client_cert_data=client_pair.certificate.read_bytes(),
            client_key_data=client_pair.key.read_bytes(),
        )
        async with RestTransport(config) as transport:
            client = Client(transport, scheme)
            namespace = {"metadata": {"name": "default"}}
            await transport.call(APIRequest(Verb.CREATE, "", "v1", "namespaces", body=namespace))
            yield client
        life.draining.set()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with api_over_https(tmp_path) as found:
        yield found


def a_config_map(**data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name="settings", namespace="default"), data=data)


async def test_objects_are_written_and_read(client: Client) -> None:
    created = await client.create(a_config_map(a="1"))
    stale = created.deep_copy()
    created.data["a"] = "2"
    await client.update(created)

    assert (await client.get(ConfigMap, "settings", "default")).data == {"a": "2"}
    stale.data["a"] = "3"
    with pytest.raises(ConflictError):
        await client.update(stale)
    await client.delete(ConfigMap, "settings", "default")
    with pytest.raises(NotFoundError, match='configmaps "settings" not found'):
        await client.get(ConfigMap, "settings", "default")


async def test_watch_tells_every_change_once(client: Client) -> None:
    version = (await client.list(ConfigMap, "default")).resource_version
    seen: list[tuple[str, str]] = []
    async with client.watch(ConfigMap, "default", resource_version=version) as events:
        created = await client.create(a_config_map(a="1"))
        created.data["a"] = "2"
        await client.update(created)
        await client.delete(ConfigMap, "settings", "default")
        async with asyncio.timeout(60):
            async for event in events:
                if event.type is not EventType.BOOKMARK:
                    seen.append((str(event.type), event.object.data["a"]))
                if event.type is EventType.DELETED:
                    break

    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


async def test_deployment_gets_its_pods(client: Client) -> None:
    manager = Manager(client)
    add_apps_controllers(manager)
    pods, replica_sets = manager.informer(Pod), manager.informer(ReplicaSet)
    life = Lifetime()
    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        group.create_task(manager.run(life), name="manager")
        await life.started.wait()
        await client.create(
            Deployment.from_wire(
                {
                    "metadata": {"name": "web", "namespace": "default"},
                    "spec": {
                        "replicas": 2,
                        "selector": {"matchLabels": {"app": "web"}},
                        "template": {
                            "metadata": {"labels": {"app": "web"}},
                            "spec": {"containers": [{"name": "c", "image": "i"}]},
                        },
                    },
                }
            )
        )
        appeared = asyncio.Event()

        def look(_change: object) -> None:
            if len(pods) == 2 and len(replica_sets) == 1:
                appeared.set()

        pods.add_handler(look)
        replica_sets.add_handler(look)
        await appeared.wait()
        life.draining.set()

    owners = {NamespacedName("default", p.metadata.owner_references[0].name) for p in pods}
    assert owners == {rs.key for rs in replica_sets}
