"""The gate with a hard limit, whatever happens in whatever order.

Beside the gate's own account runs the world's: where every request really is. A request keeps its
first stream to the gate open for as long as it lasts; when it comes back to the gate, inside of the
first, another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from wakeful.gateway import Endpoint, RevisionBackend, RevisionKey
from wakeful.gateway.gate import RevisionGate
from wakeful.gateway.gate.machine import MAX_HOPS, Effect, Grant, Pause, Poke

KEY = RevisionKey("default", "hello")
INSTANCES = [Endpoint("127.0.0.1", port) for port in (1, 2, 3)]
STEP = 0.125
"""Seconds from one event to the next; a power of two, so that sums are exact."""
some_instances = st.sets(st.sampled_from(INSTANCES))


@dataclass(slots=True)
class Request:
    """One request of a client: its streams to the gate, innermost last, and where it is."""

    tickets: list[int]
    at: Endpoint | None = None
    """The instance that works on it, or that it is on its way to."""
    paused: bool = False
    returns: int = 0
    since: float = 0.0
    foreign: bool = False
    """Let go by a control plane before."""


class HardLimit(RuleBasedStateMachine):
    """Requests, instances and what the gate says."""

    @initialize(limit=st.integers(1, 3))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.gate = RevisionGate(RevisionBackend(KEY, container_concurrency=limit))
        self.requests: list[Request] = []
        self.over: list[int] = []
        """Streams whose end the gate has not been told of yet."""
        self.ended: dict[int, bool] = {}
        self.reported, self.restarted = True, False
        self.next = 0
        self.now = 0.0
        self.poked = False

    def waiting(self) -> list[Request]:
        return [r for r in self.requests if r.at is None and not r.paused]

    def ticket(self) -> int:
        self.next += 1
        return self.next

    def carry_out(self, effects: Iterable[Effect]) -> None:
        then, self.now = self.now, self.now + STEP
        by_ticket = {request.tickets[-1]: request for request in self.requests}
        for effect in effects:
            if isinstance(effect, Poke):
                self.poked = True
                continue
            if effect.ticket in self.over:
                continue  # the gate has yet to hear of it
            request = by_ticket[effect.ticket]
            if isinstance(effect, Pause):
                request.paused = True
                continue
            assert isinstance(effect, Grant), "nobody is denied here"
            assert effect.endpoint in self.gate.ready
            assert request.at is None, "let go twice"
            first = next((r for r in self.waiting() if not r.returns), request)
            assert request.returns or request is first, "not its turn"
            request.at, request.paused, request.since = effect.endpoint, False, then

    @rule()
    def arrive(self) -> None:
        request = Request([self.ticket()])
        self.requests.append(request)
        self.carry_out(self.gate.arrive(request.tickets[0], self.now))

    @rule()
    def restart(self) -> None:
        """Another control plane: Envoy goes on, and asks it about those that wait."""
        backend = RevisionBackend(KEY, container_concurrency=self.limit)
        self.gate = RevisionGate(backend, recovering=True)
        self.over, self.ended, self.reported, self.restarted = [], {}, False, True
        self.now += 1  # it takes a while to come up
        for request in self.requests:
            request.foreign, request.paused = request.at is not None, False
            if request.at is None:
                request.tickets = [self.ticket()]
                self.carry_out(self.gate.arrive(request.tickets[0], self.now, hop=request.returns))

    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        """What Envoy counts; ends of requests are told before the report after the next one."""
        for ticket in [t for t, told in self.ended.items() if told and t in self.over]:
            self.over.remove(ticket)
            self.carry_out(self.gate.leave(ticket, self.now))
        self.ended = dict.fromkeys(self.over, True)
        counts = Counter(
            request.at
            for request in self.requests
            if request.at and (self.now - request.since >= 0.5 or data.draw(st.booleans()))
        )
        self.reported = True
        self.carry_out(self.gate.recover(counts, self.now))

    @rule()
    def stop_waiting_for_reports(self) -> None:
        if self.reported:
            self.carry_out(self.gate.finish_recovery(self.now))

    @precondition(lambda self: any(r.at for r in self.requests))
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A thread of Envoy did not find the instance."""
        request = data.draw(st.sampled_from([r for r in self.requests if r.at]))
        if request.returns >= MAX_HOPS - 1:
            return
        before = None if request.foreign else request.tickets[-1]
        request.tickets = [] if request.foreign else request.tickets
        request.foreign = False
        request.tickets.append(self.ticket())
        request.returns += 1
        request.at = None
        self.carry_out(
            self.gate.arrive(request.tickets[-1], self.now, hop=request.returns, before=before)
        )

    @precondition(lambda self: any(r.paused for r in self.requests))
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from([r for r in self.requests if r.paused]))
        request.paused = False
        self.carry_out(self.gate.resume(request.tickets[-1], self.now))

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """An answer, a dead instance or a client that gives up: streams end in any order."""
        request = data.draw(st.sampled_from(self.requests))
        self.requests.remove(request)
        self.over += [] if request.foreign else request.tickets
        for ticket in self.over:
            self.ended.setdefault(ticket, False)

    @precondition(lambda self: self.over)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.over))
        self.over.remove(ticket)
        self.carry_out(self.gate.leave(ticket, self.now))

    @rule(instances=some_instances)
    def offer(self, instances: set[Endpoint]) -> None:
        for request in self.requests:
            request.paused = False
        self.carry_out(self.gate.offer(instances, self.now))

    @rule(instance=st.sampled_from(INSTANCES))
    def let_go(self, instance: Endpoint) -> None:
        for request in self.requests:
            request.paused = False
        self.carry_out(self.gate.let_go(instance, self.now))

    @rule(keep=some_instances)
    def withdraw(self, keep: set[Endpoint]) -> None:
        effects = self.gate.withdraw(keep, self.now)
        if not self.gate.ready:
            for request in self.requests:
                request.paused = False
        self.carry_out(effects)

    @invariant()
    def nobody_has_more_than_the_limit(self) -> None:
        if not hasattr(self, "gate"):
            return
        at = Counter(request.at for request in self.requests if request.at)
        for instance in INSTANCES:
            assert at[instance] <= self.limit
            if self.reported:
                assert at[instance] <= self.gate.in_flight(instance) <= self.limit

    @invariant()
    def nobody_waits_beside_a_free_slot(self) -> None:
        if not hasattr(self, "gate") or self.over:
            return
        assert self.gate.held == sum(request.at is None for request in self.requests)
        if not self.reported:
            return
        free = [i for i in self.gate.ready if self.gate.in_flight(i) < self.limit]
        assert not (free and self.waiting())

    @invariant()
    def slots_are_those_of_requests_that_run(self) -> None:
        if not hasattr(self, "gate") or self.over or any(r.foreign for r in self.requests):
            return
        if self.restarted:
            return  # it may take those of before for one more
        at = Counter(request.at for request in self.requests if request.at)
        assert {i: self.gate.in_flight(i) for i in INSTANCES} == {i: at[i] for i in INSTANCES}

    def settle(self) -> None:
        """Two reports of what nobody began or ended lately."""
        for _ in range(2):
            self.now += 1
            counts = Counter(request.at for request in self.requests if request.at)
            self.reported = True
            self.carry_out(self.gate.recover(counts, self.now))

    def teardown(self) -> None:
        """Once an instance is there and requests end, all have been let go and all is free."""
        if not hasattr(self, "gate"):
            return
        for ticket in self.over:
            self.carry_out(self.gate.leave(ticket, self.now))
        self.over = []
        if self.waiting() and not self.gate.ready:
            assert self.poked
        self.offer({INSTANCES[0]})
        while self.requests:
            self.settle()
            running = [request for request in self.requests if request.at]
            assert running, "somebody waits for ever"
            self.requests.remove(running[0])
            for ticket in running[0].tickets:
                self.carry_out(self.gate.leave(ticket, self.now))
        self.settle()
        assert not self.gate.is_busy
        assert not any(self.gate.in_flight(instance) for instance in INSTANCES)


TestHardLimit = HardLimit.TestCase
TestHardLimit.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
