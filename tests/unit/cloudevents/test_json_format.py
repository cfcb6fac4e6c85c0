"""The JSON format: where data comes from and goes to, and the types of attributes."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.cloudevents import CloudEventError, Event, from_json, from_stored, to_json, to_stored


def parse(**members: Any) -> Event:
    return from_json(
        orjson.dumps({"specversion": "1.0", "id": "1", "source": "/a", "type": "t", **members})
    )


def test_data_is_the_text_that_stood_there() -> None:
    event = from_json(
        b' {"specversion":"1.0", "data" : {"a":1.50, "b" :[ 1e2 ]} ,"id":"1","source":"/a",'
        b'"type":"t"}\n'
    )
    assert event.data == b'{"a":1.50, "b" :[ 1e2 ]}'
    assert event.datacontenttype == "application/json"  # implied, so made explicit


@pytest.mark.parametrize(
    ("members", "content_type", "data"),
    [
        ({"data": "I'm just a string"}, "application/json", b'"I\'m just a string"'),
        ({"data": None}, "application/json", b"null"),
        ({"data": "<x/>", "datacontenttype": "application/xml"}, "application/xml", b"<x/>"),
        ({"data": 1.5, "datacontenttype": "text/json"}, "text/json", b"1.5"),
        ({"data_base64": "eyAieHl6IjogMTIzIH0="}, None, b'{ "xyz": 123 }'),
        ({"data_base64": None}, None, None),
        ({}, None, None),
    ],
)
def test_data(members: dict[str, Any], content_type: str | None, data: bytes | None) -> None:
    event = parse(**members)
    assert (event.datacontenttype, event.data) == (content_type, data)
    assert from_json(to_json(event)) == event


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"data": 1, "data_base64": "eA=="}, "data_base64: MUST NOT stand beside data"),
        ({"data_base64": "***"}, "data_base64: MUST be a string in base64 (RFC 4648)"),
        ({"data_base64": 5}, "data_base64: MUST be a string in base64 (RFC 4648)"),
        (
            {"data": {}, "datacontenttype": "text/plain"},
            "data: MUST be a string because its type is text/plain",
        ),
        ({"ext": 1.5}, "ext: MUST be a string, an integer or a boolean"),
        ({"ext": {"a": "b"}}, "ext: MUST be a string, an integer or a boolean"),
        ({"ext": 2**31}, "ext: an integer MUST be within -2147483648 and 2147483647"),
        ({"Ext": "x"}, "Ext: an attribute name MUST consist of lower-case letters a-z"),
        ({"time": ""}, "time: if present, MUST be a non-empty string"),
    ],
)
def test_fault(members: dict[str, Any], fault: str) -> None:
    with pytest.raises(CloudEventError) as caught:
        parse(**members)
    assert str(caught.value).startswith(fault)


def test_null_is_absent_and_types_are_kept() -> None:
    event = parse(subject=None, ext=None, number=5, truth=True, text="5")
    assert event.subject is None
    assert event.extensions == {"number": 5, "truth": True, "text": "5"}
    assert orjson.loads(to_json(event))["truth"] is True


def test_base64_of_version_03() -> None:
    event = parse(
        specversion="0.3", datacontentencoding="base64", data="aGk=", datacontenttype="text/plain"
    )
    assert (event.data, event.datacontentencoding) == (b"hi", None)
    binary = Event(specversion="0.3", id="1", source="/", type="t", data=b"\xff")
    assert orjson.loads(to_json(binary))["datacontentencoding"] == "base64"
    assert from_json(to_json(binary)).data == b"\xff"


texts = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFDCF, exclude_categories=("Cc", "Cs")),
    min_size=1,
)
events = st.builds(
    Event,
    id=texts,
    source=st.just("/a"),
    type=texts,
    subject=st.none() | texts,
    datacontenttype=st.sampled_from(["application/json", "text/plain", "image/png"]),
    extensions=st.dictionaries(
        st.from_regex(r"ext[a-z0-9]{1,9}", fullmatch=True),
        texts | st.booleans() | st.integers(-(2**31), 2**31 - 1),
        max_size=3,
    ),
    data=st.none() | st.binary(),
)


@given(events)
def test_round_trips(event: Event) -> None:
    assert from_json(to_json(event)) == event
    headers, body = to_stored(event)
    assert from_stored(headers, body) == event
    assert all(text.isascii() and text.isprintable() for text in headers.values())


def test_damaged_store() -> None:
    for headers in ({}, {"Wakeful-Event": "{"}, {"Wakeful-Event": "5"}, {"Wakeful-Event": "{}"}):
        with pytest.raises(CloudEventError, match="Wakeful-Event"):
            from_stored(headers, b"")
