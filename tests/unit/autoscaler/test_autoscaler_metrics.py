from __future__ import annotations

from wakeful.autoscaler import Aggregation, LoadSample, RevisionMetrics, ScalingMetric, WindowLoad

T0 = 1_000.0
CONCURRENCY, RPS = ScalingMetric.CONCURRENCY, ScalingMetric.RPS


def metrics() -> RevisionMetrics:
    return RevisionMetrics(10, 2, Aggregation.LINEAR)


def test_without_samples_there_is_nothing_to_decide_from() -> None:
    assert metrics().load(CONCURRENCY, T0) is None
    assert metrics().load(RPS, T0) is None


def test_with_the_gate_always_in_the_path_silence_means_idle() -> None:
    assert metrics().load(CONCURRENCY, T0, absence_is_zero=True) == WindowLoad(0, 0)


def test_both_windows_of_both_metrics_are_kept() -> None:
    one = metrics()
    for second in range(10):
        busy = second >= 8
        one.record(T0 + second, LoadSample(20 if busy else 0, 300 if busy else 100))

    assert one.load(CONCURRENCY, T0 + 9) == WindowLoad(4, 20)
    assert one.load(RPS, T0 + 9) == WindowLoad(140, 300)


def test_data_older_than_the_stable_window_is_no_data() -> None:
    one = metrics()
    one.record(T0, LoadSample(5, 5))

    assert one.load(CONCURRENCY, T0 + 9) == WindowLoad(5, 0)
    assert one.load(CONCURRENCY, T0 + 10) is None


def test_resizing_keeps_what_was_seen() -> None:
    one = metrics()
    for second in range(10):
        one.record(T0 + second, LoadSample(second, 0))

    one.resize(4, 1, T0 + 9)

    assert one.load(CONCURRENCY, T0 + 9) == WindowLoad(7.5, 9)
