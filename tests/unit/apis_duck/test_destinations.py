"""Destinations and deliveries: what is refused, in which words, and how 2019's forms are read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.isoduration import parse_iso_duration
from wakeful.apis.duck import (
    DeliverySpec,
    Destination,
    EventingFeatures,
    LegacyShapeError,
    SourceSpec,
    unflatten,
    validate_delivery,
    validate_destination,
    validate_source,
)
from wakeful.apis.duck.destination_conversion import refuse_flat
from wakeful.apis.duck.features import parse_features

_REF = {"apiVersion": "v1", "kind": "Service", "name": "x"}
_OFF = EventingFeatures()


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ({"ref": _REF}, ""),
        ({"uri": "http://example.org/x"}, ""),
        ({"ref": _REF, "uri": "/path"}, ""),
        ({}, "expected at least one, got none: ref, uri"),
        (
            {"ref": _REF, "uri": "http://example.org"},
            "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present:"
            " [apiVersion, kind, name], ref, uri",
        ),
        (
            {"uri": "/path"},
            "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is"
            " absent: uri",
        ),
        (
            {"uri": "http://"},
            "invalid value: Relative URI is not allowed when Ref and [apiVersion, kind, name] is"
            " absent: uri",
        ),
        ({"uri": "http://a b"}, "invalid value: http://a b: uri\nnot a URI"),
        ({"uri": "other://example.org"}, ""),
        ({"ref": {}}, "missing field(s): ref.apiVersion, ref.kind, ref.name"),
        ({"ref": _REF | {"group": "g"}}, "must not set the field(s): ref.group"),
        (
            {"uri": "http://x.y", "CACerts": "no"},
            "invalid value: CA Cert provided is invalid: caCert",
        ),
    ],
)
def test_destinations_are_validated(wire: dict[str, Any], text: str) -> None:
    """Every fault has upstream's words and path."""
    assert to_text(validate_destination(Destination.from_wire(wire), _OFF)) == text


def test_a_group_will_do_when_the_feature_is_on() -> None:
    """``kreference-group`` allows references without a version."""
    features = parse_features({"kreference-group": "enabled"})
    ref = {"group": "eventing.knative.dev", "kind": "Broker", "name": "x"}
    assert not validate_destination(Destination.from_wire({"ref": ref}), features)
    other = Destination.from_wire({"ref": ref | {"apiVersion": "messaging.knative.dev/v1"}})
    assert "refer to different API groups" in to_text(validate_destination(other, features))


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ({"retry": 3, "backoffPolicy": "linear", "backoffDelay": "PT0S", "timeout": "PT1S"}, ""),
        ({"retry": -1}, "invalid value: -1: retry"),
        ({"backoffPolicy": "x"}, "invalid value: x: backoffPolicy"),
        ({"backoffDelay": "5s"}, "invalid value: 5s: backoffDelay"),
        ({"timeout": "PT0S"}, "invalid value: PT0S: timeout"),
        ({"retryAfterMax": "PT1S"}, "must not set the field(s): retryAfterMax"),
        ({"format": "xml"}, "invalid value: xml: format"),
        (
            {"deadLetterSink": {}},
            "expected at least one, got none: deadLetterSink.ref, deadLetterSink.uri",
        ),
    ],
)
def test_deliveries_are_validated(wire: dict[str, Any], text: str) -> None:
    """Every fault has upstream's words and path."""
    assert to_text(validate_delivery(DeliverySpec.from_wire(wire), _OFF)) == text


def test_features_open_and_close_fields() -> None:
    """``delivery-timeout`` can be switched off, ``delivery-retryafter`` on."""
    features = parse_features({"delivery-timeout": "disabled", "delivery-retryafter": "Enabled"})
    delivery = DeliverySpec(timeout="PT1S", retry_after_max="PT0S")
    faults = to_text(validate_delivery(delivery, features))
    assert faults == "must not set the field(s): timeout"
    with pytest.raises(ValueError, match="delivery-timeout: 'perhaps' is not one of"):
        parse_features({"delivery-timeout": "perhaps"})


def test_sources_are_validated() -> None:
    """A sink is required; extensions must have names that are allowed."""
    spec = SourceSpec.from_wire({"ceOverrides": {"extensions": {"a-b": "1", "ok": "2"}}})
    assert to_text(validate_source(spec, _OFF)).split("\n") == [
        "expected at least one, got none: sink.ref, sink.uri",
        'invalid key name "a-b": ceOverrides.extensions',
        "keys are expected to be alphanumeric",
    ]


def test_the_flat_form_is_rewritten() -> None:
    """A flat sink becomes a reference; both at once are refused; so is it where it never was."""
    flat = {"apiVersion": "eventing.knative.dev/v1alpha1", "kind": "Broker", "name": "default"}
    assert unflatten(flat, "spec.sink") == {"ref": flat}
    assert unflatten({"uri": "http://x"}, "spec.sink") == {"uri": "http://x"}
    assert unflatten("x", "spec.sink") == "x"
    with pytest.raises(LegacyShapeError, match="can't be both present") as caught:
        unflatten(flat | {"ref": _REF}, "spec.sink")
    # Applied again, it is the flat form that was sent now.
    assert unflatten(flat | {"ref": _REF}, "spec.sink", patched=True) == {"ref": flat}
    assert caught.value.message.endswith(": spec.sink.ref, spec.sink[apiVersion, kind, name]")
    with pytest.raises(LegacyShapeError, match="kind is not allowed here, it's a deprecated value"):
        refuse_flat({"kind": "Service"}, "spec.subscriber")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0.2S", 0.2), ("PT1M30S", 90), ("P1DT1H", 90_000), ("P1W", 604_800), ("-PT1S", -1)],
)
def test_iso_durations(text: str, seconds: float) -> None:
    """Fractions, several units and signs are read."""
    assert parse_iso_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1H", "1S", "PT1", "PT1S ", "P9999999999Y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Half-written durations and Go's are none."""
    with pytest.raises(ValueError, match="duration"):
        parse_iso_duration(text)
