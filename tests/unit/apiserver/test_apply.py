from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
)
from wakeful.apimachinery.request import APIRequest, PatchType, Verb


async def apply(world: Any, config: Any, manager: str = "me", **options: Any) -> Any:
    plural = config["kind"].lower() + "s" if isinstance(config, dict) else "widgets"
    name = config["metadata"]["name"] if isinstance(config, dict) else "w"
    if manager:
        options["fieldManager"] = manager
    return await world.ask(Verb.PATCH, plural, name, config, patch_type=PatchType.APPLY, **options)


async def test_missing_object_is_created(world: Any, widget: Any) -> None:
    """201, one entry with operation Apply; defaults belong to nobody."""
    response = await apply(world, widget(size=1))

    (entry,) = response.object["metadata"]["managedFields"]
    assert response.code == 201
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")
    assert entry["fieldsV1"] == {"f:spec": {"f:size": {}}}
    assert response.object["spec"] == {"size": 1, "color": "red"}


async def test_same_again_changes_nothing(world: Any, widget: Any) -> None:
    """Same resourceVersion, no event."""
    await apply(world, widget(size=1))
    before = world.store.revision
    await world.tick()

    response = await apply(world, widget(size=1))

    assert response.code == 200
    assert world.store.revision == before


async def test_other_managers_field_is_a_conflict(world: Any, widget: Any) -> None:
    """409 names manager and field; force takes it."""
    await apply(world, widget(size=1))
    with pytest.raises(ConflictError, match="Apply failed with 1 conflict") as caught:
        await apply(world, widget(size=2), "you")
    assert caught.value.details["causes"][0]["field"] == ".spec.size"

    taken = await apply(world, widget(size=2), "you", force="true")

    owners = {m["manager"] for m in taken.object["metadata"]["managedFields"]}
    assert taken.object["spec"]["size"] == 2
    assert taken.object["metadata"]["generation"] == 2
    assert owners == {"you"}


async def test_field_left_out_is_removed(world: Any, widget: Any) -> None:
    """What this manager alone owned goes."""
    await apply(world, widget(size=1, replicas=3))

    response = await apply(world, widget(size=1))

    assert "replicas" not in response.object["spec"]


async def test_update_takes_ownership(world: Any, widget: Any) -> None:
    """A PUT by somebody else makes the next apply a conflict."""
    made = (await apply(world, widget(size=1))).object
    await world.update({**made, "spec": {**made["spec"], "size": 5}}, fieldManager="editor")

    with pytest.raises(ConflictError, match="editor"):
        await apply(world, widget(size=1))


async def test_controllers_in_process_leave_no_entries(world: Any, widget: Any) -> None:
    """Unless the object has owners already."""

    def request(verb: Verb, name: str, body: Any) -> APIRequest:
        return APIRequest(verb, "test.dev", "v1", "widgets", "default", name, body=body)

    made = await world.transport.call(request(Verb.CREATE, "", widget(size=1)))
    assert "managedFields" not in made["metadata"]

    await apply(world, widget(size=1) | {"metadata": {"name": "v"}})
    found = await world.get("widgets", "v")
    found["spec"]["size"] = 2
    changed = await world.transport.call(request(Verb.UPDATE, "v", found))
    owners = [m["manager"] for m in changed["metadata"]["managedFields"]]
    assert "wakeful" in owners


async def test_status_is_applied_through_its_own_door(world: Any, widget: Any) -> None:
    """With an entry for the subresource; a missing object is not created there."""
    status = widget() | {"status": {"ready": True}}
    with pytest.raises(NotFoundError):
        await apply(world, status, sub="status")
    await apply(world, widget(size=1))

    response = await apply(world, status, sub="status")

    assert response.object["status"] == {"ready": True}
    assert response.object["spec"]["size"] == 1
    entries = response.object["metadata"]["managedFields"]
    assert {e.get("subresource") for e in entries} == {None, "status"}


async def test_another_version_is_applied(world: Any) -> None:
    """Ownership is kept in the stored version."""
    config = {
        "apiVersion": "test.dev/v1alpha1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"length": 4},
    }
    await apply(world, config, version="v1alpha1")

    assert (await world.get("widgets", "w"))["spec"]["size"] == 4


async def test_rules_hold_for_applied_objects(world: Any, widget: Any) -> None:
    """As for every write."""
    with pytest.raises(InvalidError, match="must be positive"):
        await apply(world, widget(size=-1))
    with pytest.raises(InvalidError, match=r"spec\.size"):
        await apply(world, widget(size="x"))
    with pytest.raises(BadRequestError, match="unknown field"):
        await apply(world, widget(sise=1), fieldValidation="Strict")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"apiVersion": None}, BadRequestError),
        ({"kind": 7}, BadRequestError),
        ({"apiVersion": "test.dev/v7"}, BadRequestError),
        ({"metadata": {"name": "w", "managedFields": [{}]}}, BadRequestError),
        ({"metadata": {"name": "w", "namespace": "x"}}, BadRequestError),
        ({"metadata": {"name": "w", "uid": "x"}}, NotFoundError),
        ({"metadata": {"name": "w", "labels": "x"}}, InvalidError),
        ({"spec": "x"}, InvalidError),
    ],
)
async def test_bad_configurations_are_refused(
    world: Any, widget: Any, change: Any, error: type[Exception]
) -> None:
    """4xx, whatever it is."""
    with pytest.raises(error):
        await world.ask(
            Verb.PATCH,
            name="w",
            body=widget() | change,
            patch_type=PatchType.APPLY,
            fieldManager="me",
        )


async def test_manager_is_required(world: Any, widget: Any) -> None:
    """422."""
    with pytest.raises(InvalidError, match="fieldManager"):
        await apply(world, widget(), "")


async def test_version_in_the_configuration_is_a_lock(world: Any, widget: Any) -> None:
    """Stale ones conflict."""
    made = (await apply(world, widget(size=1))).object
    await apply(world, widget(size=2))
    stale = widget(size=3)
    stale["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]

    with pytest.raises(ConflictError):
        await apply(world, stale)
