from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from wakeful.apimachinery.request import Verb

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "room"}}


def a_pod(node: str = "", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": spec | ({"nodeName": node} if node else {}),
    }


async def test_object_is_removed_at_once(world: Any, widget: Any) -> None:
    """The answer is a Status that names what is gone."""
    made = await world.create(widget())

    answer = await world.delete("widgets", "w")

    assert answer["status"] == "Success"
    assert answer["details"] == {
        "name": "w",
        "kind": "widgets",
        "group": "test.dev",
        "uid": made["metadata"]["uid"],
    }
    with pytest.raises(NotFoundError):
        await world.get("widgets", "w")
    with pytest.raises(NotFoundError):
        await world.delete("widgets", "w")


async def test_finalizers_hold_an_object(world: Any, widget: Any) -> None:
    """It stays visible until the last finalizer is taken away, which removes it."""
    obj = widget(size=1)
    obj["metadata"]["finalizers"] = ["test.dev/a", "test.dev/b"]
    await world.create(obj)

    held = await world.delete("widgets", "w")
    again = await world.delete("widgets", "w")

    assert held["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert held["metadata"]["generation"] == 2
    assert again == await world.get("widgets", "w")

    again["metadata"]["finalizers"] = ["test.dev/b"]
    one_left = await world.update(again)
    one_left["metadata"]["finalizers"] = []
    final = await world.update(one_left)
    assert "finalizers" not in final["metadata"]
    with pytest.raises(NotFoundError):
        await world.get("widgets", "w")


async def test_finalizers_are_not_added_to_a_dying_object(world: Any, widget: Any) -> None:
    """Only removal makes sense then."""
    obj = widget()
    obj["metadata"]["finalizers"] = ["test.dev/a"]
    await world.create(obj)
    held = await world.delete("widgets", "w")
    held["metadata"]["finalizers"] = ["test.dev/a", "test.dev/b"]

    with pytest.raises(InvalidError, match="no new finalizers can be added"):
        await world.update(held)


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_propagation_is_a_finalizer_for_the_collector(
    world: Any, widget: Any, policy: str, finalizer: str
) -> None:
    """The garbage collector takes it away when the dependents are dealt with."""
    await world.create(widget())

    held = await world.delete("widgets", "w", {"propagationPolicy": policy})

    assert held["metadata"]["finalizers"] == [finalizer]


async def test_preconditions(world: Any, widget: Any) -> None:
    """A namesake or a newer state is not deleted by mistake."""
    made = await world.create(widget())

    for precondition in ({"uid": "other"}, {"resourceVersion": "1"}):
        with pytest.raises(ConflictError, match="Precondition failed"):
            await world.delete("widgets", "w", {"preconditions": precondition})
    await world.delete("widgets", "w", {"preconditions": {"uid": made["metadata"]["uid"]}})


async def test_dry_run_deletes_nothing(world: Any, widget: Any) -> None:
    """Wherever it is said."""
    await world.create(widget())

    await world.delete("widgets", "w", {"dryRun": ["All"]})
    await world.delete("widgets", "w", dryRun="All")

    await world.get("widgets", "w")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([], BadRequestError),
        ("x", BadRequestError),
        ({"gracePeriodSeconds": "1"}, BadRequestError),
        ({"gracePeriodSeconds": -1}, InvalidError),
        ({"gracePeriodSeconds": True}, BadRequestError),
        ({"propagationPolicy": "Never"}, InvalidError),
        ({"propagationPolicy": ["x"]}, InvalidError),
        ({"dryRun": "All"}, InvalidError),
        ({"preconditions": ["x"]}, BadRequestError),
    ],
)
async def test_bad_options_are_refused(
    world: Any, widget: Any, body: Any, error: type[Exception]
) -> None:
    """And nothing is deleted."""
    await world.create(widget())

    with pytest.raises(error):
        await world.delete("widgets", "w", body)

    await world.get("widgets", "w")


async def test_scheduled_pod_is_given_time(world: Any) -> None:
    """Its node ends it and then deletes it without grace."""
    await world.create(a_pod("node-1", terminationGracePeriodSeconds=30))

    held = await world.delete("pods", "p")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 30
    assert held["metadata"]["deletionTimestamp"] == world.later
    hurried = await world.delete("pods", "p", {"gracePeriodSeconds": 5})
    assert hurried["metadata"]["deletionGracePeriodSeconds"] == 5
    unhurried = await world.delete("pods", "p", {"gracePeriodSeconds": 60})
    assert unhurried["metadata"]["deletionGracePeriodSeconds"] == 5

    await world.delete("pods", "p", {"gracePeriodSeconds": 0})
    with pytest.raises(NotFoundError):
        await world.get("pods", "p")


async def test_unscheduled_pod_goes_at_once(world: Any) -> None:
    """Nobody would end it; the answer is its last state."""
    await world.create(a_pod())

    answer = await world.delete("pods", "p")

    assert answer["kind"] == "Pod"
    with pytest.raises(NotFoundError):
        await world.get("pods", "p")


async def test_namespace_waits_for_its_content(world: Any) -> None:
    """It turns Terminating; emptying its finalizers through /finalize removes it."""
    made = await world.create(NAMESPACE)
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "room"}

    held = await world.delete("namespaces", "room")
    assert held["status"] == {"phase": "Terminating"}
    assert "deletionTimestamp" in held["metadata"]
    assert (await world.update(held | {"spec": {}}))["spec"] == {"finalizers": ["kubernetes"]}

    held = await world.get("namespaces", "room")
    await world.ask(Verb.UPDATE, "namespaces", "room", held | {"spec": {}}, sub="finalize")
    with pytest.raises(NotFoundError):
        await world.get("namespaces", "room")


async def test_default_namespace_stays(world: Any) -> None:
    """403."""
    with pytest.raises(ForbiddenError, match="this namespace may not be deleted"):
        await world.delete("namespaces", "default")


async def test_collection_is_deleted_by_selector(world: Any, widget: Any) -> None:
    """What matched is returned, held objects as they are held."""
    for name, color in (("a", "x"), ("b", "x"), ("c", "y")):
        obj = widget()
        obj["metadata"] |= {"name": name, "labels": {"color": color}}
        if name == "b":
            obj["metadata"]["finalizers"] = ["test.dev/f"]
        await world.create(obj)

    answer = await world.ask(Verb.DELETE_COLLECTION, labelSelector="color=x")

    assert [i["metadata"]["name"] for i in answer.object["items"]] == ["a", "b"]
    left = await world.ask(Verb.LIST)
    assert [i["metadata"]["name"] for i in left.object["items"]] == ["b", "c"]
