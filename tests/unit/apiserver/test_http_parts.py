from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    BadRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    UnsupportedMediaTypeError,
)
from wakeful.apimachinery.request import Verb
from wakeful.apis import make_scheme
from wakeful.apiserver.http.bodies import decode_request
from wakeful.apiserver.http.discovery import Discovery, version_order
from wakeful.apiserver.http.negotiation import Form, negotiate
from wakeful.apiserver.http.paths import ResourcePath, parse_path, split_path, verb_of
from wakeful.apiserver.registry.served import ServedResources


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ResourcePath("", "v1", "pods")),
        ("/api/v1/namespaces/a/pods/b", ResourcePath("", "v1", "pods", "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", ResourcePath("", "v1", "pods", "a", "b", "log")),
        ("/api/v1/namespaces", ResourcePath("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", ResourcePath("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/status", ResourcePath("", "v1", "namespaces", "", "a", "status")),
        (
            "/api/v1/namespaces/a/finalize",
            ResourcePath("", "v1", "namespaces", "", "a", "finalize"),
        ),
        ("/apis/g.dev/v1/things/x/scale", ResourcePath("g.dev", "v1", "things", "", "x", "scale")),
        ("/apis/g.dev/v1/namespaces/n/things/", ResourcePath("g.dev", "v1", "things", "n")),
        ("/api/v1/watch/pods", ResourcePath("", "v1", "pods", watch=True)),
        (
            "/api/v1/namespaces/n/pods/p:80/proxy/a/b%2Fc",
            ResourcePath("", "v1", "pods", "n", "p:80", "proxy", "a/b/c"),
        ),
        ("/api/v1/nodes/a%2Fb", ResourcePath("", "v1", "nodes", "", "a/b")),
        ("/api/v1", None),
        ("/apis/g/v1", None),
        ("/api/v1/namespaces/a/pods/b/c/d", None),
        ("/api/v1/namespaces//pods", None),
        ("/api/v1//pods", None),
        ("/healthz", None),
        ("/", None),
    ],
)
def test_paths(path: str, expected: ResourcePath | None) -> None:
    """What each URL names."""
    assert parse_path(split_path(path)) == expected


@pytest.mark.parametrize("path", ["/api/v1/pods/%ff", "/api/v1/pods/a%00b", "/%0a"])
def test_undecodable_paths(path: str) -> None:
    """400."""
    with pytest.raises(BadRequestError, match="path segment"):
        split_path(path)


def test_verbs() -> None:
    """Method, name and watch decide."""
    one, many = ResourcePath("", "v1", "pods", "n", "p"), ResourcePath("", "v1", "pods", "n")
    assert verb_of("GET", one, {"watch": "1"}) is Verb.GET
    assert verb_of("GET", many, {}) is Verb.LIST
    assert verb_of("HEAD", many, {}) is Verb.LIST
    assert verb_of("GET", many, {"watch": "true"}) is Verb.WATCH
    assert verb_of("GET", many, {"watch": "false"}) is Verb.LIST
    assert verb_of("DELETE", many, {}) is Verb.DELETE_COLLECTION
    assert verb_of("DELETE", one, {}) is Verb.DELETE
    assert verb_of("PATCH", one, {}) is Verb.PATCH
    with pytest.raises(MethodNotAllowedError):
        verb_of("OPTIONS", one, {})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.OBJECT),
        ("*/*", Form.OBJECT),
        ("application/json", Form.OBJECT),
        ("application/vnd.kubernetes.protobuf,application/json", Form.OBJECT),
        ("application/vnd.kubernetes.protobuf, */*", Form.OBJECT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Form.OBJECT),
        (
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"
            "g=meta.k8s.io,application/json",
            Form.TABLE,
        ),
        ("application/json; g=meta.k8s.io; as=Table; v=v1", Form.TABLE),
        (
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
            Form.METADATA,
        ),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Form.OBJECT),
    ],
)
def test_accepted_forms(accept: str, form: Form) -> None:
    """The first clause that can be served."""
    assert negotiate(accept).form is form


@pytest.mark.parametrize(
    "accept", ["text/html", "application/vnd.kubernetes.protobuf", "application/json;as=Chart"]
)
def test_nothing_acceptable(accept: str) -> None:
    """406."""
    with pytest.raises(NotAcceptableError):
        negotiate(accept)


def test_content_types() -> None:
    """JSON, YAML and protobuf; patches by their own types."""

    def decode(verb: Verb, kind: str, raw: bytes, *, custom: bool = False) -> Any:
        return decode_request(verb, kind, raw, custom=custom, find_duplicates=True)

    assert decode(Verb.CREATE, "application/json; charset=utf-8", b'{"a":1}').data == {"a": 1}
    assert decode(Verb.CREATE, "", b'{"a":1,"a":2}').duplicates == ["a"]
    assert decode(Verb.CREATE, "application/yaml", b"a: 1").data == {"a": 1}
    assert decode(Verb.DELETE, "", b"").data is None
    assert decode(Verb.PATCH, "application/apply-patch+yaml", b"a: 1").data == {"a": 1}
    with pytest.raises(UnsupportedMediaTypeError, match="application/yaml"):
        decode(Verb.CREATE, "text/plain", b"x")
    with pytest.raises(UnsupportedMediaTypeError, match="strategic"):
        decode(Verb.PATCH, "application/json", b"{}")
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode(Verb.PATCH, "application/json", b"{}", custom=True)
    assert "strategic" not in caught.value.message
    for verb in (Verb.CREATE, Verb.UPDATE):
        with pytest.raises(BadRequestError, match="no body"):
            decode(verb, "application/json", b"")


def test_version_order() -> None:
    """Stable before beta before alpha, newer first, the rest last."""
    versions = ["v1alpha1", "v2", "foo", "v1", "v2beta1", "v1beta2", "v10"]
    assert sorted(versions, key=version_order) == [
        "v10",
        "v2",
        "v1",
        "v2beta1",
        "v1beta2",
        "v1alpha1",
        "foo",
    ]


class TestDiscovery:
    @pytest.fixture
    def discovery(self) -> Discovery:
        return Discovery(ServedResources(make_scheme()))

    def test_form_follows_the_client(self, discovery: Discovery) -> None:
        """v2, v2beta1 or the lists of old, never what was not asked for."""
        v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        beta = v2.replace("v2;", "v2beta1;")
        assert discovery.apis(f"{v2},{beta},application/json").content_type == v2
        assert discovery.apis(f"{beta},application/json").content_type == beta
        plain = discovery.apis("application/json")
        assert plain.content_type == "application/json"
        assert b'"kind":"APIGroupList"' in plain.body
        assert b'"versions":["v1"]' in discovery.core("*/*").body

    def test_documents_are_made_once(self, discovery: Discovery) -> None:
        """Until something changes."""
        assert discovery.apis("") is discovery.apis("")
        assert discovery.apis("").etag != discovery.core("").etag

    def test_subresources_speak_their_own_kind(self, discovery: Discovery) -> None:
        """scale and eviction name another group."""
        document = discovery.resources("", "v1")
        assert document is not None
        assert b'"name":"pods/eviction","singularName":"","namespaced":true' in document.body
        assert b'"group":"policy","version":"v1"' in document.body
        assert discovery.resources("", "v2") is None
        assert discovery.group("nobody") is None
