from __future__ import annotations

from typing import Any

from wakeful.apimachinery.conditions import READY
from wakeful.apis.apps import Deployment
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.caching import Image
from wakeful.apis.core import ConfigMap
from wakeful.apis.core import Service as KubeService
from wakeful.apis.networking import Certificate, Ingress
from wakeful.apis.serving import Configuration, Revision, Route, Service
from wakeful.client import Change
from wakeful.testing.world import World

S = "serving.knative.dev"


async def ready(world: World, name: str = "hello", generation: int | None = None) -> Service:
    async def check() -> Service | None:
        found = await world.find(Service, name)
        if found is None or not found.is_ready:
            return None
        return found if generation in (None, found.metadata.generation) else None

    return await world.eventually(check)


async def test_service_becomes_ready_with_all_its_children(
    platform: World, a_service: Any, registry: Any
) -> None:
    await platform.given(a_service())
    service = await ready(platform)

    assert service.status.url == "http://hello.default.localhost:8080"
    assert service.status.domain == "hello.default.localhost"
    assert service.status.address is not None
    assert service.status.address.url == "http://hello.default.svc.cluster.local"
    assert service.status.latest_ready_revision_name == "hello-00001"
    assert service.status.latest_created_revision_name == "hello-00001"
    assert [t.to_wire() for t in service.status.traffic] == [
        {"revisionName": "hello-00001", "latestRevision": True, "percent": 100}
    ]
    assert [c.type for c in service.status.conditions] == [
        "ConfigurationsReady",
        "Ready",
        "RoutesReady",
    ]

    revision = await platform.find(Revision, "hello-00001")
    assert revision is not None
    assert revision.status.service_name == "hello-00001"
    assert revision.status.container_statuses[0].image_digest == (
        f"registry.test/busybox@sha256:{'a' * 64}"
    )
    assert revision.metadata.labels[f"{S}/routingState"] == "active"
    assert revision.metadata.annotations[f"{S}/creator"] == "tester"
    assert registry.asked == ["busybox"]

    deployment = await platform.find(Deployment, "hello-00001-deployment")
    assert deployment is not None
    pod = deployment.spec.template.spec
    assert pod.containers[0].image.endswith("a" * 64)
    assert pod.containers[0].readiness_probe is not None
    assert await platform.find(PodAutoscaler, "hello-00001") is not None
    assert await platform.find(Image, "hello-00001-cache-user-container") is not None

    ingress = await platform.find(Ingress, "hello")
    assert ingress is not None
    assert [(r.visibility, r.hosts) for r in ingress.spec.rules] == [
        (
            "ClusterLocal",
            ["hello.default", "hello.default.svc", "hello.default.svc.cluster.local"],
        ),
        ("ExternalIP", ["hello.default.localhost"]),
    ]
    placeholder = await platform.eventually(lambda: _leads_to(platform, "hello"))
    assert placeholder.metadata.labels[f"{S}/route"] == "hello"


async def _leads_to(world: World, name: str) -> KubeService | None:
    found = await world.find(KubeService, name)
    return found if found and found.spec.external_name == "gateway.internal" else None


async def test_nothing_is_written_once_all_is_well(platform: World, a_service: Any) -> None:
    """Level-triggered and at rest: reconciling everything again changes no object."""
    await platform.given(a_service())
    await ready(platform)
    await platform.eventually(lambda: _leads_to(platform, "hello"))
    models = (Service, Configuration, Revision, Route, Deployment, PodAutoscaler, Ingress, Image)

    async def versions() -> list[str]:
        found = [obj for model in models for obj in await platform.all(model)]
        return [obj.metadata.resource_version for obj in found]

    await settled(platform)
    before = await versions()
    await touch(platform)
    await settled(platform)
    assert await versions() == before


async def settled(world: World) -> None:
    """Until every queue is empty and nobody works."""
    queues = [r.queue for r in world.manager._runnables if hasattr(r, "queue")]
    calm = 0

    def check() -> bool:
        nonlocal calm
        calm = calm + 1 if all(queue.is_idle for queue in queues) else 0
        return calm > 10

    await world.eventually(check)


async def touch(world: World) -> None:
    """Have everything looked at again, by a setting that changes nothing visible."""
    for data in ({"rollout-duration": "0"}, {"default-external-scheme": "http"}):
        config = await world.find(ConfigMap, "config-network", "knative-serving")
        wire = {
            "metadata": {"name": "config-network", "namespace": "knative-serving"},
            "data": data,
        }
        if config is None:
            await world.given(ConfigMap.from_wire(wire))
        else:
            await world.client.update(config.model_copy(update={"data": data}))
    for runnable in world.manager._runnables:
        if hasattr(runnable, "enqueue_all"):
            runnable.enqueue_all()


async def test_new_template_makes_a_new_revision_and_moves_traffic(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service())
    service = await ready(platform)
    service.spec.template.spec.containers[0].image = "busybox:2"
    await platform.client.update(service)

    service = await ready(platform, generation=2)

    assert service.status.latest_ready_revision_name == "hello-00002"
    assert service.status.traffic[0].revision_name == "hello-00002"

    async def states() -> bool:
        found = await platform.all(Revision, "default")
        return [r.routing_state for r in found] == ["reserve", "active"]

    await platform.eventually(states)
    old = await platform.find(PodAutoscaler, "hello-00001")
    assert old is not None
    await platform.eventually(lambda: _unreachable(platform, "hello-00001"))


async def _unreachable(world: World, name: str) -> bool:
    found = await world.find(PodAutoscaler, name)
    return found is not None and found.spec.reachability == "Unreachable"


async def test_labels_reach_the_children_but_make_no_revision(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service())
    service = await ready(platform)
    service.metadata.labels["team"] = "blue"
    service.metadata.annotations["note"] = "x"
    await platform.client.update(service)

    async def labelled() -> bool:
        found = [await platform.find(m, "hello") for m in (Configuration, Route, KubeService)]
        return all(o is not None and o.metadata.labels.get("team") == "blue" for o in found)

    await platform.eventually(labelled)
    assert len(await platform.all(Revision)) == 1


async def test_traffic_split_of_the_book(platform: World, a_service: Any) -> None:
    """v1 keeps everything until v2 is ready; then 80/20, and a URL for the latest."""
    name = "traffic-example"
    await platform.given(
        a_service(
            name,
            env={"RESOURCE": "v1"},
            revision=f"{name}-v1",
            traffic=[{"tag": "current", "revisionName": f"{name}-v1", "percent": 100}],
        )
    )
    await ready(platform, name)
    second = a_service(
        name,
        env={"RESOURCE": "v2"},
        revision=f"{name}-v2",
        traffic=[
            {"tag": "current", "revisionName": f"{name}-v1", "percent": 80},
            {"tag": "candidate", "revisionName": f"{name}-v2", "percent": 20},
            {"tag": "latest", "latestRevision": True, "percent": 0},
        ],
    )
    have = await platform.find(Service, name)
    assert have is not None
    await platform.client.update(have.model_copy(update={"spec": second.spec}))

    service = await ready(platform, name, generation=2)

    shown = [(t.tag, t.revision_name, t.percent, t.url) for t in service.status.traffic]
    base = "traffic-example.default.localhost:8080"
    assert shown == [
        ("current", f"{name}-v1", 80, f"http://current-{base}"),
        ("candidate", f"{name}-v2", 20, f"http://candidate-{base}"),
        ("latest", f"{name}-v2", 0, f"http://latest-{base}"),
    ]
    ingress = await platform.find(Ingress, name)
    assert ingress is not None
    shares = {
        rule.hosts[0]: [(s.service_name, s.percent) for s in rule.http.paths[0].splits]
        for rule in ingress.spec.rules
        if rule.visibility == "ExternalIP" and rule.http is not None
    }
    assert shares[f"{name}.default.localhost"] == [(f"{name}-v1", 80), (f"{name}-v2", 20)]
    assert shares[f"latest-{name}.default.localhost"] == [(f"{name}-v2", 100)]


async def test_image_that_does_not_exist_is_explained(
    platform: World, a_service: Any, registry: Any
) -> None:
    await platform.given(a_service(image="missing:1"))

    async def failed() -> Service | None:
        found = await platform.find(Service, "hello")
        route = found.status.condition("RoutesReady") if found else None
        return found if route is not None and route.is_false else None

    service = await platform.eventually(failed)

    revision = await platform.find(Revision, "hello-00001")
    assert revision is not None
    healthy = revision.status.condition("ContainerHealthy")
    assert healthy is not None
    assert healthy.reason == "ContainerMissing"
    assert healthy.message.startswith(
        'Unable to fetch image "missing:1": failed to resolve image to digest: '
    )
    condition = service.status.condition("ConfigurationsReady")
    assert condition is not None
    assert condition.reason == "RevisionFailed"
    assert condition.message.startswith('Revision "hello-00001" failed with message: Unable')
    route = service.status.condition("RoutesReady")
    assert route is not None
    assert (route.reason, route.message) == (
        "RevisionMissing",
        'Configuration "hello" does not have any ready Revision.',
    )
    assert registry.asked.count("missing:1") <= 2  # held back, however often it was looked at


async def test_broken_update_leaves_the_old_revision_serving(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service())
    service = await ready(platform)
    service.spec.template.spec.containers[0].image = "missing:2"
    await platform.client.update(service)

    async def failed() -> Service | None:
        found = await platform.find(Service, "hello")
        condition = found.status.condition("ConfigurationsReady") if found else None
        return found if condition is not None and condition.is_false else None

    service = await platform.eventually(failed)
    assert service.status.latest_created_revision_name == "hello-00002"
    assert service.status.latest_ready_revision_name == "hello-00001"
    assert service.status.traffic[0].revision_name == "hello-00001"
    assert service.status.url == "http://hello.default.localhost:8080"


async def test_domain_change_moves_the_url(platform: World, a_service: Any) -> None:
    await platform.given(a_service())
    await ready(platform)
    await platform.given(
        ConfigMap.from_wire(
            {
                "metadata": {"name": "config-domain", "namespace": "knative-serving"},
                "data": {"knative.kuberun.com": ""},
            }
        )
    )

    async def moved() -> bool:
        found = await platform.find(Service, "hello")
        return found is not None and found.is_ready and "kuberun" in found.status.domain

    await platform.eventually(moved)
    service = await platform.find(Service, "hello")
    assert service is not None
    assert service.status.domain == "hello.default.knative.kuberun.com"
    assert service.status.url == "http://hello.default.knative.kuberun.com:8080"


async def test_private_service_is_reached_from_inside_only(platform: World, a_service: Any) -> None:
    await platform.given(a_service(labels={"networking.knative.dev/visibility": "cluster-local"}))
    service = await ready(platform)
    assert service.status.address is not None
    assert service.status.url == service.status.address.url
    ingress = await platform.find(Ingress, "hello")
    assert ingress is not None
    assert [rule.visibility for rule in ingress.spec.rules] == ["ClusterLocal"]


async def test_hosts_inside_the_cluster_can_have_certificates(
    platform: World, a_service: Any
) -> None:
    await platform.given(
        ConfigMap.from_wire(
            {
                "metadata": {"name": "config-network", "namespace": "knative-serving"},
                "data": {"cluster-local-domain-tls": "enabled"},
            }
        )
    )
    await platform.given(a_service())

    async def secure() -> bool:
        found = await platform.find(Service, "hello")
        address = found.status.address if found is not None else None
        return address is not None and address.url == "https://hello.default.svc.cluster.local"

    await platform.eventually(secure)
    service = await ready(platform)
    assert service.status.url == "http://hello.default.localhost:8080"
    ingress = await platform.find(Ingress, "hello")
    assert ingress is not None
    (tls,) = ingress.spec.tls
    assert tls.hosts == [
        "hello.default",
        "hello.default.svc",
        "hello.default.svc.cluster.local",
    ]
    assert tls.secret_name.endswith("-local")


async def test_namespace_can_have_one_certificate_for_all(platform: World, a_service: Any) -> None:
    await platform.given(
        ConfigMap.from_wire(
            {
                "metadata": {"name": "config-network", "namespace": "knative-serving"},
                "data": {
                    "external-domain-tls": "enabled",
                    "namespace-wildcard-cert-selector": "{}",
                },
            }
        )
    )
    await platform.given(a_service())

    async def shared() -> bool:
        found = await platform.find(Ingress, "hello")
        return found is not None and [(tls.secret_name, tls.hosts) for tls in found.spec.tls] == [
            ("default.localhost", ["hello.default.localhost"])
        ]

    await platform.eventually(shared)
    service = await ready(platform)
    assert service.status.url.startswith("https://hello.default.localhost")
    certificate = await platform.find(Certificate, "default.localhost")
    assert certificate is not None
    assert certificate.spec.dns_names == ["*.default.localhost"]


async def test_one_tag_can_be_made_private(platform: World, a_service: Any) -> None:
    await platform.given(
        a_service(traffic=[{"tag": "beta", "latestRevision": True, "percent": 100}])
    )
    await ready(platform)
    await platform.client.patch(
        KubeService,
        "beta-hello",
        "default",
        {"metadata": {"labels": {"networking.knative.dev/visibility": "cluster-local"}}},
    )

    async def private() -> bool:
        found = await platform.find(Service, "hello")
        if found is None or not found.is_ready:
            return False
        return found.status.traffic[0].url == "http://beta-hello.default.svc.cluster.local"

    await platform.eventually(private)
    found = await platform.find(Service, "hello")
    assert found is not None
    assert found.status.url == "http://hello.default.localhost:8080"


async def test_foreign_placeholder_is_reported(platform: World, a_service: Any) -> None:
    blocker = KubeService.from_wire(
        {
            "metadata": {"name": "hello", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "elsewhere.test"},
        }
    )
    await platform.given(blocker)
    await platform.given(a_service())

    async def reported() -> bool:
        found = await platform.find(Service, "hello")
        condition = found.status.condition("RoutesReady") if found else None
        return condition is not None and condition.reason == "NotOwned"

    await platform.eventually(reported)
    await platform.client.delete(KubeService, "hello", "default")
    await ready(platform)


async def test_named_revision_of_another_configuration_is_taken(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service("hello-two"))
    await ready(platform, "hello-two")
    await platform.given(a_service("hello", revision="hello-two-00001"))

    async def refused() -> bool:
        found = await platform.find(Configuration, "hello")
        condition = found.status.condition(READY) if found else None
        return condition is not None and condition.is_false

    await platform.eventually(refused)
    configuration = await platform.find(Configuration, "hello")
    assert configuration is not None
    condition = configuration.status.condition(READY)
    assert condition is not None
    assert condition.message == (
        'Revision creation failed with message: revisions.serving.knative.dev "hello-two-00001"'
        " already exists."
    )


async def test_autoscaling_annotation_of_a_revision_reaches_its_autoscaler(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service())
    await ready(platform)
    key = "autoscaling.knative.dev/min-scale"
    await platform.client.patch(
        Revision, "hello-00001", "default", {"metadata": {"annotations": {key: "2"}}}
    )

    async def reached() -> bool:
        found = await platform.find(PodAutoscaler, "hello-00001")
        return found is not None and found.metadata.annotations.get(key) == "2"

    await platform.eventually(reached)


async def test_route_that_is_gone_is_forgotten_by_its_targets(
    platform: World, a_service: Any
) -> None:
    await platform.given(a_service())
    await ready(platform)
    extra = Route.from_wire(
        {
            "metadata": {"name": "extra", "namespace": "default"},
            "spec": {"traffic": [{"configurationName": "hello", "percent": 100}]},
        }
    )
    await platform.given(extra)

    async def routes() -> str:
        found = await platform.find(Revision, "hello-00001")
        assert found is not None
        return found.metadata.annotations.get(f"{S}/routes", "")

    async def both() -> bool:
        return await routes() == "extra,hello"

    async def one() -> bool:
        return await routes() == "hello"

    await platform.eventually(both)
    await platform.client.delete(Route, "extra", "default")
    await platform.eventually(one)


async def test_gradual_rollout_moves_traffic_step_by_step(platform: World, a_service: Any) -> None:
    """Over two seconds: one percent first, then the rest, and the Service is ready at the end."""
    annotations = {f"{S}/rollout-duration": "2s"}
    await platform.given(a_service(annotations=annotations))
    service = await ready(platform)
    moving: list[list[tuple[str | None, int | None]]] = []

    def note(change: Change[Service]) -> None:
        found = change.new.status if change.new is not None else None
        condition = found.condition("RoutesReady") if found is not None else None
        if found is not None and condition and condition.reason == "RolloutInProgress":
            moving.append([(t.revision_name, t.percent) for t in found.traffic])

    platform.manager.informer(Service).add_handler(note)
    service.spec.template.spec.containers[0].image = "busybox:2"
    await platform.client.update(service)
    service = await ready(platform, generation=2)
    assert [("hello-00001", 99), ("hello-00002", 1)] in moving
    assert [(t.revision_name, t.percent) for t in service.status.traffic] == [("hello-00002", 100)]
