"""Whatever is sent is either accepted or refused, in every version; nothing crashes."""

from __future__ import annotations

import copy
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.meta import drop_nulls
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis import eventing, flows, messaging
from wakeful.apis.duck import LegacyShapeError
from wakeful.apis.eventing.config import parse_channel_template
from wakeful.reconciler.eventing.configs import VALIDATORS

SCHEME = Scheme((*eventing.RESOURCES, *messaging.RESOURCES, *flows.RESOURCES))
QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REF: dict[str, Any] = {"apiVersion": "a/v1", "kind": "K", "name": "n", "namespace": "default"}
TO: dict[str, Any] = {"ref": REF, "uri": "/x", "CACerts": "x", "audience": "a"}
DELIVERY: dict[str, Any] = {
    "deadLetterSink": TO,
    "retry": 1,
    "timeout": "PT1S",
    "backoffPolicy": "linear",
    "backoffDelay": "PT1S",
    "retryAfterMax": "PT1S",
    "format": "json",
}
TEMPLATE: dict[str, Any] = {"apiVersion": "a/v1", "kind": "K", "spec": {"a": 1}}
SPECS: dict[str, dict[str, Any]] = {
    "Broker": {"config": REF, "channelTemplateSpec": TEMPLATE, "delivery": DELIVERY},
    "Trigger": {
        "broker": "b",
        "brokerRef": REF,
        "filter": {"attributes": {"type": "x"}, "sourceAndType": {"type": "x", "source": "y"}},
        "filters": [{"all": [{"not": {"exact": {"type": "x"}}}]}, {"cesql": "TRUE"}],
        "subscriber": TO,
        "delivery": DELIVERY,
    },
    "EventType": {
        "type": "t",
        "source": "s",
        "schema": "x",
        "broker": "b",
        "reference": REF,
        "attributes": [{"name": "type", "required": True, "value": "x"}],
    },
    "Channel": {"channelTemplate": TEMPLATE, "delivery": DELIVERY},
    "InMemoryChannel": {
        "subscribers": [{"uid": "u", "subscriberUri": "http://x", "delivery": DELIVERY}],
        "subscribable": {"subscribers": [{"uid": "u", "subscriberURI": "http://x"}]},
    },
    "NatsJetStreamChannel": {
        "stream": {"config": {"retention": "Limits", "maxAge": "1h", "replicas": 1}},
        "consumerConfigTemplate": {"deliverPolicy": "All", "optStartTime": "2026-01-01T00:00:00Z"},
    },
    "Subscription": {"channel": REF, "subscriber": TO, "reply": {"channel": TO, **TO}},
    "Sequence": {"steps": [TO], "channelTemplate": TEMPLATE, "reply": TO | REF},
    "Parallel": {
        "branches": [{"filter": TO, "subscriber": TO, "reply": TO, "delivery": DELIVERY}],
        "cases": [{"filter": TO, "subscriber": TO}],
        "reply": TO | REF,
    },
}
STATUS: dict[str, Any] = {
    "address": {"url": "http://x/y", "hostname": "x"},
    "conditions": [{"type": "Ready", "status": "True"}],
    "subscriberURI": "http://x",
    "subscribableStatus": {"subscribers": [{"uid": "u"}]},
    "physicalSubscription": {"subscriberURI": "http://x"},
    "annotations": {"knative.dev/channelName": "x"},
    "triggerChannel": REF,
}
ANNOTATIONS = {
    "knative.dev/dependency": '{"kind": "K"}',
    "eventing.knative.dev/injection": "enabled",
    "eventing.knative.dev/scope": "cluster",
    "messaging.knative.dev/subscribable": "v1alpha1",
}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=8)
    | st.sampled_from(["0", "-1", "PT1S", "[", "a/b", "http://", "http://[", "\x00", "☃"]),
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


def replaced(base: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(base)
    here: Any = changed
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return changed


@QUIET
@given(data=st.data())
@pytest.mark.parametrize("kind", SPECS)
def test_any_object_is_accepted_or_refused(kind: str, data: st.DataObject) -> None:
    resource = next(r for r in SCHEME if r.kind == kind)
    meta = {"name": "x", "namespace": "default", "annotations": ANNOTATIONS}
    base = {"metadata": meta, "spec": SPECS[kind], "status": STATUS}
    spot = data.draw(st.sampled_from(places(base)))
    if spot[:1] == ("metadata",) and len(spot) < 3:
        spot = ("spec",)
    wire = replaced(base, spot, data.draw(JUNK))
    version = data.draw(st.sampled_from([None, *resource.served_versions]))
    context = AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC))
    assert resource.set_defaults is not None
    assert resource.validate is not None
    with suppress(ValidationError, LegacyShapeError):
        hub = drop_nulls(wire)
        if version is not None and version.to_hub is not None:
            hub = version.to_hub(hub)
        obj = resource.model.model_validate(hub)
        resource.set_defaults(obj, None, context)
        old = obj.deep_copy()
        to_text(resource.validate(obj, None, context))
        update = AdmissionContext("UPDATE", context.now)
        to_text(resource.validate(obj, old, update))
        stored = obj.to_wire()
        if version is not None and version.from_hub is not None:
            version.from_hub(stored)


@QUIET
@given(text=st.text(max_size=40) | st.sampled_from(["a: [", "- a", "null", "a: {b: 1}", "3", "{}"]))
@pytest.mark.parametrize("name", VALIDATORS)
def test_any_config_map_is_accepted_or_refused(name: str, text: str) -> None:
    keys = (
        "default-br-config",
        "channel-template-spec",
        "default-ch-config",
        "namespace-selector",
        "delivery-timeout",
    )
    for key in keys:
        with suppress(ValueError):
            VALIDATORS[name]({key: text})
    with suppress(ValueError):
        parse_channel_template({"channelTemplateSpec": text})
