from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.apis.autoscaling import AutoscalerConfig, AutoscalerConfigError, parse_config

BOOK = {
    "container-concurrency-target-percentage": "70",
    "container-concurrency-target-default": "100",
    "requests-per-second-target-default": "200",
    "target-burst-capacity": "200",
    "stable-window": "60s",
    "panic-window-percentage": "10.0",
    "panic-threshold-percentage": "200.0",
    "max-scale-up-rate": "1000.0",
    "max-scale-down-rate": "2.0",
    "enable-scale-to-zero": "true",
    "tick-interval": "2s",
    "scale-to-zero-grace-period": "30s",
}


def test_an_empty_map_is_all_defaults() -> None:
    assert parse_config({}) == AutoscalerConfig()


def test_the_map_as_printed_in_2019_is_the_defaults_but_for_the_burst() -> None:
    """``tick-interval`` is no longer a setting and is passed over."""
    assert parse_config(BOOK) == AutoscalerConfig(target_burst_capacity=200)


def test_keys_that_mean_nothing_are_passed_over() -> None:
    data = {"_example": "nonsense", "panic-window": "not a duration", "tick-interval": ""}
    assert parse_config(data) == AutoscalerConfig()


def test_every_key_is_read() -> None:
    config = parse_config(
        {
            "container-concurrency-target-percentage": "55",
            "container-concurrency-target-default": "10.5",
            "requests-per-second-target-default": "10.11",
            "target-burst-capacity": "-1",
            "stable-window": "5m",
            "panic-window-percentage": "25",
            "panic-threshold-percentage": "150",
            "max-scale-up-rate": "1.01",
            "max-scale-down-rate": "3",
            "enable-scale-to-zero": "FALSE",
            "scale-to-zero-grace-period": "33s",
            "scale-to-zero-pod-retention-period": "2m3.5s",
            "pod-autoscaler-class": " some.class ",
            "activator-capacity": "905",
            "initial-scale": "0",
            "allow-zero-initial-scale": "true",
            "min-scale": "1",
            "max-scale": "7",
            "max-scale-limit": "9",
            "scale-down-delay": "15m",
        }
    )

    assert config == AutoscalerConfig(
        container_concurrency_target_fraction=pytest.approx(0.55),
        container_concurrency_target_default=10.5,
        requests_per_second_target_default=10.11,
        target_burst_capacity=-1,
        stable_window_seconds=300,
        panic_window_percentage=25,
        panic_threshold_percentage=150,
        max_scale_up_rate=1.01,
        max_scale_down_rate=3,
        enable_scale_to_zero=False,
        scale_to_zero_grace_seconds=33,
        pod_retention_seconds=123.5,
        pod_autoscaler_class="some.class",
        activator_capacity=905,
        initial_scale=0,
        allow_zero_initial_scale=True,
        min_scale=1,
        max_scale=7,
        max_scale_limit=9,
        scale_down_delay_seconds=900,
    )


@pytest.mark.parametrize(
    ("text", "fraction"), [("70", 0.7), ("0.7", 0.7), ("1", 1.0), ("1.1", 0.011), ("100", 1.0)]
)
def test_up_to_one_the_percentage_is_a_fraction(text: str, fraction: float) -> None:
    config = parse_config({"container-concurrency-target-percentage": text})
    assert config.container_concurrency_target_fraction == pytest.approx(fraction)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"max-scale-up-rate": "1"}, "max-scale-up-rate = 1, must be greater than 1.0"),
        ({"max-scale-down-rate": "-55"}, "max-scale-down-rate = -55, must be greater than 1.0"),
        (
            {"scale-to-zero-grace-period": "0s"},
            "scale-to-zero-grace-period must be positive, was: 0s",
        ),
        ({"scale-down-delay": "-1m23s"}, "scale-down-delay cannot be negative, was: -1m23s"),
        (
            {"scale-down-delay": "61984ms"},
            "scale-down-delay = 1m1.984s, must be specified with at most second precision",
        ),
        (
            {"scale-to-zero-pod-retention-period": "-4m11s"},
            "scale-to-zero-pod-retention-period cannot be negative, was: -4m11s",
        ),
        (
            {"target-burst-capacity": "-11"},
            "target-burst-capacity must be either non-negative or -1 (for unlimited),"
            " was: -11.000000",
        ),
        (
            {"container-concurrency-target-percentage": "-42"},
            "container-concurrency-target-percentage = -42.000000 is outside of valid range of"
            " (0, 100]",
        ),
        (
            {"container-concurrency-target-percentage": "142.4"},
            "container-concurrency-target-percentage = 1.424000 is outside of valid range of"
            " (0, 100]",
        ),
        (
            {
                "container-concurrency-target-percentage": "1",
                "container-concurrency-target-default": "0.001",
            },
            "container-concurrency-target-percentage and container-concurrency-target-default"
            " yield target concurrency of 0.001, can't be less than 0.01",
        ),
        (
            {"requests-per-second-target-default": "-5.25"},
            "requests-per-second-target-default must be at least 0.01, was: -5.25",
        ),
        ({"activator-capacity": "0.95"}, "activator-capacity = 0.95, must be at least 1"),
        ({"stable-window": "1h1s"}, "stable-window = 1h0m1s, must be in [6s; 1h0m0s] range"),
        ({"stable-window": "1s"}, "stable-window = 1s, must be in [6s; 1h0m0s] range"),
        (
            {"stable-window": "61984ms"},
            "stable-window = 1m1.984s, must be specified with at most second precision",
        ),
        (
            {"panic-window-percentage": "0.1"},
            "panic-window-percentage = 0.1, must be in [1, 100] interval",
        ),
        (
            {"panic-window-percentage": "110"},
            "panic-window-percentage = 110, must be in [1, 100] interval",
        ),
        (
            {"initial-scale": "0"},
            "initial-scale = 0, must be at least 0"
            " (or at least 1 when allow-zero-initial-scale is false)",
        ),
        ({"min-scale": "-1"}, "min-scale = -1, must be at least 0"),
        ({"max-scale": "-1"}, "max-scale = -1, must be in [0, max-scale-limit(0)] range"),
        (
            {"max-scale": "10", "max-scale-limit": "9"},
            "max-scale = 10, must be in [1, max-scale-limit(9)] range",
        ),
        (
            {"max-scale-limit": "11"},
            "max-scale = 0, must be in [1, max-scale-limit(11)] range",
        ),
        ({"max-scale-limit": "-9"}, "max-scale-limit = -9, must be at least 0"),
        ({"min-scale": "4", "max-scale": "3"}, "min-scale (4) must be less than max-scale (3)"),
        (
            {"max-scale-up-rate": "fast"},
            'failed to parse "max-scale-up-rate": strconv.ParseFloat: parsing "fast":'
            " invalid syntax",
        ),
        (
            {"enable-scale-to-zero": "yes"},
            'failed to parse "enable-scale-to-zero": strconv.ParseBool: parsing "yes":'
            " invalid syntax",
        ),
        (
            {"stable-window": "soon"},
            'failed to parse "stable-window": time: invalid duration "soon"',
        ),
        (
            {"initial-scale": "one"},
            'failed to parse "initial-scale": strconv.ParseInt: parsing "one": invalid syntax',
        ),
    ],
)
def test_a_bad_value_is_refused_in_upstreams_words(data: dict[str, str], message: str) -> None:
    with pytest.raises(AutoscalerConfigError) as caught:
        parse_config(data)
    assert str(caught.value) == message
    assert caught.value.key in data or caught.value.key == "max-scale"


@given(st.dictionaries(st.sampled_from(sorted(BOOK)), st.text(max_size=12)))
def test_any_map_is_read_or_refused_with_the_key_at_fault(data: dict[str, str]) -> None:
    try:
        parse_config(data)
    except AutoscalerConfigError as err:
        assert err.key in BOOK  # noqa: PT017 - either outcome is fine, a third is not
