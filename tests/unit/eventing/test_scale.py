"""How many event processes there should be."""

from __future__ import annotations

from wakeful.eventing.plan.sharing import carries
from wakeful.eventing.worker.scale import Scaler


def test_a_full_process_gets_help_after_a_while() -> None:
    scaler = Scaler(2)
    assert [scaler.decide([0.95], now) for now in (10.0, 12.0, 13.0)] == [1, 1, 2]
    assert [scaler.decide([0.95, 0.95], now) for now in (14.0, 20.0)] == [2, 2]


def test_a_short_peak_changes_nothing() -> None:
    scaler = Scaler(4)
    assert [scaler.decide([b], now) for b, now in ((0.9, 1.0), (0.1, 3.0), (0.9, 5.0))] == [1, 1, 1]


def test_what_others_could_do_is_given_to_them_later() -> None:
    scaler = Scaler(4)
    found = [scaler.decide([0.1, 0.2], now) for now in (0.5, 30.0, 60.0, 61.0)]
    assert found == [2, 2, 2, 1]


def test_every_consumer_has_exactly_one_process() -> None:
    for name in map(str, range(50)):
        assert sum(carries(index, 3, "stream", name) for index in range(3)) == 1
