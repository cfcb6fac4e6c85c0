"""Events as Kafka records."""

import pytest

from wakeful.cloudevents import CloudEventError, Event, Mode, from_kafka, record_mode, to_kafka

EVENT = Event(
    id="1",
    source="/a",
    type="t",
    subject="Euro €",
    datacontenttype="text/plain",
    extensions={"key": "k"},
    data=b"\x00",
)


@pytest.mark.parametrize("mode", [Mode.BINARY, Mode.STRUCTURED])
def test_round_trip(mode: Mode) -> None:
    headers, value = to_kafka(EVENT, mode)
    assert record_mode(headers) is mode
    assert from_kafka(headers, value) == EVENT


def test_binary_headers_are_plain_text() -> None:
    headers, value = to_kafka(EVENT)
    assert ("ce_subject", "Euro €".encode()) in headers
    assert ("content-type", b"text/plain") in headers
    assert value == b"\x00"
    assert to_kafka(Event(id="1", source="/a", type="t"))[1] is None


def test_other_records_are_no_events() -> None:
    assert record_mode([("foo", b"bar")]) is None
    with pytest.raises(CloudEventError, match="ce_specversion"):
        from_kafka([("foo", b"bar")], b"")
    with pytest.raises(CloudEventError, match="ce_id is missing"):
        from_kafka([("ce_specversion", b"1.0")], b"")


def test_old_versions_travel_structured() -> None:
    headers, value = to_kafka(Event(specversion="0.1", id="1", source="/a", type="t"))
    assert record_mode(headers) is Mode.STRUCTURED
    assert from_kafka(headers, value).specversion == "0.1"
