"""What the ingress accepts, and what it makes of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wakeful.eventing.frame import pack, unpack
from wakeful.eventing.ingress.rules import (
    IngressError,
    Routes,
    accept,
    answer_without_event,
    plain_host,
)
from wakeful.eventing.plan.model import RoutePlan

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
BROKERS = "broker-ingress.knative-eventing.svc"
BROKER = RoutePlan(BROKERS, "/ns/b", "s", "broker/ns/b", is_broker=True)
CHANNEL = RoutePlan("c-kn-channel.ns.svc", "/", "t", "inmemorychannel/ns/c")
OLD = RoutePlan("o-kn-channel.ns.svc", "/", "t", "inmemorychannel/ns/o", record_history=True)
ROUTES = Routes.of([BROKER, CHANNEL, OLD])


def headers(**more: str) -> list[tuple[str, str]]:
    base = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
    return list((base | {name.replace("_", "-"): value for name, value in more.items()}).items())


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("Broker-Ingress.knative-eventing.svc.cluster.local:80", BROKERS),
        ("c-kn-channel.ns.svc.cluster.local", "c-kn-channel.ns.svc"),
        ("c-kn-channel.ns.svc", "c-kn-channel.ns.svc"),
    ],
)
def test_hosts_are_known_in_every_spelling(host: str, plain: str) -> None:
    assert plain_host(host) == plain


@pytest.mark.parametrize(
    ("method", "host", "target", "status"),
    [
        ("OPTIONS", BROKERS, "/anything", 200),
        ("GET", BROKERS, "/ns/b", 405),
        ("PUT", CHANNEL.host, "/", 405),
        ("POST", BROKERS, "/", 404),
        ("POST", BROKERS, "/ns", 400),
        ("POST", BROKERS, "/ns/b/c", 400),
        ("POST", CHANNEL.host, "/ns/b", 400),
        ("POST", BROKERS, "/ns/b/", None),
        ("POST", CHANNEL.host, "/", None),
    ],
)
def test_what_is_answered_without_looking_at_the_event(
    method: str, host: str, target: str, status: int | None
) -> None:
    found = answer_without_event(method, host, target)
    assert (found.status if found else None) == status


def test_a_broker_stamps_time_and_passes() -> None:
    accepted = accept(ROUTES, BROKERS, "/ns/b/", headers(), b"", NOW)
    assert accepted.route is BROKER
    assert accepted.event.extensions == {
        "knativebrokerttl": 255,
        "knativearrivaltime": "2026-01-02T03:04:05.000678Z",
    }
    again = accept(ROUTES, BROKERS, "/ns/b", headers(ce_knativebrokerttl="7"), b"", NOW)
    assert again.event.extensions["knativebrokerttl"] == 6


@pytest.mark.parametrize("ttl", ["1", "0", "-3"])
def test_a_circle_of_events_ends(ttl: str) -> None:
    with pytest.raises(IngressError) as caught:
        accept(ROUTES, BROKERS, "/ns/b", headers(ce_knativebrokerttl=ttl), b"", NOW)
    assert caught.value.answer.status == 400


def test_a_bad_event_is_told_before_a_missing_broker() -> None:
    bad = headers(ce_specversion="9000.1")
    for target in ("/ns/b", "/ns/missing"):
        with pytest.raises(IngressError, match=r'version "9000\.1" is not supported') as caught:
            accept(ROUTES, BROKERS, target, bad, b"", NOW)
        assert caught.value.answer.status == 400
    with pytest.raises(IngressError, match="'ns/missing' does not exist") as caught:
        accept(ROUTES, BROKERS, "/ns/missing", headers(), b"", NOW)
    assert caught.value.answer.status == 404


def test_channels_change_nothing_unless_they_are_old() -> None:
    assert accept(ROUTES, CHANNEL.host, "/", headers(), b"", NOW).event.extensions == {}
    host = f"{OLD.host}.cluster.local"
    once = accept(ROUTES, OLD.host, "/", headers(), b"", NOW)
    assert once.event.extensions == {"knativehistory": host}
    twice = accept(ROUTES, OLD.host, "/", headers(ce_knativehistory="first"), b"", NOW)
    assert twice.event.extensions == {"knativehistory": f"first; {host}"}


def test_what_travels_along() -> None:
    sent = headers(traceparent="00-a", knative_x="1", x_request_id="r", x_b3_flags="f", cookie="c")
    accepted = accept(ROUTES, CHANNEL.host, "/", sent, b"data", NOW)
    assert dict(accepted.forwarded) == {
        "traceparent": "00-a",
        "knative-x": "1",
        "x-request-id": "r",
        "x-b3-flags": "f",
    }


@pytest.mark.parametrize("data", [None, b"", b"\x00\n\xff", b'{"a": 1}'])
def test_stored_events_read_back_as_they_were(data: bytes | None) -> None:
    sent = headers(ce_ext="v\xc3\xa4", ce_subject="s", content_type="application/json")
    event = accept(ROUTES, BROKERS, "/ns/b", sent, data or b"", NOW).event
    again, forwarded = unpack(pack(event, [("a", "b")]))
    assert again == event
    assert forwarded == [("a", "b")]
