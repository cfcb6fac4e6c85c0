"""HorizontalPodAutoscalers: answers as Kubernetes gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wakeful.autoscaler.behavior import (
    Behavior,
    Limit,
    Memory,
    Pace,
    Stabilized,
    pace,
)
from wakeful.autoscaler.explain import ExplainReport
from wakeful.autoscaler.horizontal import (
    MetricsUnavailableError,
    PodState,
    ResourceTarget,
    TargetKind,
    propose,
)
from wakeful.autoscaler.horizontal_explain import Look, LookHistory
from wakeful.autoscaler.usage import PodUsage, parse_pod_usage

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CPU80 = ResourceTarget("cpu", TargetKind.UTILIZATION, 80)
MEMORY = ResourceTarget("memory", TargetKind.AVERAGE_VALUE, 100 * 2**20)


def pod(
    name: str,
    cores: float | None = None,
    *,
    memory: float = 0,
    request: float | None = 1.0,
    ready: bool | None = True,
    age: float = 3600,
    ready_for: float = 3000,
    pending: bool = False,
    ignored: bool = False,
) -> PodState:
    usage = None
    if cores is not None:
        usage = PodUsage(NOW, 10, {"app": {"cpu": cores, "memory": memory}})
    return PodState(
        name,
        pending=pending,
        ignored=ignored,
        started_at=NOW - timedelta(seconds=age),
        ready=ready,
        ready_changed_at=NOW - timedelta(seconds=ready_for),
        requests={"app": {} if request is None else {"cpu": request}},
        usage=usage,
    )


@pytest.mark.parametrize(
    ("cores", "replicas"),
    [
        ([0.8], 1),  # on target
        ([0.87], 1),  # 87 / 80 is within a tenth
        ([0.89], 2),  # and this is not
        ([0.73, 0.73], 2),
        ([0.4, 0.4], 1),
        ([1.6], 2),
        ([1.0, 1.0, 1.0], 4),
        ([0.0, 0.0], 0),
    ],
)
def test_replicas_are_pods_by_use_over_target(cores: list[float], replicas: int) -> None:
    pods = [pod(f"p{n}", used) for n, used in enumerate(cores)]
    assert propose(CPU80, pods, len(pods), NOW).replicas == replicas


def test_memory_is_averaged_over_pods() -> None:
    pods = [pod("a", 0, memory=150 * 2**20), pod("b", 0, memory=250 * 2**20)]
    found = propose(MEMORY, pods, 2, NOW)
    assert (found.replicas, found.average, found.utilization) == (4, 200 * 2**20, None)


def test_a_starting_pod_is_idle_while_growing() -> None:
    """Two at 200 % want five; with a third on its way, the same answer counts it as idle."""
    busy = [pod("a", 1.6), pod("b", 1.6)]
    starting = pod("c", 2.0, ready=False, age=20, ready_for=20)

    assert propose(CPU80, busy, 2, NOW).replicas == 4
    found = propose(CPU80, [*busy, starting], 3, NOW)

    assert (found.replicas, found.unready) == (4, 1)


def test_a_starting_pod_does_not_hinder_shrinking() -> None:
    idle = [pod("a", 0.1), pod("b", 0.1)]
    assert propose(CPU80, [*idle, pod("c", pending=True)], 3, NOW).replicas == 1


def test_figures_from_before_readiness_do_not_count() -> None:
    fresh = pod("a", 5.0, age=15, ready_for=5)  # its 10 s began before it was ready
    with pytest.raises(MetricsUnavailableError, match="no metrics of pods that are ready"):
        propose(CPU80, [fresh], 1, NOW)
    assert propose(CPU80, [pod("a", 1.6, age=15, ready_for=11)], 1, NOW).replicas == 2


def test_pods_without_figures_argue_against_change() -> None:
    unknown = pod("x")
    assert propose(CPU80, [pod("a", 0.9), unknown], 2, NOW).replicas == 2  # idle, then
    assert propose(CPU80, [pod("a", 0.1), unknown], 2, NOW).replicas == 2  # busy, then
    assert propose(CPU80, [pod("a", 4.0), unknown], 2, NOW).replicas == 5


def test_pods_on_their_way_out_are_not_there() -> None:
    assert propose(CPU80, [pod("a", 1.6), pod("b", 9, ignored=True)], 1, NOW).replicas == 2


def test_utilization_needs_requests() -> None:
    with pytest.raises(MetricsUnavailableError, match="missing request for cpu in container app"):
        propose(CPU80, [pod("a", 1, request=None)], 1, NOW)


def test_one_container_may_decide() -> None:
    target = ResourceTarget("cpu", TargetKind.AVERAGE_VALUE, 0.5, "app")
    assert propose(target, [pod("a", 1.2)], 1, NOW).replicas == 3


def test_figures_are_read_from_the_metrics_api() -> None:
    usage = parse_pod_usage(
        {
            "timestamp": "2026-01-01T12:00:00Z",
            "window": "5.250s",
            "containers": [
                {"name": "a", "usage": {"cpu": "250000000n", "memory": "1024Ki"}},
                {"name": "b", "usage": {"cpu": "1", "memory": "1Mi"}},
            ],
        }
    )
    assert (usage.at, usage.window_seconds) == (NOW, 5.25)
    assert (usage.of("cpu"), usage.of("memory"), usage.of("cpu", "a")) == (1.25, 2**21, 0.25)
    assert usage.of("disk") is None
    assert usage.of("cpu", "z") is None
    with pytest.raises(ValueError, match="not PodMetrics"):
        parse_pod_usage({"timestamp": "2026-01-01T12:00:00Z"})


def step(
    answer: int, current: int, memory: Memory, now: float, behavior: Behavior | None = None
) -> Pace:
    return pace(answer, current, 1, 20, behavior or Behavior(), memory, now)


def test_shrinking_waits_for_five_minutes() -> None:
    memory = step(6, 6, Memory(), 0).memory
    held = step(2, 6, memory, 299)
    assert (held.replicas, held.stabilized) == (6, Stabilized.DOWN)
    assert step(2, 6, held.memory, 301).replicas == 2


def test_growing_is_immediate_but_at_most_double_or_four() -> None:
    first = step(50, 1, Memory(), 0)
    assert (first.replicas, first.limit) == (5, Limit.UP)
    memory = first.memory.with_change(0, 4, Behavior())
    assert step(50, 5, memory, 5).replicas == 5  # the period's four were used up
    assert step(50, 5, memory, 16).replicas == 10
    assert step(50, 15, Memory(), 0).limit is Limit.MOST


def test_bounds_hold() -> None:
    assert step(0, 3, Memory(), 0).replicas == 1
    assert step(0, 3, Memory(), 0).limit is Limit.LEAST
    within = step(4, 3, Memory(), 0)
    assert (within.replicas, within.limit, within.stabilized) == (4, Limit.NONE, Stabilized.NO)


def test_windows_both_ways_hold_the_middle() -> None:
    """What Knative's window annotation asks for."""
    rules = {"stabilizationWindowSeconds": 60}
    behavior = Behavior.parse({"scaleUp": rules, "scaleDown": rules})
    memory = step(2, 2, Memory(), 0, behavior).memory
    up = step(4, 2, memory, 10, behavior)
    assert (up.replicas, up.stabilized) == (2, Stabilized.UP)
    assert step(4, 2, up.memory, 61, behavior).replicas == 4


def test_policies_are_followed() -> None:
    behavior = Behavior.parse(
        {
            "scaleUp": {"selectPolicy": "Disabled"},
            "scaleDown": {
                "stabilizationWindowSeconds": 0,
                "selectPolicy": "Min",
                "policies": [
                    {"type": "Pods", "value": 1, "periodSeconds": 30},
                    {"type": "Percent", "value": 50, "periodSeconds": 30},
                ],
            },
        }
    )
    assert step(9, 4, Memory(), 0, behavior).replicas == 4
    down = step(1, 8, Memory(), 0, behavior)
    assert (down.replicas, down.limit) == (7, Limit.DOWN)
    memory = down.memory.with_change(0, -1, behavior)
    assert step(1, 7, memory, 20, behavior).replicas == 7
    assert step(1, 7, memory, 31, behavior).replicas == 6


def report(look: Look) -> ExplainReport:
    history = LookHistory()
    history.add(look)
    history.add(look)
    found = history.report("default", "hello")
    assert found is not None
    return found


def test_words_for_an_answer() -> None:
    proposal = propose(CPU80, [pod("a", 1.66), pod("b", ready=False, pending=True)], 2, NOW)
    answer = step(8, 2, Memory(), 0)
    look = Look(0, 2, 1, answer.replicas, 1, 20, Behavior(), (proposal,), pace=answer)

    found = report(look)

    assert found.summary == "hello: wants 6, 1 ready, scaled by a HorizontalPodAutoscaler"
    assert found.reasons[0] == (
        "cpu: 166 % of the request on average over 1 pod, aim 80 %: 1 × 2.08 → 2"
    )
    assert found.reasons[1] == "1 still starting: taken for idle before more are asked for"
    assert found.reasons[-1] == "scaleUp policies let 2 grow to 6 for now"
    assert len(found.history) == 1
    assert found.history[0]["stable"] == "cpu 166 %"


def test_words_for_what_cannot_be_known() -> None:
    text = "failed to get cpu utilization: missing request for cpu in container app of Pod a"
    found = report(Look(0, 1, 1, 1, 1, 9, Behavior(), failures=(text,)))
    assert found.reasons[0] == f"a metric is not known: {text}"
    assert "set resources.requests" in found.reasons[1]
    assert LookHistory().report("default", "x") is None
