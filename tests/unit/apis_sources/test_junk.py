"""Whatever is sent is either accepted or refused; nothing crashes, here or in what runs it."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis.duck import Addressable, LegacyShapeError
from wakeful.apis.sources import (
    RESOURCES,
    ApiServerSource,
    CronJobSource,
    GitHubSource,
    LegacyApiServerSource,
    LegacyContainerSource,
    LegacyGitHubSource,
    LivingSourceStatus,
    PingSource,
)
from wakeful.eventing.sources.apiserver import plan_apiserver
from wakeful.eventing.sources.github import plan_github
from wakeful.eventing.sources.ping import plan_cronjob, plan_ping

SCHEME = Scheme(RESOURCES)
REF = {"apiVersion": "v1", "kind": "Service", "name": "display"}
SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
SELECTOR = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}
SPEC: dict[str, Any] = {
    "sink": {"ref": REF, "uri": "/x"},
    "ceOverrides": {"extensions": {"a": "b"}},
    "schedule": "*/5 * * * *",
    "timezone": "UTC",
    "contentType": "application/json",
    "data": "{}",
    "dataBase64": "e30=",
    "jsonData": "{}",
    "resources": [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "selector": SELECTOR,
            "labelSelector": SELECTOR,
            "controllerSelector": {"kind": "ReplicaSet"},
            "controller": True,
        }
    ],
    "owner": {"apiVersion": "apps/v1", "kind": "Deployment"},
    "mode": "Resource",
    "serviceAccountName": "sa",
    "namespaceSelector": SELECTOR,
    "filters": [{"exact": {"type": "a"}}],
    "template": {"spec": {"containers": [{"image": "i"}]}},
    "image": "i",
    "args": ["a"],
    "subject": {**REF, "selector": SELECTOR},
    "ownerAndRepository": "a/b",
    "eventTypes": ["push"],
    "accessToken": SECRET,
    "secretToken": SECRET,
    "githubAPIURL": "http://x.test",
    "secure": True,
    "topic": "t",
    "tableName": "t",
    "instance": "i",
}
FLAT = {**REF, "uri": "http://x.test"}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=8)
    | st.sampled_from(
        ["http://[", "//", "@every 9999999h", "@every 1h", "CRON_TZ=x", "* * * * * *", "a/b/c"]
    )
    | st.sampled_from(["\x00", "☃", "=", "1/0", "../..", "[" * 5000, "http://x:99999/", "Ref"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec with junk in one or two places, and without some of its members."""
    wire = copy.deepcopy(SPEC)
    if draw(st.booleans()):
        wire["sink"] = dict(FLAT)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(places(wire)))
        target: Any = wire
        for step in way:
            target = target[step]
        target[last] = draw(JUNK)
    for name in draw(st.sets(st.sampled_from(sorted(SPEC)), max_size=25)):
        wire.pop(name, None)
    return wire


def plan(source: Object) -> None:
    """Do what is done with a source that was admitted."""
    status = getattr(source, "status", None)
    if isinstance(status, LivingSourceStatus):
        status.mark_sink(Addressable(url="http://x.test"))
    match source:
        case PingSource():
            found = plan_ping(source)
            assert found is not None
            found.schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC))
        case CronJobSource():
            assert plan_cronjob(source) is not None
        case ApiServerSource() | LegacyApiServerSource():
            source.status.mark_sufficient_permissions()
            assert plan_apiserver(source) is not None
        case GitHubSource() | LegacyGitHubSource():
            source.status.address = Addressable(url="http://it.test")
            assert plan_github(source) is not None
        case LegacyContainerSource():
            assert source.wanted.template.spec.containers
        case _:
            pass


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: f"{r.kind}.{r.group}")
@QUIET
@given(spec=specs())
def test_junk_is_accepted_or_refused(resource: Any, spec: dict[str, Any]) -> None:
    wire = {"metadata": {"name": "it", "namespace": "default"}, "spec": spec}
    context = AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC))
    for version in (None, *resource.served_versions):
        data = copy.deepcopy(wire)
        with suppress(ValidationError, LegacyShapeError):
            if version is not None and version.to_hub is not None:
                data = version.to_hub(data)
            source = resource.model.from_wire(data)
            if resource.set_defaults is not None:
                resource.set_defaults(source, None, context)
            faults = resource.validate(source, None, context)
            if not faults:
                plan(source)
            if version is not None and version.from_hub is not None:
                version.from_hub(source.to_wire())
