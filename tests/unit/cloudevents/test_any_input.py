"""Whatever arrives, the answer is an event or a fault that can be told."""

from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from wakeful.cesql import ParseError, evaluate, parse
from wakeful.cloudevents import (
    CloudEventError,
    Event,
    Mode,
    batch_from_http,
    from_http,
    from_json,
    from_kafka,
    from_stored,
    to_http,
    to_kafka,
    to_stored,
)

NAMES = st.sampled_from(
    [
        "specversion",
        "cloudEventsVersion",
        "id",
        "eventID",
        "source",
        "type",
        "eventType",
        "time",
        "subject",
        "dataschema",
        "ext",
        "a-b",
        "datacontenttype",
        "data",
        "data_base64",
        "extensions",
        "datacontentencoding",
        "contentType",
        "schemaurl",
    ]
)
VALUES = (
    st.sampled_from(
        ["1.0", "0.3", "0.2", "0.1", "", "/a", "text/plain", "base64", "aGk=", "application/json"]
    )
    | st.text(st.characters(), max_size=5)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.none()
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
DOCUMENTS = st.dictionaries(NAMES, VALUES).map(
    lambda found: {"id": "1", "source": "/", "type": "t", "specversion": "1.0"} | found
)


EVENT = Event(id="1", source="/", type="t")


def check(read: Any) -> None:
    """Read; what was read can be written and read again in every way."""
    event: Any = None
    fault: CloudEventError | None = None
    try:
        event = read()
    except CloudEventError as error:
        fault = error
    if fault is not None:
        assert orjson.dumps({"error": str(fault)})
        assert fault.reason
        return
    for mode in (Mode.BINARY, Mode.STRUCTURED):
        again = from_http(*to_http(event, mode))
        assert (again.id, again.source, again.type) == (event.id, event.source, event.type)
    assert from_stored(*to_stored(event)) == event
    assert from_kafka(*to_kafka(event)).id == event.id


@given(st.binary())
@example(b'{"specversion":"1.0","id":"\\ud800","source":"/","type":"t"}')
@example(b'{"specversion":"1.0","\\ud800":"x"}')
@example(b'{"specversion":"1.0","id":"1","source":"/","type":"t","x":1' + b"0" * 5000 + b"}")
@example(b'{"specversion":"0.1","extensions":{"A-b":1}}')
def test_any_body(body: bytes) -> None:
    check(lambda: from_json(body))
    headers = {"content-type": "application/cloudevents-batch+json"}
    check(lambda: (*batch_from_http(headers, b"[" + body + b"]"), EVENT)[0])


@given(DOCUMENTS)
def test_any_document(document: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return  # integers beyond 64 bits and lone surrogates
    check(lambda: from_json(body))


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "ce-specversion",
                "ce-cloudeventsversion",
                "ce-id",
                "ce-eventid",
                "ce-source",
                "ce-type",
                "ce-eventtype",
                "ce-time",
                "ce-subject",
                "ce-ext",
                "ce-a-b",
                "ce-a-b-c",
                "ce-a",
                "ce-",
                "ce-x-y",
                "ce-x-",
                "content-type",
                "ce-data",
                "ce-dataschema",
                "ce-é",
            ]
        ),
        st.sampled_from(['"0.1"', "0.2", "0.3", "1.0", "/a", '"', "%", "%C0", "a%20b", '"a\\"b"'])
        | st.text(st.characters(), max_size=6),
    )
)


@given(HEADERS, st.binary(max_size=5))
def test_any_headers(headers: list[tuple[str, str]], body: bytes) -> None:
    check(lambda: from_http(headers, body))
    given_all = {"ce-specversion": "0.2", "ce-id": "1", "ce-source": "/", "ce-type": "t"} | dict(
        headers
    )
    check(lambda: from_http(given_all, body))


@given(st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8))), st.none() | st.binary())
def test_any_record(headers: list[tuple[str, bytes]], value: bytes | None) -> None:
    check(lambda: from_kafka([("ce_specversion", b"1.0"), *headers], value))
    check(lambda: from_kafka([("content-type", b"application/cloudevents+json")], value))


WORDS = st.lists(
    st.sampled_from(
        [
            "type",
            "missing",
            "n",
            "1",
            "-",
            "+",
            "*",
            "/",
            "%",
            "=",
            "!=",
            "<",
            ">=",
            "AND",
            "OR",
            "XOR",
            "NOT",
            "LIKE",
            "IN",
            "EXISTS",
            "(",
            ")",
            ",",
            "'x'",
            '"%_"',
            "TRUE",
            "LENGTH",
            "SUBSTRING",
            "INT",
        ]
    ),
    max_size=14,
).map(" ".join)


@given(st.text() | WORDS)
def test_any_expression(text: str) -> None:
    try:
        node = parse(text)
    except ParseError:
        return
    result = evaluate(node, {"type": "t", "n": 5}.get)
    assert type(result.value) in (str, int, bool)
