from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.serving import Configuration, Revision
from wakeful.reconciler.serving.route.traffic import Traffic, resolve_traffic


def resolve(route: Any, configuration: Configuration, *revisions: Revision) -> Traffic:
    by_name = {r.metadata.name: r for r in revisions}
    return resolve_traffic(
        route, by_name.get, lambda name: configuration if name == "hello" else None
    )


LATEST = {"configurationName": "hello", "latestRevision": True}
OWNED = {"serving.knative.dev/service": "hello"}


def shares(traffic: Traffic, tag: str = "") -> list[tuple[str, int]]:
    return [(t.revision, t.percent) for t in traffic.hosts[tag]]


def test_latest_follows_the_newest_ready_revision(
    make_route: Any, make_revision: Any, configuration: Configuration
) -> None:
    configuration.status.latest_ready_revision_name = "r2"
    traffic = resolve(
        make_route(LATEST | {"percent": 100}),
        configuration,
        make_revision("r1", 1),
        make_revision("r2", 2, containers=[{"ports": [{"name": "h2c", "containerPort": 1}]}]),
    )
    assert traffic.bad is None
    assert shares(traffic) == [("r2", 100)]
    assert traffic.hosts[""][0].protocol == "h2c"


def test_split_with_tags_of_the_book(
    make_route: Any, make_revision: Any, configuration: Configuration
) -> None:
    """current 80, candidate 20, latest 0: tags get everything, equal Revisions are merged."""
    configuration.status.latest_ready_revision_name = "v2"
    route = make_route(
        {"tag": "current", "revisionName": "v1", "percent": 80},
        {"tag": "candidate", "revisionName": "v2", "percent": 20},
        LATEST | {"tag": "latest", "percent": 0},
        labels=OWNED,
    )
    traffic = resolve(route, configuration, make_revision("v1", 1), make_revision("v2", 2))
    assert shares(traffic) == [("v1", 80), ("v2", 20)]
    assert shares(traffic, "current") == [("v1", 100)]
    assert shares(traffic, "latest") == [("v2", 100)]
    assert [(e.tag, e.revision, e.percent, e.latest) for e in traffic.entries] == [
        ("current", "v1", 80, False),
        ("candidate", "v2", 20, False),
        ("latest", "v2", 0, True),
    ]


@pytest.mark.parametrize(
    ("target", "ready", "reason", "message", "failed"),
    [
        (
            {"configurationName": "nope"},
            "True",
            "ConfigurationMissing",
            'Configuration "nope" referenced in traffic not found.',
            True,
        ),
        (
            {"configurationName": "hello"},
            "True",
            "RevisionMissing",
            'Configuration "hello" is waiting for a Revision to become ready.',
            False,
        ),
        (
            {"revisionName": "nope"},
            "True",
            "RevisionMissing",
            'Revision "nope" referenced in traffic not found.',
            True,
        ),
        (
            {"revisionName": "r"},
            "Unknown",
            "RevisionMissing",
            'Revision "r" is not yet ready.',
            False,
        ),
        (
            {"revisionName": "r"},
            "False",
            "RevisionMissing",
            'Revision "r" failed to become ready.',
            True,
        ),
    ],
)
def test_bad_targets_are_reported(
    make_route: Any,
    make_revision: Any,
    configuration: Configuration,
    target: dict[str, Any],
    ready: str,
    reason: str,
    message: str,
    failed: bool,
) -> None:
    traffic = resolve(
        make_route(target | {"percent": 100}), configuration, make_revision("r", 1, ready=ready)
    )
    assert traffic.bad is not None
    assert (traffic.bad.reason, traffic.bad.message, traffic.bad.failed) == (
        reason,
        message,
        failed,
    )
    assert traffic.hosts == {}


def test_revisions_of_another_service_are_refused(
    make_route: Any, make_revision: Any, configuration: Configuration
) -> None:
    revision = make_revision("r", 1)
    revision.metadata.labels["serving.knative.dev/service"] = "other"
    owned = make_route({"revisionName": "r", "percent": 100}, labels=OWNED)
    alone = make_route({"revisionName": "r", "percent": 100})
    bad = resolve(owned, configuration, revision).bad
    assert bad is not None
    assert bad.message == 'Revision "r" belongs to Service "other", not Service "hello".'
    assert resolve(alone, configuration, revision).bad is None


def test_failure_is_told_before_waiting(
    make_route: Any, make_revision: Any, configuration: Configuration
) -> None:
    route = make_route(
        {"revisionName": "missing", "percent": 50}, {"revisionName": "slow", "percent": 50}
    )
    bad = resolve(route, configuration, make_revision("slow", 1, ready="Unknown")).bad
    assert bad is not None
    assert bad.failed
