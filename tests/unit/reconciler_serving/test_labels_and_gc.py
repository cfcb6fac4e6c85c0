from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.apis.serving import Configuration, Revision
from wakeful.apis.serving.config import GCConfig
from wakeful.reconciler.serving.gc.decision import decide
from wakeful.reconciler.serving.labeler.state import find_targets, make_patch

S = "serving.knative.dev"
NOW = datetime(2026, 1, 10, tzinfo=UTC)


def test_route_leads_to_what_it_names_and_to_what_comes_next(
    make_route: Any, make_revision: Any, configuration: Configuration
) -> None:
    configuration.status.latest_created_revision_name = "r3"
    route = make_route({"configurationName": "hello", "latestRevision": True, "percent": 100})
    route.status.traffic = make_route({"revisionName": "r1"}).spec.traffic
    found = find_targets(
        route,
        {"r1": make_revision("r1", 1)}.get,
        lambda name: configuration if name == "hello" else None,
    )
    assert found.revisions == {"r1", "r3"}
    assert found.configurations == {"hello"}


def test_revision_becomes_active_and_reserve(make_revision: Any) -> None:
    revision = make_revision("r1", 1)
    revision.metadata.labels[f"{S}/routingState"] = "pending"
    assert make_patch(revision, "hello", leads_here=True, now=NOW) == {
        "metadata": {
            "labels": {f"{S}/routingState": "active"},
            "annotations": {
                f"{S}/routes": "hello",
                f"{S}/routingStateModified": "2026-01-10T00:00:00Z",
            },
        }
    }
    revision.metadata.labels[f"{S}/routingState"] = "active"
    revision.metadata.annotations[f"{S}/routes"] = "a,hello"
    assert make_patch(revision, "hello", leads_here=True, now=NOW) is None
    assert make_patch(revision, "hello", leads_here=False, now=NOW) == {
        "metadata": {"annotations": {f"{S}/routes": "a"}}
    }
    revision.metadata.annotations[f"{S}/routes"] = "hello"
    patch = make_patch(revision, "hello", leads_here=False, now=NOW)
    assert patch is not None
    assert patch["metadata"]["labels"] == {f"{S}/routingState": "reserve"}
    assert patch["metadata"]["annotations"][f"{S}/routes"] is None


def test_configurations_carry_routes_but_no_state(configuration: Configuration) -> None:
    assert make_patch(configuration, "hello", leads_here=True, now=NOW) == {
        "metadata": {"annotations": {f"{S}/routes": "hello"}}
    }


def idle(revision: Revision, *, hours: float) -> Revision:
    then = NOW - timedelta(hours=hours)
    revision.metadata.creation_timestamp = then
    revision.metadata.labels[f"{S}/routingState"] = "reserve"
    revision.metadata.annotations[f"{S}/routingStateModified"] = then.isoformat()
    return revision


@pytest.mark.parametrize(
    ("config", "ages", "deleted"),
    [
        (GCConfig(), [100, 90, 80], []),
        (GCConfig(min_non_active_revisions=1), [80, 100, 90], ["r1", "r2"]),
        (GCConfig(min_non_active_revisions=0), [100, 1, 2], ["r0"]),
        (
            GCConfig(min_non_active_revisions=0, max_non_active_revisions=1),
            [3, 1, 2],
            ["r0", "r2"],
        ),
        (GCConfig(timedelta(hours=1), None, 0, None), [3, 0.5], ["r0"]),
        (GCConfig(None, None, 0, None), [1000, 1000], []),
        (GCConfig(None, None, 0, 1), [3, 1], ["r0"]),
    ],
)
def test_oldest_idle_revisions_go(
    configuration: Configuration,
    make_revision: Any,
    config: GCConfig,
    ages: list[float],
    deleted: list[str],
) -> None:
    revisions = [idle(make_revision(f"r{i}", i), hours=age) for i, age in enumerate(ages)]
    decision = decide(configuration, revisions, config, NOW)
    assert [r.metadata.name for r in decision.delete] == deleted


def test_what_is_needed_or_wanted_stays(configuration: Configuration, make_revision: Any) -> None:
    config = GCConfig(min_non_active_revisions=0)
    served, kept, routed = (
        idle(make_revision(name, i), hours=999) for i, name in enumerate(("a", "b", "c"))
    )
    configuration.status.latest_ready_revision_name = "a"
    kept.metadata.annotations[f"{S}/no-gc"] = "true"
    routed.metadata.labels[f"{S}/routingState"] = "active"
    assert decide(configuration, [served, kept, routed], config, NOW).delete == ()


def test_next_look_is_when_the_next_one_gets_stale(
    configuration: Configuration, make_revision: Any
) -> None:
    config = GCConfig(timedelta(hours=2), timedelta(hours=1), 0, None)
    revisions = [idle(make_revision("r0", 0), hours=0.5), idle(make_revision("r1", 1), hours=1.5)]
    decision = decide(configuration, revisions, config, NOW)
    assert decision.delete == ()
    assert decision.again_after == 1800
