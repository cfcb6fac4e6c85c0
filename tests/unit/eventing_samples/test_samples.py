"""The sample programs, handler by handler: what they print and answer."""

import json
from typing import Any

import pytest

from wakeful.eventing.samples import display, dumper, steps, switcher
from wakeful.eventing.samples.expressions import Expression, ExpressionError
from wakeful.eventing.samples.heartbeats import make_beat, parse_flags, parse_period
from wakeful.eventing.samples.httpd import Request
from wakeful.eventing.samples.images import SAMPLES
from wakeful.eventing.samples.layouts import indent
from wakeful.eventing.samples.messages import Event, read_event, write_event
from wakeful.oci.builtin import Catalog
from wakeful.oci.reference import parse_reference

CATALOG = Catalog.of(SAMPLES)


def post(headers: dict[str, str], body: bytes = b"", target: str = "/") -> Request:
    named = {name.lower(): value for name, value in headers.items()}
    return Request("POST", target, named | {"host": "display.default.svc.cluster.local"}, body)


def event(version: str = "0.2", **more: str) -> dict[str, str]:
    return {
        "ce-specversion": version,
        "ce-type": "dev.knative.kafka.event",
        "ce-source": "/apis/v1/namespaces/default/kafkasources/alikafka-source#demo",
        "ce-id": "partition:7/offset:1",
        "ce-time": "2019-10-18T08:50:32.492Z",
        "content-type": "application/json",
    } | {f"ce-{name}": value for name, value in more.items()}


# --- event-display --------------------------------------------------------------------------------


def test_layout_of_the_kafka_chapter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYOUT", "2019-03")
    monkeypatch.setenv("GREETING", "Hello World: ")
    assert display.handle(post(event(key='"demo"'), b'{"key":"test", "n": 1.50}')).status == 202
    assert capsys.readouterr().out == (
        "Hello World: \n"
        "\n"
        "☁️  CloudEvent: valid ✅\n"
        "Context Attributes,\n"
        "  SpecVersion: 0.2\n"
        "  Type: dev.knative.kafka.event\n"
        "  Source: /apis/v1/namespaces/default/kafkasources/alikafka-source#demo\n"
        "  ID: partition:7/offset:1\n"
        "  Time: 2019-10-18T08:50:32.492Z\n"
        "  ContentType: application/json\n"
        "  Extensions: \n"
        "    key: demo\n"
        "Transport Context,\n"
        "  URI: /\n"
        "  Host: display.default.svc.cluster.local\n"
        "  Method: POST\n"
        "Data,\n"
        "  {\n"
        '    "key": "test",\n'
        '    "n": 1.50\n'
        "  }\n"
    )


def test_layout_of_the_parallel_chapter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYOUT", "2019-04")
    headers = event("0.3", subject="a%20b") | {"content-type": "application/json; charset=utf-8"}
    display.handle(post(headers, b'{"message":"we are even!"}'))
    assert capsys.readouterr().out == (
        "☁️  cloudevents.Event\n"
        "Validation: valid\n"
        "Context Attributes,\n"
        "  specversion: 0.3\n"
        "  type: dev.knative.kafka.event\n"
        "  source: /apis/v1/namespaces/default/kafkasources/alikafka-source#demo\n"
        "  subject: a b\n"
        "  id: partition:7/offset:1\n"
        "  time: 2019-10-18T08:50:32.492Z\n"
        "  datacontenttype: application/json; charset=utf-8\n"
        "Data,\n"
        "  {\n"
        '    "message": "we are even!"\n'
        "  }\n"
    )


def test_layout_of_today(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "specversion": "1.0",
        "type": "t",
        "source": "/s",
        "id": "1",
        "datacontenttype": "image/png",
        "beats": True,
        "the": 42,
        "data_base64": "aGVsbG8=",
    }
    display.handle(
        post({"content-type": "application/cloudevents+json"}, json.dumps(document).encode())
    )
    assert capsys.readouterr().out == (
        "☁️  cloudevents.Event\n"
        "Context Attributes,\n"
        "  specversion: 1.0\n"
        "  type: t\n"
        "  source: /s\n"
        "  id: 1\n"
        "  datacontenttype: image/png\n"
        "Extensions,\n"
        "  beats: true\n"
        "  the: 42\n"
        "Data (binary),\n"
        "  hello\n"
    )


def test_invalid_events(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = event("1.0")
    del headers["ce-id"]
    assert display.handle(post(headers)).status == 400
    assert display.handle(post({})).status == 400
    assert (
        display.handle(post({"content-type": "application/cloudevents+json"}, b"{")).status == 400
    )
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("LAYOUT", "2019-03")
    assert display.handle(post(headers)).status == 202
    assert "CloudEvent: invalid ❌\nValidation Error: id: REQUIRED" in capsys.readouterr().out


def test_other_requests() -> None:
    assert display.handle(Request("GET", "/healthz", {}, b"")).status == 204
    assert display.handle(Request("GET", "/", {}, b"")).status == 405


def test_indent_is_as_go_does_it() -> None:
    text = '{"a":[],"b":{ },"c":[1e2, "x:,y\\""],"d":{"e":null}}'
    assert indent(text) == (
        '{\n    "a": [],\n    "b": {},\n    "c": [\n      1e2,\n      "x:,y\\""\n    ],\n'
        '    "d": {\n      "e": null\n    }\n  }'
    )


def test_dumper(capsys: pytest.CaptureFixture[str]) -> None:
    dumper.handle(post({"Ce-EventType": "x", "Content-Type": "application/json"}, b"{}"))
    out = capsys.readouterr().out
    assert "Message Dumper received a message: POST / HTTP/1.1\nHost: display" in out
    assert "Ce-Eventtype: x\nContent-Type: application/json\n\n{}\n" in out


# --- steps and switches ---------------------------------------------------------------------------


def test_three_steps_of_a_sequence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    headers, body = event("0.3", knativehistory="a; b"), b'{"message": "Hello world!"}'
    for step in range(3):
        monkeypatch.setenv("STEP", str(step))
        answer = steps.transform(post(headers, body))
        assert answer.status == 200
        headers, body = answer.headers, answer.body
    assert body == (
        b'{"id":0,"message":"Hello world! - Handled by 0 - Handled by 1 - Handled by 2"}'
    )
    final = read_event(headers, body)
    assert (final.get("type"), final.get("source")) == ("samples.http.mod3", "/transformer/2")
    assert final.get("id") == "partition:7/offset:1"
    out = capsys.readouterr().out
    assert out.startswith("Got Event Context: Context Attributes,\n  specversion: 0.3\n")
    assert "Extensions,\n  knativehistory: a; b\n" in out
    assert "Got Data: &{Sequence:0 Message:Hello world! - Handled by 0}\n" in out
    assert out.count("-" * 28 + "\n") == 3
    assert "Got Event Context: Context Attributes,\n  cloudEventsVersion: 0.1\n" in out


def test_appender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESSAGE", " - and more")
    monkeypatch.setenv("TYPE", "other.type")
    answer = steps.append(post(event("1.0", extra="x"), b'{"id": 5, "message": "one"}'))
    found = read_event(answer.headers, answer.body)
    assert found.json() == {"id": 5, "message": "one - and more"}
    assert (found.get("type"), found.get("id"), found.extensions) == (
        "other.type",
        "partition:7/offset:1",
        {"extra": "x"},
    )
    assert steps.append(post(event("1.0"), b"[1]")).status == 400


@pytest.mark.parametrize(("minute", "case"), [("20:56", 0), ("20:57", 1)])
def test_even_or_odd(minute: str, case: int) -> None:
    expression = "Math.round(Date.parse(event.time) / 60000) % 2"
    switch = switcher.choose({"EXPRESSION": expression, "CASES": "[0, 1]"})
    tick = event("0.3") | {"ce-time": f"2019-07-31T{minute}:00.000477587Z"}
    for number in (0, 1):
        answer = switch(read_event(tick, b'{"message": "Even or odd?"}'), f"/{number}")
        assert bool(answer.headers) is (number == case)
    assert switch(read_event(tick, b""), "/2").status == 404


def test_transformer() -> None:
    transform = switcher.choose({"TRANSFORMER": '{"message": "we are even!"}\n'})
    answer = transform(read_event(event("0.3"), b"{}"), "/")
    assert answer.body == b'{"message":"we are even!"}'
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["ce-id"] == "partition:7/offset:1"


def test_filter() -> None:
    select = switcher.choose({"FILTER": "event.data.n > 3 && event.type.startsWith('dev.')"})
    assert select(read_event(event(), b'{"n": 4}'), "/").headers
    assert not select(read_event(event(), b'{"n": 3}'), "/").headers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 - -4", 11),
        ("'a' + 1", "a1"),
        ("7 % 4 === 3 ? 'yes' : 'no'", "yes"),
        ("!(1 > 2) || nothing", True),
        ("Math.max(1, 2.5)", 2.5),
        ("event.list[1].length", 3),
        ("Number('4') / 0", float("inf")),
        ("[1, {a: null}]", [1, {"a": None}]),
        ("'5' == 5", True),
    ],
)
def test_expression(text: str, value: Any) -> None:
    assert Expression(text).evaluate({"event": {"list": ["x", "abc"]}}) == value


@pytest.mark.parametrize("text", ["", "1 +", "a = 1", "(1", "1 2", "(" * 500, "new Date()"])
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


def test_expression_that_fails() -> None:
    with pytest.raises(ExpressionError, match="nope is not defined"):
        Expression("nope").evaluate({})


def test_heartbeats() -> None:
    flags = parse_flags(["--label=x", "-period", "2"])
    assert flags == {"label": "x", "period": "2"}
    assert [parse_period(text) for text in ("5", "1m30s", "500ms")] == [5, 90, 0.5]
    with pytest.raises(ValueError, match="no duration"):
        parse_period("soon")
    headers, body = write_event(make_beat(1, flags, {"beats": "slowly"}))
    assert headers["ce-type"] == "dev.knative.eventing.samples.heartbeat"
    assert (headers["ce-the"], headers["ce-heart"], headers["ce-beats"]) == ("42", "yes", "slowly")
    assert json.loads(body) == {"id": 1, "label": "x"}


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3", "1.0"])
def test_messages_round_trip(version: str) -> None:
    names = {"0.1": ("eventID", "eventType", "contentType", "cloudEventsVersion")}
    ident, kind, content, spec = names.get(
        version,
        ("id", "type", "contenttype" if version == "0.2" else "datacontenttype", "specversion"),
    )
    sent = Event(
        version,
        {spec: version, ident: 'ü "1"', kind: "t", "source": "/s", content: "text/plain"},
        {"extra": "x y%"},
        b"data",
    )
    found = read_event(*write_event(sent))
    assert (found.get("id"), found.extensions, found.data) == ('ü "1"', {"extra": "x y%"}, b"data")


# --- images ---------------------------------------------------------------------------------------

DIGEST = "bf45b3eb1e7fc4cb63d6a5a6416cf696295484a7662e0cf9ccdf5c080542c21d"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (
            f"registry.example.com/knative-sample/eventing-sources-cmd-event_display:{DIGEST}",
            "event-display-2019-03",
        ),
        (
            f"registry.example.com/knative-release/eventing-sources-event_display:{DIGEST}",
            "event-display-2019-03",
        ),
        ("registry.example.com/knative-release/event_display:v1", "event-display-2019-03"),
        (
            "gcr.io/knative-releases/github.com/knative/eventing-sources/cmd/event_display"
            f"@sha256:{DIGEST}",
            "event-display-2019-03",
        ),
        (
            "gcr.io/knative-releases/github.com/knative/eventing-contrib/cmd/event_display",
            "event-display-2019-04",
        ),
        (
            "gcr.io/knative-releases/knative.dev/eventing-contrib/cmd/event_display:latest",
            "event-display-2019-04",
        ),
        ("gcr.io/knative-releases/knative.dev/eventing/cmd/event_display", "event-display"),
        ("registry.example.com/me/event-display:latest", "event-display-hello"),
        ("me/event-display", "event-display-hello"),
        ("event_display", "event-display"),
        ("registry.example.com/knative-sample/probable-summer:2656f39a", "sequence-step"),
        ("gcr.io/knative-releases/knative.dev/eventing/cmd/appender", "appender"),
        ("villardl/switcher-nodejs:0.1", "switcher"),
        ("villardl/transformer-nodejs:0.1", "switcher"),
        ("gcr.io/knative-releases/knative.dev/eventing/cmd/heartbeats:latest", "heartbeats"),
        (
            "gcr.io/knative-releases/github.com/knative/eventing-sources/cmd/message_dumper",
            "message-dumper",
        ),
    ],
)
def test_image_names(image: str, name: str) -> None:
    found = CATALOG.find(parse_reference(image))
    assert found is not None
    assert found.name == name
