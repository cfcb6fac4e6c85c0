"""Whatever comes, the answer is a result or an error of the API; and arguments are left alone."""

from __future__ import annotations

import contextlib
import copy
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wakeful.apimachinery.decodeerrors import validation_error
from wakeful.apimachinery.decoding import decode_json, decode_yaml
from wakeful.apimachinery.errors import APIStatusError, BadRequestError
from wakeful.apimachinery.jsonpatch import apply_json_patch
from wakeful.apimachinery.jsonpath import JSONPathError, compile_path
from wakeful.apimachinery.managedfields import apply, same_but_times, track_update
from wakeful.apimachinery.mergepatch import apply_merge_patch
from wakeful.apimachinery.pruning import prune, unknown_fields
from wakeful.apimachinery.scheme import Column
from wakeful.apimachinery.shapes import shape_of
from wakeful.apimachinery.strategic import apply_strategic_patch
from wakeful.apimachinery.tables import render_row
from wakeful.apis.core import Pod

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POD = shape_of("", "Pod")
NAMES = st.sampled_from(
    [
        "spec",
        "metadata",
        "status",
        "containers",
        "name",
        "image",
        "env",
        "ports",
        "containerPort",
        "protocol",
        "finalizers",
        "labels",
        "volumes",
        "conditions",
        "type",
        "managedFields",
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$setElementOrder/finalizers",
        "$deleteFromPrimitiveList/finalizers",
        "a",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-2, 2)
    | st.sampled_from(["", "a", "delete", "replace", "x", "0", "2026-01-01T00:00:00Z"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES, JSON, max_size=5)
SETTINGS = settings(max_examples=60, deadline=None)


@SETTINGS
@given(patch=JSON, document=OBJECTS)
def test_patches(patch: Any, document: dict[str, Any]) -> None:
    before = copy.deepcopy((patch, document))
    for run in (
        lambda: apply_merge_patch(patch, document),
        lambda: apply_strategic_patch(patch, document, POD),
        lambda: apply_json_patch(patch, document),
    ):
        with contextlib.suppress(APIStatusError):
            assert isinstance(run(), dict)
    assert (patch, document) == before


OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
        "path": st.sampled_from(
            ["", "/", "/a", "/a/0", "/a/-", "/spec/name", "/a/b/c", "a", "/~2"]
        ),
    },
    optional={"value": JSON, "from": st.sampled_from(["", "/a", "/spec", "/x", "b", 3])},
)


@SETTINGS
@given(patch=st.lists(OPERATIONS, max_size=4), document=OBJECTS)
def test_json_patches(patch: Any, document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    with contextlib.suppress(APIStatusError):
        assert isinstance(apply_json_patch(patch, document), dict)
    assert document == before


@SETTINGS
@given(old=OBJECTS, new=OBJECTS)
def test_ownership(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Every sequence of writes leaves entries that can be stored and read."""
    old["metadata"], new["metadata"] = {"name": "x"}, {"name": "x"}
    before = copy.deepcopy((old, new))
    options: dict[str, Any] = {"now": NOW, "shape": POD}
    first = track_update(None, old, manager="one", api_version="v1", **options)
    second = track_update(first, new, manager="two", api_version="v1", **options)
    again = track_update(second, new, manager="three", api_version="v1", **options)
    assert same_but_times(second, again)
    config = {"apiVersion": "v1", "kind": "Pod", **new}
    applied = apply(first, config, manager="four", force=True, **options)
    assert same_but_times(apply(applied, config, manager="four", **options), applied)
    with contextlib.suppress(APIStatusError):
        apply(second, {"apiVersion": "v1", "kind": "Pod", **old}, manager="five", **options)
    orjson.dumps([first, second, again, applied])
    assert (old, new) == before


@SETTINGS
@given(data=OBJECTS)
def test_reading(data: dict[str, Any]) -> None:
    pruned, _ = prune(Pod, data)
    assert unknown_fields(Pod, pruned) == []
    refused = None
    try:
        Pod.from_wire(pruned)
    except ValidationError as err:
        refused = err
    for custom in (True, False):
        if refused is not None:
            assert validation_error(Pod.gvk, Pod, pruned, refused, custom=custom).to_status()


@SETTINGS
@given(text=st.text("$@.[]{}()*?:,'\"=<>\\ab1- ", max_size=14), data=OBJECTS)
def test_paths(text: str, data: dict[str, Any]) -> None:
    with contextlib.suppress(JSONPathError):
        compile_path(text).find(data)
    column = Column("C", text)
    orjson.dumps(render_row([column], {"metadata": {"name": "x"}, "spec": data}, NOW))


@SETTINGS
@given(body=st.binary(max_size=40) | st.text("{}[]:,-&*!?|>\"'a1 \n#%@`", max_size=30))
def test_bodies(body: bytes | str) -> None:
    raw = body if isinstance(body, bytes) else body.encode()
    for decode in (decode_json, decode_yaml):
        with contextlib.suppress(BadRequestError):
            orjson.dumps(decode(raw).data)
