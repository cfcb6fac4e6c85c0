"""One delta-xDS stream, driven by hand."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

from wakeful.gateway.xds import Changes, DeltaStream, ResourceStore, ResourceType, make_resource
from wakeful.gateway.xds.stream import Confirmed, Refused

CLUSTER, ENDPOINTS, SCOPES = (
    ResourceType.CLUSTER,
    ResourceType.ENDPOINTS,
    ResourceType.SCOPE,
)


def put(kind: ResourceType, **bodies: str) -> Changes:
    resources = {
        name: make_resource(any_pb2.Any(value=body.encode())) for name, body in bodies.items()
    }
    return Changes({kind: resources})


def store_with(*changes: Changes) -> ResourceStore:
    store = ResourceStore()
    for change in changes:
        store.apply(change)
    return store


def request(kind: ResourceType, **fields: object) -> discovery_pb2.DeltaDiscoveryRequest:
    return discovery_pb2.DeltaDiscoveryRequest(type_url=kind.value, **fields)


def subscribe(kind: ResourceType, names: Iterable[str] = ()) -> discovery_pb2.DeltaDiscoveryRequest:
    return request(kind, resource_names_subscribe=list(names))


def ack(response: discovery_pb2.DeltaDiscoveryResponse) -> discovery_pb2.DeltaDiscoveryRequest:
    return discovery_pb2.DeltaDiscoveryRequest(
        type_url=response.type_url, response_nonce=response.nonce
    )


def names(response: discovery_pb2.DeltaDiscoveryResponse | None) -> list[str]:
    assert response is not None
    return [resource.name for resource in response.resources]


def test_wildcard_gets_everything_and_by_name_only_what_was_asked_for() -> None:
    stream = DeltaStream(store_with(put(CLUSTER, a="1", b="1"), put(ENDPOINTS, a="1", b="1")))

    stream.on_request(subscribe(CLUSTER))
    stream.on_request(subscribe(ENDPOINTS, ["b"]))

    assert names(stream.next_response()) == ["a", "b"]
    assert names(stream.next_response()) == ["b"]
    assert stream.next_response() is None


def test_client_that_wants_everything_is_told_when_there_is_nothing() -> None:
    """Envoy waits fifteen seconds for its first clusters otherwise."""
    stream = DeltaStream(ResourceStore())

    stream.on_request(subscribe(CLUSTER))

    assert names(stream.next_response()) == []
    assert stream.next_response() is None


def test_change_is_sent_once_and_confirmed_by_its_nonce() -> None:
    store = store_with(put(CLUSTER, a="1"))
    stream = DeltaStream(store)
    stream.on_request(subscribe(CLUSTER))
    first = stream.next_response()
    assert first is not None
    assert stream.outstanding(CLUSTER, "a") == int(first.nonce, 16)

    assert stream.on_request(ack(first)) == [Confirmed(CLUSTER, frozenset({"a"}), 1)]
    assert stream.outstanding(CLUSTER, "a") is None

    change = put(CLUSTER, a="2")
    store.apply(change)
    stream.mark(change)
    assert names(stream.next_response()) == ["a"]
    assert stream.next_response() is None


def test_unchanged_resource_is_not_sent_and_not_waited_for() -> None:
    store = store_with(put(CLUSTER, a="1"))
    stream = DeltaStream(store)
    stream.on_request(subscribe(CLUSTER))
    response = stream.next_response()
    assert response is not None
    stream.on_request(ack(response))

    same = put(CLUSTER, a="1")
    store.apply(same)
    stream.mark(same)

    assert stream.outstanding(CLUSTER, "a") is None
    assert stream.next_response() is None


def test_reconnecting_client_is_sent_only_what_differs() -> None:
    store = store_with(put(CLUSTER, a="1", b="2"))
    kept = store.get(CLUSTER, "a")
    assert kept is not None
    stream = DeltaStream(store)

    events = stream.on_request(
        request(CLUSTER, initial_resource_versions={"a": kept.version, "b": "old", "gone": "x"})
    )

    assert [(event.kind, event.names) for event in events] == [(CLUSTER, frozenset({"a"}))]
    response = stream.next_response()
    assert names(response) == ["b"]
    assert response is not None
    assert list(response.removed_resources) == ["gone"]


def test_asking_again_brings_it_again() -> None:
    stream = DeltaStream(store_with(put(ENDPOINTS, a="1")))
    stream.on_request(subscribe(ENDPOINTS, ["a"]))
    stream.next_response()

    stream.on_request(subscribe(ENDPOINTS, ["a"]))

    assert names(stream.next_response()) == ["a"]


def test_unknown_name_is_answered_as_removed() -> None:
    stream = DeltaStream(ResourceStore())
    stream.on_request(subscribe(ENDPOINTS, ["nobody"]))

    response = stream.next_response()

    assert response is not None
    assert list(response.removed_resources) == ["nobody"]


def test_additions_come_in_the_order_in_which_they_depend_on_each_other() -> None:
    store = store_with(put(SCOPES, r="1"), put(ENDPOINTS, a="1"), put(CLUSTER, a="1"))
    stream = DeltaStream(store)
    stream.on_request(subscribe(SCOPES, ["r"]))
    stream.on_request(subscribe(ENDPOINTS, ["a"]))
    stream.on_request(subscribe(CLUSTER))

    kinds = [stream.next_response() for _ in range(3)]

    assert [kind.type_url for kind in kinds if kind is not None] == [
        CLUSTER.value,
        ENDPOINTS.value,
        SCOPES.value,
    ]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("name: r\n...\n: no such...(truncated)", "no such...(truncated)"),
        ("name: r\n...(truncated)", "no room for the reason"),
    ],
)
def test_a_refusal_that_envoy_cut_says_where_the_rest_is(message: str, told: str) -> None:
    """It prints the resource first, and sends no more than so much."""
    stream = DeltaStream(store_with(put(SCOPES, r="1")))
    stream.on_request(subscribe(SCOPES))
    response = stream.next_response()
    assert response is not None
    refusal = ack(response)
    refusal.error_detail.CopyFrom(status_pb2.Status(message=message))

    stream.on_request(refusal)

    assert stream.refusal(SCOPES, "r") == f"{told}; envoy.log has all of it"


def test_refusal_is_kept_in_its_last_words_and_ends_the_waiting() -> None:
    store = store_with(put(SCOPES, r="1"))
    stream = DeltaStream(store)
    stream.on_request(subscribe(SCOPES, ["r"]))
    response = stream.next_response()
    assert response is not None
    refusal = ack(response)
    refusal.error_detail.CopyFrom(status_pb2.Status(message="name: r\n...\n: no such thing"))

    (event,) = stream.on_request(refusal)

    assert event == Refused(SCOPES, frozenset({"r"}), 1, "no such thing")
    assert stream.refusal(SCOPES, "r") == "no such thing"
    assert stream.next_response() is None
    better = put(SCOPES, r="2")
    store.apply(better)
    stream.mark(better)
    assert stream.refusal(SCOPES, "r") is None
    assert names(stream.next_response()) == ["r"]


def test_unsubscribed_name_is_not_waited_for() -> None:
    store = store_with(put(ENDPOINTS, a="1"))
    stream = DeltaStream(store)
    stream.on_request(subscribe(ENDPOINTS, ["a"]))
    response = stream.next_response()
    assert response is not None
    stream.on_request(ack(response))

    (event,) = stream.on_request(request(ENDPOINTS, resource_names_unsubscribe=["a"]))

    assert isinstance(event, Confirmed)
    assert event.nonce > 1


def test_endpoints_get_a_new_version_with_their_cluster() -> None:
    body = any_pb2.Any(value=b"same")

    before, after = make_resource(body, salt="v1"), make_resource(body, salt="v2")

    assert before.version != after.version
    assert make_resource(body, salt="v1") == before


def test_stages_bring_up_before_they_take_down_and_what_refers_first() -> None:
    changes = Changes(
        {**put(SCOPES, r="1").put, **put(CLUSTER, a="1").put, **put(ENDPOINTS, a="1").put},
        {CLUSTER: frozenset({"old"}), SCOPES: frozenset({"old.x"})},
    )

    first, second, third, fourth = changes.stages()

    assert set(first.put) == {CLUSTER, ENDPOINTS}
    assert set(second.put) == {SCOPES}
    assert dict(third.remove) == {SCOPES: frozenset({"old.x"})}
    assert dict(fourth.remove) == {CLUSTER: frozenset({"old"})}
