"""What functions get of events, and what becomes of events they return."""

from __future__ import annotations

import json
from email.message import Message
from typing import Any

import pytest

from wakeful.cloudevents import Event, Mode, from_http, to_http
from wakeful.oci.build.launcher import Request, _cloud_event, _response


def request(headers: dict[str, str], body: bytes) -> Request:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return Request("POST", "/", {}, message, body)


@pytest.mark.parametrize("mode", [Mode.BINARY, Mode.STRUCTURED])
@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3", "1.0"])
def test_events_of_every_version_look_alike(version: str, mode: Mode) -> None:
    sent = Event(
        specversion=version,
        id="1",
        source="/s",
        type="t",
        time="2019-08-22T01:42:03Z",
        datacontenttype="application/json",
        extensions={"stage": "outer spâce"},
        data=b'{"a": 1}',
    )
    assert _cloud_event(request(*to_http(sent, mode))) == {
        "specversion": version,
        "id": "1",
        "source": "/s",
        "type": "t",
        "time": "2019-08-22T01:42:03Z",
        "datacontenttype": "application/json",
        "stage": "outer spâce",
        "data": {"a": 1},
    }


def test_binary_data() -> None:
    sent = Event(id="1", source="/s", type="t", datacontenttype="image/png", data=b"\xff")
    for mode in (Mode.BINARY, Mode.STRUCTURED):
        found = _cloud_event(request(*to_http(sent, mode)))
        assert found is not None
        assert found["data"] == b"\xff"


def test_what_is_no_event() -> None:
    assert _cloud_event(request({"content-type": "application/json"}, b"{}")) is None
    with pytest.raises(ValueError, match="utf-8"):
        _cloud_event(request({"ce-specversion": "1.0", "ce-subject": "%C0%A0"}, b""))


@pytest.mark.parametrize("data", [{"b": 2}, b"\x00"])
def test_an_event_is_returned_as_one(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K_SERVICE", "doubler")
    body, status, headers = _response({"specversion": "1.0", "type": "answer", "data": data})
    event = from_http(headers, body)
    assert (status, event.type, event.source) == (200, "answer", "/doubler")
    assert event.id
    assert event.time
    assert event.data == (b"\x00" if isinstance(data, bytes) else json.dumps(data).encode())


def test_other_results_are_what_they_were() -> None:
    assert _response({"type": "x"}) == (
        b'{"type": "x"}',
        200,
        {"Content-Type": "application/json"},
    )
    assert _response(None) == (b"", 204, {})
