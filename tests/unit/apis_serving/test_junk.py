"""Whatever is sent is either accepted or refused; nothing crashes."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.serving import RESOURCES
from wakeful.apis.serving.config import VALIDATORS, ConfigError
from wakeful.apis.serving.conversion import LegacyShapeError

SCHEME = Scheme(RESOURCES)
QUIET = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
BASE: dict[str, Any] = {
    "metadata": {"name": "hello", "namespace": "default", "annotations": {}, "labels": {}},
    "spec": {
        "template": {
            "metadata": {"name": "hello-x", "annotations": {"a": "b"}},
            "spec": {
                "containers": [
                    {
                        "image": "busybox",
                        "ports": [{"containerPort": 8080}],
                        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}],
                        "envFrom": [{"secretRef": {"name": "s"}}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                        "securityContext": {"capabilities": {"drop": ["ALL"]}},
                        "resources": {"limits": {"cpu": "1"}},
                    }
                ],
                "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}],
                "timeoutSeconds": 10,
            },
        },
        "traffic": [{"tag": "t", "revisionName": "hello-x", "percent": 100}],
    },
}
LEGACY: dict[str, Any] = {
    "spec": {
        "release": {
            "revisions": ["a", "b"],
            "rolloutPercent": 1,
            "configuration": {"revisionTemplate": {"spec": {"container": {"image": "a"}}}},
        }
    }
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=8)
    | st.sampled_from(["0", "-1", "1s", "{{", "a/b", "@latest", "\x00", "☃"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def put(base: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    changed = copy.deepcopy(base)
    where: Any = changed
    for step in path[:-1]:
        where = where[step]
    where[path[-1]] = junk
    return changed


@QUIET
@given(
    kind=st.sampled_from(["Service", "Configuration", "Revision", "Route", "DomainMapping"]),
    path=st.sampled_from(places(BASE)),
    junk=JUNK,
)
def test_junk_in_an_object(admit: Any, kind: str, path: tuple[Any, ...], junk: Any) -> None:
    resource = SCHEME.by_kind("serving.knative.dev", kind)
    assert resource is not None
    data = put(BASE, path, junk)
    if kind == "Revision" and isinstance(data.get("spec"), dict):
        template = data["spec"].get("template")
        data["spec"] = template.get("spec") if isinstance(template, dict) else junk
    try:
        obj = resource.model.from_wire(data)
    except ValidationError:
        return
    assert isinstance(admit(obj), str)
    again = resource.model.from_wire(obj.to_wire())
    assert isinstance(admit(again, obj), str)


@QUIET
@given(path=st.sampled_from(places(LEGACY)), junk=JUNK)
def test_junk_in_an_old_shape(path: tuple[Any, ...], junk: Any) -> None:
    for resource in RESOURCES:
        for version in resource.served_versions:
            if version.to_hub is None:
                continue
            try:
                assert isinstance(version.to_hub(put(LEGACY, path, junk)), dict)
            except LegacyShapeError:
                continue


@QUIET
@given(
    name=st.sampled_from(sorted(VALIDATORS)),
    key=st.sampled_from(
        [
            "revision-timeout-seconds",
            "container-name-template",
            "domain-template",
            "runtime-class-name",
            "example.com",
            "max-non-active-revisions",
            "retain-since-create-time",
            "progress-deadline",
            "enable-service-links",
            "revision-cpu-request",
        ]
    ),
    text=st.text(max_size=12)
    | st.sampled_from(["{{.Name}}", "a: b", "- a", "1h", "x: {selector: 1}"]),
)
def test_junk_in_a_config_map(name: str, key: str, text: str) -> None:
    with suppress(ConfigError):
        VALIDATORS[name]({key: text})
