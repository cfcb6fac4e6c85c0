"""Objects in a real API server drive a real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest

from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import ObjectMeta, format_time
from wakeful.apis import make_scheme
from wakeful.apis.apps import Deployment
from wakeful.apis.apps.deployment_types import DeploymentSpec
from wakeful.apis.core import (
    ConfigMap,
    Container,
    ObjectReference,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Service,
)
from wakeful.apis.core.pod_types import ContainerStatus, PodCondition
from wakeful.apis.core.service_types import Endpoints
from wakeful.apis.discovery import EndpointSlice
from wakeful.apis.discovery.endpointslice_types import (
    SERVICE_NAME_LABEL,
    Endpoint,
    EndpointConditions,
    EndpointSlicePort,
)
from wakeful.apis.networking import (
    INGRESS_CLASS,
    HTTPIngressPath,
    HTTPIngressRuleValue,
    Ingress,
    IngressBackendSplit,
    IngressRule,
    IngressSpec,
    IngressVisibility,
    ServerlessService,
    ServerlessServiceSpec,
)
from wakeful.apis.serving import Revision
from wakeful.apis.serving.config import CollectorAddress
from wakeful.cmd.ingressclasses import ServedIngresses
from wakeful.gateway import GatewayThread, RevisionKey, SpanFormat, Tracing
from wakeful.gateway.planner import Planner, footprints
from wakeful.reconciler.networking import (
    add_ingress_controller,
    add_serverlessservice_controller,
)
from wakeful.testing.gateway import (
    App,
    RecordingPoke,
    Rig,
    running_app,
    running_envoy,
    temporary_settings,
)
from wakeful.testing.waiting import eventually
from wakeful.testing.world import World

HELLO = RevisionKey("default", "hello-00001")
HOST = "hello.default.localhost"
PROBE = {"K-Network-Probe": "probe", "K-Network-Hash": "override"}


@dataclass
class Platform:
    """The world and the rig that serves it."""

    world: World
    rig: Rig
    planner: Planner


@asynccontextmanager
async def running_platform() -> AsyncIterator[Platform]:
    world = World(make_scheme())
    with temporary_settings() as settings:
        poke = RecordingPoke()
        gateway = GatewayThread(settings, poke)
        served = ServedIngresses(world.manager)
        planner = Planner(world.manager, gateway, serves=served)
        served.on_change(planner.reconsider)
        world.manager.add(planner)
        controller = add_ingress_controller(world.manager, planner, selects=served)
        served.on_change(controller.enqueue_all)
        add_serverlessservice_controller(world.manager)
        async with (
            gateway.serving(),
            running_envoy(settings),
            world.running(),
            aiohttp.ClientSession() as http,
        ):
            await planner.ready.wait()
            yield Platform(
                world, Rig(settings, poke, gateway._gateway, http, planner.ports), planner
            )


def meta(name: str, **labels: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace="default", labels=labels)


def deployment(name: str) -> Deployment:
    labels = {"revision": name}
    return Deployment(
        metadata=meta(f"{name}-deployment"),
        spec=DeploymentSpec(
            selector=LabelSelector(match_labels=labels),
            template=PodTemplateSpec(
                metadata=ObjectMeta(labels=labels),
                spec=PodSpec(containers=[Container(name="user-container", image="x")]),
            ),
        ),
    )


def serverless_service(
    name: str, mode: str = "Serve", annotations: dict[str, str] | None = None
) -> ServerlessService:
    return ServerlessService(
        metadata=meta(name).model_copy(update={"annotations": annotations or {}}),
        spec=ServerlessServiceSpec(
            mode=mode,
            protocol_type="http1",
            object_ref=ObjectReference(
                api_version="apps/v1", kind="Deployment", name=f"{name}-deployment"
            ),
        ),
    )


def ingress(name: str, service: str, *hosts: str, port: int = 80) -> Ingress:
    split = IngressBackendSplit(
        service_namespace="default", service_name=service, service_port=port, percent=100
    )
    http = HTTPIngressRuleValue(paths=[HTTPIngressPath(splits=[split])])
    local = [f"{name}.default", f"{name}.default.svc.cluster.local"]
    metadata = meta(name)
    metadata.annotations = {INGRESS_CLASS: "istio.ingress.networking.knative.dev"}
    return Ingress(
        metadata=metadata,
        spec=IngressSpec(
            rules=[
                IngressRule(hosts=list(hosts) or [f"{name}.default.localhost"], http=http),
                IngressRule(
                    hosts=local, visibility=IngressVisibility.CLUSTER_LOCAL.value, http=http
                ),
            ]
        ),
    )


def members(service: str, *apps: App, port_name: str = "http") -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(
            name=f"{service}-1", namespace="default", labels={SERVICE_NAME_LABEL: service}
        ),
        address_type="IPv4",
        ports=[EndpointSlicePort(name=port_name, port=app.port) for app in apps[:1]]
        or [EndpointSlicePort(name=port_name, port=1)],
        endpoints=[
            Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))
            for _ in apps[:1]
        ],
    )


async def is_ready(world: World, name: str) -> bool:
    found = await world.find(Ingress, name)
    return found is not None and found.is_ready


async def test_ingress_becomes_ready_once_envoy_serves_it_and_traffic_flows() -> None:
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(deployment("hello-00001"))
        await world.given(serverless_service("hello-00001"))
        await world.given(ingress("hello", "hello-00001"))
        await world.eventually(lambda: is_ready(world, "hello"))
        held = asyncio.create_task(rig.get(HOST))
        await rig.poke.first.wait()

        await world.given(members("hello-00001-private", app))
        answer = await held

        assert answer.status == 200
        assert set(rig.poke.calls) == {HELLO}
        assert (await rig.get("hello.default", internal=True)).status == 200

        async def populated() -> bool:
            sks = await world.find(ServerlessService, "hello-00001")
            return sks is not None and sks.is_ready and sks.status.service_name == "hello-00001"

        await world.eventually(populated)
        private = await world.find(Service, "hello-00001-private")
        public = await world.find(Endpoints, "hello-00001")
        assert private is not None
        assert private.spec.selector == {"revision": "hello-00001"}
        assert public is not None
        assert public.subsets[0].addresses[0].ip == "127.0.0.1"


async def test_ingress_of_another_class_is_left_alone_until_the_configuration_names_it() -> None:
    async with running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(serverless_service("hello-00001"))
        foreign = ingress("hello", "hello-00001")
        foreign.metadata.annotations = {INGRESS_CLASS: "acme"}
        await world.given(foreign)
        await world.given(ingress("other", "hello-00001"))
        await world.eventually(lambda: is_ready(world, "other"))

        assert (await rig.get(HOST, headers=PROBE)).status == 404
        assert (await world.latest(foreign)).status.conditions == []

        network = ObjectMeta(name="config-network", namespace="knative-serving")
        await world.given(ConfigMap(metadata=network, data={"ingress-class": "acme"}))
        await world.eventually(lambda: is_ready(world, "hello"))
        assert (await rig.get(HOST, headers=PROBE)).status == 200


async def test_gate_follows_the_mode_of_a_revision_that_names_a_burst_capacity() -> None:
    annotations = {"autoscaling.knative.dev/target-burst-capacity": "7"}
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(deployment("hello-00001"))
        network = await world.given(serverless_service("hello-00001", "Proxy", annotations))
        await world.given(a_revision())
        await world.given(ingress("hello", "hello-00001"))
        await world.given(members("hello-00001-private", app))
        await world.eventually(lambda: is_ready(world, "hello"))

        async def is_through_the_gate(expected: bool) -> bool:
            assert (await rig.get(HOST)).status == 200
            return ("k-proxy-request" in map(str.lower, app.headers[-1])) is expected

        async def turn(mode: str) -> None:
            latest = await world.latest(network)
            spec = latest.spec.model_copy(update={"mode": mode})
            await world.client.update(latest.model_copy(update={"spec": spec}))

        await world.eventually(lambda: is_through_the_gate(True))
        await turn("Serve")
        await world.eventually(lambda: is_through_the_gate(False))
        await turn("Proxy")
        await world.eventually(lambda: is_through_the_gate(True))


def a_revision() -> Revision:
    container = {"name": "user-container", "image": "hello"}
    return Revision.from_wire(
        {
            "metadata": {"name": "hello-00001", "namespace": "default"},
            "spec": {"containers": [container], "timeoutSeconds": 30},
        }
    )


def pod_of(revision: Revision, app: App) -> Pod:
    """What the node agent makes of a Pod that is ready."""
    labels = {
        "serving.knative.dev/revision": revision.metadata.name,
        "serving.knative.dev/revisionUID": revision.metadata.uid,
    }
    port = {"name": "user-port", "containerPort": app.port}
    return Pod.from_wire(
        {
            "metadata": {"name": "hello-pod", "namespace": "default", "labels": labels},
            "spec": {
                "containers": [{"name": "user-container", "image": "x", "ports": [port]}],
                "terminationGracePeriodSeconds": 30,
                "nodeName": "here",
            },
            "status": {
                "phase": "Running",
                "podIP": "127.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }
    )


async def _with_a_request_in_flight(
    platform: Platform, app: App
) -> tuple[Pod, asyncio.Task[aiohttp.ClientResponse]]:
    """An instance that is known by its Pod alone, and a request it works on until let go."""
    world, rig = platform.world, platform.rig
    await world.given(deployment("hello-00001"))
    await world.given(serverless_service("hello-00001"))
    await world.given(ingress("hello", "hello-00001"))
    revision = await world.given(a_revision())
    await world.eventually(lambda: is_ready(world, "hello"))
    pod = await world.given(pod_of(revision, app))
    await world.eventually(lambda: rig.gateway.gate.ready(HELLO))
    slow = asyncio.create_task(rig.get(HOST, "/?hold"))
    await eventually(lambda: app.running)
    return pod, slow


async def test_ready_pod_serves_before_its_slice_and_is_drained_before_it_goes() -> None:
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        pod, slow = await _with_a_request_in_flight(platform, app)

        await world.client.delete(Pod, "hello-pod", "default")
        pod = await world.latest(pod)
        assert pod.is_deleting
        await world.eventually(lambda: not rig.gateway.gate.ready(HELLO))
        drained = asyncio.create_task(platform.planner.instances.drained(pod))
        _, waiting = await asyncio.wait({drained}, timeout=0.3)
        assert waiting
        app.let_go.set()
        await drained

        assert (await slow).status == 200


BEGUN, ENDED = (datetime(2026, 1, 2, 3, minute, tzinfo=UTC) for minute in (4, 5))


async def _tell_that_its_container_ended(world: World, pod: Pod, *, started_at: datetime) -> Pod:
    """What the node agent writes of a container that it starts again; it was ready until ENDED."""
    pod = (await world.latest(pod)).model_copy(deep=True)
    ended = {"exitCode": 1, "message": "no database", "startedAt": format_time(started_at)}
    container = {"name": "user-container", "lastState": {"terminated": ended}, "restartCount": 1}
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": format_time(ENDED)}
    pod.status.conditions = [PodCondition.from_wire(ready)]
    pod.status.container_statuses = [ContainerStatus.from_wire(container)]
    return await world.client.update_status(pod)


async def test_restart_of_an_instance_that_served_is_waited_for_unless_it_crashes() -> None:
    """Requests that came meanwhile go to it once it is ready; else they are told its last words."""
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        pod, slow = await _with_a_request_in_flight(platform, app)
        app.let_go.set()
        assert (await slow).status == 200
        came_ready = pod.status.conditions

        async def held_while_it_is_started_again() -> asyncio.Task[aiohttp.ClientResponse]:
            await _tell_that_its_container_ended(world, pod, started_at=BEGUN)
            await world.eventually(lambda: not rig.gateway.gate.ready(HELLO))
            held = asyncio.create_task(rig.get(HOST))
            await world.eventually(lambda: rig.held(HELLO) == 1)
            return held

        held = await held_while_it_is_started_again()
        revision = (await world.client.get(Revision, "hello-00001", "default")).model_copy(
            deep=True
        )
        revision.status.mark_container_exited(1, "no database")
        await world.client.update_status(revision)
        await world.eventually(lambda: _has_failed(platform))
        mended = (await world.latest(pod)).model_copy(deep=True)
        mended.status.conditions = came_ready
        await world.client.update_status(mended)
        assert (await held).status == 200

        held = await held_while_it_is_started_again()
        await _tell_that_its_container_ended(world, pod, started_at=ENDED)
        answer = await held
        assert answer.status == 503
        assert await answer.text() == "Container failed with: no database"


def _has_failed(platform: Platform) -> bool:
    """Whether the gateway's own view of the Revision says that a container ended."""
    seen = platform.world.manager.informer(Revision).get("hello-00001", "default")
    condition = seen.status.condition("ContainerHealthy") if seen is not None else None
    return condition is not None and condition.is_false


@pytest.mark.parametrize("what", ["route", "revision", "service"])
async def test_request_in_flight_is_seen_when_nothing_leads_to_its_revision_any_more(
    what: str,
) -> None:
    """Traffic moved away, or the service was deleted: a long request still runs to its end."""
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        pod, slow = await _with_a_request_in_flight(platform, app)

        await world.client.delete(Ingress, "hello", "default")
        if what in ("revision", "service"):
            await world.client.delete(Revision, "hello-00001", "default")
        if what == "service":
            await world.client.delete(ServerlessService, "hello-00001", "default")

        async def gone() -> bool:
            return (await rig.get(HOST)).status == 404

        await world.eventually(gone)
        await world.client.delete(Pod, "hello-pod", "default")
        pod = await world.latest(pod)
        drained = asyncio.create_task(platform.planner.instances.drained(pod))
        _, waiting = await asyncio.wait({drained}, timeout=2.5)  # longer than a report of load
        assert waiting
        app.let_go.set()
        await drained

        assert (await slow).status == 200
        await world.client.delete(Pod, "hello-pod", "default", grace_period_seconds=0)
        await world.eventually(lambda: not rig.gateway.endpoints(HELLO))
        await world.eventually(lambda: HELLO not in platform.planner._draft.revisions)


async def test_removed_endpoints_and_ingresses_are_followed() -> None:
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(deployment("hello-00001"))
        await world.given(serverless_service("hello-00001"))
        await world.given(ingress("hello", "hello-00001"))
        slices = await world.given(members("hello-00001-private", app))
        await world.eventually(lambda: is_ready(world, "hello"))
        assert (await rig.get(HOST)).status == 200

        await world.client.update(slices.model_copy(update={"endpoints": []}))
        await world.eventually(lambda: not rig.gateway.gate.ready(HELLO))

        async def comes_to_the_gate() -> bool:
            """Envoy may serve by the endpoint that it had for a moment yet: then ask again."""
            request = asyncio.create_task(rig.get(HOST))
            poked = asyncio.create_task(rig.poke.first.wait())
            await asyncio.wait({request, poked}, return_when=asyncio.FIRST_COMPLETED)
            request.cancel()
            poked.cancel()
            return rig.poke.first.is_set()

        await world.eventually(comes_to_the_gate)

        await world.client.delete(Ingress, "hello", "default")

        async def gone() -> bool:
            """A request that Envoy still knows a way for is held: then ask again."""
            try:
                async with asyncio.timeout(1):
                    return (await rig.get(HOST)).status == 404
            except TimeoutError:
                return False

        await world.eventually(gone)


async def test_host_of_an_older_ingress_is_kept_and_the_younger_one_told() -> None:
    async with running_platform() as platform:
        world = platform.world
        for name in ("first-00001", "second-00001"):
            await world.given(
                deployment(name),
            )
            await world.given(serverless_service(name))
        await world.given(ingress("first", "first-00001", "shared.localhost"))
        await world.eventually(lambda: is_ready(world, "first"))
        await world.given(ingress("second", "second-00001", "shared.localhost"))

        async def told() -> str:
            found = await world.find(Ingress, "second")
            ready = found.status.condition("Ready") if found is not None else None
            return ready.reason if ready is not None and ready.is_false else ""

        assert await world.eventually(told) == "HostConflict"
        assert await is_ready(world, "first")


async def test_refused_ingress_is_told_and_stops_nobody() -> None:
    """No header is called so; the next Ingress is served all the same."""
    async with running_platform() as platform:
        world = platform.world
        for name in ("bad-00001", "good-00001"):
            await world.given(deployment(name))
            await world.given(serverless_service(name))
        bad = ingress("bad", "bad-00001")
        for rule in bad.spec.rules:
            assert rule.http is not None
            rule.http.paths[0].append_headers = {"x-bad\r\nname": "v"}
        await world.given(bad)

        async def refused() -> bool:
            found = await world.find(Ingress, "bad")
            ready = found.status.condition("Ready") if found is not None else None
            return ready is not None and ready.is_false

        await world.eventually(refused)
        await world.given(ingress("good", "good-00001"))
        await world.eventually(lambda: is_ready(world, "good"))


@pytest.mark.parametrize("from_the_start", [True, False])
async def test_refused_collector_stops_nobody(
    from_the_start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No endpoint is known that Envoy refuses and the configuration takes: this makes one."""
    collector = CollectorAddress("fe80::1%eth0", 4317)
    bad = Tracing(SpanFormat.OTLP_GRPC, 1.0, collector, "fe80::1%eth0")
    planned: list[Tracing | None] = [bad if from_the_start else None]
    monkeypatch.setattr(footprints, "plan_tracing", lambda *_: planned[-1])
    async with running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(serverless_service("hello-00001"))
        await world.given(ingress("hello", "hello-00001"))
        await world.eventually(lambda: is_ready(world, "hello"))
        planned.append(bad)
        await world.given(ingress("second", "hello-00001"))
        await world.eventually(lambda: is_ready(world, "second"))
        assert (await rig.get(HOST, headers=PROBE)).status == 200


async def test_plain_service_is_reached_without_the_gate() -> None:
    async with running_app("plain") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(
            Service.from_wire(
                {
                    "metadata": {"name": "web", "namespace": "default"},
                    "spec": {"ports": [{"name": "http", "port": 8080}]},
                }
            )
        )
        await world.given(members("web", app))
        await world.given(ingress("web", "web", port=8080))
        await world.eventually(lambda: is_ready(world, "web"))

        async def answered() -> bool:
            return (await rig.get("web.default.localhost")).status == 200

        await world.eventually(answered)
        assert rig.poke.calls == []


async def test_second_name_of_a_host_follows_its_traffic() -> None:
    """What a domain mapping asks for: another host, rewritten, to a placeholder's target."""
    async with running_app("one") as app, running_platform() as platform:
        world, rig = platform.world, platform.rig
        await world.given(deployment("hello-00001"))
        await world.given(serverless_service("hello-00001"))
        await world.given(members("hello-00001-private", app))
        await world.given(ingress("hello", "hello-00001"))
        mapping = ingress("mapped", "hello", "www.example.org")
        assert mapping.spec.rules[0].http is not None
        path = mapping.spec.rules[0].http.paths[0]
        path.rewrite_host = "hello.default.svc.cluster.local"
        mapping.spec.rules = mapping.spec.rules[:1]
        await world.given(mapping)
        await world.eventually(lambda: is_ready(world, "mapped"))

        async def answered() -> bool:
            return (await rig.get("www.example.org")).status == 200

        await world.eventually(answered)
        answer = await rig.get("www.example.org")
        assert (await answer.json())["host"] == "hello.default.svc.cluster.local"
