"""Envoy's reports and the gate's counts become samples."""

from __future__ import annotations

import pytest
from envoy.config.endpoint.v3 import load_report_pb2
from envoy.service.load_stats.v3 import lrs_pb2

from wakeful.aio import ManualClock
from wakeful.apimachinery.meta import NamespacedName
from wakeful.autoscaler import LoadSample
from wakeful.gateway import Endpoint, GatePlace, RevisionBackend, RevisionKey
from wakeful.gateway.gate import Gate
from wakeful.gateway.load import LoadReports, _Stream

HELLO = RevisionKey("default", "hello")
NAME = NamespacedName("default", "hello")
ONE = Endpoint("127.0.0.1", 8080)


class World:
    """A gate and its load reports on a clock that stands still."""

    def __init__(self, limit: int = 0) -> None:
        self.clock = ManualClock()
        self.gate = Gate(clock=self.clock)
        self.gate.configure(RevisionBackend(HELLO, container_concurrency=limit))
        self.load = LoadReports(self.gate, self.clock)
        self.load._streams.add(_Stream())

    def report(
        self, in_progress: int, issued: int, *, name: str = "default/hello", seconds: float = 0.1
    ) -> None:
        stats = load_report_pb2.ClusterStats(cluster_name=name)
        stats.load_report_interval.FromMilliseconds(round(seconds * 1000))
        host = load_report_pb2.UpstreamEndpointStats(total_requests_in_progress=in_progress)
        host.address.socket_address.address = ONE.address
        host.address.socket_address.port_value = ONE.port
        stats.upstream_locality_stats.add(
            total_requests_in_progress=in_progress,
            total_issued_requests=issued,
            upstream_endpoint_stats=[host],
        )
        # The gate's own pipe: the same requests on their way.
        stats.upstream_locality_stats.add(
            priority=1, total_requests_in_progress=in_progress, total_issued_requests=issued
        )
        self.load.on_report(lrs_pb2.LoadStatsRequest(cluster_stats=[stats]))


async def test_concurrency_is_averaged_and_requests_are_summed() -> None:
    world = World()
    world.report(0, 0)
    world.load.collect()
    for in_progress, issued in ((2, 5), (4, 3)):
        world.report(in_progress, issued)
    await world.clock.advance(1)

    samples = world.load.collect()

    assert samples is not None
    assert samples[NAME].concurrency == pytest.approx(3)
    assert samples[NAME].requests == 8
    assert world.load.in_progress(HELLO, ONE) == 4


async def test_one_that_wakes_carries_what_it_carried_for_as_long_as_it_did() -> None:
    """Reports begin with the instance: four at once for the last half of a second are two."""
    world = World()
    await world.clock.advance(0.5)
    for _ in range(5):
        await world.clock.advance(0.1)
        world.report(4, 1)

    samples = world.load.collect()

    assert samples is not None
    assert samples[NAME].concurrency == pytest.approx(2)
    assert samples[NAME].unseen_seconds == pytest.approx(0)


async def test_of_a_load_that_just_woke_it_is_said_since_when_nothing_is_known() -> None:
    """Two waited, then ran where no report has looked yet: that time does not count as idle."""
    world = World()
    entry = world.gate._entries[HELLO].gate
    world.gate._active.add(HELLO)
    await world.clock.advance(0.5)
    for ticket in range(2):
        entry.arrive(ticket, world.clock.monotonic())
    await world.clock.advance(0.3)
    entry.offer([ONE], world.clock.monotonic())
    await world.clock.advance(0.2)

    before = world.load.collect()
    await world.clock.advance(0.1)
    world.report(2, 0, seconds=0.3)
    await world.clock.advance(0.9)
    after = world.load.collect()

    assert before is not None
    assert after is not None
    assert before[NAME] == LoadSample(pytest.approx(0.6), 0, pytest.approx(0.2))
    assert after[NAME].unseen_seconds == pytest.approx(0.9)


async def test_once_reports_come_regularly_the_last_tenth_is_like_the_others() -> None:
    world = World()
    await world.clock.advance(0.1)
    world.report(4, 1)
    world.load.collect()
    await world.clock.advance(0.8)
    world.report(4, 1, seconds=0.8)
    await world.clock.advance(0.1)

    samples = world.load.collect()

    assert samples is not None
    assert samples[NAME] == LoadSample(4, 1)


async def test_requests_too_short_to_be_seen_are_use_all_the_same() -> None:
    """No look at the gauge found one; the counter did, and keeps the instance."""
    world = World()
    for issued in (0, 1, 0):
        world.report(0, issued)
    await world.clock.advance(1)

    samples = world.load.collect()

    assert samples is not None
    assert 0 < samples[NAME].concurrency < 0.01
    assert samples[NAME].requests == 1


async def test_long_requests_count_although_no_report_came() -> None:
    world = World()
    world.report(2, 2)
    world.load.collect()
    await world.clock.advance(1)

    samples = world.load.collect()

    assert samples is not None
    assert (samples[NAME].concurrency, samples[NAME].requests) == (2, 0)


async def test_idle_revisions_are_left_out_and_no_envoy_means_blind() -> None:
    world = World()
    await world.clock.advance(1)
    assert world.load.collect() == {}

    world.load._streams.clear()
    assert world.load.collect() is None


async def test_limited_revisions_are_counted_by_the_gate_alone() -> None:
    world = World(limit=1)
    entry = world.gate._entries[HELLO].gate
    world.gate._active.add(HELLO)
    await world.clock.advance(1)
    entry.arrive(1, world.clock.monotonic())
    entry.arrive(2, world.clock.monotonic())
    entry.offer([ONE], world.clock.monotonic())
    world.load.collect()
    await world.clock.advance(1)
    world.report(1, 7)

    samples = world.load.collect()

    assert samples is not None
    assert samples[NAME].concurrency == pytest.approx(2)  # one runs, one waits
    assert samples[NAME].requests == 0


async def test_gate_in_the_path_counts_exactly_and_forgets_nobody_who_went_by_before() -> None:
    """Three run since before the gate came; one short request that no report saw passes it."""
    world = World()
    world.gate.configure(RevisionBackend(HELLO, gate=GatePlace.IN_PATH))
    entry = world.gate._entries[HELLO].gate
    entry.offer([ONE], world.clock.monotonic())
    world.report(3, 0)
    world.load.collect()
    await world.clock.advance(1)
    world.report(3, 0, seconds=1)

    before = world.load.collect()
    world.gate._active.add(HELLO)
    for ticket in range(5):
        entry.arrive(ticket, world.clock.monotonic())
    await world.clock.advance(1)
    world.report(1, 2, seconds=1)
    after = world.load.collect()

    assert before is not None
    assert after is not None
    assert before[NAME].concurrency == pytest.approx(3)
    assert (after[NAME].concurrency, after[NAME].requests) == (pytest.approx(5), 5)


async def test_only_what_was_in_use_is_looked_at() -> None:
    """A revision that sleeps costs nothing; one that was busy is looked at once more."""
    world = World()
    world.report(0, 3)
    world.load.collect()
    assert world.load._live == {HELLO}, "its next silence is to be seen"

    world.load.collect()

    assert not world.load._live


async def test_reports_are_frequent_only_while_something_happens() -> None:
    world = World()
    assert world.load._interval() == 10
    world.load.watch(["default/hello"])
    assert world.load._interval() == 0.1

    await world.clock.advance(5)
    assert world.load._interval() == 1
    world.report(1, 1)
    assert world.load._interval() == 0.1
    world.report(30, 5_000)
    assert world.load._interval() == 0.5


async def test_what_has_just_woken_is_looked_at_closely_in_a_flood_too() -> None:
    world = World()
    world.load.watch(["default/hello"])
    world.report(30, 5_000)
    assert world.load._interval() == 0.1

    await world.clock.advance(3)
    world.report(30, 5_000)
    assert world.load._interval() == 0.5
