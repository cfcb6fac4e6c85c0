from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import BeforeValidator, Field, WithJsonSchema

from wakeful.apimachinery.conditions import ConditionedStatus
from wakeful.apimachinery.crd import make_crd
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Time
from wakeful.apimachinery.modelschema import structural_schema
from wakeful.apimachinery.openapi import (
    Described,
    Document,
    OpenAPI,
    component_prefix,
    index,
)
from wakeful.apimachinery.scheme import AGE, Column, Resource, ScalePaths, ServedVersion
from wakeful.apimachinery.shapes import Shape
from wakeful.apimachinery.structural import StructuralSchema

Amount = Annotated[str, BeforeValidator(str, json_schema_input_type=str | float)]
IntOrString = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True})]


class Part(APIModel):
    """One ``part`` of a widget."""

    name: str = ""
    port: IntOrString | None = None
    parts: list["Part"] = Field(default_factory=list)


class GadgetSpec(APIModel):
    """What is wanted."""

    size: int = Field(default=1, ge=0, le=9)
    """How big."""
    amount: Amount = ""
    amounts: dict[str, Amount] = Field(default_factory=dict)
    mode: Literal["fast", "slow"] | None = None
    when: Time | None = None
    parts: list[Part] = Field(default_factory=list)
    free: dict[str, Any] = Field(default_factory=dict)
    anything: Any = None
    host_ip: str = Field(default="", alias="hostIP")
    ratio: float = 0.0


class GadgetStatus(ConditionedStatus):
    """What is."""


class Gadget(KResource[GadgetSpec, GadgetStatus]):
    """A thing."""

    gvk: ClassVar = GroupVersionKind("example.dev", "v1", "Gadget")
    spec: GadgetSpec = Field(default_factory=GadgetSpec)
    status: GadgetStatus = Field(default_factory=GadgetStatus)


def test_structural_schema_writes_everything_out() -> None:
    schema = structural_schema(Gadget)
    assert schema["description"] == "A thing."
    assert schema["properties"]["metadata"] == {"type": "object"}
    spec = schema["properties"]["spec"]["properties"]
    assert spec["size"] == {
        "description": "How big.",
        "type": "integer",
        "minimum": 0,
        "maximum": 9,
    }
    assert spec["amount"]["x-kubernetes-int-or-string"]
    assert spec["amounts"]["additionalProperties"]["x-kubernetes-int-or-string"]
    assert spec["mode"] == {"type": "string", "enum": ["fast", "slow"]}
    assert spec["when"] == {"type": "string", "format": "date-time"}
    assert spec["free"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert spec["anything"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert spec["hostIP"] == {"type": "string"}
    assert spec["ratio"] == {"type": "number"}
    part = spec["parts"]["items"]
    assert part["description"] == "One part of a widget."
    assert part["properties"]["port"]["x-kubernetes-int-or-string"]
    assert part["properties"]["parts"]["items"] == {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert b"$ref" not in orjson.dumps(schema)


def test_the_schema_accepts_what_the_model_writes() -> None:
    gadget = Gadget.from_wire(
        {
            "apiVersion": "example.dev/v1",
            "kind": "Gadget",
            "spec": {"size": 3, "amount": 5, "parts": [{"name": "a", "port": "http"}]},
        }
    )
    schema = StructuralSchema(structural_schema(Gadget))
    wire = gadget.to_wire()
    assert schema.prune(wire) == (wire, [])
    assert schema.validate(wire) == []


def test_a_definition_of_a_resource() -> None:
    resource = Resource(
        Gadget,
        "gadgets",
        short_names=("gd",),
        categories=("all",),
        has_status=True,
        scale=ScalePaths(label_selector=".status.selector"),
        columns=(Column("Size", ".spec.size", type="integer", wide=True), Column("F", str), AGE),
        served_versions=(ServedVersion("v1beta1", deprecation="old"),),
        labels={"duck": "true"},
    )
    crd = make_crd(resource)
    assert crd["metadata"] == {"name": "gadgets.example.dev", "labels": {"duck": "true"}}
    assert crd["spec"]["names"] == {
        "plural": "gadgets",
        "singular": "gadget",
        "kind": "Gadget",
        "listKind": "GadgetList",
        "shortNames": ["gd"],
        "categories": ["all"],
    }
    hub, old = crd["spec"]["versions"]
    assert (hub["storage"], old["storage"]) == (True, False)
    assert hub["subresources"]["status"] == {}
    assert hub["subresources"]["scale"]["labelSelectorPath"] == ".status.selector"
    assert [c["name"] for c in hub["additionalPrinterColumns"]] == ["Size", "Age"]
    assert hub["additionalPrinterColumns"][0]["priority"] == 1
    assert old["deprecationWarning"] == "old"


def describe(**options: Any) -> dict[str, Any]:
    kind = Described(Gadget.gvk, "gadgets", model=Gadget, subresources=("status",), **options)
    return OpenAPI([Gadget]).document("example.dev", "v1", [kind])


def test_every_kind_has_a_patch_that_knows_field_validation() -> None:
    """Without it kubectl refuses to write before it asks."""
    document = describe()
    path = "/apis/example.dev/v1/namespaces/{namespace}/gadgets/{name}"
    patch = document["paths"][path]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "example.dev",
        "version": "v1",
        "kind": "Gadget",
    }
    names = {p["name"] for p in patch["parameters"]}
    assert names == {"dryRun", "fieldManager", "fieldValidation", "force"}
    assert set(document["paths"][path]) == {"get", "put", "patch", "delete", "parameters"}
    assert f"{path}/status" in document["paths"]
    assert "/apis/example.dev/v1/gadgets" in document["paths"]


def test_components_are_named_and_refer_to_each_other() -> None:
    schemas = describe()["components"]["schemas"]
    gadget = schemas["dev.example.v1.Gadget"]
    assert gadget["x-kubernetes-group-version-kind"] == [
        {"group": "example.dev", "version": "v1", "kind": "Gadget"}
    ]
    metadata = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert gadget["properties"]["metadata"]["allOf"] == [{"$ref": metadata}]
    part = schemas["dev.example.v1.Part"]
    assert part["properties"]["parts"]["items"]["allOf"] == [
        {"$ref": "#/components/schemas/dev.example.v1.Part"}
    ]
    refs = set(orjson.dumps(schemas).decode().split('"$ref":"#/components/schemas/')[1:])
    assert {ref.partition('"')[0] for ref in refs} <= set(schemas)


def test_merging_is_described() -> None:
    shape = Shape(
        fields={
            "spec": Shape(
                fields={"parts": Shape(list_type="map", keys=("name",), merge_key="name")}
            )
        }
    )
    schemas = describe(shape=shape)["components"]["schemas"]
    parts = schemas["dev.example.v1.GadgetSpec"]["properties"]["parts"]
    assert parts["x-kubernetes-patch-merge-key"] == "name"
    assert parts["x-kubernetes-patch-strategy"] == "merge"
    assert parts["x-kubernetes-list-map-keys"] == ["name"]


def test_users_schemas_are_taken_over() -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    gvk = GroupVersionKind("mine.example", "v2", "Toy")
    kind = Described(gvk, "toys", namespaced=False, schema=schema)
    document = OpenAPI([Gadget]).document("mine.example", "v2", [kind])
    toy = document["components"]["schemas"]["example.mine.v2.Toy"]
    assert set(toy["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(document["paths"]) == {
        "/apis/mine.example/v2/toys",
        "/apis/mine.example/v2/toys/{name}",
    }


def test_prefixes() -> None:
    assert component_prefix("", "v1") == "io.k8s.api.core.v1"
    assert component_prefix("apps", "v1") == "io.k8s.api.apps.v1"
    assert component_prefix("rbac.authorization.k8s.io", "v1") == "io.k8s.api.rbac.v1"
    assert component_prefix("serving.knative.dev", "v1") == "dev.knative.serving.v1"


def test_the_index_names_documents_by_content() -> None:
    one = Document.encode("example.dev", "v1", {"a": 1})
    two = Document.encode("", "v1", {"a": 2})
    assert one.hash != two.hash
    assert index([one, two])["paths"] == {
        "apis/example.dev/v1": {
            "serverRelativeURL": f"/openapi/v3/apis/example.dev/v1?hash={one.hash}"
        },
        "api/v1": {"serverRelativeURL": f"/openapi/v3/api/v1?hash={two.hash}"},
    }
