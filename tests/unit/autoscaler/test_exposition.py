"""Figures as Prometheus reads them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalingAnnotations
from wakeful.autoscaler import ScalerState, WindowLoad, decide, resolve_spec
from wakeful.autoscaler.coldstart import ColdStart, ColdStartTotals, Mark
from wakeful.autoscaler.exposition import PodCounts, ScalingFigures, scaling_metrics
from wakeful.telemetry.metrics import write_exposition


def figures(revision: str, **annotations: object) -> ScalingFigures:
    spec = resolve_spec(AutoscalerConfig(), AutoscalingAnnotations(**annotations))
    state = ScalerState.initial(spec, 1, 0.0)
    _, decision = decide(state, spec, WindowLoad(stable=5.5, panic=60.0), 1, 10.0)
    pods = PodCounts(ready=1, not_ready=2, pending=2)
    return ScalingFigures("shop", "cart", "cart", revision, pods, 4, decision)


def read(*all_figures: ScalingFigures) -> dict[tuple[str, str], float]:
    """Values by metric and revision."""
    text = write_exposition(scaling_metrics(all_figures)).decode()
    return {
        (sample.name, sample.labels["kn_revision_name"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_decision_with_its_inputs_can_be_scraped() -> None:
    seen = read(figures("cart-1", target=10.0))

    assert seen == {
        ("kn_revision_pods_requested", "cart-1"): 4,
        ("kn_revision_pods_count", "cart-1"): 1,
        ("kn_revision_pods_not_ready_count", "cart-1"): 2,
        ("kn_revision_pods_pending_count", "cart-1"): 2,
        ("kn_revision_pods_terminating_count", "cart-1"): 0,
        ("kn_revision_pods_desired", "cart-1"): 9,
        ("kn_revision_capacity_excess", "cart-1"): 10 - 211 - 60,
        ("kn_revision_panic_mode", "cart-1"): 1,
        ("kn_revision_concurrency_stable", "cart-1"): 5.5,
        ("kn_revision_concurrency_panic", "cart-1"): 60,
        ("kn_revision_concurrency_target", "cart-1"): 7,
    }


def test_rates_have_names_of_their_own() -> None:
    seen = read(figures("cart-1"), figures("cart-2", metric="rps", target=100.0))

    assert seen["kn_revision_rps_target", "cart-2"] == 70
    assert ("kn_revision_concurrency_target", "cart-2") not in seen
    assert seen["kn_revision_concurrency_target", "cart-1"] == 70


def test_what_is_not_known_is_left_out() -> None:
    seen = read(ScalingFigures("shop", "cart", "cart", "cart-1", PodCounts()))

    assert seen["kn_revision_pods_count", "cart-1"] == 0
    assert ("kn_revision_pods_requested", "cart-1") not in seen
    assert ("kn_revision_pods_desired", "cart-1") not in seen


def test_cold_starts_are_counted_by_their_length_and_their_phases() -> None:
    totals = ColdStartTotals()
    totals.add(ColdStart(0.0, {Mark.HELD: 1.0, Mark.RUNNING: 1.25, Mark.PROGRAMMED: 1.5}))
    totals.add(ColdStart(0.0, {Mark.HELD: 2.0, Mark.THAWED: 2.0, Mark.PROGRAMMED: 2.0078125}))
    text = write_exposition(
        scaling_metrics(
            [ScalingFigures("shop", "cart", "cart", "cart-1", PodCounts(), cold_starts=totals)]
        )
    ).decode()

    (whole,) = [f for f in text_string_to_metric_families(text) if f.type == "histogram"]
    (phases,) = [f for f in text_string_to_metric_families(text) if f.type == "summary"]
    below = {s.labels["le"]: s.value for s in whole.samples if s.name.endswith("_bucket")}
    spent = {s.labels["phase"]: s.value for s in phases.samples if s.name.endswith("_sum")}

    assert (below["0.01"], below["0.25"], below["0.5"], below["+Inf"]) == (1, 1, 2, 2)
    assert spent == {"spawn": 0.25, "thaw": 0.0, "programmed": 0.2578125}


def test_nobody_to_tell_of_is_an_empty_page() -> None:
    assert write_exposition(scaling_metrics([])) == b""
