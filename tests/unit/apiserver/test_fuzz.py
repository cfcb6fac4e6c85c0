"""Whatever is sent, the answer is a success or a 4xx; never an exception nobody meant.

Each test tries a hundred or so cases; ``make fuzz`` tries ten thousand.
"""

from __future__ import annotations

import asyncio
import os
import types
import typing
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin

import orjson
import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from wakeful.apimachinery.decoding import decode_json, decode_yaml
from wakeful.apimachinery.errors import APIStatusError, BadRequestError
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, PatchType, UserInfo, Verb
from wakeful.apimachinery.scheme import Resource
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.apiserver.http.negotiation import Accepted, Form
from wakeful.apiserver.http.openapi import OpenAPIDocuments
from wakeful.apiserver.http.rendering import Renderer
from wakeful.apiserver.registry.served import Served, versions_of
from wakeful.storage import MemoryStore

CASES = int(os.environ.get("WAKEFUL_FUZZ_CASES", "120"))
ADMIN = UserInfo("admin", (SYSTEM_MASTERS,))
SCHEME = make_scheme()
SERVED = [served for resource in SCHEME for served in versions_of(resource)]

fuzzed = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

odd_text = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", ".", "..", "/", "a/b", "x" * 300, "-1", "1e9999", "100Mi", "%", "\x00", "é", "None",
         "2026-01-01T00:00:00Z", "{{.Name}}", "$(X)", "[0]", "@sha256:", "http://[::1", ":",
         "a:b:c", "1h", "-5s", "*", "💥", "a" * 63 + ".b", "0x10", "١"]
    ),
)  # fmt: skip
odd_number = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -1, 1, 2**31, 2**31 - 1, 2**63, 2**64, -(2**63), 65536, 1001]),
    st.floats(allow_nan=False, allow_infinity=False),
)
odd = st.recursive(
    st.one_of(st.none(), st.booleans(), odd_number, odd_text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(odd_text, inner, max_size=3)
    ),
    max_leaves=6,
)


def example_of(annotation: Any, depth: int = 0, name: str = "") -> Any:
    """A value that fits a type, with every field of every model filled in."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return "1" if args[0] is str else example_of(args[0], depth, name)
    if origin in (Union, types.UnionType):
        return example_of(next(a for a in args if a is not type(None)), depth, name)
    if origin is typing.Literal:
        return args[0]
    if origin in (list, set, tuple):
        return [example_of(args[0], depth + 1, name)] if depth < 9 else []
    if origin is dict:
        return {"k": example_of(args[1], depth + 1, name)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if depth > 9:
            return {}
        return {
            field.alias or key: example_of(field.annotation, depth + 1, key)
            for key, field in annotation.model_fields.items()
            if key not in ("managed_fields", "owner_references", "status")
        }
    if annotation is bool:
        return True
    if annotation in (int, float):
        return 1
    if annotation is datetime:
        return "2026-01-01T00:00:00Z"
    return "x" if annotation is str else "1"


def whole_object(served: Served) -> dict[str, Any]:
    """An object of the kind with all its fields."""
    body: dict[str, Any] = example_of(served.resource.model)
    namespace = "default" if served.resource.namespaced else ""
    body |= {
        "apiVersion": served.gvk.api_version,
        "kind": served.gvk.kind,
        "metadata": {"name": "x", "namespace": namespace, "labels": {"a": "b"}},
    }
    return body


WHOLE = {served.gvk: whole_object(served) for served in SERVED}


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, member in value.items():
            found += paths_of(member, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths_of(item, (*path, index))
    return found


PATHS = {gvk: paths_of(body) for gvk, body in WHOLE.items()}


def change(body: Any, path: tuple[Any, ...], edit: Callable[[Any, Any], None]) -> None:
    for step in path[:-1]:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(body, dict | list):
        try:
            edit(body, path[-1])
        except (KeyError, IndexError, TypeError):
            return


field_names = st.one_of(
    st.sampled_from(
        [".", "f:spec", "f:metadata", "f:data", "f:a", "v:1", "i:0", "i:x", 'k:{"name":"c"}', "k:{"]
    ),
    odd_text,
)
fields = st.recursive(
    st.one_of(st.just({}), odd),
    lambda inner: st.dictionaries(field_names, inner, max_size=3),
    max_leaves=6,
)
odd_bookkeeping = st.fixed_dictionaries(
    {},
    optional={
        "managedFields": st.one_of(
            odd,
            st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "manager": st.one_of(st.just("fuzz"), odd),
                        "operation": st.one_of(st.sampled_from(["Apply", "Update"]), odd),
                        "apiVersion": st.one_of(st.sampled_from(["v1", "apps/v1", "a/b/c"]), odd),
                        "time": st.one_of(st.just("2026-01-01T00:00:00Z"), odd),
                        "fieldsType": st.one_of(st.just("FieldsV1"), odd),
                        "fieldsV1": fields,
                        "subresource": odd,
                    },
                ),
                max_size=3,
            ),
        ),
        "ownerReferences": st.one_of(
            odd,
            st.lists(
                st.fixed_dictionaries(
                    {}, optional={"apiVersion": odd_text, "kind": odd_text, "uid": odd, "name": odd}
                ),
                max_size=2,
            ),
        ),
    },
)
"""What the server itself keeps in the metadata of objects, and clients send back."""


@st.composite
def broken_objects(draw: Any) -> tuple[Served, dict[str, Any]]:
    """An object of some kind in some version, with a few things wrong."""
    served = draw(st.sampled_from(SERVED))
    body = deepcopy(WHOLE[served.gvk])
    paths = PATHS[served.gvk]
    if draw(st.booleans()):  # few fields, so that rules are reached
        keep = draw(st.lists(st.sampled_from(paths), max_size=8))
        body = {k: body[k] for k in ("apiVersion", "kind", "metadata")}
        for path in keep:
            body.setdefault(path[0], deepcopy(WHOLE[served.gvk][path[0]]))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(paths))
        match draw(st.integers(0, 3)):
            case 0:
                value = draw(odd)
                change(body, path, lambda c, k, v=value: c.__setitem__(k, v))
            case 1:
                change(body, path, lambda c, k: c.__delitem__(k))
            case 2:
                key, value = draw(odd_text), draw(odd)
                change(body, (*path, key), lambda c, k, v=value: c.__setitem__(k, v))
            case 3:
                text = draw(odd_text)
                change(body, path, lambda c, k, v=text: c.__setitem__(k, v))
    if draw(st.booleans()) and isinstance(body.get("metadata"), dict):
        body["metadata"] |= draw(odd_bookkeeping)
    return served, body


class Server:
    """One server for many cases; a case leaves nothing that the next one minds."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.core = APIServer(MemoryStore(), SCHEME)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
        self.run(APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body))

    def close(self) -> None:
        self.loop.close()

    def run(self, request: APIRequest) -> Any:
        return self.loop.run_until_complete(self.core.handle(request, ADMIN, manager="fuzz"))

    def ask(self, request: APIRequest, also: int = 400) -> APIStatusError | None:
        """Whatever happens must be an answer, and one that can be sent."""
        try:
            response = self.run(request)
        except APIStatusError as err:
            error = err
        else:
            orjson.dumps(response.object)
            return None
        assert 400 <= error.code < 500 or error.code == also, f"{error.code} {error.message}"
        orjson.dumps(error.to_status())
        assert error.message
        return error


@pytest.fixture(scope="module")
def server() -> typing.Iterator[Server]:
    with closing(Server()) as server:
        yield server


def sendable(body: Any) -> Any:
    """What would arrive after decoding; None when it would not."""
    try:
        return decode_json(orjson.dumps(body)).data
    except (APIStatusError, TypeError):
        return None


def where(served: Served) -> tuple[str, str, str, str]:
    namespace = "default" if served.resource.namespaced else ""
    return served.group, served.version, served.plural, namespace


@fuzzed
@given(case=broken_objects(), validation=st.sampled_from(["Strict", "Warn", "Ignore"]))
def test_broken_objects_are_refused(
    server: Server, case: tuple[Served, dict[str, Any]], validation: str
) -> None:
    """POST, PUT and server-side apply of objects with a few things wrong."""
    served, body = case
    sent = sendable(body)
    if sent is None:
        return
    note(f"{served.gvk} {orjson.dumps(sent).decode()}")
    params = {"fieldValidation": validation, "fieldManager": "fuzz"}
    server.ask(APIRequest(Verb.CREATE, *where(served), body=deepcopy(sent), params=params))
    for sub in ("", "status"):
        request = APIRequest(Verb.UPDATE, *where(served), "x", sub, deepcopy(sent), params=params)
        server.ask(request)
    server.ask(
        APIRequest(
            Verb.PATCH,
            *where(served),
            "x",
            body=deepcopy(sent),
            patch_type=PatchType.APPLY,
            params=params | {"force": "true"},
        )
    )
    server.ask(APIRequest(Verb.DELETE, *where(served), "x"))


json_patches = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "op": st.one_of(
                st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), odd
            ),
            "path": st.one_of(
                st.sampled_from(["/spec", "/metadata", "/metadata/labels/a", "", "/", "/spec/-",
                                 "/metadata/finalizers/-", "/spec/0", "/~2"]),
                odd,
            ),
            "from": st.one_of(st.sampled_from(["/spec", "/metadata/name"]), odd),
            "value": odd,
        },
    ),
    max_size=3,
)  # fmt: skip


def _minimal(api_version: str, kind: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **rest}


POD = {"containers": [{"name": "c", "image": "app"}]}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD}
SELECTED = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}
SERVING = "serving.knative.dev"
MINIMAL: dict[tuple[str, str], dict[str, Any]] = {
    (body["apiVersion"].rpartition("/")[0], body["kind"]): body
    for body in (
        _minimal("v1", "Pod", spec=POD),
        _minimal("v1", "ConfigMap", data={"a": "b"}),
        _minimal("v1", "Secret", stringData={"a": "b"}),
        _minimal("v1", "Service", spec={"ports": [{"port": 80}], "selector": {"a": "b"}}),
        _minimal("apps/v1", "Deployment", spec=SELECTED),
        _minimal("apps/v1", "ReplicaSet", spec=SELECTED),
        _minimal("batch/v1", "Job", spec={"template": {"spec": POD | {"restartPolicy": "Never"}}}),
        _minimal("rbac.authorization.k8s.io/v1", "Role", rules=[]),
        _minimal(f"{SERVING}/v1", "Service", spec={"template": {"spec": POD}}),
        _minimal(f"{SERVING}/v1", "Configuration", spec={"template": {"spec": POD}}),
        _minimal(f"{SERVING}/v1", "Revision", spec=POD),
        _minimal(
            f"{SERVING}/v1", "Route", spec={"traffic": [{"revisionName": "r", "percent": 100}]}
        ),
        _minimal(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}},
        ),
    )
}
"""Valid objects, so that patches meet something."""


@st.composite
def broken_patches(draw: Any) -> tuple[Served, Any]:
    """A valid kind and part of an object with something wrong."""
    served = draw(st.sampled_from([s for s in SERVED if (s.group, s.gvk.kind) in MINIMAL]))
    body: dict[str, Any] = {}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(PATHS[served.gvk]))
        value = draw(odd)
        for step in reversed(path):
            value = [value] if isinstance(step, int) else {step: value}
        body |= value
    return served, body


@fuzzed
@given(
    case=broken_patches(),
    patch_type=st.sampled_from([PatchType.MERGE, PatchType.STRATEGIC, PatchType.JSON]),
    patch=json_patches,
    sub=st.sampled_from(["", "status", "scale"]),
    wild=st.one_of(st.none(), odd),
)
def test_broken_patches_are_refused(
    server: Server,
    case: tuple[Served, Any],
    patch_type: PatchType,
    patch: Any,
    sub: str,
    wild: Any,
) -> None:
    """PATCH of what is there, with what patches may contain and what not."""
    served, body = case
    if patch_type is not PatchType.JSON:
        patch = body if wild is None else wild
    sent = sendable(patch)
    note(f"{served.gvk} {sub} {patch_type} {sent!r}")
    hub = Served(served.resource, served.resource.gvk)
    minimal = deepcopy(MINIMAL[served.group, served.gvk.kind])
    refused = server.ask(APIRequest(Verb.CREATE, *where(hub), body=minimal))
    assert refused is None, refused
    server.ask(
        APIRequest(Verb.PATCH, *where(served), "x", sub, deepcopy(sent), patch_type=patch_type)
    )
    server.ask(APIRequest(Verb.GET, *where(served), "x"))
    server.ask(
        APIRequest(
            Verb.PATCH,
            *where(hub),
            "x",
            body={"metadata": {"finalizers": None}},
            patch_type=PatchType.MERGE,
        )
    )
    server.ask(
        APIRequest(
            Verb.DELETE,
            *where(hub),
            "x",
            body={"gracePeriodSeconds": 0, "propagationPolicy": "Background"},
        ),
        also=404,
    )


@fuzzed
@given(
    verb=st.sampled_from([Verb.LIST, Verb.GET, Verb.DELETE, Verb.DELETE_COLLECTION]),
    served=st.sampled_from(SERVED),
    params=st.dictionaries(
        st.sampled_from(
            ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion",
             "resourceVersionMatch", "sendInitialEvents", "dryRun", "gracePeriodSeconds",
             "propagationPolicy", "fieldValidation", "fieldManager", "orphanDependents"]
        ),
        odd_text,
        max_size=4,
    ),
    name=odd_text,
    namespace=odd_text,
    sub=st.one_of(st.just(""), odd_text),
    body=odd,
)  # fmt: skip
@example(Verb.LIST, SERVED[0], {"continue": "eyJydiI6Mn0"}, "", "", "", None)
def test_odd_parameters_are_refused(
    server: Server,
    verb: Verb,
    served: Served,
    params: dict[str, str],
    name: str,
    namespace: str,
    sub: str,
    body: Any,
) -> None:
    """Reads and deletions with anything in their parameters."""
    request = APIRequest(
        verb,
        served.group,
        served.version,
        served.plural,
        namespace,
        name,
        sub,
        sendable(body),
        params=params,
    )
    error = server.ask(request, also=504)  # the answer to a version of the future
    assert error is None or error.message


@fuzzed
@given(
    raw=st.one_of(st.binary(max_size=200), odd_text.map(str.encode), odd.map(repr).map(str.encode))
)
@example(b"[" * 100_000)
@example(b'{"a":' * 5000)
@example(b"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + b"d: [*c,*c,*c]")
@example(b"? {a: b}\n: c")
@example(b"a: " + b"9" * 1000)
@example(b'"\\ud800"')
@example(b"!!python/object:os.system {}")
def test_bodies_that_are_no_objects(raw: bytes) -> None:
    """Decoders refuse with a 400 or return data that can be sent back."""
    for decode in (decode_json, decode_yaml):
        try:
            decoded = decode(raw)
        except BadRequestError:
            continue
        orjson.dumps(decoded.data)


DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "toys.fuzz.example.com"},
    "spec": {
        "group": "fuzz.example.com",
        "scope": "Namespaced",
        "names": {"plural": "toys", "kind": "Toy", "shortNames": ["ty"], "categories": ["all"]},
        "preserveUnknownFields": False,
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "deprecated": False,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "description": "x",
                                "required": ["a"],
                                "properties": {
                                    "a": {
                                        "type": "string",
                                        "pattern": "^[a-z]+$",
                                        "maxLength": 5,
                                        "enum": ["a", "b"],
                                        "format": "date-time",
                                        "default": "a",
                                        "nullable": True,
                                    },
                                    "n": {"type": "integer", "minimum": 1, "multipleOf": 2},
                                    "l": {
                                        "type": "array",
                                        "maxItems": 3,
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["k"],
                                        "items": {
                                            "type": "object",
                                            "properties": {"k": {"type": "string"}},
                                        },
                                    },
                                    "m": {
                                        "type": "object",
                                        "additionalProperties": {"type": "number"},
                                        "x-kubernetes-map-type": "atomic",
                                    },
                                    "i": {"x-kubernetes-int-or-string": True},
                                    "p": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                        "anyOf": [{"required": ["q"]}],
                                        "not": {"required": ["z"]},
                                    },
                                },
                            }
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.n",
                        "statusReplicasPath": ".status.n",
                        "labelSelectorPath": ".status.s",
                    },
                },
                "additionalPrinterColumns": [
                    {"name": "A", "type": "string", "jsonPath": ".spec.a", "priority": 1}
                ],
                "selectableFields": [{"jsonPath": ".spec.a"}],
            }
        ],
    },
}
DEFINITION_PATHS = [path for path in paths_of(DEFINITION) if path[0] == "spec"]
TOY = {"a": "a", "n": 2, "l": [{"k": "x"}], "m": {"x": 1.5}, "i": "1", "p": {"q": 1}}


@settings(fuzzed, max_examples=max(40, CASES // 10))
@given(data=st.data())
def test_odd_definitions(data: Any) -> None:
    """A definition is refused, or its kind works."""
    with closing(Server()) as server:
        define_and_use(server, data)


def define_and_use(server: Server, data: Any) -> None:
    body = deepcopy(DEFINITION)
    for _ in range(data.draw(st.integers(0, 2))):
        path = DEFINITION_PATHS[data.draw(st.integers(0, len(DEFINITION_PATHS) - 1))]
        value = data.draw(
            st.one_of(odd, st.sampled_from(["$[", ".spec[", "(", "[a-", "{", ".x[?("]))
        )
        change(body, path, lambda c, k, v=value: c.__setitem__(k, v))
    sent = sendable(body)
    if sent is None:
        return
    note(orjson.dumps(sent).decode())
    where_definitions = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    refused = server.ask(APIRequest(Verb.CREATE, *where_definitions, body=sent))
    if refused is None:
        served = next(s for s in server.core.resources if s.group == "fuzz.example.com")
        namespace = "default" if served.resource.namespaced else ""
        at = (served.group, served.version, served.plural, namespace)
        toy = {
            "apiVersion": served.gvk.api_version,
            "kind": served.gvk.kind,
            "metadata": {"name": "x"},
            "spec": TOY | data.draw(st.dictionaries(st.sampled_from(list(TOY)), odd, max_size=2)),
        }
        decoded = sendable(toy)
        server.ask(APIRequest(Verb.CREATE, *at, body=deepcopy(decoded)))
        for sub in ("", "status", "scale"):
            server.ask(APIRequest(Verb.GET, *at, "x", sub))
            patch = data.draw(st.sampled_from([PatchType.MERGE, PatchType.APPLY]))
            params = {"fieldManager": "f"}
            request = APIRequest(Verb.PATCH, *at, "x", sub, deepcopy(decoded), patch, params)
            server.ask(request)
        server.ask(APIRequest(Verb.LIST, *at, params={"fieldSelector": "spec.a=a"}))
        listed = server.run(APIRequest(Verb.LIST, *at))
        renderer = Renderer(Accepted(Form.TABLE), "", server.core.clock.now())
        orjson.dumps(renderer.show(listed))
        server.loop.run_until_complete(OpenAPIDocuments(server.core.resources).current())
        server.ask(APIRequest(Verb.DELETE, *where_definitions, name="toys.fuzz.example.com"))


def scalar_paths(resource: Resource) -> list[tuple[Any, ...]]:
    """Paths of texts and numbers in an object of the kind."""
    body = WHOLE[resource.gvk]
    found = []
    for path in PATHS[resource.gvk]:
        value: Any = body
        for step in path:
            value = value[step]
        if not isinstance(value, dict | list) and path[0] not in ("metadata", "apiVersion", "kind"):
            found.append(path)
    return found


TYPED = [(r, scalar_paths(r)) for r in SCHEME if "create" in r.verbs and scalar_paths(r)]


@fuzzed
@given(data=st.data())
def test_wrong_types_are_answered_with_their_path(server: Server, data: Any) -> None:
    """An object where a text or a number belongs: the answer names the field."""
    resource, paths = TYPED[data.draw(st.integers(0, len(TYPED) - 1))]
    path = paths[data.draw(st.integers(0, len(paths) - 1))]
    value: Any = {"unexpected": {"deeply": [1]}}
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    head = {k: WHOLE[resource.gvk][k] for k in ("apiVersion", "kind", "metadata")}
    body = head | value
    served = Served(resource, resource.gvk)

    error = server.ask(APIRequest(Verb.CREATE, *where(served), body=body))

    leaf = next(step for step in reversed(path) if isinstance(step, str))
    note(f"{resource.gvk} {path}: {error and error.message}")
    takes_any = resource.group.endswith("tekton.dev") and leaf in ("value", "default")
    open_ended = path[-1] == "k" or takes_any or error is None
    assert open_ended or leaf in str(error.to_status())
