"""What answers mean, what dead letter sinks are told, how much is on its way."""

from __future__ import annotations

import base64

import pytest

from wakeful.cloudevents import Event
from wakeful.eventbus import ConsumerInfo, StartAt, StreamInfo
from wakeful.eventing.delivery import Outcome, Response
from wakeful.eventing.dispatcher.answers import (
    BadReplyError,
    Failure,
    dead_letter,
    encode,
    read_reply,
    take_ttl,
    with_ttl,
)
from wakeful.eventing.dispatcher.window import Window
from wakeful.eventing.worker.keeper import parse_start, trim_point

CE = [("ce-specversion", "1.0"), ("ce-id", "r"), ("ce-source", "/r"), ("ce-type", "reply")]


def an_event(**more: object) -> Event:
    return Event(id="1", source="/s", type="t", **more)


def test_an_event_in_the_answer_is_a_reply() -> None:
    reply = read_reply(Response(200, [*CE], b"x"), must_be_event=True)
    assert reply is not None
    assert (reply.id, reply.data) == ("r", b"x")
    bodyless = read_reply(Response(200, [*CE]), must_be_event=True)
    assert bodyless is not None


@pytest.mark.parametrize("status", [202, 404, 500])
def test_other_statuses_carry_none(status: int) -> None:
    assert read_reply(Response(status, [*CE], b"x"), must_be_event=True) is None


def test_text_is_no_event() -> None:
    text = Response(200, [("content-type", "text/plain")], b"thanks")
    assert read_reply(text, must_be_event=False) is None
    with pytest.raises(BadReplyError, match="is no event"):
        read_reply(text, must_be_event=True)


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", "application/cloudevents+json")],
        [("content-type", "application/cloudevents-batch+json")],
        [("ce-specversion", "1.0"), ("ce-id", "x")],
    ],
)
def test_half_an_event_is_a_failure(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(BadReplyError):
        read_reply(Response(200, headers, b"[]"), must_be_event=False)


def test_the_ttl_is_hidden_and_put_on_the_reply() -> None:
    event = an_event(extensions={"knativebrokerttl": 7, "x": "y"})
    ttl = take_ttl(event)
    assert event.extensions == {"x": "y"}
    reply = with_ttl(an_event(extensions={"knativebrokerttl": 255}), ttl)
    assert reply.extensions == {"knativebrokerttl": 7}


@pytest.mark.parametrize(
    ("failure", "code", "data"),
    [
        (Failure("http://x", Outcome(422), b"bad"), 422, b"bad"),
        (Failure("http://x", Outcome(503)), 503, None),
        (Failure("http://x", Outcome(None, "refused")), 500, b"dispatch error: refused"),
    ],
)
def test_dead_letter_sinks_are_told_why(failure: Failure, code: int, data: bytes | None) -> None:
    letter = dead_letter(an_event(data=b"original"), failure)
    assert letter.data == b"original"
    assert letter.extensions["knativeerrordest"] == "http://x"
    assert letter.extensions["knativeerrorcode"] == code
    text = letter.extensions.get("knativeerrordata")
    assert (base64.b64decode(str(text)) if text else None) == data


def test_error_data_is_cut() -> None:
    letter = dead_letter(an_event(), Failure("http://x", Outcome(500), b"x" * 5000))
    assert len(str(letter.extensions["knativeerrordata"])) == 1024


def test_every_delivery_asks_for_a_reply() -> None:
    pairs, body = encode(an_event(data=b"d"), [("traceparent", "t")], "ns", structured=False)
    assert dict(pairs) | {"prefer": "reply", "kn-namespace": "ns", "traceparent": "t"} == dict(
        pairs
    )
    assert body == b"d"
    structured, _ = encode(an_event(), [], "ns", structured=True)
    assert dict(structured)["content-type"].startswith("application/cloudevents+json")


async def test_a_window_opens_with_successes_and_closes_with_failures() -> None:
    window = Window()
    first = window.size
    for _ in range(300):
        window.enter()
        window.leave(succeeded=True)
    assert window.size == window.most > first
    for _ in range(2000):
        window.enter()
        window.leave(succeeded=False)
    assert window.size == 1
    window.enter()
    assert window.in_flight == 1
    window.leave(succeeded=True)
    assert await window.wait() == 2


@pytest.mark.parametrize(
    ("text", "at"),
    [("", StartAt.NEW), ("now", StartAt.NEW), ("beginning", StartAt.ALL)],
)
def test_where_consumers_begin(text: str, at: StartAt) -> None:
    assert parse_start(text).at is at


def test_a_time_to_begin_at_has_its_offset() -> None:
    assert parse_start("2026-01-01T00:00:00Z").at is StartAt.TIME
    with pytest.raises(ValueError, match="no time zone"):
        parse_start("2026-01-01T00:00:00")


def info(**more: int) -> StreamInfo:
    return StreamInfo("s", more.get("messages", 100), more.get("size", 10_000), 1, 100)


def reader(floor: int, *, pending: int = 1) -> ConsumerInfo:
    return ConsumerInfo("c", floor, 0, pending)


def test_only_what_everybody_had_is_trimmed() -> None:
    assert trim_point(info(), [], 0) == 101
    assert trim_point(info(), [reader(40), reader(70)], 0) == 41
    assert trim_point(info(), [reader(0, pending=0)], 0) == 101  # it wants none of these
    assert trim_point(info(), [], 9_000) == 11  # the newest stay for those who begin in the past
