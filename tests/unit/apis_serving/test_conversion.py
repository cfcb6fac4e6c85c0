from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.serving import RESOURCES
from wakeful.apis.serving.conversion import LegacyShapeError

SCHEME = Scheme(RESOURCES)


def to_hub(kind: str, spec: dict[str, Any]) -> Any:
    resource = SCHEME.by_kind("serving.knative.dev", kind)
    assert resource is not None
    version = next(v for v in resource.served_versions if v.name == "v1alpha1")
    assert version.to_hub is not None
    return version.to_hub({"kind": kind, "spec": spec})["spec"]


def test_four_kinds_are_served_in_three_versions_newest_first() -> None:
    versions = {r.kind: r.versions for r in RESOURCES}
    for kind in ("Service", "Configuration", "Revision", "Route"):
        assert versions[kind] == ("v1", "v1beta1", "v1alpha1")
    assert versions["DomainMapping"] == ("v1beta1",)


def test_todays_shape_passes_unchanged() -> None:
    spec = {
        "template": {"spec": {"containers": [{"image": "a"}]}},
        "traffic": [{"tag": "t", "percent": 100, "latestRevision": True}],
    }
    assert to_hub("Service", spec) == spec


@pytest.mark.parametrize(
    ("mode", "traffic"),
    [
        ({"runLatest": {}}, [{"latestRevision": True, "percent": 100}]),
        (
            {"pinned": {"revisionName": "r"}},
            [{"revisionName": "r", "latestRevision": False, "percent": 100}],
        ),
        (
            {"release": {"revisions": ["@latest"]}},
            [
                {"tag": "current", "latestRevision": True, "percent": 100},
                {"tag": "latest", "latestRevision": True, "percent": 0},
            ],
        ),
        (
            {"release": {"revisions": ["a", "b"], "rolloutPercent": 30}},
            [
                {"tag": "current", "revisionName": "a", "latestRevision": False, "percent": 70},
                {"tag": "candidate", "revisionName": "b", "latestRevision": False, "percent": 30},
                {"tag": "latest", "latestRevision": True, "percent": 0},
            ],
        ),
    ],
)
def test_modes_become_traffic(mode: dict[str, Any], traffic: list[dict[str, Any]]) -> None:
    name, settings = next(iter(mode.items()))
    configuration = {"revisionTemplate": {"spec": {"container": {"image": "a"}}}}
    hub = to_hub("Service", {name: settings | {"configuration": configuration}})
    assert hub == {"template": {"spec": {"containers": [{"image": "a"}]}}, "traffic": traffic}


def test_old_revision_fields_are_rewritten() -> None:
    spec = {"container": {"image": "a"}, "concurrencyModel": "Single", "servingState": "Active"}
    assert to_hub("Revision", spec) == {
        "containers": [{"image": "a"}],
        "containerConcurrency": 1,
    }


def test_target_name_becomes_its_tag() -> None:
    spec = {"traffic": [{"name": "v1", "revisionName": "a", "percent": 100}]}
    assert to_hub("Route", spec) == {
        "traffic": [{"tag": "v1", "revisionName": "a", "percent": 100}]
    }


@pytest.mark.parametrize(
    ("kind", "spec", "fault"),
    [
        (
            "Service",
            {},
            "expected exactly one, got neither: spec.pinned, spec.release, spec.runLatest,"
            " spec.template",
        ),
        (
            "Service",
            {"template": {}, "runLatest": {"configuration": {}}},
            "expected exactly one, got both: spec.runLatest, spec.template",
        ),
        ("Service", {"manual": {}}, "must not set the field(s): spec.manual"),
        (
            "Service",
            {"release": {"revisions": ["a"], "rolloutPercent": 100, "configuration": {}}},
            "expected 0 <= 100 <= 99: spec.release.rolloutPercent",
        ),
        (
            "Service",
            {"pinned": {"revisionName": "r"}},
            "missing field(s): spec.pinned.configuration",
        ),
        ("Configuration", {"build": {}, "template": {}}, "must not set the field(s): spec.build"),
        (
            "Configuration",
            {"template": {"spec": {"container": {}, "containers": []}}},
            "expected exactly one, got both: spec.template.spec.container,"
            " spec.template.spec.containers",
        ),
        (
            "Configuration",
            {"template": {"spec": {"buildRef": {}}}},
            "must not set the field(s): spec.template.spec.buildRef",
        ),
        (
            "Route",
            {"traffic": [{"name": "a", "tag": "b"}]},
            "expected exactly one, got both: spec.traffic[0].name, spec.traffic[0].tag",
        ),
    ],
)
def test_mixed_shapes_are_denied(kind: str, spec: dict[str, Any], fault: str) -> None:
    with pytest.raises(LegacyShapeError) as caught:
        to_hub(kind, spec)
    assert str(caught.value) == (
        'admission webhook "validation.webhook.serving.knative.dev" denied the request:'
        f" validation failed: {fault}"
    )
    assert caught.value.code == 400
