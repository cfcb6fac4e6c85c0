from __future__ import annotations

import re
from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    BadRequestError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from wakeful.apimachinery.request import Verb
from wakeful.apis.core import RESOURCES
from wakeful.apiserver.registry.metadata import name_faults


async def test_created_object_gets_its_metadata(world: Any, widget: Any) -> None:
    """uid, time, version and generation are the server's; defaults are filled in."""
    made = await world.create(widget(size=1))

    meta = made["metadata"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-.*", meta["uid"])
    assert meta["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert meta["resourceVersion"] == str(world.store.revision)
    assert meta["generation"] == 1
    assert made["spec"] == {"size": 1, "color": "red"}
    assert await world.get("widgets", "w") == made


async def test_kinds_without_a_spec_have_no_generation(world: Any, config_map: Any) -> None:
    """As upstream's ConfigMap."""
    made = await world.create(config_map(a="b"))

    assert "generation" not in made["metadata"]
    assert made["metadata"]["namespace"] == "default"


def test_names_of_events_may_be_any_segment_of_a_path() -> None:
    """Programs call theirs what they like, in capitals too."""
    events = next(resource for resource in RESOURCES if resource.plural == "events")
    assert name_faults(events, "pod.Received.1") == []
    assert name_faults(events, "a/b") == ["may not contain '/'"]


async def test_server_side_metadata_and_status_are_ignored(world: Any, widget: Any) -> None:
    """What clients may not say is dropped without a word."""
    obj = widget() | {"status": {"ready": True}}
    obj["metadata"] |= {
        "generation": 7,
        "selfLink": "/x",
        "creationTimestamp": None,
        "deletionTimestamp": "2020-01-01T00:00:00Z",
    }

    made = await world.create(obj)

    assert made["metadata"]["generation"] == 1
    assert "deletionTimestamp" not in made["metadata"]
    assert "status" not in made


async def test_generated_name(world: Any, widget: Any) -> None:
    """generateName gets five characters and stays in the object."""
    obj = widget()
    obj["metadata"] = {"generateName": "w-"}

    made = await world.create(obj)

    assert re.fullmatch(r"w-[bcdfghjklmnpqrstvwxz2-9]{5}", made["metadata"]["name"])
    assert made["metadata"]["generateName"] == "w-"


async def test_second_creation_is_refused(world: Any, widget: Any) -> None:
    """409 AlreadyExists names the object by its plural."""
    await world.create(widget())

    with pytest.raises(AlreadyExistsError) as caught:
        await world.create(widget())

    assert caught.value.message == 'widgets.test.dev "w" already exists'
    assert caught.value.details == {"name": "w", "group": "test.dev", "kind": "widgets"}


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"name": None}, InvalidError, "name or generateName is required"),
        ({"name": "No_good"}, InvalidError, "RFC 1123 subdomain"),
        ({"namespace": "other"}, BadRequestError, "does not match the namespace"),
        ({"resourceVersion": "1"}, BadRequestError, "resourceVersion should not be set"),
        ({"labels": {"a b": "c"}}, InvalidError, "metadata.labels: Invalid value"),
        ({"labels": {"a": "x" * 64}}, InvalidError, "must be no more than 63"),
        ({"labels": {"a": 1}}, InvalidError, "metadata.labels.a"),
        ({"labels": []}, InvalidError, "metadata.labels"),
        ({"annotations": {"a": "x" * 300_000}}, InvalidError, "must have at most 262144 bytes"),
        ({"finalizers": ["not/a/name"]}, InvalidError, "metadata.finalizers"),
        ({"ownerReferences": [{"name": "x"}]}, InvalidError, "ownerReferences[0].uid"),
    ],
)
async def test_bad_metadata_is_refused(
    world: Any, widget: Any, change: dict[str, Any], error: type[Exception], text: str
) -> None:
    """Each fault is answered with its path."""
    obj = widget()
    obj["metadata"] |= change

    with pytest.raises(error, match=re.escape(text)):
        await world.create(obj)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ({"kind": "Widget", "metadata": {}}, "'apiVersion' is missing"),
        ({"apiVersion": "test.dev/v1", "metadata": {}}, "'Kind' is missing"),
        ({"apiVersion": "test.dev/v2", "kind": "Widget"}, "does not match the expected API"),
        ({"apiVersion": "test.dev/v1", "kind": "Gadget"}, "does not match the expected kind"),
        ({"apiVersion": 1, "kind": []}, "must be strings"),
        ({"apiVersion": "test.dev/v1", "kind": "Widget", "metadata": "x"}, "must be an object"),
    ],
)
async def test_bad_bodies_are_refused(world: Any, body: Any, text: str) -> None:
    """400 says what is wrong with the body."""
    with pytest.raises(BadRequestError, match=text):
        await world.ask(Verb.CREATE, body=body)


async def test_wrong_type_of_a_custom_kind(world: Any, widget: Any) -> None:
    """422 with a cause that names the field."""
    with pytest.raises(InvalidError) as caught:
        await world.create(widget(size="big"))

    (cause,) = caught.value.details["causes"]
    assert cause["reason"] == "FieldValueTypeInvalid"
    assert cause["field"] == "spec.size"


async def test_wrong_type_of_a_builtin_kind(world: Any, config_map: Any) -> None:
    """400 as Go's decoder words it."""
    with pytest.raises(BadRequestError, match="cannot be handled as a ConfigMap"):
        await world.create(config_map(a=1))


async def test_rules_of_the_kind(world: Any, widget: Any) -> None:
    """A broken rule is a 422 with a cause; nothing is stored."""
    with pytest.raises(InvalidError) as caught:
        await world.create(widget(size=-1))

    assert caught.value.message == (
        'Widget.test.dev "w" is invalid: spec.size: Invalid value: -1: must be positive'
    )
    with pytest.raises(NotFoundError):
        await world.get("widgets", "w")


async def test_rules_of_a_kind_with_a_webhook(world: Any) -> None:
    """The same fault, worded as a webhook's denial."""
    gadget = {"apiVersion": "gadgets.dev/v1", "kind": "Gadget", "metadata": {"name": "g"}}

    with pytest.raises(BadRequestError) as caught:
        await world.create(gadget)

    assert caught.value.message == (
        'admission webhook "validation.gadgets" denied the request: validation failed:'
        " missing field(s): spec.size"
    )


async def test_unknown_fields(world: Any, widget: Any) -> None:
    """Strict refuses, Warn warns, Ignore is silent; they are pruned in any case."""
    obj = widget(size=1, sise=2, parts=[{"nam": "x"}])
    expected = ['unknown field "spec.sise"', 'unknown field "spec.parts[0].nam"']

    with pytest.raises(BadRequestError, match="strict decoding error: unknown field") as caught:
        await world.create(obj, fieldValidation="Strict")
    assert all(text in caught.value.message for text in expected)

    warned = await world.ask(Verb.CREATE, body=obj)
    assert list(warned.warnings) == expected
    assert warned.object["spec"] == {"size": 1, "color": "red", "parts": [{}]}

    obj["metadata"]["name"] = "other"
    silent = await world.ask(Verb.CREATE, body=obj, fieldValidation="Ignore")
    assert list(silent.warnings) == []


async def test_fields_given_twice(world: Any, widget: Any) -> None:
    """Duplicates are treated like unknown fields."""
    with pytest.raises(BadRequestError, match="duplicate field"):
        await world.create(widget(size=1), duplicates=["spec.size"], fieldValidation="Strict")


async def test_warnings_of_validation_are_passed_on(world: Any, widget: Any) -> None:
    """They travel beside the object."""
    response = await world.ask(Verb.CREATE, body=widget(color="beige"))

    assert list(response.warnings) == ["beige is out of fashion"]


async def test_dry_run_stores_nothing(world: Any, widget: Any) -> None:
    """Everything happens but the write; no resourceVersion is handed out."""
    before = world.store.revision

    made = await world.create(widget(), dryRun="All")

    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert world.store.revision == before


@pytest.mark.parametrize(
    "params",
    [{"dryRun": "Some"}, {"fieldValidation": "Maybe"}, {"fieldManager": "x" * 129}],
)
async def test_bad_options_are_refused(world: Any, widget: Any, params: dict[str, str]) -> None:
    """422 names the parameter."""
    with pytest.raises(InvalidError, match=next(iter(params))):
        await world.create(widget(), **params)


async def test_namespace_must_exist_and_live(world: Any, widget: Any) -> None:
    """404 without one, 403 with a cause while it is being deleted."""
    obj = widget()
    obj["metadata"]["namespace"] = "gone"
    with pytest.raises(NotFoundError, match='namespaces "gone" not found'):
        await world.create(obj, namespace="gone")

    await world.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
    await world.delete("namespaces", "gone")
    with pytest.raises(ForbiddenError, match="because it is being terminated") as caught:
        await world.create(obj, namespace="gone")
    assert caught.value.details["causes"][0]["reason"] == "NamespaceTerminating"


async def test_other_version_is_converted(world: Any) -> None:
    """Stored in one version, read in each; using an old one warns."""
    obj = {
        "apiVersion": "test.dev/v1alpha1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"length": 3},
    }

    response = await world.ask(Verb.CREATE, body=obj, version="v1alpha1")

    assert response.object["apiVersion"] == "test.dev/v1alpha1"
    assert response.object["spec"] == {"length": 3, "color": "red"}
    assert list(response.warnings) == ["v1alpha1 is old"]
    assert (await world.get("widgets", "w"))["spec"] == {"size": 3, "color": "red"}


async def test_conversion_of_nonsense_is_refused(world: Any) -> None:
    """A shape the conversion cannot read is the client's fault."""
    obj = {
        "apiVersion": "test.dev/v1alpha1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": ["x"],
    }
    with pytest.raises(BadRequestError, match="converting"):
        await world.ask(Verb.CREATE, body=obj, version="v1alpha1")


async def test_unknown_resources_are_not_found(world: Any) -> None:
    """Whatever the verb."""
    for options in ({"resource": "nothings"}, {"version": "v9"}, {"sub": "nothing", "name": "w"}):
        with pytest.raises(NotFoundError):
            await world.ask(Verb.GET, **({"name": "x"} | options))
