"""What pods and services get on the way in."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import ForbiddenError, InvalidError
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis import all_resources
from wakeful.apis.core import Node, Pod, Service, ServiceAccount
from wakeful.reconciler.core import CoreAdmission
from wakeful.reconciler.core.addresses import AddressPool
from wakeful.reconciler.core.scheduling.scheduler import make_scheduler
from wakeful.testing.world import World


@pytest.fixture
def admission() -> CoreAdmission:
    return CoreAdmission("198.18.0.0/24")


@pytest.fixture
async def world(admission: CoreAdmission) -> World:
    world = World(Scheme(all_resources()), hooks=admission.hooks())
    await world.prepare()
    return world


def node(cpu: str = "2", **labels: str) -> Node:
    wire = {
        "metadata": {"name": "here", "labels": labels},
        "status": {"allocatable": {"cpu": cpu, "memory": "1Gi"}},
    }
    return Node.from_wire(wire)


def pod(name: str = "p", cpu: str = "", **spec: Any) -> Pod:
    container: dict[str, Any] = {"name": "c", "image": "i"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    spec.setdefault("containers", [container])
    return Pod.from_wire({"metadata": {"name": name, "namespace": "default"}, "spec": spec})


def scheduled(found: Pod) -> tuple[str, str, str]:
    have = found.status.condition("PodScheduled")
    assert have is not None
    return have.status, have.reason, have.message


async def test_pod_is_bound_with_the_write_that_creates_it(world: World) -> None:
    await world.given(node())
    found = await world.given(pod(cpu="500m"))
    assert found.spec.node_name == "here"
    assert scheduled(found) == ("True", "", "")


async def test_unbound_pod_says_why(world: World) -> None:
    found = await world.given(pod("early"))
    assert scheduled(found)[2] == "no nodes available to schedule pods"
    await world.given(node())
    found = await world.given(pod("big", cpu="3"))
    assert found.spec.node_name == ""
    assert scheduled(found) == (
        "False",
        "Unschedulable",
        "0/1 nodes are available: 1 Insufficient cpu.",
    )
    found = await world.given(pod("picky", nodeSelector={"disk": "ssd"}))
    assert scheduled(found)[2] == (
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    )


async def test_pods_that_are_stored_count_before_they_were_listed(
    world: World, admission: CoreAdmission
) -> None:
    """The API takes pods while the controllers are still reading what there is."""
    make_scheduler(world.manager, admission.usage, world.clock)  # its informer does not run yet
    await world.given(node(cpu="1"))
    await world.given(pod("first", cpu="600m"))

    found = await world.given(pod("second", cpu="600m"))

    assert scheduled(found)[2] == "0/1 nodes are available: 1 Insufficient cpu."


async def test_pod_is_bound_once_there_is_room(world: World, admission: CoreAdmission) -> None:
    """What other pods ask for counts, until they are gone."""
    world.manager.add(make_scheduler(world.manager, admission.usage, world.clock))
    await world.given(node(cpu="1"))
    async with world.running():
        first = await world.given(pod("first", cpu="800m"))

        async def counted() -> bool:
            return bool(admission.usage("here"))

        await world.eventually(counted)
        second = await world.given(pod("second", cpu="800m"))
        assert second.spec.node_name == ""
        await world.client.delete(Pod, first.metadata.name, "default", grace_period_seconds=0)

        async def bound() -> bool:
            found = await world.latest(second)
            return found.spec.node_name == "here" and scheduled(found)[0] == "True"

        await world.eventually(bound)


async def test_pod_gets_the_token_of_its_account(world: World) -> None:
    found = await world.given(pod())
    (volume,) = found.spec.volumes
    assert volume.name.startswith("kube-api-access-")
    assert volume.projected is not None
    assert [list(s.to_wire()) for s in volume.projected.sources] == [
        ["serviceAccountToken"],
        ["configMap"],
        ["downwardAPI"],
    ]
    (mount,) = found.spec.containers[0].volume_mounts
    assert (mount.name, mount.mount_path, mount.read_only) == (
        volume.name,
        "/var/run/secrets/kubernetes.io/serviceaccount",
        True,
    )
    assert found.spec.service_account_name == "default"


async def test_token_may_be_declined_by_pod_or_account(world: World) -> None:
    found = await world.given(pod(automountServiceAccountToken=False))
    assert found.spec.volumes == []
    wire = {
        "metadata": {"name": "shy", "namespace": "default"},
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": "registry"}],
    }
    await world.given(ServiceAccount.from_wire(wire))
    found = await world.given(pod("q", serviceAccountName="shy"))
    assert found.spec.volumes == []
    assert [s.name for s in found.spec.image_pull_secrets] == ["registry"]


async def test_pod_needs_an_account_that_exists(world: World) -> None:
    with pytest.raises(ForbiddenError, match='serviceaccount "nobody" not found'):
        await world.given(pod(serviceAccountName="nobody"))


def service(name: str, **spec: Any) -> Service:
    spec.setdefault("ports", [{"port": 80}])
    return Service.from_wire({"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def test_services_get_addresses_of_their_own(world: World) -> None:
    others = [await world.given(service(f"s{n}")) for n in range(20)]
    given = {s.spec.cluster_ip for s in others}
    assert len(given) == 20
    assert all(ip.startswith("198.18.0.") for ip in given)
    headless = await world.given(service("h", clusterIP="None"))
    assert headless.spec.cluster_ip == "None"
    external = await world.given(service("e", type="ExternalName", externalName="example.com"))
    assert external.spec.cluster_ip == ""


async def test_an_address_asked_for_has_to_be_free_and_in_range(world: World) -> None:
    await world.given(service("a", clusterIP="198.18.0.9"))
    with pytest.raises(InvalidError, match="provided IP is already allocated"):
        await world.given(service("b", clusterIP="198.18.0.9"))
    with pytest.raises(InvalidError, match="not in the valid range"):
        await world.given(service("c", clusterIP="198.19.0.9"))
    await world.client.delete(Service, "a", "default")
    again = await world.given(service("b", clusterIP="198.18.0.9"))
    assert again.spec.cluster_ip == "198.18.0.9"


async def test_node_ports_are_given_and_kept(world: World) -> None:
    made = await world.given(service("n", type="NodePort"))
    (port,) = made.spec.ports
    assert 30000 <= port.node_port < 32768
    again = made.deep_copy()
    again.spec.ports[0].node_port = 0
    assert (await world.client.update(again)).spec.ports[0].node_port == port.node_port


async def test_load_balancers_may_do_without_node_ports(world: World) -> None:
    """Then they have none, and give back those they had."""
    made = await world.given(service("l", type="LoadBalancer"))
    assert made.spec.ports[0].node_port
    made.spec.allocate_load_balancer_node_ports = False
    made.spec.ports[0].node_port = 0
    assert (await world.client.update(made)).spec.ports[0].node_port == 0
    bare = service("b", type="LoadBalancer", allocateLoadBalancerNodePorts=False)
    assert (await world.given(bare)).spec.ports[0].node_port == 0


def test_a_full_network_is_noticed() -> None:
    pool = AddressPool("198.18.0.0/29")
    given = {pool.allocate() for _ in range(5)}
    assert given == {f"198.18.0.{n}" for n in range(2, 7)}
    assert pool.is_stale
    with pytest.raises(Exception, match=r"range 198\.18\.0\.0/29 is full"):
        pool.allocate()
