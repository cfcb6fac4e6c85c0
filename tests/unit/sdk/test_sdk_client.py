"""The client of a program: its namespace, waiting, and finding its way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from wakeful.apis import make_scheme
from wakeful.sdk import (
    Client,
    ConfigMap,
    GatewayNotFoundError,
    KubeConfigError,
    KubernetesService,
    Namespace,
    NotFoundError,
    ObjectMeta,
    RevisionSpec,
    Service,
    WaitTimeoutError,
    condition_of,
    parse_selector,
)
from wakeful.testing.world import World


@pytest.fixture
async def world() -> World:
    world = World(make_scheme())
    await world.prepare()
    return world


@pytest.fixture
def client(world: World) -> Client:
    return Client(world.client.transport)


def a_service(name: str = "hello") -> Service:
    container = {"image": "example.com/hello"}
    return Service.model_validate(
        {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }
    )


def with_ready(service: Service, status: str, *, generation: int | None = None) -> Service:
    wire = {
        "observedGeneration": generation or service.metadata.generation,
        "conditions": [
            {"type": "Ready", "status": status, "reason": "Because", "message": "it is so."}
        ],
    }
    return service.model_copy(update={"status": type(service.status).model_validate(wire)})


async def test_objects_without_a_namespace_are_in_that_of_the_connection(client: Client) -> None:
    created = await client.create(ConfigMap(metadata=ObjectMeta(name="a"), data={"x": "1"}))

    assert created.metadata.namespace == "default"
    assert (await client.get(ConfigMap, "a")).data == {"x": "1"}
    await client.delete(ConfigMap, "a")
    assert await client.find(ConfigMap, "a") is None


async def test_kinds_without_namespaces_have_none(client: Client) -> None:
    await client.create(Namespace(metadata=ObjectMeta(name="apart")))

    assert (await client.get(Namespace, "apart")).metadata.namespace == ""


async def test_modify_starts_anew_when_somebody_else_was_faster(client: Client) -> None:
    await client.create(ConfigMap(metadata=ObjectMeta(name="counter"), data={"n": "0"}))

    def count(counter: ConfigMap) -> None:
        counter.data["n"] = str(int(counter.data["n"]) + 1)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(client.modify(ConfigMap, "counter", count))

    assert (await client.get(ConfigMap, "counter")).data == {"n": "4"}


async def test_waiting_ends_when_the_condition_comes_true(client: Client) -> None:
    service = await client.create(a_service())

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(client.wait_for_condition(service, "Ready"))
        service = await client.update_status(with_ready(service, "Unknown"))
        service = await client.update_status(with_ready(service, "True"))

    assert waiting.result().is_ready


async def test_a_condition_of_an_older_generation_does_not_count(client: Client) -> None:
    service = await client.create(a_service())
    service = await client.update_status(with_ready(service, "True"))
    service.spec.template.spec.container_concurrency = 5
    newer = await client.update(service)

    assert condition_of(newer, "Ready") is None
    with pytest.raises(WaitTimeoutError):
        await client.wait_for_condition(newer, timeout_seconds=0.05)


async def test_waiting_in_vain_says_what_the_object_says(client: Client) -> None:
    service = await client.create(a_service())
    await client.update_status(with_ready(service, "False"))

    with pytest.raises(WaitTimeoutError) as caught:
        await client.wait_for_condition(service, timeout_seconds=0.05)

    assert str(caught.value) == (
        "Service default/hello: not Ready within 0.05 s: Ready is False, Because: it is so."
    )
    assert caught.value.last is not None


async def test_waiting_for_what_is_not_there_fails_at_once(client: Client) -> None:
    with pytest.raises(NotFoundError, match=r'services\.serving\.knative\.dev "hello" not found'):
        await client.wait_for_condition(a_service())


async def test_waiting_ends_when_the_object_is_deleted(client: Client) -> None:
    service = await client.create(a_service())
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(client.wait_until_gone(service))
        await asyncio.sleep(0)
        await client.delete(Service, "hello")

    assert gone.done()
    with pytest.raises(NotFoundError):
        await client.wait_for_condition(service)


async def test_a_namesake_is_not_what_was_waited_for(client: Client) -> None:
    """Deleted and made anew while nobody looked: the old one is gone."""
    service = await client.create(a_service())
    await client.delete(Service, "hello")
    await client.create(a_service())

    await client.wait_until_gone(service, timeout_seconds=5)


async def test_an_informer_begins_complete_and_follows(client: Client) -> None:
    first = ConfigMap(metadata=ObjectMeta(name="first", labels={"a": "b"}))
    await client.create(first)

    async with client.informer(ConfigMap, "default", selector=parse_selector("a=b")) as maps:
        assert [found.metadata.name for found in maps] == ["first"]
        seen = asyncio.Event()
        maps.add_handler(lambda change: seen.set() if change.new is None else None)
        await client.delete(ConfigMap, "first")
        async with asyncio.timeout(60):
            await seen.wait()
        assert maps.get("first", "default") is None


async def test_what_goes_wrong_inside_of_an_informer_comes_out(client: Client) -> None:
    await client.create(ConfigMap(metadata=ObjectMeta(name="first")))

    failing = asyncio.Event()

    def fail(_change: object) -> None:
        failing.set()
        raise ValueError("no good")

    async def follow() -> None:
        async with client.informer(ConfigMap, "default") as maps:
            maps.add_handler(lambda change: fail(change) if change.new is None else None)
            await client.delete(ConfigMap, "first")
            async with asyncio.timeout(60):
                await failing.wait()

    with pytest.raises(ValueError, match="no good"):
        await follow()


async def test_the_gateway_tells_its_address(world: World, client: Client) -> None:
    with pytest.raises(GatewayNotFoundError, match="kourier-system/kourier"):
        await client.find_gateway()
    await client.create(Namespace(metadata=ObjectMeta(name="kourier-system")))
    wire = {
        "metadata": {"name": "kourier", "namespace": "kourier-system"},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "http2", "port": 8080}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}},
    }
    await world.given(KubernetesService.model_validate(wire))

    assert await client.find_gateway() == "http://127.0.0.1:8080"


async def test_connecting_names_the_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(KubeConfigError, match="no such file"):
        async with Client.connect(tmp_path / "none"):
            pass


async def test_outside_of_a_pod_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeConfigError, match="KUBERNETES_SERVICE_HOST is not set"):
        async with Client.connect(in_cluster=True):
            pass


async def test_the_users_own_platform_is_found_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WAKEFUL_DATA_DIR", str(tmp_path))
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "namespace": "mine"}}],
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))

    async with Client.connect() as client:
        assert client.namespace == "mine"


def test_specs_are_written_in_python_names() -> None:
    assert RevisionSpec(container_concurrency=1).to_wire() == {"containerConcurrency": 1}
