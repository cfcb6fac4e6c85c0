from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    APIStatusError,
    BadRequestError,
    InvalidError,
    UnsupportedMediaTypeError,
)
from wakeful.apimachinery.jsonpatch import apply_json_patch
from wakeful.apimachinery.mergepatch import apply_merge_patch
from wakeful.apimachinery.patch import apply_patch, unsupported_patch
from wakeful.apimachinery.request import PatchType
from wakeful.apimachinery.shapes import shape_of, shape_of_schema
from wakeful.apimachinery.strategic import apply_strategic_patch

DEPLOYMENT = shape_of("apps", "Deployment")


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {**spec, "template": {"spec": {"containers": list(containers)}}}}


def containers(document: dict[str, Any]) -> Any:
    return document["spec"]["template"]["spec"]["containers"]


class TestJSONPatch:
    def test_replace_of_a_missing_member_adds_it(self) -> None:
        """What ``tkn taskrun cancel`` relies on."""
        patch = [{"op": "replace", "path": "/spec/status", "value": "TaskRunCancelled"}]
        assert apply_json_patch(patch, {"spec": {}}) == {"spec": {"status": "TaskRunCancelled"}}

    def test_test_of_a_missing_member_against_null_passes(self) -> None:
        document: dict[str, Any] = {"metadata": {}}
        assert (
            apply_json_patch([{"op": "test", "path": "/metadata/a", "value": None}], document)
            == document
        )
        assert (
            apply_json_patch([{"op": "test", "path": "/x/a", "value": None}], document) == document
        )

    def test_copy_move_add_and_empty(self) -> None:
        document = {"a": [1], "b": {"c": 2}}
        patch = [
            {"op": "copy", "from": "/b", "path": "/d"},
            {"op": "move", "from": "/b/c", "path": "/e"},
            {"op": "add", "path": "/a/-", "value": 3},
        ]
        assert apply_json_patch(patch, document) == {"a": [1, 3], "b": {}, "d": {"c": 2}, "e": 2}
        assert apply_json_patch([], document) == {"a": [1], "b": {"c": 2}}

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "remove", "path": "/x"},
            {"op": "add", "path": "/x/y", "value": 1},
            {"op": "add", "path": "/list/-/x", "value": 1},
            {"op": "replace", "path": "/x/y", "value": 1},
            {"op": "add", "path": "/missing/-", "value": 1},
            {"op": "replace", "path": "/list/7", "value": 1},
            {"op": "add", "path": "/list/x", "value": 1},
            {"op": "test", "path": "/a", "value": 2},
            {"op": "add", "path": "/a/b", "value": 2},
            {"op": "replace", "path": "", "value": 2},
            {"op": "remove", "path": ""},
        ],
    )
    def test_what_does_not_apply_is_invalid(self, operation: dict[str, Any]) -> None:
        document = {"a": 1, "list": [1]}
        with pytest.raises(InvalidError):
            apply_json_patch([operation], document)
        assert document == {"a": 1, "list": [1]}

    @pytest.mark.parametrize(
        "patch",
        [
            {},
            None,
            "x",
            [1],
            [{}],
            [{"op": "add"}],
            [{"op": "fly", "path": "/a"}],
            [{"op": "add", "path": "/a"}],
            [{"op": 3, "path": "/a"}],
            [{"op": "add", "path": 3}],
            [{"op": "copy", "path": "/b"}],
        ],
    )
    def test_what_is_no_patch_is_a_bad_request(self, patch: Any) -> None:
        with pytest.raises(BadRequestError):
            apply_json_patch(patch, {"a": 1})

    @pytest.mark.parametrize("path", ["a", "/a~2", "~"])
    def test_a_bad_pointer_is_a_client_error(self, path: str) -> None:
        with pytest.raises((BadRequestError, InvalidError)):
            apply_json_patch([{"op": "add", "path": path, "value": 1}], {"a": 1})

    def test_copies_of_copies_end_before_they_fill_the_memory(self) -> None:
        """Forty of them would make a document of a terabyte."""
        patch = [{"op": "copy", "from": "/data", "path": f"/data/{n}"} for n in range(40)]
        with pytest.raises(InvalidError, match="accumulated size increase of copy is"):
            apply_json_patch(patch, {"data": {"a": "x"}})

    def test_ordinary_copies_are_fine(self) -> None:
        patch = [{"op": "copy", "from": "/data/a", "path": f"/data/{n}"} for n in range(1000)]
        assert len(apply_json_patch(patch, {"data": {"a": "x"}})["data"]) == 1001

    def test_copy_from_nowhere_says_so(self) -> None:
        for operation in ({"from": "/x"}, {"from": 7}, {}):
            with pytest.raises((BadRequestError, InvalidError)):
                apply_json_patch([{"op": "copy", "path": "/a", **operation}], {"a": 1})

    def test_too_many_operations_are_too_large(self) -> None:
        patch = [{"op": "test", "path": "/a", "value": 1}] * 10_001
        with pytest.raises(APIStatusError, match="maximum operations in a JSON patch is 10000"):
            apply_json_patch(patch, {"a": 1})


class TestMergePatch:
    def test_null_removes_objects_merge_lists_are_replaced(self) -> None:
        document = {"a": {"b": 1, "c": 2}, "l": [1, 2], "k": 1}
        patch = {"a": {"b": None, "d": {"x": None, "y": 1}}, "l": [3], "k": {"z": None}}
        before = dict(document)
        assert apply_merge_patch(patch, document) == {
            "a": {"c": 2, "d": {"y": 1}},
            "l": [3],
            "k": {},
        }
        assert document == before

    def test_only_an_object_is_a_merge_patch(self) -> None:
        with pytest.raises(BadRequestError):
            apply_merge_patch([], {})


class TestStrategicMergePatch:
    def test_containers_merge_by_name_and_set_element_order_sorts(self) -> None:
        document = deployment({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
        patch = deployment({"name": "b", "image": "2"})
        patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [
            {"name": "b"},
            {"name": "a"},
        ]
        merged = apply_strategic_patch(patch, document, DEPLOYMENT)
        assert containers(merged) == [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]

    def test_new_items_go_first_without_an_order(self) -> None:
        merged = apply_strategic_patch(
            deployment({"name": "new"}), deployment({"name": "old"}), DEPLOYMENT
        )
        assert [c["name"] for c in containers(merged)] == ["new", "old"]

    def test_items_only_the_server_has_keep_their_place(self) -> None:
        """Sidecars injected between applied containers stay between them."""
        document = deployment({"name": "a"}, {"name": "sidecar"}, {"name": "b"})
        patch = deployment({"name": "c"})
        patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [
            {"name": "a"},
            {"name": "b"},
            {"name": "c"},
        ]
        merged = apply_strategic_patch(patch, document, DEPLOYMENT)
        assert [c["name"] for c in containers(merged)] == ["a", "sidecar", "b", "c"]

    def test_delete_directive_removes_one_item(self) -> None:
        document = deployment({"name": "a"}, {"name": "b"})
        patch = deployment({"name": "a", "$patch": "delete"})
        assert containers(apply_strategic_patch(patch, document, DEPLOYMENT)) == [{"name": "b"}]

    def test_replace_directive_in_a_list(self) -> None:
        document = deployment({"name": "a"}, {"name": "b"})
        patch = deployment({"$patch": "replace"}, {"name": "c"})
        assert containers(apply_strategic_patch(patch, document, DEPLOYMENT)) == [{"name": "c"}]

    def test_replace_and_delete_directives_in_an_object(self) -> None:
        document = {"data": {"a": "1", "b": "2"}}
        shape = shape_of("", "ConfigMap")
        replace = {"data": {"$patch": "replace", "c": "3"}}
        delete = {"data": {"$patch": "delete"}}
        assert apply_strategic_patch(replace, document, shape) == {"data": {"c": "3"}}
        assert apply_strategic_patch(delete, document, shape) == {"data": {}}

    def test_retain_keys_drops_the_other_members(self) -> None:
        """How kubectl switches a Deployment to Recreate."""
        document = deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})
        patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
        merged = apply_strategic_patch(patch, document, DEPLOYMENT)
        assert merged["spec"]["strategy"] == {"type": "Recreate"}

    def test_retain_keys_must_name_what_the_patch_sets(self) -> None:
        patch = {"spec": {"strategy": {"$retainKeys": ["x"], "type": "Recreate"}}}
        with pytest.raises(BadRequestError):
            apply_strategic_patch(patch, deployment(strategy={"type": "x"}), DEPLOYMENT)

    def test_finalizers_are_a_set(self) -> None:
        shape = shape_of("", "ConfigMap")
        document = {"metadata": {"finalizers": ["a", "b"]}}
        add = {"metadata": {"finalizers": ["b", "c"]}}
        remove = {
            "metadata": {
                "$deleteFromPrimitiveList/finalizers": ["a"],
                "$setElementOrder/finalizers": ["b"],
            }
        }
        assert set(apply_strategic_patch(add, document, shape)["metadata"]["finalizers"]) == {
            "a",
            "b",
            "c",
        }
        assert apply_strategic_patch(remove, document, shape) == {"metadata": {"finalizers": ["b"]}}

    def test_null_members_and_lists_without_key(self) -> None:
        document = deployment({"name": "a", "args": ["1", "2"], "image": "i"})
        patch = deployment({"name": "a", "args": ["3"], "image": None})
        assert containers(apply_strategic_patch(patch, document, DEPLOYMENT)) == [
            {"name": "a", "args": ["3"]}
        ]

    def test_two_lists_whose_name_differs_by_kind(self) -> None:
        """imagePullSecrets merge in a Pod, and are replaced in a ServiceAccount."""
        patch, document = (
            {"imagePullSecrets": [{"name": "b"}]},
            {"imagePullSecrets": [{"name": "a"}]},
        )
        merged = apply_strategic_patch({"spec": patch}, {"spec": document}, shape_of("", "Pod"))
        assert len(merged["spec"]["imagePullSecrets"]) == 2
        merged = apply_strategic_patch(patch, document, shape_of("", "ServiceAccount"))
        assert merged == patch

    def test_directives_of_an_added_object_are_not_stored(self) -> None:
        patch = deployment({"name": "a", "env": [{"name": "x", "$patch": "delete"}]})
        patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [{"name": "a"}]
        patch["spec"]["strategy"] = {"$retainKeys": ["type"], "type": "Recreate"}
        merged = apply_strategic_patch(patch, {}, DEPLOYMENT)
        assert containers(merged) == [{"name": "a", "env": []}]
        assert merged["spec"]["strategy"] == {"type": "Recreate"}
        assert "$setElementOrder/containers" not in merged["spec"]["template"]["spec"]

    @pytest.mark.parametrize(
        "spec",
        [
            {"containers": [{"image": "no name"}]},
            {"containers": ["text"]},
            {"containers": [{"$patch": "dance", "name": "a"}]},
            {"$patch": "dance"},
            {"$setElementOrder/containers": "x"},
            {"$setElementOrder/containers": [{"x": 1}]},
            {"$deleteFromPrimitiveList/containers": "x"},
        ],
    )
    def test_senseless_patches_are_bad_requests(self, spec: dict[str, Any]) -> None:
        document = deployment({"name": "a"})
        with pytest.raises(BadRequestError):
            apply_strategic_patch({"spec": {"template": {"spec": spec}}}, document, DEPLOYMENT)
        assert document == deployment({"name": "a"})


def test_patch_types_share_one_door() -> None:
    assert apply_patch(PatchType.MERGE, {"a": 1}, {}) == {"a": 1}
    assert apply_patch(PatchType.JSON, [], {"a": 1}) == {"a": 1}
    assert apply_patch(PatchType.STRATEGIC, {"a": 1}, {}) == {"a": 1}
    with pytest.raises(UnsupportedMediaTypeError):
        apply_patch(PatchType.APPLY, {}, {})
    assert "strategic" not in unsupported_patch("x", custom=True).message


def test_shape_of_a_users_schema() -> None:
    schema = {
        "properties": {
            "spec": {
                "properties": {
                    "ports": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"properties": {"protocol": {"default": "TCP"}}},
                    },
                    "plain": {"type": "array"},
                    "sel": {"type": "object", "x-kubernetes-map-type": "atomic"},
                }
            }
        }
    }
    shape = shape_of_schema(schema)
    assert shape is not None
    spec = shape.fields["spec"]
    assert spec.fields["ports"].keys == ("port", "protocol")
    assert spec.fields["ports"].key_defaults == {"protocol": "TCP"}
    assert spec.fields["sel"].atomic
    assert "plain" not in spec.fields
