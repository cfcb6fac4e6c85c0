"""What the CloudEvents SDK writes, we read, and the other way round."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_http_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v03.event import CloudEvent as CloudEvent03
from cloudevents.core.v1.event import CloudEvent

from wakeful.cloudevents import Event, Mode, from_http, to_http

ATTRIBUTES = {
    "id": 'é "1" 100%',
    "source": "https://example.com/a?b=c#d",
    "type": "com.example.t",
    "subject": "Euro € 😀",
    "datacontenttype": "application/json",
    "stage": "outer space",
    "time": datetime(2019, 8, 22, 1, 42, 3, 236259, tzinfo=UTC),
}
OURS = Event(
    id='é "1" 100%',
    source="https://example.com/a?b=c#d",
    type="com.example.t",
    subject="Euro € 😀",
    time="2019-08-22T01:42:03.236259Z",
    datacontenttype="application/json",
    extensions={"stage": "outer space"},
    data=b'{"a": [1, "\\u00e9"]}',
)


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
@pytest.mark.parametrize(("version", "model"), [("1.0", CloudEvent), ("0.3", CloudEvent03)])
def test_we_read_what_the_sdk_writes(write: Any, version: str, model: Any) -> None:
    attributes = ATTRIBUTES | {"specversion": version}
    message = write(model(attributes, {"a": [1, "é"]}))
    found = from_http(message.headers, message.body)
    assert found.specversion == version
    assert found.data == OURS.data
    for name, value in OURS.attributes().items():
        if name != "specversion":
            assert (name, found.attribute(name)) == (name, value)


@pytest.mark.parametrize("mode", [Mode.BINARY, Mode.STRUCTURED])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_the_sdk_reads_what_we_write(version: str, mode: Mode) -> None:
    ours = Event(
        **{name: getattr(OURS, name) for name in OURS.__slots__} | {"specversion": version}
    )
    headers, body = to_http(ours, mode)
    found = from_http_event(HTTPMessage(headers, body))
    assert {**ATTRIBUTES, "specversion": version} == found.get_attributes()
    assert found.get_data() == {"a": [1, "é"]}
