from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    BadRequestError,
    ConflictError,
    InvalidError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from wakeful.apimachinery.request import PatchType, Verb


async def test_spec_change_counts_a_generation(world: Any, widget: Any) -> None:
    """Labels do not count."""
    made = await world.create(widget(size=1))
    made["metadata"]["labels"] = {"a": "b"}
    labelled = await world.update(made)
    labelled["spec"]["size"] = 2
    grown = await world.update(labelled)

    assert labelled["metadata"]["generation"] == 1
    assert grown["metadata"]["generation"] == 2
    assert int(grown["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_writing_the_same_changes_nothing(world: Any, widget: Any) -> None:
    """Same resourceVersion, no event."""
    made = await world.create(widget(size=1))
    before = world.store.revision

    again = await world.update(made)

    assert again == made
    assert world.store.revision == before


async def test_stale_version_is_a_conflict(world: Any, widget: Any) -> None:
    """Of two who read the same state the second is told to read again."""
    made = await world.create(widget(size=1))
    await world.update(made | {"spec": {"size": 2}})

    with pytest.raises(ConflictError, match="the object has been modified"):
        await world.update(made | {"spec": {"size": 3}})


async def test_custom_kinds_need_a_version(world: Any, widget: Any, config_map: Any) -> None:
    """Built-in kinds do not."""
    made = await world.create(widget(size=1))
    del made["metadata"]["resourceVersion"]
    with pytest.raises(InvalidError, match="must be specified for an update"):
        await world.update(made)

    await world.create(config_map(a="1"))
    changed = await world.update(config_map(a="2"))
    assert changed["data"] == {"a": "2"}


async def test_other_uid_is_a_conflict(world: Any, widget: Any) -> None:
    """Whoever recreated the object is not overwritten."""
    made = await world.create(widget())
    made["metadata"]["uid"] = "other"

    with pytest.raises(ConflictError, match="Precondition failed"):
        await world.update(made)


async def test_names_must_agree(world: Any, widget: Any) -> None:
    """404 for a missing object, 400 for another name than the URL's."""
    with pytest.raises(NotFoundError):
        await world.update(widget())
    made = await world.create(widget())
    with pytest.raises(BadRequestError, match="does not match the name on the URL"):
        await world.ask(
            Verb.UPDATE, name="w", body=made | {"metadata": made["metadata"] | {"name": "v"}}
        )


async def test_server_metadata_cannot_be_changed(world: Any, widget: Any) -> None:
    """uid, creation time and generation stay."""
    made = await world.create(widget())
    changed = made | {"metadata": made["metadata"] | {"generation": 9, "creationTimestamp": None}}

    assert await world.update(changed) == made


async def test_status_and_spec_are_written_apart(world: Any, widget: Any) -> None:
    """Each door ignores what belongs to the other."""
    made = await world.create(widget(size=1))
    both = made | {"spec": {"size": 2}, "status": {"ready": True}}
    both["metadata"] = both["metadata"] | {"labels": {"a": "b"}}

    after_status = await world.update(both, sub="status")
    assert after_status["status"] == {"ready": True}
    assert after_status["spec"]["size"] == 1
    assert "labels" not in after_status["metadata"]
    assert after_status["metadata"]["generation"] == 1

    both["metadata"]["resourceVersion"] = after_status["metadata"]["resourceVersion"]
    after_spec = await world.update(both | {"status": {"ready": False}})
    assert after_spec["status"] == {"ready": True}
    assert after_spec["spec"]["size"] == 2


async def test_same_status_changes_nothing(world: Any, widget: Any) -> None:
    """Controllers may repeat themselves."""
    made = await world.create(widget())
    first = await world.update(made | {"status": {"ready": True}}, sub="status")
    before = world.store.revision

    await world.update(first, sub="status")

    assert world.store.revision == before


async def test_wrong_type_in_a_status(world: Any, widget: Any) -> None:
    """Statuses are checked too."""
    made = await world.create(widget())

    with pytest.raises(InvalidError, match=r"status\.ready"):
        await world.update(made | {"status": {"ready": "yes"}}, sub="status")


async def test_dry_run_changes_nothing(world: Any, widget: Any) -> None:
    """The answer shows what would be."""
    made = await world.create(widget(size=1))

    shown = await world.update(made | {"spec": {"size": 2}}, dryRun="All")

    assert shown["spec"]["size"] == 2
    assert await world.get("widgets", "w") == made


async def patch(world: Any, patch_type: PatchType, body: Any, **options: Any) -> dict[str, Any]:
    response = await world.ask(Verb.PATCH, name="w", body=body, patch_type=patch_type, **options)
    found: dict[str, Any] = response.object
    return found


async def test_merge_patch(world: Any, widget: Any) -> None:
    """Members are merged, null removes."""
    await world.create(widget(size=1, replicas=2))

    patched = await patch(world, PatchType.MERGE, {"spec": {"size": None, "replicas": 3}})

    assert patched["spec"] == {"replicas": 3, "color": "red"}
    assert patched["metadata"]["generation"] == 2


async def test_json_patch(world: Any, widget: Any) -> None:
    """Replacing a missing leaf adds it."""
    await world.create(widget())

    patched = await patch(
        world, PatchType.JSON, [{"op": "replace", "path": "/spec/size", "value": 5}]
    )

    assert patched["spec"]["size"] == 5


async def test_strategic_patch_is_for_builtin_kinds(
    world: Any, widget: Any, config_map: Any
) -> None:
    """Custom kinds answer 415 with what they accept."""
    await world.create(widget())
    with pytest.raises(UnsupportedMediaTypeError, match=r"merge-patch\+json"):
        await patch(world, PatchType.STRATEGIC, {})

    await world.create(config_map("w", a="1"))
    patched = await patch(world, PatchType.STRATEGIC, {"data": {"b": "2"}}, resource="configmaps")
    assert patched["data"] == {"a": "1", "b": "2"}


async def test_patch_with_a_version_is_a_lock(world: Any, widget: Any) -> None:
    """resourceVersion inside a patch must be current."""
    made = await world.create(widget())
    version = made["metadata"]["resourceVersion"]
    await patch(world, PatchType.MERGE, {"spec": {"size": 1}})

    with pytest.raises(ConflictError):
        await patch(
            world,
            PatchType.MERGE,
            {"metadata": {"resourceVersion": version}, "spec": {"size": 2}},
        )


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"metadata": {"name": "x"}}, BadRequestError),
        ({"metadata": {"uid": "x"}}, InvalidError),
        ({"metadata": None}, BadRequestError),
        ({"metadata": []}, BadRequestError),
        ({"kind": "Other"}, BadRequestError),
        ({"spec": {"size": "x"}}, InvalidError),
        ({"spec": {"size": -1}}, InvalidError),
        ([], BadRequestError),
        (None, BadRequestError),
    ],
)
async def test_bad_patches_are_refused(
    world: Any, widget: Any, body: Any, error: type[Exception]
) -> None:
    """An object stays itself, and valid."""
    made = await world.create(widget(size=1))

    with pytest.raises(error):
        await patch(world, PatchType.MERGE, body)

    assert await world.get("widgets", "w") == made


async def test_status_is_patched_through_its_own_door(world: Any, widget: Any) -> None:
    """And through no other."""
    await world.create(widget(size=1))

    body = {"status": {"ready": True}, "spec": {"size": 2}}
    through_status = await patch(world, PatchType.MERGE, body, sub="status")
    through_main = await patch(world, PatchType.MERGE, {"status": {"ready": False}})

    assert through_status["status"] == through_main["status"] == {"ready": True}
    assert through_main["spec"]["size"] == 1


async def test_patch_in_another_version(world: Any, widget: Any) -> None:
    """The patch sees the object in the version of the URL."""
    await world.create(widget(size=1))

    patched = await patch(world, PatchType.MERGE, {"spec": {"length": 9}}, version="v1alpha1")

    assert patched["spec"]["length"] == 9
    assert (await world.get("widgets", "w"))["spec"]["size"] == 9
