from __future__ import annotations

import struct

import pytest

from wakeful.cloudevents import Event, checked, from_http, to_http
from wakeful.eventbus.kafka import Record, to_record
from wakeful.eventing.sources.kafka.convert import Conversion, KeyType, read_key, to_event

SOURCE = "/apis/v1/namespaces/default/kafkasources/alikafka-source"
MOMENT_MS = 1_571_388_632_492


def a_record(**changes: object) -> Record:
    given: dict[str, object] = {
        "topic": "demo",
        "partition": 7,
        "offset": 1,
        "timestamp_ms": MOMENT_MS,
        "key": b"demo",
        "value": b'{"key": "test"}',
        "headers": (),
    }
    return Record(**(given | changes))


def test_the_books_record_is_the_books_event() -> None:
    """Type, source, id, time, content type and the only extension are those it prints."""
    event = to_event(a_record(), Conversion(SOURCE, legacy=True))

    assert event == Event(
        specversion="0.3",
        type="dev.knative.kafka.event",
        source=f"{SOURCE}#demo",
        id="partition:7/offset:1",
        time="2019-10-18T08:50:32.492Z",
        datacontenttype="application/json",
        extensions={"key": "demo"},
        data=b'{"key": "test"}',
    )


def test_a_record_of_today_tells_where_it_was() -> None:
    """Subject, key twice, headers as extensions, partition and offset."""
    headers = (("Content-Type", b"Text/Plain"), ("X-Trace_Id", b"abc"), ("raw", b"\xff"))

    event = to_event(a_record(headers=headers), Conversion(SOURCE, overrides={"env": "test"}))

    assert event.subject == "partition:7#1"
    assert event.specversion == "1.0"
    assert event.datacontenttype == "text/plain"
    assert event.extensions == {
        "partitionkey": "demo",
        "key": "demo",
        "kafkaheaderxtraceid": "abc",
        "kafkaheaderraw": "/w==",
        "knativekafkapartition": 7,
        "knativekafkaoffset": 1,
        "env": "test",
    }
    assert from_http(*to_http(event)).id == event.id


def test_events_in_records_pass_through() -> None:
    """Nothing but where they were read from is added."""
    sent = Event(id="9", source="/them", type="t", data=b"x", extensions={"partitionkey": "k"})
    written = to_record(sent)

    event = to_event(
        a_record(key=written.key, value=written.value, headers=written.headers), Conversion(SOURCE)
    )

    assert event == sent.with_extensions({"knativekafkapartition": 7, "knativekafkaoffset": 1})


@pytest.mark.parametrize(
    ("key", "kind", "value"),
    [
        (b"abc", KeyType.STRING, "abc"),
        (b"\xff\xfe", KeyType.STRING, "//4="),
        (struct.pack(">i", -5), KeyType.INT, -5),
        (b"no int", KeyType.INT, "no int"),
        (struct.pack(">d", 1.5), KeyType.FLOAT, "1.5"),
        (struct.pack(">f", 0.5), KeyType.FLOAT, "0.5"),
        (b"\x00\x01", KeyType.BYTES, "AAE="),
    ],
)
def test_keys_are_read_as_their_type(key: bytes, kind: KeyType, value: object) -> None:
    """A key that is not what it was said to be counts as text."""
    assert read_key(key, kind) == value


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("key", [None, b"", b"\x00\x01\x02\x03", "schlüssel".encode()])
@pytest.mark.parametrize("value", [None, b"", b"not json", b"\x00\xff"])
def test_any_record_is_a_valid_event(
    value: bytes | None, key: bytes | None, *, legacy: bool
) -> None:
    """Whatever is in the topic can be delivered; offsets beyond 32 bits too."""
    record = a_record(key=key, value=value, offset=2**40, headers=(("a b", b""),))

    event = to_event(record, Conversion(SOURCE, legacy=legacy))

    assert checked(event) is event
    assert event.data == value
