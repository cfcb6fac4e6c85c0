from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apimachinery.fields import to_text, under
from wakeful.apis.autoscaling import AutoscalingAnnotations, validate_annotations
from wakeful.apis.autoscaling.annotations import ALL_KEYS, HPA, KPA

G = "autoscaling.knative.dev/"
PATH = "spec.template.metadata.annotations"


@dataclass(frozen=True)
class Limits:
    pod_autoscaler_class: str = KPA
    allow_zero_initial_scale: bool = False
    max_scale_limit: int = 0


def faults(limits: Limits | None = None, /, **annotations: str) -> str:
    named = {G + key.replace("_", "-"): value for key, value in annotations.items()}
    return to_text(under(PATH, validate_annotations(named, limits or Limits())))


class TestParse:
    def test_nothing_said_is_nothing_read(self) -> None:
        assert AutoscalingAnnotations.parse({}) == AutoscalingAnnotations()

    def test_both_spellings_are_read(self) -> None:
        dashed = {
            G + "min-scale": "2",
            G + "max-scale": "10",
            G + "initial-scale": "3",
            G + "scale-down-delay": "15m",
            G + "target-utilization-percentage": "80",
            G + "target-burst-capacity": "-1",
            G + "panic-window-percentage": "5.5",
            G + "panic-threshold-percentage": "150",
            G + "scale-to-zero-pod-retention-period": "1m5s",
            G + "metric-aggregation-algorithm": "weighted-exponential",
        }
        camel = {
            G + "minScale": "2",
            G + "maxScale": "10",
            G + "initialScale": "3",
            G + "scaleDownDelay": "15m",
            G + "targetUtilizationPercentage": "80",
            G + "targetBurstCapacity": "-1",
            G + "panicWindowPercentage": "5.5",
            G + "panicThresholdPercentage": "150",
            G + "scaleToZeroPodRetentionPeriod": "1m5s",
            G + "metricAggregationAlgorithm": "weightedExponential",
        }
        parsed = AutoscalingAnnotations.parse(dashed)

        assert parsed == AutoscalingAnnotations.parse(camel)
        assert parsed == AutoscalingAnnotations(
            min_scale=2,
            max_scale=10,
            initial_scale=3,
            scale_down_delay_seconds=900,
            target_utilization=0.8,
            target_burst_capacity=-1,
            panic_window_percentage=5.5,
            panic_threshold_percentage=150,
            pod_retention_seconds=65,
            aggregation="weighted-exponential",
        )

    def test_the_dashed_spelling_wins(self) -> None:
        both = {G + "minScale": "1", G + "min-scale": "2"}
        assert AutoscalingAnnotations.parse(both).min_scale == 2

    def test_keys_with_one_spelling(self) -> None:
        parsed = AutoscalingAnnotations.parse(
            {
                G + "window": "2m",
                G + "target": "0.5",
                G + "activation-scale": "4",
                G + "metric": "rps",
                "serving.knative.dev/progress-deadline": "90s",
            }
        )
        assert (parsed.window_seconds, parsed.target, parsed.activation_scale) == (120, 0.5, 4)
        assert (parsed.metric, parsed.progress_deadline_seconds) == ("rps", 90)

    @pytest.mark.parametrize(
        ("class_name", "metric"), [(KPA, "concurrency"), (HPA, "cpu"), ("mine.example.com", "")]
    )
    def test_the_metric_follows_the_class(self, class_name: str, metric: str) -> None:
        assert AutoscalingAnnotations.parse({G + "class": class_name}).metric == metric

    def test_what_cannot_be_read_counts_as_absent(self) -> None:
        bad = {key.name: "?" for key in ALL_KEYS if key.name not in (G + "class", G + "metric")}
        parsed = AutoscalingAnnotations.parse(bad)
        assert parsed == AutoscalingAnnotations(aggregation="?")


class TestValidation:
    @pytest.mark.parametrize(
        "annotations",
        [
            {},
            {"class": KPA, "metric": "rps"},
            {"class": HPA, "metric": "cpu"},
            {"class": HPA, "metric": "anything"},
            {"class": "mine.example.com", "metric": ""},
            {"min_scale": "0", "max_scale": "0"},
            {"min_scale": "3", "max_scale": "3"},
            {"min_scale": "3", "max_scale": "0"},
            {"activation_scale": "2", "min_scale": "1", "max_scale": "2"},
            {"window": "0s"},
            {"window": "1s"},
            {"window": "1h"},
            {"target": "0.01"},
            {"target_burst_capacity": "-1"},
            {"target_burst_capacity": "0"},
            {"panic_window_percentage": "1", "panic_threshold_percentage": "1000"},
            {"scale_down_delay": "0s", "scale_to_zero_pod_retention_period": "1.5s"},
            {"initial_scale": "1"},
            {"class": KPA, "metric_aggregation_algorithm": "weightedExponential"},
        ],
    )
    def test_legal_annotations_pass(self, annotations: dict[str, str]) -> None:
        assert faults(**annotations) == ""

    @pytest.mark.parametrize(
        ("annotations", "text"),
        [
            ({"class": "foo.knative.dev"}, f"invalid value: foo.knative.dev: {PATH}.{G}class"),
            ({"metric": "memory"}, f"invalid value: memory: {PATH}.{G}metric"),
            ({"class": HPA, "metric": ""}, f"invalid value: : {PATH}.{G}metric"),
            ({"min_scale": "-1"}, f"expected 0 <= -1 <= 2147483647: {PATH}.{G}min-scale"),
            (
                {"minScale": "2147483648"},
                f"expected 0 <= 2147483648 <= 2147483647: {PATH}.{G}minScale",
            ),
            ({"max_scale": "joe"}, f"invalid value: joe: {PATH}.{G}max-scale"),
            (
                {"minScale": "7", "maxScale": "5"},
                f"max-scale=5 is less than min-scale=7: {PATH}.{G}max-scale, {PATH}.{G}min-scale",
            ),
            (
                {"activation_scale": "1"},
                f"activation-scale=1 must be greater than 1: {PATH}.{G}activation-scale",
            ),
            (
                {"activation_scale": "2", "min_scale": "3"},
                f"min-scale=3 is greater than activation-scale=2: {PATH}.{G}activation-scale",
            ),
            (
                {"activation_scale": "5", "max_scale": "3"},
                f"max-scale=3 is less than activation-scale=5: {PATH}.{G}activation-scale",
            ),
            ({"window": "-1s"}, f"expected 0s <= -1s <= 1h0m0s: {PATH}.{G}window"),
            (
                {"window": "9.5s"},
                f"must be specified with at most second precision: {PATH}.{G}window",
            ),
            ({"window": "jerry"}, f"invalid value: jerry: {PATH}.{G}window"),
            (
                {"scale_down_delay": "2h"},
                f"expected 0s <= 2h <= 1h0m0s: {PATH}.{G}scale-down-delay",
            ),
            (
                {"scaleToZeroPodRetentionPeriod": "-1s"},
                f"expected 0s <= -1s <= 1h0m0s: {PATH}.{G}scaleToZeroPodRetentionPeriod",
            ),
            ({"target": "0.001"}, f"target 0.001 should be at least 0.01: {PATH}.{G}target"),
            ({"target": "NaN"}, f"invalid value: NaN: {PATH}.{G}target"),
            (
                {"targetUtilizationPercentage": "101"},
                f"expected 1 <= 101 <= 100: {PATH}.{G}targetUtilizationPercentage",
            ),
            (
                {"target_burst_capacity": "-2"},
                f"invalid value: -2: {PATH}.{G}target-burst-capacity",
            ),
            (
                {"panic_window_percentage": "0.5"},
                f"expected 1 <= 0.5 <= 100: {PATH}.{G}panic-window-percentage",
            ),
            (
                {"panic_threshold_percentage": "109"},
                f"expected 110 <= 109 <= 1000: {PATH}.{G}panic-threshold-percentage",
            ),
            (
                {"initial_scale": "0"},
                f"invalid value: 0: {PATH}.{G}initial-scale=0 not allowed by cluster",
            ),
            (
                {"initialScale": "-1"},
                f"invalid value: -1: {PATH}.{G}initialScale must be greater than 0",
            ),
            (
                {"class": KPA, "metric_aggregation_algorithm": "median"},
                f"invalid value: median: {PATH}.{G}metric-aggregation-algorithm",
            ),
        ],
    )
    def test_faults_are_worded_as_upstream_words_them(
        self, annotations: dict[str, str], text: str
    ) -> None:
        assert faults(**annotations) == text

    def test_the_cluster_may_limit_max_scale(self) -> None:
        limits = Limits(max_scale_limit=10)
        assert faults(limits, max_scale="10") == ""
        assert faults(limits, max_scale="11") == f"expected 1 <= 11 <= 10: {PATH}.{G}max-scale"
        assert faults(limits, maxScale="0") == (
            f"max-scale=0 (unlimited), must be less than 10: {PATH}.{G}maxScale"
        )

    def test_the_cluster_may_allow_an_initial_scale_of_zero(self) -> None:
        assert faults(Limits(allow_zero_initial_scale=True), initial_scale="0") == ""

    def test_the_clusters_class_decides_the_metrics_of_the_unnamed(self) -> None:
        assert faults(Limits(pod_autoscaler_class=HPA), metric="memory") == ""


spellings = st.sampled_from([spelling for key in ALL_KEYS for spelling in key.spellings])


@given(st.dictionaries(spellings, st.text(max_size=10) | st.integers().map(str)))
def test_what_passes_validation_is_read_and_the_rest_is_named(annotations: dict[str, str]) -> None:
    """Every annotation is either usable or a fault with its own key in the path."""
    errors = validate_annotations(annotations, Limits())
    AutoscalingAnnotations.parse(annotations)

    for error in errors:
        assert all(path.startswith(G) for path in error.paths)


class TestRest:
    OWN = "autoscaling.wakeful.dev/"

    @pytest.mark.parametrize("way", ["gone", "frozen", "zygote"])
    def test_ways_to_rest(self, way: str) -> None:
        named = {f"{self.OWN}at-zero": way, f"{self.OWN}{way}-for": "90s"}
        assert not validate_annotations(named, Limits())
        parsed = AutoscalingAnnotations.parse(named)
        assert (parsed.freezes, parsed.keeps_zygote) == (way == "frozen", way == "zygote")
        assert parsed.zygote_seconds == (90 if way == "zygote" else None)

    @pytest.mark.parametrize(
        ("key", "value"),
        [("at-zero", "iced"), ("frozen-for", "ever"), ("zygote-for", "-1s"), ("zygote-for", "9")],
    )
    def test_nonsense(self, key: str, value: str) -> None:
        errors = validate_annotations({self.OWN + key: value}, Limits())
        assert to_text(errors) == f"invalid value: {value}: {self.OWN}{key}"
