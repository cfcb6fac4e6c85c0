"""Entries of the registry that sources stand for."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import Scheme
from wakeful.apis.duck import CloudEventAttributes, Destination, KReference
from wakeful.apis.sources import (
    RESOURCES,
    CronJobSource,
    GitHubSource,
    LegacyGitHubSource,
    PingSource,
)
from wakeful.reconciler.sources.eventtypes import make_event_types, read_descriptions

UID = "0e1a8c2e-5d1f-4a9c-9a57-2f1f6a3d0c11"
BROKER = Destination(
    ref=KReference(api_version="eventing.knative.dev/v1alpha1", kind="Broker", name="default")
)
SERVICE = Destination(ref=KReference(api_version="v1", kind="Service", name="s"))
GITHUB = "https://github.com/my-other-user/my-other-repo"


def of(model: type[Any], sink: Destination, *types: str, source: str = GITHUB) -> list[Any]:
    owner = model(metadata=ObjectMeta(name="it", namespace="default", uid=UID))
    attributes = [CloudEventAttributes(type=each, source=source) for each in types]
    return make_event_types(owner, sink, attributes, {"a.b": "an example"})


def test_the_books_names_of_githubs_events() -> None:
    """The end of a name is fixed; it looks as if a server had chosen it."""
    prefix = "dev.knative.source.github"
    push, pull = of(LegacyGitHubSource, BROKER, f"{prefix}.push", f"{prefix}.pull_request")
    assert push.metadata.name[:-5] == "dev.knative.source.github.push-"
    assert pull.metadata.name[:-5] == "dev.knative.source.github.pullrequest-"
    assert pull.spec.value_of("type") == "dev.knative.source.github.pull_request"
    assert pull.spec.value_of("source") == GITHUB
    assert pull.spec.reference.namespace == "default"
    assert pull.metadata.labels["eventing.knative.dev/source"] == "githubsource-controller"
    assert pull.metadata.owner_references[0].uid == UID


def test_other_names() -> None:
    (old,) = of(CronJobSource, BROKER, "dev.knative.cronjob.event")
    assert old.metadata.name == f"dev.knative.cronjob.event-{UID}"
    (new,) = of(PingSource, BROKER, "dev.knative.sources.ping")
    assert len(new.metadata.name) == 32
    (described,) = of(GitHubSource, BROKER, "a.b")
    assert described.spec.description == "an example"


@pytest.mark.parametrize(
    ("model", "sink", "count"),
    [
        (PingSource, SERVICE, 1),
        (CronJobSource, SERVICE, 0),
        (PingSource, Destination(uri="http://x.test"), 0),
        (CronJobSource, BROKER, 1),
    ],
)
def test_only_sinks_that_are_objects_are_registered(
    model: type[Any], sink: Destination, count: int
) -> None:
    """In 2019 they had to be Brokers."""
    assert len(of(model, sink, "t")) == count


def test_kinds_describe_their_events() -> None:
    found = read_descriptions(Scheme(RESOURCES), PingSource)
    assert found == {"dev.knative.sources.ping": "a fixed payload on a schedule"}
