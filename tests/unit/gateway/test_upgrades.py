"""Access log entries become counts of upgraded connections; what is unknown is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2

from wakeful.gateway import Endpoint, RevisionKey
from wakeful.gateway.upgrades import Upgrades

HELLO = RevisionKey("default", "hello")
ONE = Endpoint("10.0.0.1", 8080)
BEGUN = accesslog_pb2.AccessLogType.DownstreamTunnelSuccessfullyEstablished
ENDED = accesslog_pb2.AccessLogType.DownstreamEnd


def an_entry(
    kind: Any, at: int, cluster: str = "default/hello"
) -> accesslog_pb2.HTTPAccessLogEntry:
    """One about a stream that began ``at`` so many nanoseconds."""
    entry = accesslog_pb2.HTTPAccessLogEntry()
    common = entry.common_properties
    common.access_log_type, common.upstream_cluster = kind, cluster
    common.start_time.FromNanoseconds(at)
    common.upstream_remote_address.socket_address.address = ONE.address
    common.upstream_remote_address.socket_address.port_value = ONE.port
    return entry


class Counts:
    """Entries go in, and what is open after each comes out."""

    def __init__(self, listener: str = "public") -> None:
        self.upgrades, self.listener = Upgrades(), listener
        self.all: list[int] = []
        self.through_gate: list[int] = []

    async def take(self, entries: Iterable[accesslog_pb2.HTTPAccessLogEntry]) -> int:
        """Return how many are open when their stream is over."""
        context = cast("Any", None)
        await self.upgrades._serve(self._messages(entries), context)
        return self.upgrades.at(HELLO, ONE)

    async def _messages(
        self, entries: Iterable[accesslog_pb2.HTTPAccessLogEntry]
    ) -> AsyncIterator[als_pb2.StreamAccessLogsMessage]:
        first = als_pb2.StreamAccessLogsMessage()
        first.identifier.log_name = self.listener
        yield first
        for entry in entries:
            message = als_pb2.StreamAccessLogsMessage()
            message.http_logs.log_entry.append(entry)
            yield message
            self.all.append(self.upgrades.at(HELLO, ONE))
            self.through_gate.append(self.upgrades.through_gate(HELLO, ONE))


async def test_streams_are_counted_from_begin_to_end() -> None:
    counts = Counts()

    await counts.take(an_entry(kind, at) for kind, at in ((BEGUN, 1), (BEGUN, 2), (ENDED, 1)))

    assert counts.all == [1, 2, 1]
    assert counts.through_gate == [0, 0, 0]


async def test_those_of_the_gate_are_counted_twice() -> None:
    counts = Counts("gate")

    await counts.take([an_entry(BEGUN, 1), an_entry(ENDED, 1)])

    assert counts.all == counts.through_gate == [1, 0]


async def test_the_end_of_an_unknown_one_is_nothing() -> None:
    """It began before we did, or was refused."""
    counts = Counts()

    await counts.take([an_entry(ENDED, 1), an_entry(BEGUN, 2), an_entry(ENDED, 3)])

    assert counts.all == [0, 1, 1]


async def test_what_went_to_the_gate_or_a_plain_service_is_left_to_others() -> None:
    counts = Counts()
    inside = an_entry(BEGUN, 1)
    inside.common_properties.upstream_remote_address.Clear()

    await counts.take([inside, an_entry(BEGUN, 2, "plain/default/web/80")])

    assert counts.all == [0, 0]


async def test_nothing_is_known_once_nobody_tells_of_ends() -> None:
    """Envoy has gone, or comes again: what is open counts as requests until it ends."""
    assert await Counts().take([an_entry(BEGUN, 1)]) == 0
