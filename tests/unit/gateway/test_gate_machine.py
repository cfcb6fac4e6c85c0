"""One revision's gate: who is let go, when, and who is told no."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from wakeful.gateway import Endpoint, GatePlace, RevisionBackend, RevisionKey
from wakeful.gateway.gate import Phase, RevisionGate
from wakeful.gateway.gate.machine import MAX_HOPS, QUEUE_LIMIT, Deny, Grant, Pause, Poke

KEY = RevisionKey("default", "hello")
ONE, TWO = Endpoint("127.0.0.1", 1), Endpoint("127.0.0.1", 2)


def gate(limit: int = 0, *, recovering: bool = False) -> RevisionGate:
    return RevisionGate(RevisionBackend(KEY, container_concurrency=limit), recovering=recovering)


def test_first_request_pokes_and_the_others_just_wait() -> None:
    machine = gate()

    assert machine.arrive(1, 0.0) == [Poke()]
    assert machine.arrive(2, 0.1) == []
    assert (machine.phase, machine.held) == (Phase.STARTING, 2)


def test_acknowledged_instance_lets_everybody_go_in_order() -> None:
    machine = gate()
    for ticket in (1, 2, 3):
        machine.arrive(ticket, 0.0)

    assert machine.offer([ONE], 1.0) == [Grant(1), Grant(2), Grant(3)]
    assert machine.phase is Phase.AWAKE
    assert machine.arrive(4, 1.1) == [Grant(4)]


def test_instance_that_envoy_only_lists_is_named_until_envoy_chooses_it() -> None:
    machine = gate()
    machine.arrive(1, 0.0)

    assert machine.let_go(ONE, 1.0) == [Grant(1, ONE)]
    assert machine.arrive(2, 1.1) == [Grant(2, ONE)]
    assert machine.offer([ONE], 1.2) == []
    assert machine.arrive(3, 1.3) == [Grant(3)]
    machine.leave(1, 1.4)
    assert machine.in_flight(ONE) == 1


def test_instance_that_envoy_only_lists_keeps_its_limit() -> None:
    machine = gate(1)
    machine.arrive(1, 0.0)
    machine.arrive(2, 0.0)

    assert machine.let_go(ONE, 1.0) == [Grant(1, ONE)]
    assert machine.offer([ONE], 1.1) == []
    assert machine.leave(1, 1.2) == [Grant(2, ONE)]


def test_last_instance_gone_means_asleep_and_the_next_request_pokes_again() -> None:
    machine = gate()
    machine.offer([ONE], 0.0)

    assert machine.withdraw([], 1.0) == []
    assert machine.phase is Phase.ASLEEP
    assert machine.arrive(1, 2.0) == [Poke()]


def test_instance_lost_while_requests_wait_is_asked_for_again() -> None:
    machine = gate(1)
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.0)
    machine.arrive(2, 0.0)

    assert machine.withdraw([], 1.0) == [Poke()]
    assert machine.phase is Phase.STARTING


def test_limit_is_a_central_line_over_all_instances() -> None:
    machine = gate(1)
    machine.offer([ONE, TWO], 0.0)

    assert machine.arrive(1, 0.0) == [Grant(1, ONE)]
    assert machine.arrive(2, 0.0) == [Grant(2, TWO)]
    assert machine.arrive(3, 0.0) == []
    assert machine.arrive(4, 0.0) == []
    assert machine.leave(2, 1.0) == [Grant(3, TWO)]
    assert machine.leave(1, 1.0) == [Grant(4, ONE)]


def test_gate_in_the_path_without_a_limit_sends_to_the_idlest_and_holds_nobody() -> None:
    machine = RevisionGate(RevisionBackend(KEY, gate=GatePlace.IN_PATH))
    machine.offer([ONE, TWO], 0.0)

    granted = [machine.arrive(ticket, 0.0) for ticket in range(4)]
    machine.leave(1, 1.0)

    assert granted == [[Grant(0, ONE)], [Grant(1, TWO)], [Grant(2, ONE)], [Grant(3, TWO)]]
    assert machine.arrive(4, 1.0) == [Grant(4, TWO)]


def test_gate_that_leaves_still_names_the_instance_until_envoy_knows() -> None:
    machine = RevisionGate(RevisionBackend(KEY, gate=GatePlace.IN_PATH))
    machine.offer([ONE], 0.0)

    machine.configure(RevisionBackend(KEY, gate=GatePlace.OUT), 1.0)

    assert machine.arrive(1, 1.0) == [Grant(1, ONE)]


def test_waiting_client_that_leaves_frees_its_place_only() -> None:
    machine = gate(1)
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.0)
    machine.arrive(2, 0.0)
    machine.arrive(3, 0.0)

    assert machine.leave(2, 0.5) == []
    assert machine.leave(1, 1.0) == [Grant(3, ONE)]


def test_new_instance_takes_from_the_line_at_once() -> None:
    machine = gate(2)
    machine.offer([ONE], 0.0)
    for ticket in range(1, 6):
        machine.arrive(ticket, 0.0)

    assert machine.offer([ONE, TWO], 1.0) == [Grant(3, TWO), Grant(4, TWO)]


def test_failed_start_is_told_to_everybody_and_forgotten() -> None:
    machine = gate()
    machine.arrive(1, 0.0)
    machine.arrive(2, 0.0)

    denied = machine.fail("boom", 1.0)

    assert denied == [
        Deny(ticket, HTTPStatus.SERVICE_UNAVAILABLE, "boom", "start_failed") for ticket in (1, 2)
    ]
    assert (machine.phase, machine.held) == (Phase.ASLEEP, 0)
    assert machine.arrive(3, 2.0) == [Poke()]


def test_failure_does_not_touch_a_revision_that_serves() -> None:
    machine = gate(1)
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.0)
    machine.arrive(2, 0.0)

    assert machine.fail("another instance crashed", 1.0) == []
    assert machine.held == 1


def test_line_is_bounded() -> None:
    machine = gate()
    for ticket in range(QUEUE_LIMIT):
        machine.arrive(ticket, 0.0)

    (refused,) = machine.arrive(QUEUE_LIMIT, 0.0)

    assert isinstance(refused, Deny)
    assert (refused.status, refused.body) == (503, "pending request queue full")


def test_request_that_came_back_pauses_longer_each_time_and_then_gives_up() -> None:
    machine = gate()
    machine.offer([ONE], 0.0)

    first = machine.arrive(1, 0.0, hop=1)
    third = machine.arrive(2, 0.0, hop=3)
    last = machine.arrive(3, 0.0, hop=MAX_HOPS)

    assert first == [Pause(1, pytest.approx(0.02, rel=0.25))]
    assert third == [Pause(2, pytest.approx(0.08, rel=0.25))]
    assert isinstance(last[0], Deny)
    assert machine.resume(1, 0.02) == [Grant(1)]


def test_changed_instances_end_every_pause() -> None:
    machine = gate()
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.0, hop=1)

    assert machine.offer([TWO], 0.01) == [Grant(1)]
    assert machine.resume(1, 0.02) == []


def test_slots_of_a_former_control_plane_are_learnt_before_any_is_given() -> None:
    machine = gate(1, recovering=True)
    machine.offer([ONE, TWO], 0.0)
    assert machine.arrive(1, 0.0) == []

    assert machine.recover({ONE: 1}, 0.1) == [Grant(1, TWO)]
    machine.arrive(2, 0.2)
    assert machine.recover({ONE: 1, TWO: 1}, 0.3) == []
    assert machine.recover({TWO: 1}, 0.4) == [Grant(2, ONE)]


def test_counts_are_exact_integrals() -> None:
    machine = gate(1)
    machine.arrive(1, 10.0)
    machine.arrive(2, 11.0)
    machine.offer([ONE], 12.0)
    machine.leave(1, 14.0)

    counts = machine.counts(15.0)

    assert (counts.held, counts.running, counts.arrived_total) == (0, 1, 2)
    # one waits 10–11, two wait 11–12, one waits 12–14; one runs from 12 on
    assert counts.held_area == pytest.approx(1 + 2 + 2)
    assert counts.running_area == pytest.approx(3)


def test_request_that_was_heard_of_late_has_waited_since_it_came() -> None:
    """Not for longer than anybody, though: clocks may disagree."""
    machine = gate()
    machine.arrive(1, 10.0, late=5.0)
    machine.arrive(2, 11.0, late=0.5)
    machine.arrive(3, 11.0, late=100.0)
    machine.arrive(4, 11.0, late=-3.0)
    machine.offer([ONE], 12.0)
    machine.arrive(5, 13.0, late=1.0)

    assert machine.counts(14.0).held_area == pytest.approx(2 + 1.5 + 2 + 1)
    assert machine.counts(14.0).held_until == 12.0


def test_request_that_comes_back_does_not_wait_for_its_own_slot() -> None:
    """A thread of Envoy that knows no instance yet sends what names one to the gate again."""
    machine = gate(1)
    for ticket in (1, 2):
        machine.arrive(ticket, 0.0)
    assert machine.offer([ONE], 1.0) == [Grant(1, ONE)]

    pause, *granted = machine.arrive(3, 1.1, hop=1, before=1)

    assert isinstance(pause, Pause)
    assert granted == [Grant(2, ONE)]
    assert machine.resume(3, 1.2) == []
    assert machine.leave(2, 1.3) == [Grant(3, ONE)]
    assert machine.in_flight(ONE) == 1
    assert machine.leave(3, 1.4) == []
    assert machine.leave(1, 1.4) == []
    assert machine.in_flight(ONE) == 0


def test_request_that_comes_back_frees_its_own_slot_and_no_other() -> None:
    machine = gate(2)
    machine.offer([ONE], 0.0)
    for ticket in (1, 2):
        assert machine.arrive(ticket, 0.0) == [Grant(ticket, ONE)]

    machine.arrive(3, 0.1, hop=1, before=2)
    for ticket in (3, 2):  # its client gives up
        machine.leave(ticket, 0.2)

    assert machine.in_flight(ONE) == 1
    assert machine.arrive(4, 0.3) == [Grant(4, ONE)]
    assert machine.arrive(5, 0.3) == []


def test_request_that_comes_back_leaves_its_instance_to_others_at_once() -> None:
    """Also while others are busy, and did not come back."""
    machine = gate(1)
    machine.offer([ONE, TWO], 0.0)
    for ticket in (1, 2, 3):
        machine.arrive(ticket, 0.0)

    assert Grant(3, TWO) in machine.arrive(4, 0.1, hop=1, before=2)


def test_request_that_comes_back_is_the_first_in_line_and_never_too_many() -> None:
    machine = gate(1)
    machine.offer([ONE], 0.0)
    for ticket in range(QUEUE_LIMIT + 1):
        machine.arrive(ticket, 0.0)

    back = QUEUE_LIMIT + 1
    assert Grant(1, ONE) in machine.arrive(back, 0.1, hop=1, before=0)
    assert machine.resume(back, 0.2) == []
    assert machine.leave(1, 0.3) == [Grant(back, ONE)]


def test_ticket_of_a_request_that_is_over_frees_nothing() -> None:
    machine = gate(1)
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.0)
    machine.leave(1, 0.1)
    machine.arrive(2, 0.2)

    machine.arrive(3, 0.3, hop=1, before=1)

    assert machine.in_flight(ONE) == 1


def test_what_a_former_control_plane_let_go_is_not_forgotten_with_the_wait_for_reports() -> None:
    machine = gate(1, recovering=True)
    machine.offer([ONE], 0.0)
    machine.recover({ONE: 1}, 0.1)
    machine.arrive(1, 0.2)

    assert machine.finish_recovery(5.0) == []
    assert machine.recover({ONE: 0}, 60.0) == [Grant(1, ONE)]


def test_instance_that_envoy_never_told_of_is_free() -> None:
    machine = gate(1, recovering=True)
    machine.offer([ONE], 0.0)
    machine.arrive(1, 0.1)

    assert machine.finish_recovery(5.0) == [Grant(1, ONE)]


def test_request_on_its_way_is_not_taken_for_one_of_before() -> None:
    machine = gate(2, recovering=True)
    machine.offer([ONE], 0.0)
    machine.recover({ONE: 1}, 0.1)
    assert machine.arrive(1, 0.2) == [Grant(1, ONE)]

    machine.recover({ONE: 1}, 0.201)  # counted before it arrived there

    assert machine.arrive(2, 0.3) == []
    machine.recover({ONE: 1}, 1.0)
    assert machine.recover({ONE: 1}, 1.1) == [Grant(2, ONE)]


def test_requests_of_before_are_over_when_their_time_is() -> None:
    machine = RevisionGate(
        RevisionBackend(KEY, container_concurrency=2, timeout_seconds=10), recovering=True
    )
    machine.offer([ONE], 0.0)
    machine.recover({ONE: 1}, 0.1)
    machine.arrive(1, 0.2)
    machine.arrive(2, 0.2)
    machine.recover({ONE: 2}, 9.0)
    assert machine.in_flight(ONE) == 2

    assert machine.recover({ONE: 2}, 11.0) == [Grant(2, ONE)]
