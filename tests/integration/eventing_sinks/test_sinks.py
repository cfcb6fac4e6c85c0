"""JobSinks and EventTransforms on the real API server: their children, and the receiver."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis import make_scheme
from wakeful.apis.batch import Job, JobSpec
from wakeful.apis.batch.job_types import JobCondition
from wakeful.apis.core import Namespace, PodSpec, PodTemplateSpec, Secret
from wakeful.apis.core.container_types import Container
from wakeful.apis.duck import Addressable, Destination
from wakeful.apis.eventing import (
    EventTransform,
    EventTransformSpec,
    JsonataSpec,
    TransformReply,
)
from wakeful.apis.networking import Ingress
from wakeful.apis.serving import Service
from wakeful.apis.sinks import JobSink, JobSinkSpec, SinkJob
from wakeful.cloudevents import Event, Mode, from_json, to_http
from wakeful.eventing.sinks import JobSinkDoor, JobSinkReceiver
from wakeful.reconciler.sinks import add_sink_controllers
from wakeful.testing.world import World

EVENT = Event(
    id="42", source="/orders", type="order.placed", datacontenttype="application/json", data=b"{}"
)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(make_scheme())
    add_sink_controllers(world.manager)
    async with world.running():
        yield world


def sink(name: str = "worker") -> JobSink:
    container = Container(name="main", image="busybox")
    template = PodTemplateSpec(spec=PodSpec(containers=[container], restart_policy="Never"))
    return JobSink(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=JobSinkSpec(job=SinkJob(spec=JobSpec(template=template))),
    )


async def test_a_jobsink_says_where_it_is(world: World) -> None:
    await world.given(sink())

    async def is_ready() -> bool:
        found = await world.client.get(JobSink, "worker", "default")
        ready = found.status.condition(READY)
        return ready is not None and ready.is_true

    await world.eventually(is_ready)
    found = await world.client.get(JobSink, "worker", "default")
    assert found.status.address is not None
    assert found.status.address.url == (
        "http://job-sink.knative-eventing.svc.cluster.local/default/worker"
    )
    assert found.status.to_wire()["job"] == {"selector": "sinks.knative.dev/job-sink-name=worker"}


async def test_every_event_becomes_one_job() -> None:
    world = World(make_scheme())
    receiver = JobSinkReceiver(world.client, world.manager.informer(JobSink))
    door = JobSinkDoor(world.client, receiver, "gateway.cluster.local", "ours")
    await world.prepare()
    await world.client.create(Namespace(metadata=ObjectMeta(name="knative-eventing")))
    world.manager.add(receiver)
    world.manager.add(door)
    async with world.running(), aiohttp.ClientSession() as session:
        await world.given(sink())

        async def is_open() -> bool:
            return bool((await world.client.list(Ingress, "knative-eventing")).items)

        await world.eventually(is_open)
        url = f"http://127.0.0.1:{receiver.port}"

        async def post(path: str, mode: Mode = Mode.BINARY) -> tuple[int, str, str]:
            headers, body = to_http(EVENT, mode)
            async with session.post(url + path, headers=headers, data=body) as answer:
                where = answer.headers.get("Location", "")
                return answer.status, where, answer.headers.get("Reason", "")

        async def known() -> bool:
            return (await post("/default/worker"))[0] == 202

        await world.eventually(known)
        status, where, _ = await post("/default/worker/", Mode.STRUCTURED)
        assert (status, where) == (
            202,
            "/namespaces/default/name/worker/sources/%2Forders/ids/42",
        )
        (job,) = (await world.client.list(Job, "default")).items
        (secret,) = (await world.client.list(Secret, "default")).items
        assert job.metadata.name == secret.metadata.name
        assert from_json(base64.b64decode(secret.data["event"])) == EVENT
        (container,) = job.spec.template.spec.containers
        assert {v.name: v.value for v in container.env} == {
            "K_EXECUTION_MODE": "batch",
            "K_EVENT_PATH": "/etc/jobsink-event",
        }
        assert [m.mount_path for m in container.volume_mounts] == ["/etc/jobsink-event"]

        async with session.get(url + where) as answer:
            assert answer.status == 202
        job.status.conditions = [JobCondition(type="Complete", status="True")]
        await world.client.update_status(job)
        async with session.get(url + where) as answer:
            assert (answer.status, answer.headers["Reason"]) == (200, "Complete")

        assert (await post("/default/nobody"))[0] == 404
        assert (await post("/default"))[0] == 400
        async with session.post(url + "/default/worker", data=b"x") as answer:
            assert answer.status == 400
            assert "ce-specversion is missing" in json.loads(await answer.text())["error"]
        async with session.put(url + "/default/worker") as answer:
            assert answer.status == 400


async def test_a_transform_has_a_service_for_its_expression(world: World) -> None:
    display = Service(metadata=ObjectMeta(name="display", namespace="default"))
    display.spec.template.spec.containers = [Container(image="busybox")]
    display.status.address = Addressable(url="http://display.default.svc.cluster.local")
    await world.given(display)
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "display"}
    await world.given(
        EventTransform(
            metadata=ObjectMeta(name="orders", namespace="default"),
            spec=EventTransformSpec(
                jsonata=JsonataSpec(expression="$(1)"),
                sink=Destination.from_wire({"ref": reference}),
                reply=TransformReply(discard=True),
            ),
        )
    )

    async def described() -> bool:
        """The status is written after the children."""
        found = await world.client.get(EventTransform, "orders", "default")
        return bool(found.status.sink_uri)

    await world.eventually(described)
    made = await world.find(Service, "orders-jsonata")
    assert made is not None
    assert made.metadata.labels["networking.knative.dev/visibility"] == "cluster-local"
    (container,) = made.spec.template.spec.containers
    assert container.image == "wakeful/event-transform"
    assert {v.name: v.value for v in container.env} == {
        "JSONATA_EXPRESSION": "$$(1)",
        "K_SINK": "http://display.default.svc.cluster.local",
        "JSONATA_DISCARD_REPLY": "true",
    }
    transform = await world.client.get(EventTransform, "orders", "default")
    assert transform.status.sink_uri == "http://display.default.svc.cluster.local"
    assert not transform.status.is_ready


async def test_a_transform_without_its_sink_says_so(world: World) -> None:
    reference = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "nobody"}
    await world.given(
        EventTransform(
            metadata=ObjectMeta(name="orders", namespace="default"),
            spec=EventTransformSpec(
                jsonata=JsonataSpec(expression="type"),
                sink=Destination.from_wire({"ref": reference}),
            ),
        )
    )

    async def says_so() -> bool:
        found = await world.client.get(EventTransform, "orders", "default")
        ready = found.status.condition(READY)
        return ready is not None and "not found" in ready.message

    await world.eventually(says_so)
