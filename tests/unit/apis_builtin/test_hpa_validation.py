"""What a HorizontalPodAutoscaler may not be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.hpa import HorizontalPodAutoscaler
from wakeful.apis.hpa.hpa_validation import validate_hpa

CONTEXT = AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC))


def faults(**spec: Any) -> str:
    wire = {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3}}
    wire["spec"] |= spec
    return to_text(validate_hpa(HorizontalPodAutoscaler.from_wire(wire), None, CONTEXT))


def cpu(**target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"metrics": [cpu(type="Utilization", averageUtilization=80)]},
        {"metrics": [cpu(type="AverageValue", averageValue="100m")]},
        {"metrics": [{"type": "Pods", "pods": {"metric": {"name": "x"}}}]},
        {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"}}},
        {
            "behavior": {
                "scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
            }
        },
    ],
)
def test_these_are_fine(spec: dict[str, Any]) -> None:
    assert faults(**spec) == ""


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"maxReplicas": 0}, "must be greater than 0"),
        ({"minReplicas": 5}, "must be greater than or equal to `minReplicas`"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.kind"),
        ({"metrics": [{}]}, "must specify a metric source type"),
        ({"metrics": [{"type": "Moon"}]}, 'supported values: "ContainerResource"'),
        ({"metrics": [{"type": "Resource"}]}, "must populate information"),
        ({"metrics": [cpu()]}, "must set either a target raw value or a target utilization"),
        ({"metrics": [cpu(averageUtilization=0)]}, "averageUtilization"),
        (
            {"metrics": [{"type": "ContainerResource", "containerResource": {"name": "cpu"}}]},
            "must specify a container",
        ),
        ({"behavior": {"scaleUp": {"selectPolicy": "moon"}}}, "selectPolicy"),
        ({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 9999}}}, "from 0 to 3600"),
        ({"behavior": {"scaleUp": "fast"}}, "must be an object"),
        (
            {"behavior": {"scaleDown": {"policies": [{"type": "Some", "value": 0}]}}},
            "spec.behavior.scaleDown.policies[0].value",
        ),
    ],
)
def test_these_are_refused(spec: dict[str, Any], text: str) -> None:
    assert text in faults(**spec)
