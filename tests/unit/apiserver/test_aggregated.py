"""Groups that other parts answer for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from wakeful.apimachinery.errors import MethodNotAllowedError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis import make_scheme
from wakeful.apiserver.http.aggregated import AggregatedResource, check_possible, find_resource
from wakeful.apiserver.http.discovery import Discovery
from wakeful.apiserver.http.paths import ResourcePath
from wakeful.apiserver.registry.served import ServedResources

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class Metrics:
    group, version = "metrics.k8s.io", "v1beta1"
    resources = (
        AggregatedResource("nodes", "NodeMetrics", namespaced=False),
        AggregatedResource("pods", "PodMetrics", namespaced=True),
    )

    async def answer(self, request: APIRequest) -> dict[str, Any]:
        raise NotImplementedError


@pytest.fixture
def discovery() -> Discovery:
    return Discovery(ServedResources(make_scheme()), (Metrics(),))


def test_the_group_is_discovered_after_ours(discovery: Discovery) -> None:
    """``kubectl get pods`` means those of the core group, which is asked first."""
    groups = orjson.loads(discovery.apis("").body)["groups"]
    assert groups[-1]["preferredVersion"]["groupVersion"] == "metrics.k8s.io/v1beta1"
    document = discovery.resources("metrics.k8s.io", "v1beta1")
    assert document is not None
    listed = orjson.loads(document.body)["resources"]
    assert [(r["name"], r["kind"], r["verbs"]) for r in listed] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
    assert discovery.group("metrics.k8s.io") is not None
    last = orjson.loads(discovery.apis(AGGREGATED).body)["items"][-1]
    assert last["metadata"]["name"] == "metrics.k8s.io"
    assert [r["scope"] for r in last["versions"][0]["resources"]] == ["Cluster", "Namespaced"]


def test_only_what_the_group_has_is_found() -> None:
    def found(resource: str, **more: str) -> bool:
        path = ResourcePath("metrics.k8s.io", "v1beta1", resource, **more)
        return find_resource(Metrics(), path) is not None

    assert found("pods")
    assert found("pods", namespace="default", name="a")
    assert found("nodes", name="here")
    assert not found("nodes", namespace="default")
    assert not found("pods", name="a", subresource="log")
    assert not found("services")


@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.DELETE, Verb.WATCH, Verb.PATCH])
def test_nothing_but_reading_is_possible_unless_offered(verb: Verb) -> None:
    pods = Metrics.resources[1]
    check_possible(pods, "", Verb.LIST)
    with pytest.raises(MethodNotAllowedError):
        check_possible(pods, "", verb)


def test_what_is_below_has_verbs_of_its_own() -> None:
    letters = AggregatedResource(
        "letters", "Letter", namespaced=True, subresources={"replay": (Verb.CREATE,)}
    )
    check_possible(letters, "replay", Verb.CREATE)
    with pytest.raises(MethodNotAllowedError):
        check_possible(letters, "replay", Verb.GET)
    with pytest.raises(MethodNotAllowedError):
        check_possible(letters, "", Verb.CREATE)
