"""Sources from the object to the event at the sink."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.apps import Deployment
from wakeful.apis.core import ConfigMap, Event
from wakeful.apis.duck import Addressable
from wakeful.apis.eventing import Broker, EventType
from wakeful.apis.sources import (
    AliTablestoreSource,
    ApiServerSource,
    ContainerSource,
    CronJobSource,
    GitHubBinding,
    LegacyApiServerSource,
    LegacyContainerSource,
    PingSource,
    SinkBinding,
)
from wakeful.reconciler.sources.apiserver.reconciler import ApiServerSourceReconciler

from .conftest import SERVER, Stage

TODAY, OLD = "sources.knative.dev/v1", "sources.eventing.knative.dev/v1alpha1"
BROKER = {"apiVersion": "eventing.knative.dev/v1alpha1", "kind": "Broker", "name": "default"}


def source(api_version: str, kind: str, spec: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "it", **meta},
        "spec": spec,
    }


def config_map(name: str, **labels: str) -> dict[str, Any]:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}


async def broker(stage: Stage) -> None:
    """A Broker whose address is the sink."""
    wire = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": "default"}
    meta = {
        "name": "default",
        "annotations": {"eventing.knative.dev/broker.class": "MTChannelBasedBroker"},
    }
    await stage.apply({**wire, "metadata": meta, "spec": {"config": config}})
    made = await stage.read(Broker, "default")
    made.status.address = Addressable(url=stage.sink.url)
    await stage.world.client.update_status(made)


async def test_a_ping_every_second_until_it_is_deleted(stage: Stage) -> None:
    spec = {"schedule": "* * * * * *", "data": "{}", "contentType": "application/json"}
    await stage.apply(source(TODAY, "PingSource", {**spec, "sink": {"uri": stage.sink.url}}))
    ping = await stage.ready(PingSource, "it")
    assert ping.status.sink_uri == stage.sink.url
    assert [a.type for a in ping.status.ce_attributes] == ["dev.knative.sources.ping"]
    (event, *_) = await stage.got()
    assert (event.source, event.data) == ("/apis/v1/namespaces/default/pingsources/it", b"{}")
    await stage.world.client.delete(PingSource, "it", "default")


async def test_a_sink_that_comes_later_is_noticed(stage: Stage) -> None:
    """The book's CronJobSource, whose Broker is made after it; its event type is registered."""
    spec = {"schedule": "* * * * *", "data": '{"message": "Hello world!"}', "sink": BROKER}
    await stage.apply(source(OLD, "CronJobSource", spec))
    said = await stage.reason(CronJobSource, "it", "SinkProvided")
    assert said == (
        'NotFound: failed to get object default/default: Broker.eventing.knative.dev "default"'
        " not found"
    )
    await broker(stage)
    await stage.ready(CronJobSource, "it")

    async def registered() -> list[EventType]:
        return await stage.world.all(EventType)

    (event_type,) = await stage.world.eventually(registered)
    assert event_type.spec.value_of("type") == "dev.knative.cronjob.event"
    assert event_type.metadata.name.startswith("dev.knative.cronjob.event-")
    assert event_type.spec.reference is not None
    assert event_type.spec.reference.name == "default"


async def test_changes_of_objects_are_told_as_the_service_account_may(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told of what was there before, nor of what the selector leaves out.

    A right that is granted is noticed at once.
    """
    monkeypatch.setattr(f"{ApiServerSourceReconciler.__module__}._LOOK_AGAIN_SECONDS", 3600.0)
    await stage.apply(config_map("old", watched="yes"))
    spec = {
        "serviceAccountName": "events-sa",
        "mode": "Resource",
        "resources": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "selector": {"matchLabels": {"watched": "yes"}},
            }
        ],
        "sink": {"uri": stage.sink.url},
        "ceOverrides": {"extensions": {"stage": "test"}},
    }
    await stage.apply(source(TODAY, "ApiServerSource", spec))
    said = await stage.reason(ApiServerSource, "it", "SufficientPermissions")
    assert said == (
        ": User system:serviceaccount:default:events-sa cannot get, list, watch resource"
        ' "configmaps" in API group "" in Namespace "default"'
    )
    stage.permissions.granted.add(("events-sa", "configmaps"))
    await stage.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "events"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
        }
    )
    found = await stage.ready(ApiServerSource, "it")
    assert found.status.namespaces == ["default"]

    await stage.apply(config_map("other"))
    await stage.apply(config_map("new", watched="yes"))
    await stage.world.client.patch(ConfigMap, "new", "default", {"data": {"a": "c"}})
    await stage.world.client.delete(ConfigMap, "new", "default")
    events = await stage.got(3)
    assert [event.type.rpartition(".")[2] for event in events] == ["add", "update", "delete"]
    first = events[0]
    assert (first.source, first.subject) == (SERVER, "/apis/v1/namespaces/default/configmaps/new")
    assert first.extensions["stage"] == "test"
    assert json.loads(first.data or b"")["metadata"]["name"] == "new"
    assert json.loads(events[1].data or b"")["data"] == {"a": "c"}


async def test_filters_select_events_where_the_feature_is_on(stage: Stage) -> None:
    stage.permissions.granted.add(("default", "configmaps"))
    meta = {"name": "config-features", "namespace": "knative-eventing"}
    await stage.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": meta,
            "data": {"new-apiserversource-filters": "enabled"},
        }
    )
    spec = {
        "resources": [{"apiVersion": "v1", "kind": "ConfigMap"}],
        "filters": [{"cesql": "name LIKE 'w%'"}],
        "sink": {"uri": stage.sink.url},
    }
    await stage.apply(source(TODAY, "ApiServerSource", spec))
    await stage.ready(ApiServerSource, "it")
    await stage.apply(config_map("unwanted"))
    await stage.apply(config_map("wanted"))
    (event,) = await stage.got()
    assert event.extensions["name"] == "wanted"


async def test_references_across_namespaces(stage: Stage) -> None:
    stage.permissions.granted.add(("default", "configmaps"))
    spec = {
        "resources": [{"apiVersion": "v1", "kind": "ConfigMap"}],
        "namespaceSelector": {"matchLabels": {"team": "a"}},
        "sink": {"uri": stage.sink.url},
    }
    await stage.apply(source(TODAY, "ApiServerSource", spec))
    await stage.ready(ApiServerSource, "it")
    namespace = {"name": "team-a", "labels": {"team": "a"}}
    await stage.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})

    async def watched() -> bool:
        found = await stage.ready(ApiServerSource, "it")
        return list(found.status.namespaces) == ["team-a"]

    await stage.world.eventually(watched)
    number = 0

    async def seen() -> bool:  # the new watch begins a moment after the status says so
        nonlocal number
        number += 1
        wire = config_map(f"c{number}")
        wire["metadata"]["namespace"] = "team-a"
        await stage.apply(wire)
        return bool(stage.sink.events)

    await stage.world.eventually(seen)
    event = stage.sink.events[0]
    assert event.type == "dev.knative.apiserver.ref.add"
    assert json.loads(event.data or b"")["namespace"] == "team-a"


async def test_the_books_source_sends_to_its_broker(stage: Stage) -> None:
    """The listing of the first chapter on events, sink and mode as they are printed there."""
    stage.permissions.granted.add(("events-sa", "events"))
    await broker(stage)
    spec = {
        "serviceAccountName": "events-sa",
        "mode": "Resource",
        "resources": [{"apiVersion": "v1", "kind": "Event"}],
        "sink": BROKER,
    }
    await stage.apply(source(OLD, "ApiServerSource", spec))
    await stage.ready(LegacyApiServerSource, "it")
    await stage.apply(config_map("target"))
    about = {"kind": "ConfigMap", "name": "target", "namespace": "default"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "target.1"}}
    await stage.apply({**event, "involvedObject": about, "reason": "Started", "type": "Normal"})
    await stage.world.eventually(
        lambda: any((e.subject or "").endswith("/events/target.1") for e in stage.sink.events)
    )
    found = next(e for e in stage.sink.events if (e.subject or "").endswith("/target.1"))
    assert (found.type, found.specversion) == ("dev.knative.apiserver.resource.add", "0.3")
    assert json.loads(found.data or b"")["reason"] == "Started"


def deployment(name: str, **labels: str) -> dict[str, Any]:
    containers = [{"name": "c", "image": "i", "env": [{"name": "A", "value": "b"}]}]
    match = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "selector": {"matchLabels": match},
            "template": {"metadata": {"labels": match}, "spec": {"containers": containers}},
        },
    }


def environment(found: Deployment) -> dict[str, str]:
    (container,) = found.spec.template.spec.containers
    return {variable.name: variable.value for variable in container.env}


async def test_bindings_tell_and_make_forget(stage: Stage) -> None:
    """A subject that is there is changed, one made later is born so; both forget in the end."""
    await stage.apply(deployment("early", role="sender"))
    await stage.apply(deployment("free"))
    subject = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "selector": {"matchLabels": {"role": "sender"}},
    }
    spec = {
        "sink": {"uri": stage.sink.url},
        "subject": subject,
        "ceOverrides": {"extensions": {"a": "b"}},
    }
    await stage.apply(source(TODAY, "SinkBinding", spec))
    await stage.ready(SinkBinding, "it")
    want = {"A": "b", "K_SINK": stage.sink.url, "K_CE_OVERRIDES": '{"extensions":{"a":"b"}}'}
    assert environment(await stage.read(Deployment, "early")) == want
    late = await stage.apply(deployment("late", role="sender"))
    (container,) = late["spec"]["template"]["spec"]["containers"]
    assert {v["name"] for v in container["env"]} == set(want)
    assert environment(await stage.read(Deployment, "free")) == {"A": "b"}

    await stage.world.client.delete(SinkBinding, "it", "default")

    async def forgotten() -> bool:
        names = ("early", "late")
        found = [environment(await stage.read(Deployment, name)) for name in names]
        return found == [{"A": "b"}] * 2

    await stage.world.eventually(forgotten)


async def test_a_token_of_github_is_mounted_and_taken_away(stage: Stage) -> None:
    """In a Deployment that is there, and in one that is made later."""
    await stage.apply(deployment("early", role="ci"))
    spec = {
        "accessToken": {"secretKeyRef": {"name": "githubsecret", "key": "token"}},
        "subject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "selector": {"matchLabels": {"role": "ci"}},
        },
    }
    await stage.apply(source("bindings.knative.dev/v1alpha1", "GitHubBinding", spec))
    await stage.ready(GitHubBinding, "it")
    await stage.apply(deployment("late", role="ci"))
    for name in ("early", "late"):
        pod = (await stage.read(Deployment, name)).spec.template.spec
        (volume,) = pod.volumes
        assert volume.secret.secret_name == "githubsecret"
        assert [(i.key, i.path) for i in volume.secret.items] == [("token", "accessToken")]
        (mount,) = pod.containers[0].volume_mounts
        assert (mount.mount_path, mount.read_only) == ("/var/bindings/github", True)
    generation = (await stage.read(Deployment, "early")).metadata.generation
    assert generation == 2, "it is written once"

    await stage.world.client.delete(GitHubBinding, "it", "default")

    async def taken() -> bool:
        pods = [(await stage.read(Deployment, n)).spec.template.spec for n in ("early", "late")]
        return not any(pod.volumes or pod.containers[0].volume_mounts for pod in pods)

    await stage.world.eventually(taken)


@pytest.mark.parametrize("excluded", [False, True])
async def test_services_and_jobs_are_subjects_too(stage: Stage, *, excluded: bool) -> None:
    """A Job is told when it is made, since it cannot be changed; who is excluded is not told."""
    for kind, api_version in (("Service", "serving.knative.dev/v1"), ("Job", "batch/v1")):
        subject = {"apiVersion": api_version, "kind": kind, "selector": {}}
        spec = {"sink": {"uri": stage.sink.url}, "subject": subject}
        binding = source(TODAY, "SinkBinding", spec)
        binding["metadata"]["name"] = kind.lower()
        await stage.apply(binding)
        await stage.ready(SinkBinding, kind.lower())
    labels = {"bindings.knative.dev/exclude": "true"} if excluded else {}
    pod = {"containers": [{"name": "c", "image": "image"}]}
    service = await stage.apply(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "s", "labels": labels},
            "spec": {"template": {"spec": pod}},
        }
    )
    job = await stage.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "j", "labels": labels},
            "spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}},
        }
    )
    for made in (service, job):
        (container,) = made["spec"]["template"]["spec"]["containers"]
        names = [variable["name"] for variable in container.get("env", ())]
        assert names == ([] if excluded else ["K_SINK", "K_CE_OVERRIDES"])


async def test_a_binding_without_subject_waits_for_it(stage: Stage) -> None:
    subject = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "late"}
    spec = {"sink": {"uri": stage.sink.url}, "subject": subject}
    await stage.apply(source(TODAY, "SinkBinding", spec))
    said = await stage.reason(SinkBinding, "it", "SinkBindingAvailable")
    assert said == 'SubjectMissing: deployments.apps "late" not found'
    await stage.apply(deployment("late"))
    await stage.ready(SinkBinding, "it")


async def test_containers_are_started_once_they_can_be_told(stage: Stage) -> None:
    spec = {
        "sink": {"uri": stage.sink.url},
        "template": {"spec": {"containers": [{"image": "i"}]}},
    }
    await stage.apply(source(TODAY, "ContainerSource", spec))
    await stage.ready(ContainerSource, "it")
    found = await stage.read(Deployment, "it-deployment")
    assert found.metadata.generation == 1
    assert environment(found)["K_SINK"] == stage.sink.url
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "it-0", "image": "j"}]}}}}
    await stage.world.client.patch(ContainerSource, "it", "default", patch)

    async def changed() -> bool:
        found = await stage.read(Deployment, "it-deployment")
        return bool(found.spec.template.spec.containers[0].image == "j")

    await stage.world.eventually(changed)


async def test_containers_of_2019_find_their_sink_as_an_argument(stage: Stage) -> None:
    spec = {"sink": {"uri": stage.sink.url}, "image": "i", "args": ["--period=1"]}
    await stage.apply(source(OLD, "ContainerSource", spec))
    await stage.ready(LegacyContainerSource, "it")
    (found,) = await stage.world.all(Deployment)
    (container,) = found.spec.template.spec.containers
    assert container.args == ["--period=1", f"--sink={stage.sink.url}"]
    assert environment(found)["SINK"] == stage.sink.url


async def test_services_that_nobody_reads_say_so(stage: Stage) -> None:
    secret = {"secretKeyRef": {"name": "s", "key": "k"}}
    spec = {"tableName": "weather", "instance": "i", "accessToken": secret}
    sink = {"uri": stage.sink.url}
    await stage.apply(source(OLD, "AliTablestoreSource", {**spec, "sink": sink}))
    said = await stage.reason(AliTablestoreSource, "it", "Deployed")
    assert said.startswith("NoAdapter: There is no adapter for Alibaba Cloud Tablestore")


async def test_what_a_sink_refuses_is_an_event_of_the_source(stage: Stage) -> None:
    stage.sink.status = 400
    spec = {"schedule": "* * * * * *", "sink": {"uri": stage.sink.url}}
    await stage.apply(source(TODAY, "PingSource", spec))

    async def told() -> bool:
        events = await stage.world.all(Event)
        return any(e.reason == "EventNotDelivered" and "HTTP 400" in e.message for e in events)

    await stage.world.eventually(told)


WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgetry.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "gadgetry", "singular": "gadget", "kind": "Gadget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


async def test_kinds_of_users_are_watched_and_bound(stage: Stage) -> None:
    """Their plurals need not be English."""
    stage.permissions.granted.add(("default", "gadgetry"))
    await stage.apply(WIDGETS)
    kind = {"apiVersion": "example.com/v1", "kind": "Gadget"}
    spec = {"resources": [kind], "sink": {"uri": stage.sink.url}}
    await stage.apply(source(TODAY, "ApiServerSource", spec))
    await stage.ready(ApiServerSource, "it")
    request = APIRequest(Verb.CREATE, "example.com", "v1", "gadgetry", namespace="default")
    containers = [{"name": "c", "image": "i"}]
    body = {**kind, "metadata": {"name": "g"}}
    body["spec"] = {"template": {"spec": {"containers": containers}}}
    await stage.world.client.transport.call(replace(request, body=body))
    (event,) = await stage.got()
    assert event.type == "dev.knative.apiserver.ref.add"

    subject = {**kind, "name": "g"}
    binding = {"subject": subject, "sink": {"uri": stage.sink.url}}
    await stage.apply(source(TODAY, "SinkBinding", binding))
    await stage.ready(SinkBinding, "it")
    read = replace(request, verb=Verb.GET, name="g")
    found = await stage.world.client.transport.call(read)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert {"name": "K_SINK", "value": stage.sink.url} in container["env"]


async def test_kinds_nobody_serves_are_reported(stage: Stage) -> None:
    stage.permissions.granted.add(("default", "widgets"))
    spec = {
        "resources": [{"apiVersion": "example.com/v1", "kind": "Widget"}],
        "sink": {"uri": stage.sink.url},
    }
    await stage.apply(source(TODAY, "ApiServerSource", spec))
    said = await stage.reason(ApiServerSource, "it", "Deployed")
    assert said == ('AdapterFailed: no matches for kind "Widget" in version "example.com/v1"')
