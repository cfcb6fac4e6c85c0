"""Events are written once and counted; what is long past is forgotten one by one."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.errors import NotFoundError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core import ConfigMap
from wakeful.controller import record
from wakeful.controller.record import EventRecorder


class Server:
    """Remembers what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[APIRequest] = []
        self.forgets = False

    async def call(self, request: APIRequest) -> dict[str, Any]:
        self.calls.append(request)
        if self.forgets and request.verb is Verb.PATCH:
            raise NotFoundError("gone")
        return {}


def a_thing(name: str) -> ConfigMap:
    return ConfigMap.from_wire({"metadata": {"name": name, "namespace": "default", "uid": name}})


async def write(recorder: EventRecorder, name: str) -> None:
    recorder.normal(a_thing(name), "Done", "as asked")
    await recorder._write(recorder._queue.get_nowait())


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def recorder(server: Server) -> EventRecorder:
    return EventRecorder(server, "test", clock=ManualClock())


async def test_the_same_again_is_counted(server: Server, recorder: EventRecorder) -> None:
    """Three times the same is one event with a count of three."""
    for _ in range(3):
        await write(recorder, "a")

    assert [call.verb for call in server.calls] == [Verb.CREATE, Verb.PATCH, Verb.PATCH]
    assert server.calls[-1].body["count"] == 3


async def test_an_event_that_the_server_dropped_is_written_anew(
    server: Server, recorder: EventRecorder
) -> None:
    """Events expire; the next of the series begins another."""
    await write(recorder, "a")
    server.forgets = True

    await write(recorder, "a")

    assert [call.verb for call in server.calls] == [Verb.CREATE, Verb.PATCH, Verb.CREATE]


async def test_the_oldest_series_is_forgotten_first(
    server: Server, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded, and what goes on is kept."""
    monkeypatch.setattr(record, "_SERIES_KEPT", 2)
    for name in ("a", "b", "a", "c", "a"):
        await write(recorder, name)

    created = [call.body["involvedObject"]["name"] for call in server.calls if not call.name]
    assert created == ["a", "b", "c"]
    assert len(recorder._series) == 2


async def test_many_messages_of_one_reason_become_one_event(
    server: Server, recorder: EventRecorder
) -> None:
    """What names another Pod each time is counted together from the eleventh message on."""
    for number in range(14):
        recorder.warning(a_thing("a"), "FailedCreate", f"pod {number} is forbidden")
        await recorder._write(recorder._queue.get_nowait())

    verbs = [call.verb for call in server.calls]
    assert verbs == [Verb.CREATE] * 11 + [Verb.PATCH] * 3
    combined = "(combined from similar events): pod 13 is forbidden"
    assert (server.calls[-1].body["message"], server.calls[-1].body["count"]) == (combined, 4)


async def test_similar_events_of_long_ago_do_not_count(
    server: Server, recorder: EventRecorder
) -> None:
    """After a quiet time a new message is an event of its own again."""
    for number in range(11):
        recorder.warning(a_thing("a"), "Failed", f"number {number}")
        await recorder._write(recorder._queue.get_nowait())
    clock = recorder._clock
    assert isinstance(clock, ManualClock)
    await clock.advance(601)

    recorder.warning(a_thing("a"), "Failed", "number 11")
    await recorder._write(recorder._queue.get_nowait())

    assert server.calls[-1].body["message"] == "number 11"
