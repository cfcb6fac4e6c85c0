"""What the kinds of event sources refuse, in whose words, and what they fill in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis.sources import (
    RESOURCES,
    AdapterState,
    CronJobSource,
    LegacyContainerSource,
    PingSourceStatus,
)
from wakeful.apis.sources.resources import OF_2019, TODAY

SCHEME = Scheme(RESOURCES)
SINK = {"ref": {"apiVersion": "v1", "kind": "Service", "name": "display"}}
FLAT = {"apiVersion": "eventing.knative.dev/v1alpha1", "kind": "Broker", "name": "default"}
BINDINGS = "bindings.knative.dev"
TODAYS, OLD = "sources.knative.dev", "sources.eventing.knative.dev"
SECRETS = {
    "accessToken": {"secretKeyRef": {"name": "s", "key": "a"}},
    "secretToken": {"secretKeyRef": {"name": "s", "key": "b"}},
}
GITHUB = {"ownerAndRepository": "me/mine", "eventTypes": ["push"], **SECRETS}
POD = {"spec": {"containers": [{"image": "i"}]}}
SUBJECT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
EVENTS = {"resources": [{"apiVersion": "v1", "kind": "Event"}]}


def make(group: str, kind: str, spec: Mapping[str, Any]) -> Object:
    resource = SCHEME.by_kind(group, kind)
    assert resource is not None
    return resource.model.from_wire(
        {"metadata": {"name": "it", "namespace": "default"}, "spec": spec}
    )


def admit(obj: Object, maps: Mapping[str, Mapping[str, str]] | None = None) -> str:
    resource = SCHEME.of(type(obj))
    found = maps or {}
    context = AdmissionContext(
        "CREATE",
        datetime(2026, 1, 1, tzinfo=UTC),
        config=lambda name, namespace="": found.get(name, {}),
    )
    if resource.set_defaults is not None:
        resource.set_defaults(obj, None, context)
    assert resource.validate is not None
    return to_text(resource.validate(obj, None, context))


GOOD = [
    (TODAYS, "ApiServerSource", {**EVENTS, "sink": SINK}),
    (TODAYS, "PingSource", {"sink": SINK}),
    (TODAYS, "PingSource", {"sink": SINK, "schedule": "10 0/1 * * * ?", "timezone": "Asia/Tokyo"}),
    (TODAYS, "PingSource", {"sink": SINK, "dataBase64": "e30=", "contentType": "application/json"}),
    (TODAYS, "ContainerSource", {"sink": SINK, "template": POD}),
    (TODAYS, "SinkBinding", {"sink": SINK, "subject": SUBJECT}),
    (TODAYS, "GitHubSource", {"sink": SINK, **GITHUB}),
    (BINDINGS, "GitHubBinding", {"subject": SUBJECT, "accessToken": SECRETS["accessToken"]}),
    (OLD, "ApiServerSource", {**EVENTS, "sink": FLAT, "mode": "Resource"}),
    (OLD, "CronJobSource", {"sink": FLAT, "schedule": "@every 1m"}),
    (OLD, "ContainerSource", {"sink": FLAT, "image": "i", "args": ["--period=1"]}),
    (OLD, "GitHubSource", {"sink": FLAT, **GITHUB}),
    (OLD, "MnsOssSource", {"sink": {**FLAT, "topic": "t"}, **SECRETS}),
    (OLD, "AliTablestoreSource", {"sink": FLAT, "tableName": "t", "instance": "i", **SECRETS}),
]


@pytest.mark.parametrize(("group", "kind", "spec"), GOOD)
def test_good_sources_are_admitted(group: str, kind: str, spec: dict[str, Any]) -> None:
    assert admit(make(group, kind, spec)) == ""


BAD = [
    (TODAYS, "ApiServerSource", {"sink": SINK}, "missing field(s): spec.resources"),
    (
        TODAYS,
        "ApiServerSource",
        {**EVENTS, "sink": SINK, "mode": "Ref"},
        "invalid value: Ref: spec.mode",
    ),
    (
        TODAYS,
        "ApiServerSource",
        {"resources": [{"apiVersion": "a/b/c"}], "sink": SINK, "owner": {"apiVersion": "v1"}},
        "invalid value: a/b/c: spec.resources[0].apiVersion\n"
        "missing field(s): spec.owner.kind, spec.resources[0].kind",
    ),
    (
        TODAYS,
        "ApiServerSource",
        {**EVENTS, "sink": SINK, "filters": [{"exact": {"type": "x"}}]},
        "Filters is not empty but the NewAPIServerFilters feature is disabled.: spec.filters",
    ),
    (
        TODAYS,
        "ApiServerSource",
        EVENTS,
        "expected at least one, got none: spec.sink.ref, spec.sink.uri",
    ),
    (
        TODAYS,
        "PingSource",
        {"sink": SINK, "schedule": "@every 1s"},
        "invalid value: unsupported descriptor @every: spec.schedule",
    ),
    (
        TODAYS,
        "PingSource",
        {"sink": SINK, "schedule": "* *"},
        "invalid value: expected 5 to 6 fields, found 2: [* *]: spec.schedule",
    ),
    (
        TODAYS,
        "PingSource",
        {"sink": SINK, "timezone": "Moon/Base"},
        "invalid value: provided bad location Moon/Base: unknown time zone Moon/Base:"
        " spec.timezone",
    ),
    (
        TODAYS,
        "PingSource",
        {"sink": SINK, "data": "x", "dataBase64": "eA=="},
        "expected exactly one, got both: spec.data, spec.dataBase64",
    ),
    (TODAYS, "ContainerSource", {"sink": SINK}, "missing field(s): spec.containers"),
    (
        TODAYS,
        "ContainerSource",
        {"sink": SINK, "template": {"spec": {"containers": [{"name": "c"}]}}},
        "missing field(s): spec.containers[0].image",
    ),
    (
        TODAYS,
        "SinkBinding",
        {"sink": SINK, "subject": {**SUBJECT, "namespace": "other"}},
        "invalid value: other: spec.subject.namespace",
    ),
    (
        TODAYS,
        "SinkBinding",
        {"sink": SINK, "subject": {**SUBJECT, "selector": {}}},
        "expected exactly one, got both: spec.subject.name, spec.subject.selector",
    ),
    (
        TODAYS,
        "SinkBinding",
        {"sink": SINK, "subject": {"apiVersion": "apps/v1", "kind": "Deployment"}},
        "expected exactly one, got neither: spec.subject.name, spec.subject.selector",
    ),
    (
        TODAYS,
        "GitHubSource",
        {"sink": SINK, **GITHUB, "eventTypes": ["push", "sneeze"]},
        "invalid value: sneeze: spec.eventTypes[1]",
    ),
    (
        TODAYS,
        "GitHubSource",
        {"sink": SINK, **GITHUB, "ownerAndRepository": "a/b/c"},
        "invalid value: a/b/c: spec.ownerAndRepository\nownerAndRepository is malformatted,"
        " expected 'owner/repository' but found \"a/b/c\"",
    ),
    (
        TODAYS,
        "GitHubSource",
        {"sink": SINK, **GITHUB, "githubAPIURL": "http://["},
        "invalid value: http://[: spec.githubAPIURL\nnot an HTTP URL",
    ),
    (
        OLD,
        "CronJobSource",
        {"sink": {"uri": "http://["}, "schedule": "* * * * *"},
        "invalid value: http://[: spec.sink.uri",
    ),
    (
        OLD,
        "ApiServerSource",
        {**EVENTS, "sink": FLAT, "mode": "All"},
        "Mode is not valid: spec.mode",
    ),
    (OLD, "ApiServerSource", EVENTS, "missing field(s): spec.sink"),
    (
        OLD,
        "CronJobSource",
        {"sink": {**FLAT, **SINK}, "schedule": "* * * * *"},
        "Ref and [apiVersion, kind, name] can't be both present:"
        " spec.sink.ref, spec.sink[apiVersion, kind, name]",
    ),
    (
        OLD,
        "CronJobSource",
        {"sink": {"uri": "/x"}, "schedule": "* * * * *"},
        "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is"
        " absent: spec.sink.uri",
    ),
    (
        OLD,
        "CronJobSource",
        {"sink": FLAT, "schedule": "* * * * * *"},
        "invalid value: * * * * * *: spec.schedule\n"
        "expected exactly 5 fields, found 6: [* * * * * *]",
    ),
    (
        BINDINGS,
        "GitHubBinding",
        {"subject": {**SUBJECT, "namespace": "x"}, "accessToken": {"secretKeyRef": {"name": "s"}}},
        "invalid value: x: spec.subject.namespace\n"
        "missing field(s): spec.accessToken.secretKeyRef.key",
    ),
    (OLD, "ContainerSource", {"sink": FLAT}, "missing field(s): spec.image"),
    (OLD, "MnsOssSource", {"sink": FLAT}, "missing field(s): spec.topic"),
]


@pytest.mark.parametrize(("group", "kind", "spec", "fault"), BAD)
def test_faults_are_named_as_upstream_does(
    group: str, kind: str, spec: dict[str, Any], fault: str
) -> None:
    assert admit(make(group, kind, spec)) == fault


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"data": "12345"}, "invalid value: the data length of 5 bytes exceeds limit set at 4."),
        (
            {"dataBase64": "MTIzNDU="},
            "invalid value: the dataBase64 length of 8 bytes exceeds limit set at 4.",
        ),
    ],
)
def test_the_configuration_limits_the_data_of_pings(data: dict[str, str], fault: str) -> None:
    obj = make(TODAYS, "PingSource", {"sink": SINK, **data})
    text = admit(obj, {"config-ping-defaults": {"data-max-size": "4"}})
    assert text == f"{fault}: spec.{next(iter(data))}"


def test_data_that_is_said_to_be_json_must_be() -> None:
    spec = {"sink": SINK, "contentType": "application/json", "data": "{"}
    assert admit(make(TODAYS, "PingSource", spec)).startswith("invalid value: invalid JSON: ")


def test_data_that_is_nested_too_deep_is_no_json() -> None:
    spec = {"sink": SINK, "contentType": "application/json", "data": "[" * 100_000}
    assert admit(make(TODAYS, "PingSource", spec)).startswith("invalid value: invalid JSON: ")


def test_defaults_are_filled_in() -> None:
    ping = make(TODAYS, "PingSource", {"sink": SINK})
    admit(ping)
    assert ping.to_wire()["spec"]["schedule"] == "* * * * *"
    watch = make(TODAYS, "ApiServerSource", {**EVENTS, "sink": SINK})
    admit(watch)
    spec = watch.to_wire()["spec"]
    assert (spec["mode"], spec["serviceAccountName"]) == ("Reference", "default")
    binding = make(TODAYS, "SinkBinding", {"sink": SINK, "subject": SUBJECT})
    admit(binding)
    spec = binding.to_wire()["spec"]
    assert spec["subject"]["namespace"] == spec["sink"]["ref"]["namespace"] == "default"
    container = make(TODAYS, "ContainerSource", {"sink": SINK, "template": POD})
    admit(container)
    containers = container.to_wire()["spec"]["template"]["spec"]["containers"]
    assert containers[0]["name"] == "it-0"


def test_flat_sinks_are_kept_as_they_are_and_understood() -> None:
    source = make(OLD, "CronJobSource", {"sink": FLAT, "schedule": "* * * * *"})
    assert isinstance(source, CronJobSource)
    assert source.to_wire()["spec"]["sink"] == FLAT
    ref = source.spec.source_spec().sink.ref
    assert ref is not None
    assert (ref.api_version, ref.kind, ref.name) == tuple(FLAT.values())


def test_an_image_of_2019_becomes_a_template() -> None:
    spec = {"sink": FLAT, "image": "i", "args": ["a"], "env": [{"name": "A", "value": "b"}]}
    source = make(OLD, "ContainerSource", spec)
    assert isinstance(source, LegacyContainerSource)
    (container,) = source.wanted.template.spec.containers
    assert (container.name, container.image, container.args) == ("source", "i", ["a"])


PING_VERSIONS = {v.name: v for r in TODAY for v in r.served_versions if r.plural == "pingsources"}


@pytest.mark.parametrize(
    ("version", "field"), [("v1beta1", "jsonData"), ("v1alpha2", "jsonData"), ("v1alpha1", "data")]
)
def test_pings_of_older_versions_carry_json(version: str, field: str) -> None:
    served = PING_VERSIONS[version]
    old = {"spec": {"schedule": "* * * * *", field: "{}"}}
    assert served.to_hub is not None
    hub = served.to_hub(old)
    assert hub["spec"] == {
        "schedule": "* * * * *",
        "contentType": "application/json",
        "data": "{}",
    }
    if served.from_hub is not None:
        assert served.from_hub(hub) == old


def test_every_kind_of_a_source_tells_that_it_is_one() -> None:
    for resource in (*TODAY, *OF_2019):
        assert resource.labels["duck.knative.dev/source"] == "true"
        assert "sources" in resource.categories


def test_an_adapter_that_is_started_anew_does_not_disturb() -> None:
    status = PingSourceStatus()

    def deployed(state: AdapterState | None) -> tuple[str, str]:
        status.propagate_adapter(state, "adapter")
        found = status.condition("Deployed")
        assert found is not None
        return found.status, found.reason

    assert deployed(None) == ("Unknown", "DeploymentUnavailable")
    assert deployed(AdapterState(running=False)) == ("Unknown", "DeploymentUnavailable")
    assert deployed(AdapterState(running=True)) == ("True", "")
    assert deployed(None) == ("True", "")
    assert deployed(AdapterState(running=False, fault="no luck")) == ("False", "AdapterFailed")
    assert deployed(None) == ("Unknown", "DeploymentUnavailable")
