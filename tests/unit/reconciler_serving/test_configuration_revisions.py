from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apis.serving import Configuration, Revision
from wakeful.reconciler.serving.configuration.resources import make_revision as snapshot
from wakeful.reconciler.serving.configuration.revisions import (
    find_latest_created,
    find_latest_ready,
    is_name_taken,
)

S = "serving.knative.dev"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_revision_is_named_after_the_generation(configuration: Configuration) -> None:
    made = snapshot(configuration, NOW)
    assert made.metadata.name == "hello-00003"
    assert made.metadata.labels == {
        "app": "web",
        f"{S}/configuration": "hello",
        f"{S}/configurationGeneration": "3",
        f"{S}/configurationUID": "cfg-uid",
        f"{S}/service": "hello",
        f"{S}/serviceUID": "svc-uid",
        f"{S}/routingState": "pending",
    }
    assert made.metadata.annotations == {
        "note": "x",
        f"{S}/creator": "alice",
        f"{S}/routingStateModified": "2026-01-02T03:04:05Z",
    }
    assert configuration.spec.template.metadata.labels == {"app": "web"}


def test_revision_of_a_routed_configuration_starts_active(configuration: Configuration) -> None:
    configuration.metadata.annotations[f"{S}/routes"] = "hello"
    made = snapshot(configuration, NOW)
    assert made.metadata.labels[f"{S}/routingState"] == "active"
    assert made.metadata.annotations[f"{S}/routes"] == "hello"


def test_revision_may_bring_its_own_name(configuration: Configuration) -> None:
    configuration.spec.template.metadata.name = "hello-mine"
    assert snapshot(configuration, NOW).metadata.name == "hello-mine"


def test_latest_created_is_that_of_the_generation(
    configuration: Configuration, make_revision: Any
) -> None:
    revisions = [make_revision("a", 2), make_revision("b", 3)]
    found = find_latest_created(configuration, revisions)
    assert found is not None
    assert found.metadata.name == "b"
    assert find_latest_created(configuration, revisions[:1]) is None


@pytest.mark.parametrize(
    ("states", "serving", "latest"),
    [
        ({"r1": "True", "r2": "True", "r3": "Unknown"}, "", "r2"),
        ({"r1": "True", "r2": "False", "r3": "False"}, "r1", "r1"),
        ({"r1": "True", "r2": "False", "r3": "False"}, "r2", None),
        ({"r1": "True", "r2": "True", "r3": "True"}, "r1", "r3"),
        ({"r1": "Unknown", "r2": "Unknown", "r3": "Unknown"}, "", None),
    ],
)
def test_latest_ready_never_goes_back_by_itself(
    configuration: Configuration,
    make_revision: Any,
    states: dict[str, str],
    serving: str,
    latest: str | None,
) -> None:
    revisions = [make_revision(n, int(n[1]), ready=state) for n, state in states.items()]
    configuration.status.latest_ready_revision_name = serving
    found = find_latest_ready(configuration, revisions[-1], revisions)
    assert (found.metadata.name if found else None) == latest


def test_latest_ready_goes_back_by_name(configuration: Configuration, make_revision: Any) -> None:
    revisions = [make_revision("r1", 1), make_revision("r2", 2)]
    configuration.spec.template.metadata.name = "r1"
    configuration.status.latest_ready_revision_name = "r2"
    found = find_latest_ready(configuration, revisions[0], revisions)
    assert found is not None
    assert found.metadata.name == "r1"


def test_name_is_taken_by_strangers_and_by_other_specs(
    configuration: Configuration, make_revision: Any
) -> None:
    same: Revision = make_revision("hello-x", 1)
    same.spec = configuration.spec.template.spec
    assert not is_name_taken(configuration, same)
    other = make_revision("hello-x", 1)
    assert is_name_taken(configuration, other)
    newest = make_revision("hello-x", 3)
    assert not is_name_taken(configuration, newest)
    newest.metadata.owner_references[0].uid = "somebody else"
    assert is_name_taken(configuration, newest)
