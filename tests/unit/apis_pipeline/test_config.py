"""``config-defaults`` and ``feature-flags``: what they say, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wakeful.apis.pipeline.config import parse_defaults, parse_flags


def test_an_empty_map_is_upstreams_defaults() -> None:
    defaults, flags = parse_defaults({}), parse_flags({})

    assert (defaults.timeout, defaults.service_account) == (timedelta(hours=1), "default")
    assert defaults.max_matrix_combinations == 256
    assert (flags.api_fields, flags.max_result_size) == ("beta", 4096)
    assert not flags.param_enum
    assert not flags.cel_in_when


def test_values_are_read() -> None:
    defaults = parse_defaults(
        {
            "default-timeout-minutes": "0",
            "default-pod-template": "nodeSelector: {a: b}",
            "default-task-run-workspace-binding": "emptyDir: {}",
            "default-forbidden-env": "A, B",
            "default-maximum-resolution-timeout": "2m",
        }
    )
    flags = parse_flags(
        {
            "enable-api-fields": "ALPHA",
            "enable-artifacts": "true",
            "coschedule": "pipelineruns",
            "trusted-resources-verification-no-match-policy": "fail",
        }
    )

    assert defaults.timeout == timedelta()
    assert defaults.pod_template is not None
    assert defaults.pod_template.node_selector == {"a": "b"}
    assert defaults.workspace_binding is not None
    assert defaults.workspace_binding.empty_dir is not None
    assert defaults.forbidden_env == {"A", "B"}
    assert defaults.resolution_timeout == timedelta(minutes=2)
    assert (flags.api_fields, flags.artifacts) == ("alpha", True)
    assert flags.claims_go_with_runs
    assert flags.no_match_policy == "fail"


@pytest.mark.parametrize(
    "data",
    [
        {"default-timeout-minutes": "soon"},
        {"default-timeout-minutes": "999999999999999999999"},
        {"default-max-matrix-combinations-count": "-1"},
        {"default-pod-template": "{"},
        {"default-pod-template": "nodeSelector: text"},
        {"default-imagepullbackoff-timeout": "5 minutes"},
    ],
)
def test_defaults_that_make_no_sense_are_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_defaults(data)


@pytest.mark.parametrize(
    "data",
    [
        {"enable-api-fields": "gamma"},
        {"results-from": "nowhere"},
        {"enable-artifacts": "perhaps"},
        {"max-result-size": "large"},
    ],
)
def test_flags_that_make_no_sense_are_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_flags(data)
