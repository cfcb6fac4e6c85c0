"""The program of EventTransforms, against expressions and sinks of many kinds."""

import json
from typing import Any

import pytest

from wakeful.eventing.samples.httpd import Request, Response
from wakeful.eventing.transform.images import TRANSFORMS
from wakeful.eventing.transform.program import (
    Expression,
    Transformer,
    make_transformer,
    read_document,
)

EVENT = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/s",
    "ce-type": "order.placed",
    "ce-region": "north",
    "content-type": "application/json",
}
EXPRESSION = """{
  "specversion": "1.0", "id": id, "source": source, "type": "transformed." & type,
  "datacontenttype": "application/json", "data": {"total": $sum(data.items.price)}
}"""


def post(headers: dict[str, str], body: bytes) -> Request:
    return Request("POST", "/", headers, body)


def transformer(expression: str, **more: Any) -> Transformer:
    return Transformer(Expression(expression, 1000), more.pop("sink", None), None, **more)


class Recorder:
    """A sink that answers as told."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.received: list[tuple[dict[str, str], bytes]] = []

    def send(self, headers: dict[str, str], body: bytes) -> Response:
        self.received.append((headers, body))
        return self.answer


def test_answers_with_the_transformed_event() -> None:
    answer = transformer(EXPRESSION).handle(
        post(EVENT, b'{"items": [{"price": 1.5}, {"price": 2}]}')
    )
    assert (answer.status, answer.headers["content-type"]) == (200, "application/cloudevents+json")
    assert json.loads(answer.body) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "transformed.order.placed",
        "datacontenttype": "application/json",
        "data": {"total": 3.5},
    }


@pytest.mark.parametrize(
    ("expression", "content_type", "body"),
    [
        ("region", "application/json", b'"north"'),
        ('{"contenttype": "text/x", "a": 1}', "text/x", b'{"contenttype":"text/x","a":1}'),
        ("nothing", None, b""),
    ],
)
def test_what_the_result_is(expression: str, content_type: str | None, body: bytes) -> None:
    answer = transformer(expression).handle(post(EVENT, b"{}"))
    assert (answer.status, answer.headers.get("content-type"), answer.body) == (
        200,
        content_type,
        body,
    )


def test_documents() -> None:
    structured = {"content-type": "application/cloudevents+json"}
    event = {"specversion": "1.0", "id": "1", "source": "/", "type": "t", "data": {"a": 1}, "n": 5}
    found = read_document(structured, json.dumps(event).encode())
    assert (found["data"], found["n"]) == ({"a": 1}, 5)
    assert read_document({"content-type": "application/json"}, b'{"plain": true}') == {
        "plain": True
    }
    binary = EVENT | {"content-type": "image/png"}
    assert read_document(binary, b"\xff")["data_base64"] == "/w=="


@pytest.mark.parametrize(
    ("headers", "body", "status", "reason"),
    [
        ({"content-type": "application/cloudevents-batch+json"}, b"[]", 400, "batches"),
        ({"content-type": "application/cloudevents+json"}, b"{", 400, "not valid JSON"),
        ({}, b"neither", 400, "neither an event nor JSON"),
        (EVENT, b'{"n": "x"}', 500, "the expression failed"),
    ],
)
def test_what_cannot_be_transformed(
    headers: dict[str, str], body: bytes, status: int, reason: str
) -> None:
    answer = transformer("data.n * 2").handle(post(headers, body))
    assert answer.status == status
    assert reason in answer.headers["reason"]


def test_an_endless_expression_is_ended() -> None:
    endless = Transformer(Expression("($f := function($n){$f($n+1)}; $f(1))", 200), None, None)
    answer = endless.handle(post(EVENT, b"{}"))
    assert answer.status == 500
    assert "timeout" in answer.headers["reason"]


def test_sinks() -> None:
    answered = Response(
        200,
        b'{"n": 4}',
        {"content-type": "application/json", "ce-type": "answer", "server": "x"},
    )
    sink = Recorder(answered)
    through = Transformer(Expression("data", 1000), sink, None)
    relayed = through.handle(post(EVENT | {"traceparent": "00-1"}, b'{"n": 3}'))
    assert sink.received == [
        ({"content-type": "application/json", "traceparent": "00-1"}, b'{"n":3}')
    ]
    assert (relayed.body, relayed.headers) == (
        b'{"n": 4}',
        {"content-type": "application/json", "ce-type": "answer"},
    )
    reply = Expression('{"double": n * 2}', 1000)
    replied = Transformer(Expression("data", 1000), sink, reply)
    assert replied.handle(post(EVENT, b"{}")).body == b'{"double":8}'
    silent = Transformer(Expression("data", 1000), sink, None, discard=True)
    assert silent.handle(post(EVENT, b"{}")).body == b""


def test_from_the_environment() -> None:
    made = make_transformer({"JSONATA_EXPRESSION": "type"})
    assert made.handle(post(EVENT, b"")).body == b'"order.placed"'
    assert made.handle(Request("GET", "/readyz", {}, b"")).status == 200
    unreachable = make_transformer({"JSONATA_EXPRESSION": "type", "K_SINK": "http://127.0.0.1:1/"})
    assert unreachable.handle(post(EVENT, b"")).status == 502


def test_the_image_has_all_it_needs() -> None:
    (image,) = TRANSFORMS
    assert "/.wakeful/lib/jsonata/functions.py" in image.contents
    assert "/.wakeful/lib/wakeful/eventing/samples/httpd.py" in image.contents
